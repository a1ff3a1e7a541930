"""Secrets typed into real windows: they arrive, and nobody who looks or reads sees them."""

import base64
import json
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from answers import call, decoded, facts, picture, refusal, text
from desks import session_of
from fields import Field, field
from mcp import Client
from mcp_types import CallToolResult
from PIL import Image
from processes import until

from gloveport.sandbox.desktop import Desktop, Settings, open_desktop
from gloveport.sandbox.errors import BadSecrets
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.keymap import Keymap
from gloveport.sandbox.vault import Scrubbing, Vault, load
from gloveport.server.app import DesktopServer

PLAIN = "correct-horse-77"
ODD = "q\"uo'te\\back 小米한"
VAULT = Vault.of({"PLAIN": PLAIN, "ODD": ODD})
MASK = (0x5C, 0x4A, 0x6B)


@pytest.fixture(scope="module")
async def safe(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    settings = Settings(tmp_path_factory.mktemp("safe"), vault=VAULT)
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


async def ready(client: Client) -> None:
    waited = await call(
        client, "wait_for", event="enabled", text="Apply", role="button", seconds=30
    )
    assert facts(waited)["happened"]


@pytest.mark.parametrize("into", ["Name", "Secret"])
@pytest.mark.parametrize("name", ["PLAIN", "ODD"])
@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "chromium"])
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
        now = await screen(client)
        place = masked(now)
        assert place is not None
        was = before.crop((place.x, place.y, place.right, place.bottom))
        assert (place.area, MASK) not in (was.getcolors(1 << 20) or [])
        assert place.area < 0.1 * 1280 * 800
        assert masked(decoded(picture(typed))) == place
        outline = await call(client, "read_screen")
        found = await call(client, "find", text=into)
        again = await call(client, "type", text="x")
        board = await call(client, "clipboard")
        guessed = await call(client, "find", text=value)
        shows_none(typed, outline, found, again, board, guessed)
        assert value[:8] not in text(outline)
        assert facts(again)["typed"].startswith("unverified: a")
        assert facts(board)["text"] in (None, "")


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
            "actions[1]: There is no secret 'NOPE'; there are 'ODD', 'PLAIN'. Nothing was typed. "
            "Nothing was done."
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
        "There is no secret 'NOPE'; there are 'ODD', 'PLAIN'. Nothing was typed."
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


def test_a_vault_never_shows_its_values() -> None:
    assert PLAIN not in repr(VAULT) + str(VAULT) + repr(Settings(Path("x"), vault=VAULT))


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


def test_a_file_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('MAIL = "hunter22"')
    file.chmod(0o640)
    with pytest.raises(BadSecrets) as refused:
        load(file)
    assert str(refused.value) == f"Others may read {file}; run: chmod 600 {file}"
    file.chmod(0o600)
    assert load(file).value("MAIL") == "hunter22"
