"""An agent asks a person, and a person answers: over HTTP, and through the agent's client."""

from typing import Any

import anyio
import pytest
from answers import call, facts, refusal
from mcp import Client
from mcp_types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputResponses,
)
from views import viewing
from web import serving_web
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.control.questions import KEPT, Answer, Questions
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.recording.actor import Actor
from gloveport.server.recording.recorder import Recorder

COFFEE = "Iced americano is out. Which coffee instead?"
ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


class Asked:
    """A request_human that waits in the background."""

    def __init__(self, tasks: anyio.abc.TaskGroup, client: Client, **given: Any) -> None:
        self._result: CallToolResult | None = None
        self._over = anyio.Event()
        tasks.start_soon(self._ask, client, given)

    async def _ask(self, client: Client, given: dict[str, Any]) -> None:
        self._result = await call(client, "request_human", **given)
        self._over.set()

    async def answer(self) -> CallToolResult:
        with anyio.fail_after(10):
            await self._over.wait()
        assert self._result
        return self._result


@ERAS
async def test_the_person_says_which_coffee(desktop: Desktop, mode: str) -> None:
    async with (
        serving_web(DesktopServer(desktop), desktop) as url,
        Client(f"{url}/mcp", mode=mode) as client,
        viewing(url) as ada,
        anyio.create_task_group() as tasks,
    ):
        asked = Asked(tasks, client, reason=COFFEE, choices=["Latte", "Mocha"])
        (question,) = await ada.until_asked()
        assert question["kind"] == "question"
        assert question["text"] == COFFEE
        assert question["choices"] == ["Latte", "Mocha"]
        assert question["until"] - question["since"] == KEPT
        said = await ada.do("answer", id=question["id"], text="")
        assert said.json()["error"].startswith("text must have the answer")
        await ada.do("answer", id=question["id"], text="Latte")
        assert facts(await asked.answer()) == {"ok": True, "by": "Ada", "answer": "Latte"}
        told = [one["told"] for one in ada.happened.values() if one["what"] in ("ask", "answer")]
        assert told == [f"asks: {COFFEE}", f"answered “{COFFEE}”: Latte"]


async def test_other_agents_go_on_and_a_person_may_take_over_while_one_asks(
    desktop: Desktop, witness: Witness
) -> None:
    async with (
        serving_web(DesktopServer(desktop), desktop) as url,
        Client(f"{url}/mcp") as client,
        viewing(url) as ada,
        anyio.create_task_group() as tasks,
    ):
        asked = Asked(tasks, client, reason="Please log in to the shop.", kind="login")
        (question,) = await ada.until_asked()
        assert question["kind"] == "login"
        facts(await call(client, "left_click", coordinate=[20, 30]))
        assert witness.saw() == Press(1, 20, 30)
        await ada.do("take")
        await ada.do("hand_back", note="logged in as Bob")
        told = facts(await asked.answer())
        assert told == {
            "ok": True,
            "by": "Ada",
            "said": "done",
            "note": "logged in as Bob",
            "next": "Look before you act: what you know of the screen is old.",
        }
        said = refusal(await call(client, "left_click", coordinate=[20, 30]))
        assert "take a screenshot" in said


class User:
    def __init__(self, action: Any, **content: Any) -> None:
        self.asked: list[ElicitRequestFormParams] = []
        self._said = ElicitResult(action=action, content=content or None)

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params)
        return self._said


@ERAS
@pytest.mark.parametrize(
    ("given", "user", "expected"),
    [
        ({"choices": ["Latte", "Mocha"]}, User("accept", answer="Latte"), {"answer": "Latte"}),
        ({}, User("decline"), {"said": "no"}),
        ({"kind": "approve"}, User("accept"), {"said": "yes"}),
        ({"kind": "approve"}, User("cancel"), {"said": "no", "dismissed": True}),
    ],
)
async def test_the_user_of_the_client_is_asked_when_nobody_watches(
    desktop: Desktop, mode: str, given: dict[str, Any], user: User, expected: dict[str, Any]
) -> None:
    user.asked.clear()
    async with (
        serving_web(DesktopServer(desktop), desktop) as url,
        Client(f"{url}/mcp", mode=mode, elicitation_callback=user) as client,
    ):
        told = facts(await call(client, "request_human", reason=COFFEE, **given))
        assert told == {"ok": True, "by": "the user of mcp 0.1.0", **expected}
        (form,) = user.asked
        assert form.message == f"The agent “mcp 0.1.0” asks in its own words: “{COFFEE}”"
        answer = form.requested_schema["properties"].get("answer", {})
        assert answer.get("enum", []) == given.get("choices", [])


