"""What needs a person's yes: asked over the wire, judged by a page that knows what was done."""

import itertools
import json
import os
import re
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import Field, page_in_chromium
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult
from views import viewing
from web import serving_web

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.cli.main import main
from gloveport.server.control.label_words import has_words
from gloveport.server.control.page_addresses import Address
from gloveport.server.control.policy import BUILT_IN, TOOLS, BadPolicy, load
from gloveport.server.mcp.server import DesktopServer

PAGE = """
<p><button onclick="done('buy')">立即购买</button>
<button onclick="done('history')">购买记录</button>
<button id=send onclick="done('send')">Send</button>
<button onclick="done('sender')">Sender</button></p>
<p><span onclick="done('order')">提交订单 (2)</span></p>
<p onclick="done('prose')">We send what you buy within a day.</p>
<p><label>Password <input id=password type=password></label>
<label>Note <input id=note></label> <button onclick="done('after')">Pay now</button></p>
<script>
const nothing = { done: [], password: "", note: "" };
let now = structuredClone(nothing), sent = Promise.resolve();
const tell = () => { const told = JSON.stringify(now); sent = sent.then(() => keep(told)); };
const done = what => { now.done.push(what); tell(); };
const [send, ...fields] = ["send", "password", "note"].map(id => document.getElementById(id));
for (const field of fields)
  field.oninput = () => { now[field.id] = field.value; tell(); };
onkeydown = event => {
  if (event.key === "F2") send.textContent = "Transfer";
  if (event.key !== "F4") return;
  send.textContent = "Send";
  for (const field of fields) field.value = "";
  document.activeElement.blur();
  now = structuredClone(nothing);
  tell();
};
</script>
"""
NOBODY = (
    ", and nobody can be asked now: no live view is open, and your client takes no questions (MCP "
    "elicitation). A person can answer at /live/main (`gloveport live` prints a link) within 10 "
    "minutes; make the same call again then."
)
Action = Literal["accept", "decline", "cancel"]


@pytest.fixture(scope="module")
async def shop_desktop(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("shop")), keymap) as running:
        yield running


@pytest.fixture(scope="module")
async def opened(
    shop_desktop: Desktop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Field]:
    """The page, open in Chromium for all tests of this file."""
    with page_in_chromium(session_of(shop_desktop), tmp_path_factory.mktemp("page"), PAGE) as field:
        async with Client(DesktopServer(shop_desktop)) as client:
            await shown(client, "立即购买")
        yield field


@pytest.fixture
async def shop(shop_desktop: Desktop, opened: Field) -> "Shop":
    async with Client(DesktopServer(shop_desktop)) as client:
        await call(client, "key", text="F4")
    found = Shop(shop_desktop, opened)
    with anyio.fail_after(10):
        while found.state != {"done": [], "password": "", "note": ""}:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    return found


class Shop:
    """The page and its desktop."""

    def __init__(self, desktop: Desktop, field: Field) -> None:
        self.desktop = desktop
        self._field = field

    @property
    def state(self) -> Any:
        return json.loads(self._field.value() or "{}")

    @property
    def done(self) -> list[str]:
        return self.state["done"]

    @contextmanager
    def stopped(self) -> Generator[None]:
        """The browser hangs for as long as the context lasts."""
        os.kill(self._field.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._field.pid, signal.SIGCONT)

    async def comes_to(self, *done: str) -> bool:
        with anyio.move_on_after(5):
            while self.done != list(done):  # noqa: ASYNC110 - a file has no event
                await anyio.sleep(0.01)
        return self.done == list(done)

    def server(self, policy: Path = BUILT_IN) -> DesktopServer:
        return DesktopServer(self.desktop, policy=load(policy))

    @asynccontextmanager
    async def agent(self, policy: Path = BUILT_IN) -> AsyncGenerator[Client]:
        async with Client(self.server(policy)) as client:
            yield client


class User:
    """Whoever sits at the client, and what they were asked."""

    def __init__(self, action: Action = "accept", **content: Any) -> None:
        self.asked: list[str] = []
        self._action: Action = action
        self._content = content

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        accepted = self._action == "accept"
        return ElicitResult(action=self._action, content=self._content if accepted else None)


class Silent(User):
    """Somebody who does not answer."""

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        await anyio.sleep_forever()
        raise AssertionError


