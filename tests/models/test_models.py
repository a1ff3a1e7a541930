"""The scripted models, asked by the vendors' own SDKs."""

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import ThreadAlreadyContinuedError, ThreadNotFoundError
from google import genai
from google.genai import errors, types
from models.anthropic_api import Anthropic
from models.gemini_api import Gemini
from models.openai_api import OpenAI
from models.script import Compute, Fail, Json, Model, Say, Tokens, Turn, Use, Write, serving
from PIL import Image

MODEL = "claude-opus-5-5"
TOOLSET: Json = {"type": "computer_toolset_20260801"}
THREADS = ["message-threads-2026-08-12"]
CLICK = Use("left_click", {"coordinate": [5, 6]}, toolset="computer")
SCRIPTS: list[Turn] = [
    [Say("小米 it is"), Use("left_click", {"coordinate": [5, 6]})],
    [Say("done")],
]


# What the SDKs say and what they are told is JSON here: their types are not what is tested.


def claude(url: str) -> Any:
    return anthropic.AsyncAnthropic(api_key="key", base_url=url, max_retries=0)


def gpt(url: str) -> Any:
    return openai.AsyncOpenAI(api_key="key", base_url=f"{url}/v1", max_retries=0)


def gemini(url: str) -> Any:
    return genai.Client(api_key="key", http_options=types.HttpOptions(base_url=url))


def png(width: int = 64, height: int = 48) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), "#3366cc").save(file, "PNG")
    return file.getvalue()


def shown(width: int = 64, height: int = 48) -> Json:
    source = {
        "type": "base64", "media_type": "image/png",
        "data": base64.b64encode(png(width, height)).decode(),
    }  # fmt: skip
    return {"type": "image", "source": source}


def answered(content: Any = "ok", **more: Any) -> list[Any]:
    """A conversation in which the model has clicked and been answered."""
    named = {"toolset_name": "computer"}
    use: Json = {"type": "tool_use", "id": "t1", "name": "left_click", "input": {}, **named}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": content, **named, **more}
    return [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]


async def ask_claude(url: str, messages: list[Any], **more: Any) -> Any:
    async with claude(url) as client:
        asked: dict[str, Any] = {
            "model": MODEL, "max_tokens": 99, "tools": [TOOLSET], "messages": messages, **more,
        }  # fmt: skip
        return await client.beta.messages.create(**asked)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_claude_says_what_its_script_says(stream: bool) -> None:
    model = Anthropic([[Say("小米 it is, says the model"), CLICK]], Tokens(100, 20, 50))
    asked: dict[str, Any] = {
        "model": MODEL, "max_tokens": 99, "tools": [TOOLSET],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "go"}, shown()]}],
    }  # fmt: skip
    async with serving(model) as url, claude(url) as client:
        if stream:
            async with client.beta.messages.stream(**asked) as streamed:
                said = await streamed.get_final_message()
        else:
            said = await ask_claude(url, asked["messages"])
    text, use = said.content
    assert text.type == "text"
    assert text.text == "小米 it is, says the model"
    assert use.type == "tool_use"
    assert (use.name, use.input, use.toolset_name) == (
        "left_click", {"coordinate": [5, 6]}, "computer",
    )  # fmt: skip
    assert said.stop_reason == "tool_use"
    assert (said.usage.input_tokens, said.usage.output_tokens) == (100, 20)
    (request,) = model.requests
    assert [one.data for one in request.images] == [png()]
    assert request.texts == ["go"]


BAD: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "a use without a result": (answered()[:2], {}, "without `tool_result`"),
    "a result for another use": (answered(tool_use_id="t2"), {}, "unexpected `tool_use_id`"),
    "a result that does not name the toolset": (answered(toolset_name=None), {}, "toolset_name"),
    "a picture in an error": (answered([shown()], is_error=True), {}, "must be text"),
    "an error without words": (answered([], is_error=True), {}, "content is required"),
    "an empty text": ([{"role": "user", "content": ""}], {}, "must be non-empty"),
    "a picture that is too large": (answered([shown(3000, 100)]), {}, "3000x100 exceeds"),
    "many pictures over 2000 pixels": (
        answered([shown(2100, 9) for _ in range(21)]), {}, "many-image requests",
    ),
    "a name for the toolset": (answered(), {"tools": [{**TOOLSET, "name": "c"}]}, "tools.0.name"),
    "an old tool for a new model": (
        answered(),
        {"tools": [{"type": "computer_20251124", "name": "computer"}]},
        "does not support tool type",
    ),
    "context editing without its beta": (
        answered(), {"context_management": {"edits": []}}, "context_management",
    ),
    "a thread without its beta": (answered(), {"thread": {"type": "create"}}, "thread: Extra"),
}  # fmt: skip