@ERAS
async def test_a_late_answer_is_picked_up_by_asking_again(desktop: Desktop, mode: str) -> None:
    async with (
        serving_web(DesktopServer(desktop), desktop) as url,
        Client(f"{url}/mcp", mode=mode) as client,
    ):
        assert refusal(await call(client, "request_human", reason=COFFEE)) == (
            "A person has to answer this, and nobody can be asked now: no live view is open, and "
            "your client takes no questions (MCP elicitation). A person can answer at /live/main "
            "(`gloveport live` prints a link) within 10 minutes; make the same call again then."
        )
        async with viewing(url) as ada:
            (question,) = await ada.until_asked()
            await ada.do("answer", id=question["id"], text="Mocha")
        told = facts(await call(client, "request_human", reason=COFFEE))
        assert told == {"ok": True, "by": "Ada", "answer": "Mocha"}
        assert "nobody can be asked" in refusal(await call(client, "request_human", reason=COFFEE))


async def test_nobody_answers_in_time(desktop: Desktop) -> None:
    server = DesktopServer(desktop)
    server.desks.first.asking.longest = 0.1
    async with (
        serving_web(server, desktop) as url,
        Client(f"{url}/mcp") as client,
        viewing(url),
    ):
        assert refusal(await call(client, "request_human", reason=COFFEE)) == (
            "A person has to answer this, and nobody has answered within 0 s. A person can still "
            "answer at /live/main (`gloveport live` prints a link) for 10 minutes; make the same "
            "call again to hear it."
        )


async def test_an_answer_to_a_question_of_another_call_is_not_heard(desktop: Desktop) -> None:
    server = DesktopServer(desktop)
    async with serving_web(server, desktop) as url, Client(f"{url}/mcp") as client:
        refusal(await call(client, "request_human", reason=COFFEE))
        (question,) = server.desks.first.sharing.questions.open
        forged: InputResponses = {
            question.id: ElicitResult(action="accept", content={"answer": "None at all"})
        }
        with pytest.raises(Exception, match="Invalid or expired requestState"):
            await client.session.call_tool(
                "request_human",
                {"reason": COFFEE},
                input_responses=forged,
                request_state=question.id,
                allow_input_required=True,
            )
        assert question.answer is None


def test_a_question_expires() -> None:
    now = [1000.0]
    questions = Questions(Recorder(), clock=lambda: now[0])
    agent, person = Actor("agent", "a", "a"), Actor("person", "p", "Ada")
    asked = questions.ask(agent, "question", COFFEE)
    assert questions.ask(agent, "question", COFFEE) is asked
    assert questions.ask(Actor("agent", "b", "b"), "question", COFFEE) is not asked
    questions.answer(asked, Answer("Ada", text="Latte"), person)
    questions.answer(asked, Answer("Ada", text="Mocha"), person)
    assert asked.answer == Answer("Ada", text="Latte")
    assert questions.due() == KEPT
    now[0] += KEPT
    assert questions.find(asked.id) is None
    assert questions.ask(agent, "question", COFFEE).answer is None


async def test_a_client_that_opens_addresses_is_sent_to_the_live_view(desktop: Desktop) -> None:
    server, sent = DesktopServer(desktop), list[ElicitRequestURLParams]()

    async def user(context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        sent.append(params)
        return ElicitResult(action="accept")

    async with (
        serving_web(server, desktop) as url,
        Client(f"{url}/mcp", mode="legacy", elicitation_callback=user) as client,
        anyio.create_task_group() as tasks,
    ):
        server.desks.address = url
        asked = Asked(tasks, client, reason="Please log in.", kind="login")
        with anyio.fail_after(20):
            while not sent:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert sent[0].url == f"{url}/live/main"
        async with viewing(url) as ada:  # to open it is no answer yet
            (question,) = await ada.until_asked()
            assert question["asker"] == "waiting"
            await ada.do("answer", id=question["id"], approved=True)
            assert facts(await asked.answer())["by"] == "Ada"