async def shown(client: Client, name: str) -> None:
    """Wait until a button is there to be used."""
    waited = await call(client, "wait_for", event="enabled", text=name, role="button", seconds=30)
    assert facts(waited)["happened"], name


async def place_of(client: Client, text: str, role: str = "") -> list[int]:
    found = facts(await call(client, "find", text=text, role=role))["found"][0]
    words = [word for word in found.split() if word.replace(",", "").isdecimal() and "," in word]
    return [int(number) for number in words[0].split(",")]


async def test_a_click_on_a_purchase_is_refused_where_nobody_can_be_asked(shop: Shop) -> None:
    async with shop.agent() as client:
        at = await place_of(client, "立即购买", "button")
        said = refusal(await call(client, "left_click", coordinate=at))
        what = "To press “立即购买” in the window “page - Chromium” (http://127.0.0.1:"
        assert said.startswith(what)
        assert said.endswith("/) needs a person's yes (rule 'purchases'). It was not done" + NOBODY)
        await call(client, "left_click", coordinate=await place_of(client, "购买记录"))
        await call(client, "left_click", coordinate=await place_of(client, "Sender"))
        await call(client, "left_click", coordinate=await place_of(client, "We send what"))
        assert await shop.comes_to("history", "sender", "prose")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("click_element", {"target": "立即购买"}),
        ("click_element", {"target": "提交订单 (2)"}),
        ("click_element", {"target": "Send"}),
        ("double_click", {"coordinate": "Send"}),
        ("left_click_drag", {"start_coordinate": "Send", "coordinate": "Send"}),
        ("type", {"text": "hunter2", "into": "Password"}),
        ("set", {"target": "Password", "value": "hunter2"}),
        ("type", {"text": "a note\t\n", "into": "Note"}),
        ("type", {"text": "a note\t ", "into": "Note"}),
    ],
)
async def test_what_needs_a_yes_is_kept_back_whichever_way_it_is_done(
    shop: Shop, name: str, given: dict[str, Any]
) -> None:
    async with shop.agent() as client:
        for key in ("coordinate", "start_coordinate"):
            if key in given:
                x, y = await place_of(client, given[key], "button")
                given = {**given, key: [x + (key == "coordinate"), y]}
        said = refusal(await call(client, name, **given))
        assert "needs a person's yes" in said
        assert said.endswith(NOBODY)
        assert shop.done == []
        assert shop.state["password"] == ""


async def test_return_on_a_button_is_a_click_on_it(shop: Shop) -> None:
    async with shop.agent() as client:
        await call(client, "click_element", target="Note")
        said = refusal(await call(client, "key", text="Tab Return"))
        assert said.startswith("To press “Pay now” in the window")
        facts(await call(client, "key", text="shift+Tab"))
        said = refusal(await call(client, "key", text="Return"))  # a script may send by it
        assert said.startswith("To press “Pay now” by Return in the window")
        assert "not certain what it reaches: its program does not tell which button" in said
        assert shop.done == []


async def test_a_step_of_a_batch_is_not_asked_for_and_ends_it(shop: Shop) -> None:
    user = User()
    async with Client(shop.server(), elicitation_callback=user) as client:
        steps = [
            {"action": "click_element", "target": "购买记录"},
            {"action": "click_element", "target": "Send"},
            {"action": "click_element", "target": "Sender"},
        ]
        told = json.loads(refusal(await call(client, "actions", actions=steps)))
        assert told[0]["ok"] is True
        assert told[1]["error"].endswith(
            "needs a person's yes (rule 'sends'). It was not done. Call it by itself, outside of "
            "actions: then it is asked for."
        )
        assert told[2]["error"].startswith("Not executed")
        assert await shop.comes_to("history")
        assert user.asked == []


@asynccontextmanager
async def client_of(
    shop: Shop, way: str, user: User | None, policy: Path = BUILT_IN
) -> AsyncGenerator[tuple[Client, str]]:
    """A client over HTTP in one of the protocol's eras, and the server's address."""
    mode = "auto" if "2026" in way else "legacy"
    async with (
        serving_web(shop.server(policy), shop.desktop) as url,
        Client(f"{url}/mcp", mode=mode, elicitation_callback=user) as client,
    ):
        yield client, url


