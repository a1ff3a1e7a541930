"""What all scripted model servers share: a script in, a record of requests out, on loopback.

A test writes what the model says, turn by turn, and afterwards looks at what reached the model:

    model = Anthropic([[Use("left_click", {"coordinate": [5, 6]})], [Say("done")]])
    async with serving(model) as url:
        ...                               # the client under test, told that its API is at `url`
    assert model.requests[-1].images      # the picture that came of the click

A script may also be a function of the request's JSON, for models that have to look before they
answer. When a list of turns is over, the model says so and uses nothing more, so that no client
can go on for ever.
"""

import base64
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request as Http
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from web import listening

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """The model says something."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """The model uses a tool.

    `toolset` is Anthropic's (`computer`), `namespace` is OpenAI's (`mcp__desk`); empty is neither.
    """

    name: str
    input: Json = field(default_factory=dict[str, Any])
    toolset: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """The model writes for one of OpenAI's custom tools, which take text, such as a program."""

    name: str
    text: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Compute:
    """OpenAI's `computer` tool: some actions at once, and what has to be acknowledged first."""

    actions: Sequence[Json]
    checks: Sequence[Json] = ()
    """Pending safety checks, each an object with `id`, `code` and `message`."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The API answers with an HTTP error instead of a turn; alone in its turn."""

    status: int
    message: str = "scripted"


Part = Say | Use | Write | Compute | Fail
Turn = Sequence[Part]
Script = Sequence[Turn] | Callable[[Json], Turn]

OVER: Turn = (Say("The script is over."),)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the API says each turn cost."""

    sent: int = 10
    received: int = 5
    cached: int = 0
    """Read from a cache, on top of `sent`."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that reached the model, byte for byte."""

    mime: str
    data: bytes

    @property
    def image(self) -> Image.Image:
        return Image.open(BytesIO(self.data)).convert("RGB")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: Json

    @property
    def images(self) -> list[Picture]:
        """All pictures in the request, in order, of whichever vendor's shape."""
        return list(_pictures(self.body))

    @property
    def texts(self) -> list[str]:
        """All texts in the request, in order: what people, tools and the model itself said."""
        told = {key: self.body[key] for key in _TOLD if key in self.body}
        return list(_texts(told))


_TOLD = ("system", "instructions", "systemInstruction", "messages", "input", "contents")
_WORDS = {"text", "content", "output", "error", "result", "system", "instructions", "input"}


def _pictures(node: Any) -> Iterator[Picture]:
    if isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _pictures(one)
    elif isinstance(node, dict):
        held = cast("Json", node)
        mime = held.get("media_type") or held.get("mimeType") or held.get("mime_type")
        data = held.get("data")
        if isinstance(mime, str) and mime.startswith("image/") and isinstance(data, str):
            # Google's JSON has the URL-safe alphabet.
            yield Picture(mime, base64.b64decode(data.replace("-", "+").replace("_", "/")))
            return
        for key, value in held.items():
            if key != "response":  # Google's JSON of a function: a picture in it is but text
                yield from _pictures(value)
    elif isinstance(node, str) and node.startswith("data:image/"):
        mime, _, data = node.removeprefix("data:").partition(";base64,")
        yield Picture(mime, base64.b64decode(data))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _texts(one)
    elif isinstance(node, dict):
        for key, value in cast("Json", node).items():
            if isinstance(value, str):
                if key in _WORDS and not value.startswith("data:image/"):
                    yield value
            else:
                yield from _texts(value)


class Refusal(Exception):
    """The API refuses a request; `status` and `code` as the vendor has them."""

    def __init__(self, message: str, status: int = 400, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Model:
    """A model API that says what its script says; each vendor's is a subclass.

    Args:
        script: What it says.
        tokens: What it says each turn cost.
    """

    def __init__(self, script: Script, tokens: Tokens | None = None) -> None:
        self.script = script
        self.tokens = tokens or Tokens()
        self.requests: list[Request] = []
        """Those that asked for a turn, in order, refused ones too."""
        self.others: list[str] = []
        """Method and path of what else was asked for: telemetry and the like."""
        self.refused: list[str] = []
        """Why requests were refused, in the API's words."""
        self._turns = iter(()) if callable(script) else iter(script)
        self._numbers = itertools.count(1)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[*self.routes(), Route("/{path:path}", self._other, methods=_ALL)])

    def routes(self) -> list[BaseRoute]:
        raise NotImplementedError

    def refusal(self, why: Refusal) -> Response:
        """An error in the vendor's shape."""
        raise NotImplementedError

    async def answer(self, http: Http, reply: Callable[[Json, Turn], Response]) -> Response:
        """Record a request and answer it with the script's next turn."""
        request = Request(http.url.path, dict(http.headers), await http.json())
        self.requests.append(request)
        try:
            self.check(request)
            turn = self._next(request.body)
            for part in turn:
                if isinstance(part, Fail):
                    raise Refusal(part.message, part.status)
            return reply(request.body, turn)
        except Refusal as why:
            self.refused.append(str(why))
            return self.refusal(why)

    def check(self, request: Request) -> None:
        """Refuse what the vendor's documentation says is refused.

        Raises:
            Refusal: It would be.
        """

    def number(self) -> int:
        """A number no other has: ids are made of them."""
        return next(self._numbers)

    def _next(self, body: Json) -> Turn:
        return self.script(body) if callable(self.script) else next(self._turns, OVER)

    async def _other(self, http: Http) -> Response:
        self.others.append(f"{http.method} {http.url.path}")
        return JSONResponse({"error": {"message": "not scripted"}}, 404)


_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@asynccontextmanager
async def serving(model: Model) -> AsyncGenerator[str]:
    """Serve a model on loopback and give its address, without a path."""
    async with listening(model.app) as url:
        yield url
