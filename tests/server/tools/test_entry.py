"""Text gets into the field that was meant, exactly, and the answer says what came of it.

Judged by the page's own script or the program's own state, never by the answer.
"""

import json
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import Field, field, page_in, page_in_chromium
from mcp import Client
from processes import pids_of, until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

BAR = "Address and search bar"


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop of the usual size; windows are opened and closed by each test."""
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


@contextmanager
def page(desktop: Desktop, folder: Path, html: str) -> Generator[Field]:
    # Chromium drops clicks on a page that has painted nothing.
    with page_in_chromium(session_of(desktop), folder, f"<p>Page</p>{html}") as opened:
        yield opened


async def told(client: Client, tool: str, **given: Any) -> dict[str, Any]:
    """What a call answers that shows no picture."""
    return facts(await call(client, tool, screenshot="never", **given))


async def shown(client: Client, name: str, role: str = "") -> None:
    """Wait until something is there to be used, as a client would."""
    waited = await call(client, "wait_for", event="enabled", text=name, role=role, seconds=30)
    assert facts(waited)["happened"], name


# The browser's own fields

FOCUSED = {
    "input": "<input aria-label=Here>",
    "password": "<input type=password aria-label=Here>",
    "textarea": "<textarea aria-label=Here></textarea>",
    "contenteditable": "<div contenteditable role=textbox aria-label=Here>x</div>",
    "in a frame": '<iframe srcdoc="<input aria-label=Here>"></iframe>',
    "in a shadow": """<div id=host></div><script>
      host.attachShadow({mode: "closed"}).innerHTML = "<input aria-label=Here>"</script>""",
    "button": "<button>Here</button>",
    "select": "<select aria-label=Here><option>one<option>two</select>",
}
KEEPS_PLACE = "<script>onhashchange = () => keep(location.hash)</script>"


@pytest.mark.parametrize("html", FOCUSED.values(), ids=FOCUSED)
async def test_fields_of_the_browser_have_the_focus_after_any_of_the_page(
    wide: Desktop, client: Client, tmp_path: Path, html: str
) -> None:
    with page(wide, tmp_path, html + KEEPS_PLACE) as opened:
        await shown(client, "Here")
        before = await focused(client)
        named = await told(client, "type", text="#named", into=BAR)
        await told(client, "key", text="Return")
        assert opened.holds("#named")
        await focused(client)
        reached = await told(client, "key", text="ctrl+l")
        await told(client, "key", text="End")
        typed = await told(client, "type", text="-again")
        await told(client, "key", text="Return")
        assert opened.holds("#named-again")
        await focused(client)
        asked = await told(client, "key", text="ctrl+d")
        written = await told(client, "type", text="my page")
        await told(client, "key", text="Escape")
    assert before == "Here"
    assert (named["typed"], named["focus"]["name"]) == ("verified", BAR)
    assert (reached["focus"]["name"], typed["typed"]) == (BAR, "verified")
    assert asked["focus"]["name"] == "Bookmark name"
    assert (written["typed"], written["focus"]["text"]) == ("verified", "my page")


async def focused(client: Client) -> str:
    """Click what is called Here, close the list it may open, and say what has the focus."""
    clicked = await told(client, "click_element", target="Here")
    if clicked["focus"]["role"] == "menu item":
        clicked = await told(client, "key", text="Escape")
    return str(clicked["focus"]["name"])


# What keys would do

KINDS = ("gtk3", "gtk4", "qt", "chromium", "firefox")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_value_with_tabs_and_line_breaks_stays_in_its_field(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "form") as opened:
        await shown(client, "Apply")
        before = json.loads(opened.value())
        lines = await told(client, "set", target="Notes", value="a\tb\n\n\tc\nd\t")
        tabs = await told(client, "set", target="Name", value="x\ty")
        why = refusal(await call(client, "set", target="Name", value="one\ntwo"))
        wanted = {**before, "notes": "a\tb\n\n\tc\nd\t", "name": "x\ty"}
        assert until(lambda: json.loads(opened.value()) == wanted), opened.value()
    assert (lines["set"], tabs["set"]) == ("verified", "verified")
    assert "'Name', holds one line, and the value has a line break" in why


SENDS = """<style>[contenteditable] { min-height: 20px }</style><script>
  const sends = field => field.onkeydown = event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    keep(`sent ${field.value ?? field.innerText}`);
    if (field.isContentEditable) field.textContent = ""; else field.value = "";
  };
  for (const field of document.querySelectorAll("[aria-label]")) {
    field.oninput = () => keep(field.value ?? field.innerText);
    sends(field);
  }</script>"""
CHATS = {
    "input": "<input aria-label=Say>",
    "textarea": "<textarea aria-label=Say></textarea>",
    "contenteditable": "<div contenteditable role=textbox aria-label=Say>old</div>",
    "plain": "<div contenteditable=plaintext-only role=textbox aria-label=Say>old</div>",
}


@pytest.mark.parametrize("kind", CHATS)
async def test_a_value_is_not_sent(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    value = "one\ttwo" if kind == "input" else "one\ntwo\nthree"
    with page(wide, tmp_path, CHATS[kind] + SENDS) as opened:
        await shown(client, "Say")
        done = await told(client, "set", target="Say", value=value)
        assert opened.holds(value)
    assert done["set"] == "verified"


@pytest.mark.parametrize("kind", CHATS)
async def test_a_text_is_proven_before_its_return_sends_it(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with page(wide, tmp_path, CHATS[kind].replace("old", "") + SENDS) as opened:
        await shown(client, "Say")
        sent = await told(client, "type", into="Say", text="小米 phone\n")
        assert opened.holds("sent 小米 phone")
        again = await told(client, "type", text="second\n")
        assert opened.holds("sent second")
        nothing = await told(client, "type", text="\n")
        assert opened.holds("sent ")
    assert (sent["typed"], again["typed"]) == ("verified, then Return", "verified, then Return")
    assert nothing["typed"] == "unverified: Return may send the text off or move on; look"


async def test_wrong_text_is_not_sent(wide: Desktop, client: Client, tmp_path: Path) -> None:
    html = f"""<input aria-label=Say>{SENDS}<script>document.querySelector("input")
      .addEventListener("beforeinput", event => event.preventDefault())</script>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Say")
        why = refusal(await call(client, "type", into="Say", text="pay 10\n"))
        await told(client, "key", text="Return")
        assert opened.holds("sent ")
    assert why == "'pay 10' was typed, but nothing arrived: the field took nothing."


