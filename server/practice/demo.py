"""The whole job on real input: a desktop, a shop, a brain with nothing but the wire, a judge."""

import json
import logging
import secrets
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from PIL import Image

from gloveport.clients.agents.loop import Budget, Hands, run
from gloveport.clients.agents.recorder import Record, new_folder
from gloveport.clients.desk import DeskClient, Refused, connect
from gloveport.clients.practice.game import Game, open_game
from gloveport.clients.practice.shop import OFFICIAL, Shop, open_shop
from gloveport.clients.scripted.picture_search import sheet
from gloveport.clients.scripted.player import Player
from gloveport.clients.scripted.reader import Reader
from gloveport.clients.scripted.shopper import Lost, Shopper, Step
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.isolation.egress import HOST_INTERNAL, EgressPolicy
from gloveport.sandbox.session.session import IsolationOptions

from ..auth.token_store import OneToken
from ..serve import Served, Settings, serving

logger = logging.getLogger(__name__)

_ARRIVED = 1.5  # seconds in which text arrives or never does


@dataclass(slots=True)
class Outcome:
    """What the demo came to."""

    rounds: int
    """How often the shop's name is typed each way."""
    bought: str = ""
    why_not: str = ""
    seconds: float = 0.0
    steps: int = 0
    ours: int = 0
    """How many of the rounds of typing arrived exactly."""
    theirs: int | None = None
    """The same for xdotool; None when it is not installed."""
    wrong: str = ""
    """One text that xdotool typed wrong."""
    pictures: str = ""

    def told(self, shop: Shop) -> dict[str, Any]:
        return {
            "ok": shop.done and self.ours == self.rounds,
            "bought": self.bought,
            "cart": [one.name for one in shop.cart],
            "searched": shop.searches,
            "seconds": round(self.seconds, 2),
            "steps": self.steps,
            "typing": {"rounds": self.rounds, "gloveport": self.ours, "xdotool": self.theirs},
            "pictures": self.pictures,
            **({"why": self.why_not} if self.why_not else {}),
        }


async def demo(
    settings: Settings, out: Path, rounds: int, *, as_json: bool, by_text: bool = False
) -> int:
    """Run the demo; 0 if the shop's own books say that all went well.

    Args:
        settings: How to serve; the port is a free one.
        out: The folder for the pictures.
        rounds: How often to type the shop's name, our way and the other.
        as_json: Print one object last, and the rest to stderr.
        by_text: Buy without ever asking for a picture.
    """
    say = _teller(sys.stderr if as_json else sys.stdout)
    shop, outcome = Shop(), Outcome(rounds)
    shown: list[tuple[str, Image.Image]] = []

    def told(step: Step) -> None:
        outcome.steps += 1
        say(f"  {step.seconds * 1e3:6.0f} ms  {step.name}")
        if image := step.answer.image:
            shown.append((step.name, image))

    async with AsyncExitStack() as running:
        say("starting a desktop ...")
        url = await running.enter_async_context(open_shop(shop))
        served, url, token = await reaching(settings, url, running)
        say(f"  watch it at {served.url}{served.live}\n")
        desk = await running.enter_async_context(connect(f"{served.url}/mcp", token))
        how = "in words, without one picture" if by_text else "by the MCP wire alone"
        say(f"buying a phone from {OFFICIAL}, {how}")
        began = time.monotonic()
        brain = Reader(desk, told) if by_text else Shopper(desk, told)
        try:
            outcome.bought = await brain.buy(url)
        except (Lost, Refused) as why:
            outcome.why_not = str(why)
            say(f"  gave up: {why}")
        outcome.seconds = time.monotonic() - began
        verdict = "it is in the cart" if shop.done else "that is NOT what was asked for"
        say(f"  {outcome.seconds:.1f} s in all; the shop's books say: {verdict}\n")
        await _race(desk, served.desktop, shop, url, outcome, say)
    if shown:
        outcome.pictures = await anyio.to_thread.run_sync(_save, shown, out)
        say(f"pictures of all steps: {outcome.pictures}")
    result = outcome.told(shop)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))  # noqa: T201 - what was asked for
    return 0 if result["ok"] else 1


