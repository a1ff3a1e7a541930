"""Reading what a tool answered."""

import base64
import json
from io import BytesIO
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image


async def call(client: Client, name: str, /, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(name, arguments)
    assert isinstance(result, CallToolResult)
    return result


def text(result: CallToolResult) -> str:
    last = result.content[-1]
    assert isinstance(last, TextContent)
    return last.text


def facts(result: CallToolResult) -> Any:
    assert not result.is_error, text(result)
    return json.loads(text(result))


def refusal(result: CallToolResult) -> str:
    assert result.is_error, text(result)
    assert len(result.content) == 1
    return text(result)


def picture(result: CallToolResult) -> ImageContent | None:
    first = result.content[0]
    return first if isinstance(first, ImageContent) else None


def decoded(image: ImageContent | None) -> Image.Image:
    assert image
    return Image.open(BytesIO(base64.b64decode(image.data))).convert("RGB")