@pytest.mark.parametrize("kind", KINDS)
async def test_text_moves_on_by_tabs_and_stays_where_a_tab_is_text(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "form") as opened:
        await shown(client, "Apply")
        await told(client, "click_element", target="Name")
        moved = await told(client, "type", text="Ada\tpw")
        lines = await told(client, "type", into="Notes", text="one\ntwo\n")
        tab = await told(client, "type", text="\t")
        state = {"name": "Ada", "secret": "pw"}
        taken = {"gtk3", "gtk4", "qt"}
        notes = "one\ntwo\n\t" if kind in taken else "one\ntwo\n"
        wanted = {**json.loads(opened.value()), **state, "notes": notes}
        assert until(lambda: json.loads(opened.value()) == wanted), opened.value()
    assert moved["typed"] == "verified up to the first Tab; look for what came of the rest"
    assert lines["typed"] == "verified"
    assert (tab["typed"] == "verified") == (kind in taken), tab


# What fields make of a text

KEEPS = (
    "<script>for (const one of document.querySelectorAll('input')) one.oninput = () => %s</script>"
)
MASKS = {
    "phone": (
        """const d = one.value.replace(/\\D/g, "").slice(0, 10);
        one.value = d.replace(/(\\d{3})(\\d{3})(\\d{0,4})/, "($1) $2-$3")""",
        "5551234567", "(555) 123-4567",
    ),
    "upper case": ("one.value = one.value.toUpperCase()", "save10", "SAVE10"),
    "groups of digits": (
        """one.value = one.value.replace(/ /g, "").replace(/(.{4})(?=.)/g, "$1 ")""",
        "4111111111111111", "4111 1111 1111 1111",
    ),
    "date": (
        """const d = one.value.replace(/\\D/g, "").slice(0, 8);
        one.value = d.replace(/^(..)(..)(.+)$/, "$1/$2/$3")""",
        "31121999", "31/12/1999",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("way", ["type", "set"])
async def test_what_a_field_itself_changed_is_told_and_not_entered_again(
    wide: Desktop, client: Client, tmp_path: Path, kind: str, way: str
) -> None:
    does, text, becomes = MASKS[kind]
    script = KEEPS % f"{{{does}; window.pastes ??= 0; keep(`${{one.value}} ${{pastes}}`)}}"
    counts = "<script>onpaste = () => { window.pastes = 1 + (window.pastes ?? 0) }</script>"
    with page(wide, tmp_path, f"<input aria-label=Masked>{counts}{script}") as opened:
        await shown(client, "Masked")
        if way == "type":
            done = await told(client, "type", into="Masked", text=text)
        else:
            done = await told(client, "set", target="Masked", value=text)
        assert opened.holds(f"{becomes} 0")
    assert done[{"type": "typed", "set": "set"}[way]] == f"changed by the field: {becomes!r}"


@pytest.mark.parametrize("way", ["type", "set"])
@pytest.mark.parametrize(("boxes", "each"), [(6, 1), (4, 4)])
async def test_text_that_goes_on_into_the_next_boxes_is_no_failure(
    wide: Desktop, client: Client, tmp_path: Path, way: str, boxes: int, each: int
) -> None:
    html = "".join(f"<input aria-label='Part {one}' size=4>" for one in range(boxes))
    goes = f"""{{
      if (one.value.length === {each} && one.nextElementSibling) one.nextElementSibling.focus();
      keep([...document.querySelectorAll("input")].map(each => each.value).join(" ")); }}"""
    text = "4831059267124466"[: boxes * each]
    with page(wide, tmp_path, html + KEEPS % goes) as opened:
        await shown(client, "Part 0")
        if way == "type":
            done = await told(client, "type", into="Part 0", text=text)
        else:
            done = await told(client, "set", target="Part 0", value=text)
        parts = [text[place : place + each] for place in range(0, len(text), each)]
        assert opened.holds(" ".join(parts))
    said = done[{"type": "typed", "set": "set"}[way]]
    assert said == f"verified: it went on into {boxes - 1} more fields"


COMPLETES = """<input aria-label=City autocomplete=off><script>
  const city = document.querySelector("input");
  city.oninput = event => {
    const typed = city.value;
    if (event.inputType.startsWith("insert") && "Berlin".startsWith(typed) && typed) {
      city.value = "Berlin";
      city.setSelectionRange(typed.length, 6);
    }
    keep(city.value);
  };
  city.onkeydown = event => { if (event.key === "Enter") keep(`sent ${city.value}`) };
</script>"""


async def test_verified_is_only_what_a_field_holds_exactly(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, COMPLETES) as opened:
        await shown(client, "City")
        done = await told(client, "set", target="City", value="Ber")
        assert opened.holds("Ber")
        await told(client, "set", target="City", value="")
        typed = await told(client, "type", text="Be")
        assert opened.holds("Berlin")
        await told(client, "set", target="City", value="")
        sent = await told(client, "type", text="Berl\n")
        assert opened.holds("sent Berl")
    assert done["set"] == "verified"
    assert typed["typed"] == "completed by the field: 'rlin' is added and selected"
    assert (sent["typed"], sent["dropped"]) == ("verified, then Return", "in")


# Editors that indent

CODE = (
    "def f(x):\n    if x:\n        return [\n            1,\n        ]\n    return {\n    }\n\nf(2)"
)
INDENTS = """<script>
  const code = document.querySelector("[aria-label]");
  code.onkeydown = event => {
    if (event.key !== "Enter") return;
    const before = (code.value ?? code.innerText).split("\\n").at(-1);
    const indent = before.match(/^ */)[0] + (/[:[{(]$/.test(before) ? "    " : "");
    event.preventDefault();
    document.execCommand("insertText", false, "\\n" + indent);
  };
  // A browser keeps an empty line below the last one.
  code.oninput = () => keep(code.value ?? code.innerText.replace(/\\n$/, ""));
</script>"""
EDITORS = {
    "textarea": "<textarea aria-label=Code rows=12 cols=60></textarea>",
    "contenteditable": """<div contenteditable=plaintext-only role=textbox aria-multiline=true
      aria-label=Code style="white-space: pre; min-height: 200px"></div>""",
}


@pytest.mark.parametrize("way", ["type", "set"])
@pytest.mark.parametrize("kind", EDITORS)
async def test_code_is_not_indented_again(
    wide: Desktop, client: Client, tmp_path: Path, kind: str, way: str
) -> None:
    with page(wide, tmp_path, EDITORS[kind] + INDENTS) as opened:
        await shown(client, "Code")
        await told(client, "click_element", target="Code")
        if way == "type":
            await told(client, "type", text="x:\n")  # the editor does indent what is typed
            assert opened.holds("x:\n    "), opened.value()
            await told(client, "key", text="ctrl+a")
            done = await told(client, "type", text=CODE)
        else:
            done = await told(client, "set", target="Code", value=CODE)
        assert opened.holds(CODE), opened.value()
    assert done[{"type": "typed", "set": "set"}[way]] == "verified"


@pytest.mark.parametrize("terminal", ["xterm", "lxterminal"])
async def test_an_editor_in_a_terminal_does_not_indent_again(
    wide: Desktop, client: Client, tmp_path: Path, terminal: str
) -> None:
    session, path = session_of(wide), tmp_path / "code.py"
    vim = f"vim -u NONE -N --cmd 'set ai et sw=4 t_u7= noswapfile' {path}"
    argv = ["xterm", "-e", vim] if terminal == "xterm" else ["lxterminal", "--no-remote", "-e", vim]
    pid = session.launch(argv)
    try:
        assert until(lambda: bool(pids_of("vim\0-u", session.folder.mark)))
        await told(client, "wait_for", event="still", seconds=10)
        await told(client, "key", text="i")
        done = await told(client, "type", text=CODE)
        await told(client, "key", text="Escape")
        await told(client, "type", text=":wq\n")
        assert until(path.exists)
        assert until(lambda: path.read_text(encoding="utf-8") == f"{CODE}\n"), path.read_text()
    finally:
        session.box.signal(pid, signal.SIGKILL)
    assert done["pasted"] == len(CODE)


# Choices

MANY = ("gtk3", "gtk4", "qt", "pyqt6", "pyqt5", "chromium", "firefox")


@pytest.mark.parametrize("kind", MANY)
async def test_a_choice_is_made_in_view_or_out_of_it(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "choices") as opened:
        await shown(client, "Place", "combo box")
        windows = facts(await call(client, "windows"))["windows"]
        for place in (45, 3, 59, 30, 0):
            done = await told(client, "set", target="Place", value=f"City {place}")
            assert done["set"] == "verified"
            wanted = {"place": f"City {place}", "size": "medium"}
            assert until(lambda wanted=wanted: json.loads(opened.value()) == wanted)
        for size in ("large", "small"):
            await told(client, "set", target="Size", value=size)
            wanted = {"place": "City 0", "size": size}
            assert until(lambda wanted=wanted: json.loads(opened.value()) == wanted)
        why = refusal(await call(client, "set", target="Place", value="City 60"))
        assert json.loads(opened.value()) == wanted
        after = facts(await call(client, "windows"))["windows"]
        await told(client, "set", target="Place", value="City 30")
        for turns in (3, -5):
            name, where = await in_list_scrolled(client, turns)
            if kind == "chromium":  # it does not tell how far a list has scrolled
                assert not where
                await told(client, "click_element", target=name)
            else:
                await told(client, "left_click", coordinate=where)
            wanted = {"place": name, "size": size}
            assert until(lambda wanted=wanted: json.loads(opened.value()) == wanted), wanted
    assert "has no choice 'City 60'" in why
    assert [one["id"] for one in after] == [one["id"] for one in windows]


async def in_list_scrolled(client: Client, turns: int) -> tuple[str, list[int]]:
    """Open the list of places, turn the wheel over it, and read one choice of it and its place:
    the first that is told after scrolling down, else the last."""

    async def choices() -> list[tuple[str, list[int]]]:
        await call(client, "wait_for", event="still", seconds=5)
        outline = text(await call(client, "read_screen", query="City"))
        cut = [one.split('"') for one in outline.partition("# popup")[2].split("\n")[1:]]
        return [
            (one[1], [int(n) for n in one[2].split(" ")[1].split(",") if n.isdigit()])
            for one in cut
        ]

    await told(client, "click_element", target="Place")
    there = await choices()
    over = there[len(there) // 2][1] or [64, 300]
    down = "down" if turns > 0 else "up"
    await told(client, "scroll", coordinate=over, scroll_direction=down, scroll_amount=abs(turns))
    there = await choices()
    return there[0 if turns > 0 else -1]


LONG = """<style>body { margin: 0 } select { position: fixed; left: 0; bottom: 40px }</style>
<p>City 250</p><ul><li>City 250</ul>
<select aria-label=Place><optgroup label=First></optgroup><optgroup label=Others></optgroup>
</select><script>
  const [select] = document.querySelectorAll("select"), [first, others] = select.children;
  for (let place = 0; place < 300; place++)
    (place < 9 ? first : others).append(new Option(`City ${place}`));
  select.options[200].disabled = true;
  select.onchange = () => keep(select.value);
  onclick = event => event.target.closest("select") ?? keep("clicked elsewhere");
</script>"""


async def test_a_long_list_at_the_edge_of_the_screen_sends_no_click_astray(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, LONG) as opened:
        await shown(client, "Place", "combo box")
        for place in (250, 5, 299):
            done = await told(client, "set", target="Place", value=f"City {place}")
            assert done["set"] == "verified"
            assert opened.holds(f"City {place}")
        why = refusal(await call(client, "set", target="Place", value="City 200"))
        assert opened.value() == "City 299"
        assert len(facts(await call(client, "windows"))["windows"]) == 1
    assert "'City 200'" in why


REFUSES = """<select aria-label=Place><option>one<option>two</select><script>
  const [select] = document.querySelectorAll("select");
  select.onchange = () => { keep(select.value); select.value = "one" };
</script>"""


async def test_a_choice_that_a_page_takes_back_is_no_success(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, REFUSES) as opened:
        await shown(client, "Place", "combo box")
        why = refusal(await call(client, "set", target="Place", value="two"))
        assert opened.holds("two")
    assert why == "combo box 'Place' was to be two and is 'one'."


LISTBOX = """<style>#list { height: 80px; overflow: auto } [role=option] { height: 30px }</style>
<p>Choice 30</p>
<div role=combobox tabindex=0 aria-label=Place aria-controls=list aria-expanded=false>Choice 0</div>
<div role=listbox id=list hidden></div><script>
  const [combo, list] = document.querySelectorAll("[role=combobox], [role=listbox]");
  for (let place = 0; place < 40; place++) {
    const option = document.createElement("div");
    option.role = "option";
    option.textContent = `Choice ${place}`;
    option.onclick = () => {
      combo.textContent = option.textContent; keep(option.textContent); open(false);
    };
    list.append(option);
  }
  const open = shown => { list.hidden = !shown; combo.ariaExpanded = shown };
  combo.onclick = () => open(list.hidden);
</script>"""


async def test_a_choice_is_made_in_a_list_that_a_page_draws(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, LISTBOX) as opened:
        await shown(client, "Place", "combo box")
        await call(client, "set", target="Place", value="Choice 1", screenshot="never")
        assert opened.holds("Choice 1")
        await call(client, "set", target="Place", value="Choice 30", screenshot="never")
        assert opened.holds("Choice 30")


async def test_options_of_a_list_that_has_scrolled_are_clicked(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    options = "".join(f"<option>Choice {number}</option>" for number in range(60))
    html = f"<select aria-label=Place onchange='keep(this.value)'>{options}</select>"
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Place", "combo box")
        for wanted in (40, 42, 25, 59, 0, 12):
            await call(client, "click_element", target="Place", screenshot="never")
            await shown(client, "Choice 0", "menu item")
            if wanted == 12:
                await told(
                    client, "scroll", coordinate=[64, 300], scroll_direction="down",
                    scroll_amount=3,
                )  # fmt: skip
            await told(client, "click_element", target=f"Choice {wanted}")
            assert opened.holds(f"Choice {wanted}"), opened.value()


# Dates

DATES = {
    "date": ("1999-12-31", "2024-02-29"),
    "time": ("21:05", "00:30"),
    "datetime-local": ("2026-01-02T11:07", "1999-12-31T12:00"),
    "month": ("2020-03", "1999-12"),
    "week": ("2021-W07", "2020-W53"),
}


@pytest.mark.parametrize("kind", DATES)
async def test_dates_and_times_are_set_as_iso_writes_them(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    html = f"<label>Day <input type={kind} oninput='keep(this.value)'></label>"
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Day", "date editor")
        for value in DATES[kind]:
            done = await told(client, "set", target="Day", value=value)
            assert opened.holds(value), opened.value()
            assert done["set"] == "verified"
        for wrong in ("31.12.1999", "2023-02-30", "25:00", "2021-W54", "tomorrow"):
            refusal(await call(client, "set", target="Day", value=wrong))
        other = "12:00" if kind != "time" else "1999-12-31"
        assert "has other parts" in refusal(await call(client, "set", target="Day", value=other))
        assert opened.value() == DATES[kind][-1]


IN_FIREFOX = "".join(
    f"<p><label>{kind} <input type={kind} oninput='keep(this.value)'></label>" for kind in DATES
)


async def test_dates_and_times_are_set_in_firefox(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page_in(session_of(wide), "firefox", tmp_path, IN_FIREFOX) as opened:
        await shown(client, "date", "date editor")
        for kind, values in DATES.items():
            for value in values:
                done = await told(client, "set", target=kind, value=value)
                assert opened.holds(value), (kind, opened.value(), done)
                if kind not in ("month", "week"):  # which are plain text there
                    assert done["set"] == "verified"
        refusal(await call(client, "set", target="date", value="2023-02-30"))
        assert "set gives it" in refusal(await call(client, "type", into="date", text="1"))


@pytest.mark.parametrize("kind", ["pyqt5", "pyqt6"])
async def test_dates_and_times_are_set_in_qt(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    values = (("1999-12-31", "21:05"), ("2024-02-05", "00:30"), ("2026-11-12", "12:00"))
    with field(session_of(wide), kind, tmp_path, "dates") as opened:
        await shown(client, "d MMM yyyy")
        for form in json.loads(opened.value()):
            has_day, has_clock = "y" in form, "h" in form.lower()
            for day, clock in values:
                wanted = "T".join([day] * has_day + [clock] * has_clock)
                answer = await call(client, "set", target=form, value=wanted, screenshot="never")
                if form == "M/d/yy":  # nobody can know which number is the month
                    assert "which number is what" in refusal(answer)
                    continue
                assert facts(answer)["set"] == "verified"
                held = [day] * has_day + [clock] * has_clock
                assert until(lambda: json.loads(opened.value())[form] == held, 10), (form, held)  # noqa: B023
            before = opened.value()
            for wrong in ("tomorrow", "31/12/1999", "2023-02-30", "1"):
                refusal(await call(client, "set", target=form, value=wrong))
            assert opened.value() == before


# Fields without a role

NAMELESS = {
    "div": "<div contenteditable></div>",
    "paragraphs": "<div contenteditable><p></p></div>",
    "section": "<section contenteditable></section>",
    "plain": "<div contenteditable=plaintext-only></div>",
    "named": "<div contenteditable aria-label=Note></div>",
    "article": "<article contenteditable></article>",
    "textarea": "<textarea></textarea>",
}


@pytest.mark.parametrize("kind", NAMELESS)
async def test_what_can_be_written_in_is_a_field_without_role_and_name(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    html = f"""{NAMELESS[kind]}<style>[contenteditable] {{ min-height: 40px }}</style><script>
        const field = document.querySelector("[contenteditable], textarea");
        oninput = () => keep((field.value ?? field.innerText).trim());
      </script><button>Ready</button>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Ready")
        found = facts(await call(client, "find", text="", role="entry"))["found"]
        (line,) = [one for one in found if BAR not in one]
        done = await told(client, "type", into=line.split()[0], text="some words")
        assert opened.holds("some words")
    assert (done["typed"], done["focus"]["role"]) == ("verified", "entry")