ERAS = pytest.mark.parametrize("way", ["http 2026-07-28", "http 2025-11-25"])


@ERAS
async def test_the_user_of_the_client_is_asked_and_a_yes_is_done_once(shop: Shop, way: str) -> None:
    user = User()
    async with client_of(shop, way, user) as (client, _):
        facts(await call(client, "click_element", target="立即购买"))
        assert await shop.comes_to("buy")
        assert len(user.asked) == 1
        assert user.asked[0].startswith(
            "gloveport's policy asks (rule 'purchases'): May the agent that calls itself "
            "“mcp 0.1.0” press “立即购买” in the window “page"
        )
        assert user.asked[0].endswith("? It may spend money.")
        facts(await call(client, "type", text="hunter2", into="Password"))
        assert len(user.asked) == 2
        assert shop.state["password"] == "hunter2"


@ERAS
@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("decline", "The user of mcp 0.1.0 said no: press “Send” in the window “page - Chromium”"),
        ("cancel", "The user of mcp 0.1.0 closed the question without an answer, which is a no: "),
    ],
)
async def test_a_no_of_the_user_is_told_and_nothing_is_done(
    shop: Shop, way: str, action: Action, words: str
) -> None:
    async with client_of(shop, way, User(action)) as (client, _):
        said = refusal(await call(client, "click_element", target="Send"))
        assert said.startswith(words)
        assert said.endswith(". It was not done.")
        assert shop.done == []