@pytest.mark.parametrize(("messages", "more", "why"), BAD.values(), ids=BAD)
async def test_claude_refuses_what_the_documentation_says_is_refused(
    messages: list[Any], more: dict[str, Any], why: str
) -> None:
    model = Anthropic([])
    async with serving(model) as url:
        with pytest.raises(anthropic.BadRequestError, match=why):
            await ask_claude(url, messages, **more)
    assert len(model.refused) == 1


async def test_claude_takes_many_small_pictures() -> None:
    async with serving(Anthropic([])) as url:
        said = await ask_claude(url, answered([shown(2000, 9) for _ in range(21)]))
    assert said.content[0].text == "The script is over."


async def test_a_thread_holds_the_conversation_until_it_is_forgotten() -> None:
    model = Anthropic([[Say("one")], [Say("two")]])
    started = {"thread": {"type": "create"}, "betas": THREADS}
    async with serving(model) as url:
        first = await ask_claude(url, [{"role": "user", "content": "a"}], **started)
        more = {"thread": {"type": "continue", "previous_message_id": first.id}, "betas": THREADS}
        await ask_claude(url, [{"role": "user", "content": "b"}], **more)
        assert [said["role"] for said in model.conversations[-1]] == ["user", "assistant", "user"]
        with pytest.raises(ThreadAlreadyContinuedError):
            await ask_claude(url, [{"role": "user", "content": "c"}], **more)
        model.forget()
        lost = {"thread": {"type": "continue", "previous_message_id": "msg_9"}, "betas": THREADS}
        with pytest.raises(ThreadNotFoundError):
            await ask_claude(url, [{"role": "user", "content": "d"}], **lost)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_response_has_what_its_script_says(stream: bool) -> None:
    actions = [{"type": "click", "button": "left", "x": 5, "y": 6}, {"type": "wait"}]
    checks = [{"id": "c1", "code": "danger", "message": "really?"}]
    model = OpenAI([[Say("小米"), Use("find", {"text": "x"}), Compute(actions, checks)]])
    async with serving(model) as url, gpt(url) as client:
        asked: dict[str, Any] = {
            "model": "gpt-5.5", "input": "go", "tools": [{"type": "computer"}],
        }  # fmt: skip
        if stream:
            async with client.responses.stream(**asked) as streamed:
                response = await streamed.get_final_response()
        else:
            response = await client.responses.create(**asked)
    text, use, computing = response.output
    assert response.output_text == "小米"
    assert text.type == "message"
    assert use.type == "function_call"
    assert (use.name, use.arguments) == ("find", '{"text": "x"}')
    assert computing.type == "computer_call"
    assert [action.type for action in computing.actions or ()] == ["click", "wait"]
    assert computing.pending_safety_checks[0].message == "really?"
    assert model.requests[0].texts == ["go"]


def computed(**more: Any) -> Json:
    output = {"type": "computer_screenshot", "image_url": "data:image/png;base64,"}
    output["image_url"] += base64.b64encode(png()).decode()
    return {"type": "computer_call_output", "output": output, **more}


def _nothing(call: str) -> list[Json]:
    return []


def _another(call: str) -> list[Json]:
    return [computed(call_id="call_99")]


def _unknown(call: str) -> list[Json]:
    return [computed(call_id=call)]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (_nothing, "No tool output found for computer_call"),
        (_another, "No tool call found for computer_call_output"),
        (_unknown, "unacknowledged checks"),
    ],
    ids=["no answer", "an answer to something else", "a check that nobody acknowledged"],
)
async def test_a_response_is_refused_as_documented(
    answers: Callable[[str], list[Json]], why: str
) -> None:
    model = OpenAI([[Compute([{"type": "screenshot"}], [{"id": "c1"}])]])
    async with serving(model) as url, gpt(url) as client:
        first = await client.responses.create(model="gpt-5.5", input="go")
        call = first.output[0]
        again: dict[str, Any] = {
            "input": [*answers(call.call_id), {"role": "user", "content": "well?"}],
            "previous_response_id": first.id,
        }  # fmt: skip
        with pytest.raises(openai.BadRequestError, match=why):
            await client.responses.create(model="gpt-5.5", **again)


async def test_a_picture_of_the_computer_reaches_the_model() -> None:
    model = OpenAI([[Compute([{"type": "screenshot"}], [{"id": "c1"}])], [Say("nice")]])
    async with serving(model) as url, gpt(url) as client:
        first = await client.responses.create(model="gpt-5.5", input="go")
        call = first.output[0]
        known = computed(call_id=call.call_id, acknowledged_safety_checks=[{"id": "c1"}])
        again: dict[str, Any] = {"input": [known], "previous_response_id": first.id}
        second = await client.responses.create(model="gpt-5.5", **again)
    assert second.output_text == "nice"
    assert [one.data for one in model.requests[1].images] == [png()]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_custom_tool_is_given_text(stream: bool) -> None:
    model = OpenAI([[Write("exec", "text(1)")], [Say("one")]])
    asked: dict[str, Any] = {"model": "gpt-5.5", "input": "go"}
    async with serving(model) as url, gpt(url) as client:
        if stream:
            async with client.responses.stream(**asked) as streamed:
                first = await streamed.get_final_response()
        else:
            first = await client.responses.create(**asked)
        (call,) = first.output
        assert (call.type, call.name, call.input) == ("custom_tool_call", "exec", "text(1)")
        again = {"model": "gpt-5.5", "previous_response_id": first.id}
        with pytest.raises(openai.BadRequestError, match="No tool output found for custom"):
            await client.responses.create(**again, input="well?")
        output = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "1"}
        assert (await client.responses.create(**again, input=[output])).output_text == "one"