async def play(settings: Settings, out: Path, goal: int, *, as_json: bool) -> int:
    """Let a brain without a model play 2048; 0 if the page itself says that it made the tile.

    Args:
        settings: How to serve; the port is a free one.
        out: Where the folder of the record is made: every step, with its picture.
        goal: The tile to make.
        as_json: Print one object last, and the rest to stderr.
    """
    say = _teller(sys.stderr if as_json else sys.stdout)
    game = Game()
    async with AsyncExitStack() as running:
        say("starting a desktop ...")
        url = await running.enter_async_context(open_game(game))
        served, url, token = await reaching(settings, url, running)
        say(f"  watch it at {served.url}{served.live}\n")
        say(f"playing 2048 to a tile of {goal}, by looking at the picture")
        desk = await running.enter_async_context(connect(f"{served.url}/mcp", token))
        folder = new_folder(out)
        record = running.enter_context(Record(folder))
        hands = Hands(desk, record, Budget(steps=0))
        ending = await run(Player(url, goal), hands, f"make a tile of {goal}", brain="player")
        seconds = hands.spent.seconds
    say(f"  {ending.text} {game.moves} moves, {game.score} points, {seconds:.0f} s")
    say(f"the record of all steps: {folder}")
    won = game.best >= goal
    if as_json:
        told = {"ok": won, "best": game.best, "moves": game.moves, "score": game.score}
        print(json.dumps({**told, "seconds": round(seconds, 2)}))  # noqa: T201 - what was asked for
    return 0 if won else 1


async def reaching(
    settings: Settings, url: str, running: AsyncExitStack
) -> tuple[Served, str, str]:
    """Serve a desktop that reaches one site of this machine.

    Returns:
        The server, the site's address as the desktop has it, and the server's token.
    """
    if settings.desktop.walls != "none":
        url = url.replace("127.0.0.1", HOST_INTERNAL)
    reaches = IsolationOptions(network=EgressPolicy.parse(f"allow={url.removeprefix('http://')}"))
    walled = replace(settings.desktop, enclosure=reaches)
    keys = OneToken(secrets.token_urlsafe(32))
    here = replace(settings, port=0, desktop=walled, keys=(keys,))
    return await running.enter_async_context(serving(here, receive_signals=False)), url, keys.token


async def _race(
    desk: DeskClient,
    desktop: Desktop,
    shop: Shop,
    url: str,
    outcome: Outcome,
    say: Callable[[str], None],
) -> None:
    """Type the shop's name again and again, our way and the way of other tools."""
    say(f"typing {OFFICIAL} {outcome.rounds} times into Chromium")
    await desk.open(f"{url}/typing")
    await desk.wait_for("window", "打字练习")

    async def ours() -> None:
        await desk.type(OFFICIAL, show="never")

    async def theirs() -> None:
        # As the most copied tool does it: anthropic-quickstarts, computer-use-demo.
        await anyio.run_process(
            ["xdotool", "type", "--delay", "12", "--", OFFICIAL], env=desktop.environment
        )

    async def score(way: Callable[[], Awaitable[None]]) -> list[str]:
        arrived: list[str] = []
        for _ in range(outcome.rounds):
            await desk.key("ctrl+a Delete", show="never")
            await _until(lambda: shop.typed == "", _ARRIVED)
            await way()
            await _until(lambda: shop.typed == OFFICIAL, _ARRIVED)
            arrived.append(shop.typed)
        return arrived

    outcome.ours = (await score(ours)).count(OFFICIAL)
    say(f"  gloveport  {outcome.ours} of {outcome.rounds} exact")
    if not (shutil.which("xdotool") and shutil.which("setxkbmap")):
        say("  xdotool    not installed\n")
        return
    # The keymap every other desktop has; ours would not be fair to it.
    await anyio.run_process(["setxkbmap", "us"], env=desktop.environment)
    arrived = await score(theirs)
    outcome.theirs = arrived.count(OFFICIAL)
    outcome.wrong = next((text for text in arrived if text != OFFICIAL), "")
    example = f", for example {outcome.wrong!r}" if outcome.wrong else ""
    say(f"  xdotool    {outcome.theirs} of {outcome.rounds} exact{example}\n")


def _save(shown: list[tuple[str, Image.Image]], out: Path) -> str:
    out.mkdir(parents=True, exist_ok=True)
    sheet(shown).save(out / "demo.png")
    return str(out / "demo.png")


async def _until(true: Callable[[], bool], seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while not true():  # noqa: ASYNC110 - what another program does has no event
            await anyio.sleep(0.005)


def _teller(stream: Any) -> Callable[[str], None]:
    def say(line: str) -> None:
        print(line, file=stream, flush=True)

    return say