@ERAS
async def test_two_clients_are_each_asked_about_their_own_call(shop: Shop, way: str) -> None:
    """Both wait for an answer at once: each answer counts for the call it was asked for."""
    met = anyio.Event()

    class Both(User):
        async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
            said = await super().__call__(context, params)
            if yes.asked and no.asked:
                met.set()
            with anyio.fail_after(30):
                await met.wait()
            return said

    yes, no = Both(), Both("decline")
    mode = "auto" if "2026" in way else "legacy"
    answers: dict[str, CallToolResult] = {}

    async def press(client: Client, target: str) -> None:
        answers[target] = await call(client, "click_element", target=target)

    async with (
        serving_web(shop.server(), shop.desktop) as url,
        Client(f"{url}/mcp", mode=mode, elicitation_callback=yes) as ada,
        Client(f"{url}/mcp", mode=mode, elicitation_callback=no) as bob,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(press, ada, "立即购买")
        tasks.start_soon(press, bob, "Send")
    assert facts(answers["立即购买"])["ok"]
    assert refusal(answers["Send"]).endswith(". It was not done.")
    assert ["立即购买" in one for one in yes.asked] == [True]
    assert ["“Send”" in one for one in no.asked] == [True]
    assert await shop.comes_to("buy")


@ERAS
async def test_a_client_that_takes_no_questions_gets_a_plain_refusal(shop: Shop, way: str) -> None:
    async with client_of(shop, way, None) as (client, _):
        said = refusal(await call(client, "click_element", target="Send"))
        assert said.endswith(NOBODY)
        assert shop.done == []


@pytest.mark.parametrize("approved", [True, False])
async def test_who_watches_is_asked_and_the_client_too(shop: Shop, approved: bool) -> None:
    user = Silent()
    async with (
        client_of(shop, "2025", user) as (client, url),
        viewing(url) as ada,
        anyio.create_task_group() as tasks,
    ):
        answers: list[Any] = []

        async def act() -> None:
            answers.append(await call(client, "click_element", target="Send"))

        tasks.start_soon(act)
        asked = (await ada.until_asked())[0]
        with anyio.fail_after(20):
            while not user.asked:  # noqa: ASYNC110 - both are asked before either answers
                await anyio.sleep(0.01)
        assert asked["kind"] == "approve"
        assert asked["asked_by"] == "mcp 0.1.0"
        assert asked["rule"] == "sends"
        what = "May the agent that calls itself “mcp 0.1.0” press “Send” in the window"
        assert asked["text"].startswith(what)
        assert (await ada.do("answer", id=asked["id"])).status_code == 422
        said = await ada.do("answer", id=asked["id"], approved=approved, text="not today")
        assert said.json() == {"ok": True}
        assert (await ada.do("answer", id=asked["id"], approved=True)).status_code == 409
        with anyio.fail_after(20):
            while not answers:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        if approved:
            assert facts(answers[0])
            assert await shop.comes_to("send")
        else:
            assert refusal(answers[0]).startswith("Ada said no: press “Send” in the window")
            assert refusal(answers[0]).endswith("It was not done. They say: “not today”")
            assert shop.done == []
        assert ada.state["questions"] == []
        told = [one["told"] for one in ada.happened.values() if one["what"] in ("ask", "answer")]
        assert [one.split(" ")[0] for one in told] == ["asks:", "answered"]
        assert len(user.asked) == 1


@ERAS
async def test_an_idle_view_does_not_keep_the_client_from_answering(shop: Shop, way: str) -> None:
    user = User("decline")
    async with client_of(shop, way, user) as (client, url), viewing(url) as ada:
        told = refusal(await call(client, "click_element", target="Send"))
        assert told.startswith("The user of mcp 0.1.0 said no")
        assert len(user.asked) == 1
        await ada.until(questions=[])


async def test_a_client_that_closes_the_question_leaves_it_to_who_watches(shop: Shop) -> None:
    async with (
        client_of(shop, "2025", User("cancel")) as (client, url),
        viewing(url) as ada,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(partial(call, client, "click_element", target="Send"))
        (asked,) = await ada.until_asked()
        await ada.do("answer", id=asked["id"], approved=True)
        assert await shop.comes_to("send")


async def test_a_late_yes_is_kept_for_the_same_call(shop: Shop) -> None:
    async with client_of(shop, "2026", None) as (client, url):
        refusal(await call(client, "click_element", target="Send"))
        async with viewing(url) as ada:
            asked = (await ada.until_asked())[0]
            await ada.do("answer", id=asked["id"], approved=True)
        assert refusal(await call(client, "click_element", target="立即购买")).endswith(NOBODY)
        facts(await call(client, "click_element", target="Send"))
        assert await shop.comes_to("send")
        assert refusal(await call(client, "click_element", target="Send")).endswith(NOBODY)


async def test_a_yes_is_for_what_was_shown_and_not_for_what_came_instead(shop: Shop) -> None:
    class Slow(User):
        async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
            if not self.asked:
                async with Client(DesktopServer(shop.desktop)) as other:
                    await call(other, "key", text="F2")
            return await super().__call__(context, params)

    user = Slow()
    async with client_of(shop, "2025", user) as (client, _):
        at = await place_of(client, "Send", "button")
        facts(await call(client, "left_click", coordinate=at))
        assert ["Send" in asked for asked in user.asked] == [True, False]
        assert "press “Transfer” in" in user.asked[1]
        assert await shop.comes_to("send")


RULES = """
[[rule]]
name = "intranet"
verdict = "allow"
text = "Sender"
url = "http://127.0.0.1:*"

[[rule]]
name = "corner"
verdict = "refuse"
region = [1000, 600, 1280, 800]
message = "Nothing to do there."

[[rule]]
verdict = "refuse"
input = "type"
text = ["rm", "mkfs"]

[[rule]]
verdict = "refuse"
text = "ctrl+Return"

[[rule]]
verdict = "refuse"
tool = "right_*"

[[rule]]
verdict = "refuse"
tool = "clipboard"
text = "secret plan"

[[rule]]
verdict = "refuse"
url = "*bank.example*"

[[rule]]
name = "sender"
verdict = "refuse"
application = "chromium*"
window = "*page*"
role = "button"
text = ["send", "sender"]
"""


async def test_each_kind_of_rule_does_what_it_says(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(RULES, encoding="utf-8")
    async with shop.agent(file) as client:
        said = refusal(await call(client, "left_click", coordinate=[1100, 700]))
        assert said.startswith("The policy of this desktop refuses to click at 1100,700 in the ")
        assert said.endswith(" (rule 'corner'). Nothing to do there. It was not done.")
        said = refusal(await call(client, "type", text="so rm -rf is bad", into="Note"))
        assert "refuses to type “so rm -rf is bad” into “Note” in" in said
        assert "(rule 'rule 3'). It was not done." in said
        facts(await call(client, "type", text="the farm", into="Note"))
        said = refusal(await call(client, "key", text="CTRL+Enter"))
        assert "refuses to press the key ctrl+return in “Note”" in said
        facts(await call(client, "key", text="Tab"))
        assert "'rule 5'" in refusal(await call(client, "right_click"))
        said = refusal(await call(client, "clipboard", action="write", text="The secret plan!"))
        assert said.startswith("The policy of this desktop refuses to clipboard “The secret plan!”")
        facts(await call(client, "clipboard", action="write", text="secret planet"))
        assert "'rule 7'" in refusal(await call(client, "open", target="https://my.bank.example/"))
        assert "'sender'" in refusal(await call(client, "click_element", target="Send"))
        facts(await call(client, "click_element", target="Sender"))
        assert await shop.comes_to("sender")


async def test_a_program_that_does_not_answer_gets_no_click(shop: Shop) -> None:
    async with shop.agent() as client:
        at = await place_of(client, "Send", "button")
        with shop.stopped():
            assert refusal(await call(client, "left_click", coordinate=at)) == (
                "The program does not answer, so nobody can tell what this would touch, and there "
                'are rules about that. It was not done; wait_for event "still", then try again.'
            )
        assert "needs a person's yes" in refusal(await call(client, "left_click", coordinate=at))
        assert shop.done == []


async def test_a_rollback_needs_a_yes(shop: Shop) -> None:
    async with shop.agent() as client:
        said = refusal(await call(client, "rollback", to="c1"))
        assert said.startswith("To roll back “c1” needs a person's yes (rule 'rollback'). It was")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[rule]]\nverdict = ", " is no TOML: Invalid value (at line 2, the last)."),
        ("[[rule]]\n", ': rule 1 (line 1) needs a verdict: "allow", "ask" or "refuse".'),
        (
            '[[rule]]\nverdict="ask"\n\n[[rule]]\nverdict="ask"\naplication="x"',
            ": rule 2 (line 4) has an unknown key 'aplication'; did you mean application?.",
        ),
        ('[[rule]]\nverdict="ask"\ntext=[1]', ": rule 1 (line 1): text must be a text or a list "),
        (
            '[[rule]]\nverdict="ask"\ntext="!!"',
            ": rule 1 (line 1): text '!!' is neither words nor ",
        ),
        ('[[rule]]\nverdict="ask"\ninput="look"', ": rule 1 (line 1): input 'look' is none of "),
        ('[[rule]]\nverdict="ask"\nregion=[9,0,1,1]', ": rule 1 (line 1): region must be [x0, "),
        ('[[rule]]\nverdict="ask"\ntool="shell"', ": rule 1 (line 1): there is no tool 'shell'"),
        ('[[rule]]\nverdict="ask"\ntool="files_x*"', ": rule 1 (line 1): there is no tool 'files_"),
        ('[[rule]]\nverdict="maybe"', ": rule 1 (line 1) needs a verdict"),
        ('[[rule]]\nverdict="ask"\nform="cards"', ": rule 1 (line 1): there is no form 'cards'; d"),
        ('[[rule]]\nverdict="ask"\nname=1', ": rule 1 (line 1): name must be text"),
        ('[[rule]]\nverdict="ask"\nwindow=""', ": rule 1 (line 1): window must be a text or a l"),
        ('[[rule]]\nverdict="ask"\nregion=[0,0,9]', ": rule 1 (line 1): region must be [x0, y0"),
        ('[[rule]]\nverdict="ask"\ntool="clik"', ": rule 1 (line 1): there is no tool 'clik'; did"),
        ('[[rule]]\nverdict="ask"\nrole="buton"', ": rule 1 (line 1): there is no role 'buton'; d"),
        ('[[rule]]\nverdict="ask"\nwords="buys"', ": rule 1 (line 1): there is no group of words"),
        (
            '\n[[rule]]\nverdict="ask"\ninput="key"\ntext="ctlr+x"',
            ": rule 1 (line 2): text 'ctlr+x' is no key.",
        ),
        ('[[rule]]\nverdict="ask"\nurl="http://"', ": rule 1 (line 1): url 'http://' is no addre"),
        (
            '[[rule]]\nverdict="allow"\nurl="https://*trusted.com/"',
            ": rule 1 (line 1): url 'https://*trusted.com/' would allow foreign hosts;",
        ),
        ('[rules]\nverdict="ask"', " has 'rules' in line 1, where only [[rule]] tables may be; "),
        ('rule = ["x"]', ": rule 1 (line 1) is no table; write it as [[rule]]."),
    ],
)
def test_a_bad_file_is_told_by_its_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadPolicy) as refused:
        load(file)
    assert str(refused.value).startswith(f"The policy {file}{why}")


