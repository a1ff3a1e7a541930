"""What the matrix says of a client, judged on requests of its model as they are written."""

import base64
from io import BytesIO
from typing import Any

import pytest
from matrix import reached
from models.script import Json
from PIL import Image


def png(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = png("red"), png("blue")


def base(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def claude(*pictures: bytes) -> Json:
    blocks = [
        {"type": "image", "source": {"media_type": "image/png", "data": base(one)}}
        for one in pictures
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "content": blocks}
    return {"messages": [{"role": "user", "content": [result]}]}


def gpt(picture: bytes) -> Json:
    return {"input": [{"image_url": f"data:image/png;base64,{base(picture)}"}]}


def gemini(picture: bytes, *, inline: bool) -> Json:
    data = {"mimeType": "image/png", "data": base(picture)}
    part = {"inlineData": data} if inline else {"functionResponse": {"response": {"is": data}}}
    return {"contents": [{"parts": [part]}]}


@pytest.mark.parametrize(
    ("bodies", "how"),
    [
        ([claude(RED, BLUE)], "intact"),
        ([gpt(RED), gpt(BLUE)], "intact"),
        ([gemini(RED, inline=True), gemini(BLUE, inline=True)], "intact"),
        ([gemini(RED, inline=False), gemini(BLUE, inline=False)], "as text"),
        ([{"messages": [{"content": f"{base(RED)} {base(BLUE)}"}]}], "as text"),
        ([claude(RED, png("purple"))], "recoded"),
        ([claude(RED)], "no"),
        ([{"messages": [{"content": "[Image] [Image]"}]}], "no"),
    ],
    ids=[
        "claude",
        "gpt",
        "gemini",
        "gemini's JSON",
        "chat's text",
        "another",
        "one of two",
        "none",
    ],
)
def test_pictures_are_looked_for_where_models_see_them(bodies: list[Json], how: str) -> None:
    assert reached.pictures([RED, BLUE], bodies) == how


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ({"content": [{"is_error": True, "content": "It is outside."}]}, "flagged"),
        ({"response": {"error": 'It is "outside".'}}, "flagged"),
        ({"content": [{"is_error": False, "content": "It is outside."}]}, "in words"),
        ({"content": [{"is_error": True, "content": "No."}, {"text": "fine"}]}, "no"),
    ],
    ids=["claude", "gemini", "not marked", "another error"],
)
def test_errors_are_flagged_where_their_own_answer_is(body: Any, how: str) -> None:
    sentence = 'It is "outside".' if "response" in body else "It is outside."
    assert reached.errors(sentence, [body]) == how


def test_words_are_found_however_often_they_were_quoted() -> None:
    assert reached.said('"typed":"verified"', [{"text": '{\\"typed\\": \\"verified\\"}'}])
    assert not reached.said('"typed":"verified"', [{"text": "verified"}])
