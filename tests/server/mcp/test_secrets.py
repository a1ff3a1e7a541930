"""Secrets typed into real windows: they arrive, and nobody who looks or reads sees them."""

import base64
import json
import logging
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import keyring
import pytest
from answers import call, decoded, facts, picture, refusal, text
from desks import session_of
from fields import Field, field, page_in_chromium
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as Nothing
from keyring.errors import KeyringLocked
from mcp import Client
from mcp_types import CallToolResult, Tool
from PIL import Image
from processes import pids_of, until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import BadSecrets
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.secrets.store import Scrubbing, SecretStore, load
from gloveport.sandbox.secrets.totp import Totp
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.control.policy import Policy, Rule
from gloveport.server.mcp.server import DesktopServer

PLAIN = "correct-horse-77"
ODD = "q\"uo'te\\back 小米한"
BANK = Totp.of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
VAULT = SecretStore.of({"PLAIN": PLAIN, "ODD": ODD}, {"BANK": BANK})
KEY = "sk-proj-ahovB3n5uQ7wZk1mX9tYd2LfGc6RjPeS8iVaHbNqTzWxKyUlOrDsIgMp04CEFJ"
NO_TYPING = Policy((Rule("typing", "refuse", tool=("type",)),))
MASK = (0x5C, 0x4A, 0x6B)