GOOD = '[[rule]]\nverdict = "ask"\nmessage = """\n[[rule]]\n"""\n'
VALUES = ["1", "1.5", "true", "[]", "{}", "{a = 1}", "[1]", "[[1]]", "[{a = 1}]", "1999-01-01",
          '["a", ""]', "[true, 0, 5, 5]"]  # fmt: skip
KEYS = ["verdict", "tool", "input", "application", "window", "url", "words", "form", "text", "role",
        "region", "name", "message", "when"]  # fmt: skip
SHAPES = [
    *(f"[[rule]]\n{key} = {value}\n" + ("" if key == "verdict" else 'verdict = "ask"\n')
      for key, value in itertools.product(KEYS, VALUES)),
    *(f"[[rule]]\n{key} = '{'!' * 5000}'\n" + ("" if key == "verdict" else 'verdict = "ask"\n')
      for key in ("verdict", "tool", "words", "form", "text", "role", "region", "w" * 5000)),
    *(f"[[rule]]\nverdict = 'ask'\n{head}\na = 1\n"
      for head in ("[rule.when]", "[[rule.when]]", "[rule.'a b']", "['rule'.name]")),
    '[["rule"]]\nverdict = "no"', "  [[ rule ]]  # a comment\nverdict = 'no'", "[[rule]]\n",
    "[rules]\n", "rules = 1", "[[rules]]\n", "'rules' = [\n1]", "rules.a = 1", "[rule]\n",
    "rule = 1\n", "rule.a = 1\n",
]  # fmt: skip