async def test_calls_of_a_streamed_chat_come_one_by_one() -> None:
    model = OpenAI([[Use("left_click"), Use("type")]])
    async with serving(model) as url, gpt(url) as client:
        said = await client.chat.completions.create(
            model="x", messages=[{"role": "user", "content": "go"}], stream=True
        )
        chunks = [one.choices[0].delta.tool_calls async for one in said if one.choices]
    assert [[call.function.name for call in calls] for calls in chunks if calls] == [
        ["left_click"],
        ["type"],
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_chat_has_what_its_script_says(stream: bool) -> None:
    model = OpenAI(SCRIPTS)
    asked: dict[str, Any] = {"model": "x", "messages": [{"role": "user", "content": "go"}]}
    async with serving(model) as url, gpt(url) as client:
        if stream:
            async with client.chat.completions.stream(**asked) as streamed:
                said = (await streamed.get_final_completion()).choices[0]
        else:
            said = (await client.chat.completions.create(**asked)).choices[0]
        assert said.message.content == "小米 it is"
        (call,) = said.message.tool_calls
        assert call.type == "function"
        assert (call.function.name, said.finish_reason) == ("left_click", "tool_calls")
        again = {"id": "c", "type": "function", "function": {"name": "x", "arguments": "{}"}}
        unanswered = {"role": "assistant", "tool_calls": [again]}
        asked["messages"] = [unanswered, {"role": "user", "content": "and?"}]
        with pytest.raises(openai.BadRequestError, match="did not have response messages: c"):
            await client.chat.completions.create(**asked)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_gemini_says_what_its_script_says(stream: bool) -> None:
    model = Gemini(SCRIPTS)
    picture = types.Part.from_bytes(data=png(), mime_type="image/png")
    asked: dict[str, Any] = {"model": "gemini-3.5-flash", "contents": ["go", picture]}
    async with serving(model) as url, gemini(url).aio as client:
        if stream:
            chunks = [one async for one in await client.models.generate_content_stream(**asked)]
        else:
            chunks = [await client.models.generate_content(**asked)]
    parts = [part for one in chunks for part in one.parts or ()]
    assert parts[0].text == "小米 it is"
    assert parts[1].function_call
    assert parts[1].function_call.args == {"coordinate": [5, 6]}
    assert [one.data for one in model.requests[0].images] == [png()]


@pytest.mark.parametrize(
    ("response", "why"),
    [(None, "number of function response parts"), ({"output": "ok"}, "was not acknowledged")],
    ids=["no answer", "a decision that nobody acknowledged"],
)
async def test_gemini_refuses_as_documented(response: Json | None, why: str) -> None:
    model = Gemini([[Use("click", {"safety_decision": {"decision": "require_confirmation"}})]])
    async with serving(model) as url, gemini(url).aio as client:
        first = await client.models.generate_content(model="gemini-3.5-flash", contents="go")
        call = first.candidates and first.candidates[0].content
        answer = (
            types.Part.from_function_response(name="click", response=response)
            if response
            else types.Part.from_text(text="well?")
        )
        contents: Any = ["go", call, types.Content(role="user", parts=[answer])]
        with pytest.raises(errors.ClientError, match=why):
            await client.models.generate_content(model="gemini-3.5-flash", contents=contents)


async def ask(model: Model, url: str) -> None:
    if isinstance(model, Anthropic):
        await ask_claude(url, [{"role": "user", "content": "go"}])
    elif isinstance(model, OpenAI):
        async with gpt(url) as client:
            await client.responses.create(model="gpt-5.5", input="go")
    else:
        async with gemini(url).aio as client:
            await client.models.generate_content(model="gemini-3.5-flash", contents="go")


@pytest.mark.parametrize("kind", [Anthropic, OpenAI, Gemini])
async def test_a_script_may_fail_the_api(kind: type[Model]) -> None:
    model = kind([[Fail(429, "slow down")]])
    limited = (anthropic.RateLimitError, openai.RateLimitError, errors.ClientError)
    async with serving(model) as url:
        with pytest.raises(limited, match="slow down"):
            await ask(model, url)


async def test_a_script_may_look_before_it_answers() -> None:
    model = Anthropic(lambda request: [Say(f"you said {request['messages'][0]['content']}")])
    async with serving(model) as url:
        said = await ask_claude(url, [{"role": "user", "content": "hello"}])
    assert said.content[0].text == "you said hello"