@pytest.fixture(scope="module")
async def safe(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    settings = DesktopOptions(tmp_path_factory.mktemp("safe"), vault=VAULT)
    async with open_desktop(settings, keymap) as running:
        yield running


@pytest.fixture
async def client(safe: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(safe)) as client:
        yield client


@contextmanager
def form(desktop: Desktop, kind: str, folder: Path) -> Generator[Field]:
    with field(session_of(desktop), kind, folder, "form") as opened:
        yield opened


def shows_none(*results: CallToolResult) -> None:
    for result in results:
        said = text(result)
        for value in (PLAIN, ODD):
            assert value not in said
            assert json.dumps(value)[1:-1] not in said
            assert json.dumps(value, ensure_ascii=False)[1:-1] not in said


async def screen(client: Client) -> Image.Image:
    return decoded(picture(await call(client, "screenshot")))


def masked(image: Image.Image) -> Rect | None:
    """Where the picture is painted over; fails if that is no rectangle."""
    flat = image.tobytes()
    width, height = image.size
    hits = [at for at in range(width * height) if flat[3 * at : 3 * at + 3] == bytes(MASK)]
    rows: dict[int, list[int]] = {}
    for at in hits:
        rows.setdefault(at // width, []).append(at % width)
    wide = {y: xs for y, xs in rows.items() if len(xs) > 60}
    if not wide:
        return None
    left = min(min(xs) for xs in wide.values())
    right = max(max(xs) for xs in wide.values()) + 1
    rect = Rect(left, min(wide), right - left, max(wide) + 1 - min(wide))
    inside = image.crop((rect.x, rect.y, rect.right, rect.bottom))
    assert inside.getcolors() == [(rect.area, MASK)]
    return rect


async def covered(client: Client) -> Rect:
    """Where a field is covered; all its window is while a program is slow to tell where it is."""
    with anyio.fail_after(15):
        while True:
            place = masked(await screen(client))
            assert place
            if place.area < 0.1 * 1280 * 800:
                return place


async def ready(client: Client) -> None:
    waited = await call(
        client, "wait_for", event="enabled", text="Apply", role="button", seconds=30
    )
    assert facts(waited)["happened"]


@pytest.mark.parametrize(
    ("kind", "name", "into"),
    [
        *product(["gtk3", "gtk4", "qt", "chromium"], ["PLAIN", "ODD"], ["Name", "Secret"]),
        *[("firefox", "ODD", "Name"), ("firefox", "PLAIN", "Secret")],
    ],
)
async def test_a_secret_arrives_and_is_seen_nowhere(
    safe: Desktop, client: Client, tmp_path: Path, kind: str, into: str, name: str
) -> None:
    with form(safe, kind, tmp_path) as opened:
        await ready(client)
        before = await screen(client)
        assert masked(before) is None
        typed = await call(client, "type", secret=name, into=into)
        assert facts(typed)["typed"] == "unverified: a secret is not read back"
        value = VAULT.value(name)
        assert until(lambda: json.loads(opened.value())[into.lower()] == value), opened.value()
        place = await covered(client)
        was = before.crop((place.x, place.y, place.right, place.bottom))
        assert (place.area, MASK) not in (was.getcolors(1 << 20) or [])
        at_once = masked(decoded(picture(typed)))
        assert at_once
        assert at_once.overlap(place) == place
        outline = await call(client, "read_screen")
        found = await call(client, "find", text=into)
        again = await call(client, "type", text="x")
        board = await call(client, "clipboard")
        guessed = await call(client, "find", text=value)
        shows_none(typed, outline, found, again, board, guessed)
        assert value[:8] not in text(outline)
        assert facts(again)["typed"].startswith("unverified: a")
        assert facts(board)["text"] in (None, "")


@pytest.mark.parametrize(("kind", "into"), [("chromium", "Name"), ("gtk3", "Secret")])
async def test_a_one_time_code_arrives_and_is_seen_nowhere(
    safe: Desktop, client: Client, tmp_path: Path, kind: str, into: str
) -> None:
    with form(safe, kind, tmp_path) as opened:
        await ready(client)
        began = time.time()
        typed = await call(client, "type", secret="BANK", into=into)
        codes = {BANK.code(began), BANK.code(time.time())}
        assert until(lambda: json.loads(opened.value())[into.lower()] in codes), opened.value()
        assert facts(typed)["typed"] == "unverified: a secret is not read back"
        assert await covered(client)
        told = [typed, await call(client, "read_screen"), await call(client, "find", text=into)]
        assert not [code for code in codes if any(code in text(one) for one in told)]


def test_one_time_codes_are_hidden_while_they_may_hold() -> None:
    now = time.time()
    for past in (-60, -30, 0):
        code = BANK.code(now + past)
        for said in (code, f"code={code}&x", f'"{code}"'):
            assert code not in VAULT.scrub(said)
            assert "[secret BANK]" in VAULT.scrub(said)
        assert VAULT.scrub_piece(code) == "[secret BANK]"
        assert VAULT.held(code.encode()) == ["BANK"]
        assert code not in VAULT.cut(f"it is {code}", 100)
        assert code not in VAULT.scrub_part("", f"it is {code}", "")
    assert VAULT.scrub("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") == "[secret BANK]"
    assert VAULT.scrub("000 in 12 of 345") == "000 in 12 of 345"


async def test_the_mask_moves_with_its_field(safe: Desktop, client: Client, tmp_path: Path) -> None:
    with form(safe, "gtk3", tmp_path):
        await ready(client)
        await call(client, "type", secret="PLAIN", into="Name")
        before = masked(await screen(client))
        moved = await call(
            client, "windows", action="move", window="form", rect=[400, 250, 620, 440]
        )
        after = masked(await screen(client))
        assert before is not None
        assert after is not None
        assert (after.x, after.y) != (before.x, before.y)
        shown = picture(moved)
        assert shown is None or masked(decoded(shown)) == after
        region = [after.x, after.y, after.right, after.bottom]
        zoomed = decoded(picture(await call(client, "zoom", region=region)))
        assert zoomed.getcolors() == [(zoomed.width * zoomed.height, MASK)]
        resource = await client.read_resource("screen://main")
        blob = resource.contents[0].model_dump()["blob"]
        assert masked(Image.open(BytesIO(base64.b64decode(blob))).convert("RGB")) == after
    assert masked(await screen(client)) is None


SWAPS = {
    "a new field elsewhere, with the value": """
        let new_ = document.createElement('input'); new_.value = old.value;
        new_.style.cssText = 'position:absolute;top:300px;left:200px;width:300px';
        new_.ariaLabel = 'Anew'; old.replaceWith(new_);""",
    "the same field, unveiled": "old.type = 'text'; old.ariaLabel = 'Anew';",
    "another field that was hidden": """
        let new_ = document.querySelector('#other'); new_.value = old.value;
        old.style.display = 'none'; new_.style.display = 'block';""",
    "a new field as soon as something was typed": """
        let new_ = document.createElement('input'); new_.value = old.value;
        new_.style.cssText = 'position:absolute;top:350px;left:100px;width:300px';
        new_.ariaLabel = 'Anew'; old.replaceWith(new_);""",
    "a new password, unveiled later": """
        let new_ = document.createElement('input'); new_.value = old.value; new_.id = 'old';
        new_.type = 'password'; new_.style.cssText = 'display:block;width:300px;margin:90px';
        old.replaceWith(new_);
        setTimeout(() => { new_.type = 'text'; new_.ariaLabel = 'Anew' }, 4000);""",
}


@pytest.mark.parametrize("how", SWAPS)
async def test_a_page_that_shows_the_value_in_another_field(
    safe: Desktop, client: Client, tmp_path: Path, how: str
) -> None:
    """The colour of the field's own text, which nothing else has, is never seen."""
    at_once = "something was typed" in how
    swap = f"const old = document.querySelector('#old'); {{ {SWAPS[how]} }} keep('done')"
    typing = f"if (this.value.length === {len(PLAIN)}) {{ {swap} }}" if at_once else ""
    html = f"""
        <style>input {{ color: #00f0a0; font-size: 30px }}</style>
        <input id=old aria-label=Code type=password oninput="{typing}">
        <input id=other aria-label=Anew style="display:none;position:absolute;top:400px;left:300px">
        <p><button onclick="{"" if at_once else swap}">Swap</button>"""
    with page_in_chromium(session_of(safe), tmp_path, html) as opened:
        there = facts(await call(client, "wait_for", event="enabled", text="Swap", seconds=30))
        assert there["happened"]
        typed = await call(client, "type", secret="PLAIN", into="Code", screenshot="always")
        clicked = await call(client, "click_element", target="Swap", screenshot="always")
        assert until(lambda: opened.value() == "done")
        seen = [decoded(picture(typed)), decoded(picture(clicked))]
        shown = await call(client, "wait_for", event="text", text="Anew", role="entry", seconds=10)
        assert facts(shown)["happened"]
        outline = await call(client, "read_screen")
        shows_none(clicked, shown, outline)
        seen += [decoded(one) for one in [picture(shown)] if one]
        seen.append(await screen(client))
        for place, image in enumerate(seen):
            image.save(tmp_path / f"{place}.png")
            assert not [one for _, one in image.getcolors(1 << 20) or [] if is_ink(one)]
        assert MASK in [one for _, one in seen[-1].getcolors(1 << 20) or []]


def is_ink(colour: Any) -> bool:
    red, green, blue = colour
    return red < 60 and green > 200 and 120 < blue < 190


async def test_a_terminal_is_covered_whole_until_it_closes(
    safe: Desktop, client: Client, tmp_path: Path
) -> None:
    with field(session_of(safe), "xterm", tmp_path) as opened:
        await call(client, "wait_for", event="still")
        typed = await call(client, "type", secret="ODD")
        assert opened.holds(ODD)
        (window,) = facts(await call(client, "windows"))["windows"]
        width, height = window["rect"][2:]
        place = masked(await screen(client))
        assert place is not None
        assert place.width >= width
        assert place.height >= height
        shows_none(typed, await call(client, "read_screen"))
        await call(client, "key", text="a")
        assert masked(await screen(client)) == place
    assert masked(await screen(client)) is None


async def test_a_sheet_is_covered_whole(safe: Desktop, client: Client) -> None:
    opened = await call(client, "open", target="spreadsheet", screenshot="never")
    assert "Calc" in facts(opened)["window"]
    try:
        cell = {"event": "enabled", "text": "B2", "role": "table cell", "seconds": 30}
        assert facts(await call(client, "wait_for", **cell))["happened"]
        typed = await call(client, "type", secret="PLAIN")
        place = masked(await screen(client))
        assert place
        assert place.area > 0.4 * 1280 * 800
        await call(client, "key", text="Return", screenshot="never")
        await call(client, "key", text="Up", screenshot="never")
        with anyio.fail_after(15):
            while not (held := facts(board := await call(client, "clipboard"))["text"]):
                await call(client, "key", text="ctrl+c", screenshot="never")
        assert held.strip() == "[secret PLAIN]"
        shows_none(typed, board, await call(client, "read_screen"))
    finally:
        for pid in pids_of("soffice.bin", session_of(safe).folder.mark):
            os.kill(pid, signal.SIGKILL)
        await call(client, "clipboard", action="write", text="")


async def test_a_batch_types_secrets_and_checks_their_names_first(
    safe: Desktop, client: Client, tmp_path: Path
) -> None:
    with form(safe, "gtk3", tmp_path) as opened:
        await ready(client)
        why = refusal(
            await call(
                client,
                "actions",
                actions=[{"action": "type", "text": "no"}, {"action": "type", "secret": "NOPE"}],
            )
        )
        assert why == (
            "actions[1]: There is no secret 'NOPE'; there are 'BANK', 'ODD', 'PLAIN'. "
            "Nothing was typed. Nothing was done."
        )
        assert json.loads(opened.value())["name"] == ""
        steps = [
            {"action": "type", "secret": "PLAIN", "into": "Name"},
            {"action": "type", "secret": "ODD", "into": "Secret"},
        ]
        done = await call(client, "actions", actions=steps)
        shows_none(done)
        assert until(lambda: json.loads(opened.value())["name"] == PLAIN)
        assert until(lambda: json.loads(opened.value())["secret"] == ODD)


async def test_what_cannot_be_typed_is_refused_in_words(client: Client) -> None:
    assert refusal(await call(client, "type", secret="NOPE")) == (
        "There is no secret 'NOPE'; there are 'BANK', 'ODD', 'PLAIN'. Nothing was typed."
    )
    assert refusal(await call(client, "type", secret="PLAIN", text="x")) == (
        "Give text or the name of a secret, not both. Nothing was typed."
    )


async def test_values_are_taken_out_of_whatever_is_answered(client: Client) -> None:
    for value, name in ((PLAIN, "PLAIN"), (ODD, "ODD")):
        await call(client, "clipboard", action="write", text=f"a {value} b")
        board = await call(client, "clipboard")
        assert facts(board)["text"] == f"a [secret {name}] b"
        refused = await call(client, "windows", action="focus", window=value)
        shows_none(board, refused)
        assert f"[secret {name}]" in refusal(refused)
        shows_none(await call(client, "actions", actions=[{"action": "key", "text": value}]))
    await call(client, "clipboard", action="write", text="")


@pytest.mark.parametrize("length", [8, 59, 61, 80, 119, 121, 158, 300, 400])
async def test_no_length_of_a_value_is_shown_in_part(
    anyio_backend: str, keymap: Keymap, tmp_path: Path, length: int
) -> None:
    value = (KEY * 6)[:length]
    vault = SecretStore.of({"KEY": value})
    async with open_desktop(DesktopOptions(tmp_path / "d", vault=vault), keymap) as desktop:
        server = DesktopServer(desktop, policy=NO_TYPING)
        free = DesktopServer(desktop)
        with field(session_of(desktop), "gtk3", tmp_path):
            async with Client(server) as refused, Client(free) as client:
                entry = {"event": "enabled", "role": "entry", "seconds": 20}
                assert facts(await call(client, "wait_for", **entry))["happened"]
                answers = [
                    await call(client, "clipboard", action="write", text=value),
                    await call(client, "key", text="ctrl+v"),
                    await call(client, "read_screen"),
                    await call(client, "find", role="entry"),
                    await call(refused, "type", secret="KEY"),
                    await call(refused, "type", text=value),
                    await call(client, "type", text=value),
                    await call(client, "left_click", coordinate=[640, 795]),
                    await call(client, "read_screen"),
                    await call(client, "find", text=value),
                    await call(client, "windows"),
                    await call(client, "windows", action="focus", window=value),
                    await call(client, "key", text=value),
                    await call(client, "open", target=value),
                    await call(client, "checkpoint", note=value[:200]),
                    await call(client, "rollback", to=value),
                    await call(client, "clipboard", action="write", text=value),
                    await call(client, "clipboard"),
                ]
        told = [text(answer) for answer in answers]
        for gate in (server, free):
            for one in gate.desks.first.sharing.record.lately():
                told += [one.told, one.error]
        assert all("[secret KEY]" in one for one in told[1:6]), told[1:6]
        assert told[4] == told[5]
        for said in told:
            assert not any(value[at : at + 8] in said for at in range(length - 7)), said


def filled(schema: dict[str, Any], shapes: dict[str, Any], value: str) -> Iterator[Any]:
    """What fits a schema, with a value in each of the places that take text, one after another."""
    if "$ref" in schema:
        schema = shapes[schema["$ref"].rpartition("/")[2]]
    if options := schema.get("anyOf"):
        for option in options:
            yield from filled(option, shapes, value)
    elif schema.get("type") == "string":
        yield value
        yield from schema.get("enum", ())[:1]
    elif schema.get("type") == "array":
        least = max(1, schema.get("minItems", 1))
        for one in filled(schema["items"], shapes, value):
            yield [one] * least
    elif schema.get("type") == "object" or "properties" in schema:
        yield {"action": "type", "text": value}
        yield {"action": value}
        yield {value: value}
    else:
        yield {"integer": 5, "number": 0.1, "boolean": False}.get(str(schema.get("type")))


def calls_with(tool: Tool, value: str) -> Iterator[dict[str, Any]]:
    """Calls of a tool with a value in each of its parameters in turn; they wait for nothing."""
    shapes = tool.input_schema.get("$defs", {})
    parts: dict[str, Any] = tool.input_schema["properties"]
    quick = {"seconds": 0.1, "screenshot": "never"}
    needed = {name: value for name, value in quick.items() if name in parts} | {
        name: next(filled(parts[name], shapes, "x"))
        for name in tool.input_schema.get("required", ())
    }
    for name, schema in parts.items():
        for given in filled(schema, shapes, value):
            if value in json.dumps(given, ensure_ascii=False):
                yield needed | {name: given}


@pytest.mark.timeout(240)
async def test_no_tool_repeats_a_value_whichever_parameter_it_is_given_in(
    anyio_backend: str, keymap: Keymap, tmp_path: Path
) -> None:
    vault = SecretStore.of({"KEY": KEY})
    async with open_desktop(DesktopOptions(tmp_path / "d", vault=vault), keymap) as desktop:
        server = DesktopServer(desktop, frozenset({"low-level", "files"}))
        told: list[tuple[str, str]] = []
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            for tool in tools:
                for value in (KEY, f"a {KEY}", f"{'x' * 100}{KEY}"):
                    for given in calls_with(tool, value):
                        answer = await call(client, tool.name, **given)
                        told.append((f"{tool.name} {sorted(given)}", text(answer)))
        told += [("record", one.told) for one in server.desks.first.sharing.record.lately()]
        told += [("record", one.error) for one in server.desks.first.sharing.record.lately()]
        assert len({said.partition(" ")[0] for said, _ in told}) > len(tools) // 2
        for where, said in told:
            assert not any(KEY[at : at + 8] in said for at in range(len(KEY) - 7)), (where, said)
        assert any("[secret KEY]" in said for _, said in told)


async def test_the_instructions_tell_the_names_only(client: Client) -> None:
    told = client.instructions or ""
    assert "ODD, PLAIN" in told
    assert PLAIN not in told


def test_logs_do_not_tell_values() -> None:
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(Scrubbing(VAULT))
    log = logging.getLogger("gloveport.test_secrets")
    log.addHandler(handler)
    try:
        raise ValueError(ODD)
    except ValueError:
        log.exception("typed %s and %r", PLAIN, ODD)
    finally:
        log.removeHandler(handler)
    assert "typed [secret PLAIN] and '[secret ODD]'" in written.getvalue()
    assert "ValueError: [secret ODD]" in written.getvalue()
    assert ODD not in written.getvalue()


@pytest.mark.parametrize("said", ["straße-ſ", "Straße-ſ", "STRAßE-S"])
def test_a_value_is_taken_out_in_any_case(said: str) -> None:
    assert SecretStore.of({"LOUD": "straße-ſ"}).scrub(f"a {said} b") == "a [secret LOUD] b"


def test_a_vault_never_shows_its_values() -> None:
    assert PLAIN not in repr(VAULT) + str(VAULT) + repr(DesktopOptions(Path("x"), vault=VAULT))


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ('A = "abc"', "The secret 'A' has 3 characters; it must have 4 to 1000"),
        ('A = "abc\\u0000def"', "The secret 'A' has a newline, a tab or another control"),
        ('"9A" = "abcdef"', "'9A' is no name of a secret"),
        ("A = 123456", "The secret 'A' is neither a text nor"),
        ("A = hunter22", "is not TOML of the form"),
    ],
)
def test_bad_files_are_refused_without_their_values(tmp_path: Path, held: str, why: str) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(held)
    file.chmod(0o600)
    with pytest.raises(BadSecrets) as refused:
        load(file)
    assert why in str(refused.value)
    assert "hunter22" not in str(refused.value)