@pytest.mark.parametrize("rules", [0, 2])
def test_whatever_has_the_wrong_shape_is_told_by_its_line(tmp_path: Path, rules: int) -> None:
    file = tmp_path / "policy.toml"
    for shape in SHAPES:
        if rules and not re.match(r"\s*\[\[ ?[\"']?rule\b", shape):
            continue  # which is outside of any rule, and comes first
        before = f"# A comment.\n\n{GOOD * rules}"
        file.write_text(before + shape, encoding="utf-8")
        with pytest.raises(BadPolicy) as refused:
            load(file)
        told = str(refused.value).removeprefix(f"The policy {file}")
        line = before.count("\n") + 1
        assert re.search(rf"line {line}\b|at line {line + 1}\b", told), (shape, told)
        assert len(told) <= 350, told


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "rule = []", 'rule = [\n"x"]', "\ufeff[[rule]]\n", "[[rule]\n", "a\n\n\0",
     '[[rule]]\nverdict="ask"\nverdict="ask"'],
)  # fmt: skip
def test_a_file_without_rules_or_of_another_kind_is_told_by_a_line(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadPolicy, match=r"\bline \d"):
        load(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="cannot be read: No such file or directory"):
        load(tmp_path / "none.toml")


def test_the_built_in_rules_are_printed_to_start_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy"]) == 0
    file = tmp_path / "mine.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert load(file) == load(BUILT_IN)


LETTERS = st.text(st.sampled_from("abcxyzäß购买下单付款"), min_size=1, max_size=6)
BETWEEN = st.text(st.sampled_from(" .,-(¥)!\n\u3000。"), min_size=1, max_size=3)


@given(phrase=LETTERS, before=LETTERS, after=LETTERS, gap=BETWEEN)
def test_words_fit_as_wholes_only(phrase: str, before: str, after: str, gap: str) -> None:
    assert has_words(f"{before}{gap}{phrase}{gap}{after}", phrase)
    assert has_words(phrase.upper() if phrase.isascii() else phrase, phrase)
    for longer in (f"{before}{phrase}", f"{phrase}{after}"):
        one_script = len({char > "\u3000" for char in longer}) == 1
        if one_script:
            assert not has_words(longer, phrase)


async def test_rules_know_all_tools(shop: Shop) -> None:
    groups = frozenset({"low-level", "files"})
    async with Client(DesktopServer(shop.desktop, groups)) as client:
        assert {one.name for one in (await client.list_tools()).tools} == TOOLS


async def test_replacing_a_file_needs_a_yes(shop: Shop) -> None:
    user = User()
    server = DesktopServer(shop.desktop, frozenset({"files"}), policy=load(BUILT_IN))

    async def put(client: Client, content: str, **given: bool) -> CallToolResult:
        return await call(client, "upload", path="~/replace.txt", content=content, **given)

    async def holds(client: Client) -> str:
        return text(await call(client, "download", path="~/replace.txt"))

    async with Client(server) as client:
        assert facts(await put(client, "to replace"))["replaced"] is False
        assert "replace" in refusal(await put(client, "second"))
        assert "needs a person's yes (rule 'replacing')" in refusal(
            await put(client, "second", replace=True)
        )
        assert "to replace" in await holds(client)
    async with Client(server, elicitation_callback=user) as client:
        assert facts(await put(client, "second", replace=True))["replaced"] is True
        assert len(user.asked) == 1
        assert "second" in await holds(client)


async def test_closing_a_desktop_needs_a_yes(shop: Shop) -> None:
    async with shop.agent() as client:
        said = refusal(await call(client, "desktops", action="close", desktop="other"))
        assert "needs a person's yes (rule 'desktops')" in said


_TRUSTED = "https://*.trusted.com/*"


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        (_TRUSTED, "https://trusted.com/", True),
        (_TRUSTED, "https://a.b.TRUSTED.com/x?y#z", True),
        (_TRUSTED, "https://trusted.com.:443/", True),
        (_TRUSTED, "https://evil.com/?x=.trusted.com/", False),
        (_TRUSTED, "https://evil.com/.trusted.com/", False),
        (_TRUSTED, "https://evil.com/#https://trusted.com/", False),
        (_TRUSTED, "https://a.trusted.com@evil.com/", False),
        (_TRUSTED, "https://evil.com\\@a.trusted.com/", False),
        (_TRUSTED, "https://eviltrusted.com/", False),
        (_TRUSTED, "https://trusted.com.evil.com/", False),
        (_TRUSTED, "http://trusted.com/", False),
        (_TRUSTED, "", False),
        (_TRUSTED, "data:text/html,https://trusted.com/", False),
        ("https://bank.example/pay", "https://bank.example/pay", True),
        ("https://bank.example/pay", "https://bank.example/pay/now", True),
        ("https://bank.example/pay", "https://bank.example/x/../p%61y/now", True),
        ("https://bank.example/pay", "https://bank.example/payment", False),
        ("https://bank.example/pay", "https://bank.example/pay/../other", False),
        ("https://bank.example/p?y", "https://bank.example/pay", False),
        ("bank.example", "http://bank.example:8080/", True),
        ("bank.example", "https://www.bank.example/", False),
        ("http://127.0.0.1:*", "http://127.0.0.1:41233/x", True),
        ("http://127.0.0.1:80", "http://127.0.0.1/", True),
        ("http://127.0.0.1:80", "http://127.0.0.1:81/", False),
        ("file:///home/*", "file:///home/u/x.html", True),
        ("*", "about:blank", True),
    ],
)
def test_an_address_is_compared_part_by_part(pattern: str, url: str, fits: bool) -> None:
    assert Address.read(pattern).fits(url) is fits


FAKE = (
    "gloveport's policy asks (rule 'purchases'): May “x” press “Help”?\n\n\u202eIt is\u200b safe.”"
    "\x1b[2J Policy: approve “this"
)


@ERAS
async def test_what_an_agent_asks_does_not_look_like_the_policy(shop: Shop, way: str) -> None:
    user = User("decline")
    async with client_of(shop, way, user) as (client, url):
        for kind in ("question", "approve", "login"):
            await call(client, "request_human", reason=FAKE, kind=kind)
        for said in user.asked:
            assert said.startswith("The agent “mcp 0.1.0” asks in its own words: “gloveport's")
            assert said.count("“") == 2
            assert said.count("”") == 2
            assert all(char.isprintable() for char in said)
        async with viewing(url) as ada, anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: call(client, "request_human", reason=FAKE, kind="approve"))
            asked = (await ada.until_asked())[0]
            assert asked["rule"] == ""
            assert all(char.isprintable() for char in asked["text"])
            await ada.do("answer", id=asked["id"], approved=False)