class Locked(KeyringBackend):
    """A keyring whose owner did not unlock it."""

    priority = 1  # type: ignore[assignment]  # the library makes it a property of the class

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


class Open(Locked):
    """A keyring with one entry."""

    def get_password(self, service: str, username: str) -> str | None:
        return "hunter22" if (service, username) == ("bank", "me") else None


@pytest.fixture
def ring() -> Generator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_secret_of_the_keyring(tmp_path: Path, ring: Callable[[KeyringBackend], None]) -> None:
    file = tmp_path / "secrets.toml"
    file.touch(0o600)
    file.write_text('MAIL = { keyring = "bank", user = "me" }')
    ring(Open())
    vault = load(file)
    assert vault.value("MAIL") == "hunter22"
    assert "hunter22" not in repr(vault)
    assert vault.scrub("is hunter22 there") == "is [secret MAIL] there"
    for held, why in ((Locked(), "does not open"), (Nothing(), "does not open")):
        ring(held)
        with pytest.raises(BadSecrets, match=why):
            load(file)
    ring(Open())
    file.write_text('MAIL = { keyring = "bank", user = "you" }')
    with pytest.raises(BadSecrets, match="has no 'bank' of 'you'"):
        load(file)


def test_a_file_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('MAIL = "hunter22"')
    file.chmod(0o640)
    with pytest.raises(BadSecrets) as refused:
        load(file)
    assert str(refused.value) == f"Others may read {file}; run: chmod 600 {file}"
    file.chmod(0o600)
    assert load(file).value("MAIL") == "hunter22"
