"""Google's generateContent and streamGenerateContent, scripted."""

import json
from collections.abc import Iterator, Sequence

from models.script import Json, Model, Part, Refusal, Request, Say, Turn, Use
from starlette.requests import Request as Http
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

_KINDS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


class Gemini(Model):
    """Serves `/{version}/models/{model}:generateContent` and its streaming twin."""

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/{prefix:path}:generateContent", self._whole, methods=["POST"]),
            Route("/{prefix:path}:streamGenerateContent", self._streamed, methods=["POST"]),
            Route("/{prefix:path}:countTokens", self._count, methods=["POST"]),
        ]

    def refusal(self, why: Refusal) -> Response:
        status = _KINDS.get(why.status, "INTERNAL")
        error = {"code": why.status, "message": str(why), "status": status}
        return JSONResponse({"error": error}, why.status)

    def check(self, request: Request) -> None:
        contents: Sequence[Json] = request.body["contents"]
        for place, content in enumerate(contents):
            calls = _inside(content, "functionCall") if content.get("role") == "model" else []
            if not calls:
                continue
            follows = contents[place + 1] if place + 1 < len(contents) else {}
            answers = _inside(follows, "functionResponse")
            if [one["name"] for one in calls] != [one["name"] for one in answers]:
                raise Refusal(
                    "Please ensure that the number of function response parts is equal to the "
                    "number of function call parts of the function call turn."
                )
            for call, answer in zip(calls, answers, strict=True):
                decision = call.get("args", {}).get("safety_decision", {}).get("decision")
                known = answer.get("response", {}).get("safety_acknowledgement")
                if decision == "require_confirmation" and known != "true":
                    raise Refusal(f"The safety decision of {call['name']} was not acknowledged.")

    async def _whole(self, http: Http) -> Response:
        return await self.answer(http, lambda body, turn: JSONResponse(self._reply(turn)))

    async def _streamed(self, http: Http) -> Response:
        def reply(body: Json, turn: Turn) -> Response:
            return StreamingResponse(self._events(turn), media_type="text/event-stream")

        return await self.answer(http, reply)

    def _events(self, turn: Turn) -> Iterator[bytes]:
        """One part a chunk; the last says that it is the last."""
        for place, part in enumerate(turn):
            chunk = self._reply([part], ended=place == len(turn) - 1)
            yield f"data: {json.dumps(chunk)}\r\n\r\n".encode()

    def _reply(self, turn: Turn, *, ended: bool = True) -> Json:
        content = {"role": "model", "parts": [self._part(part) for part in turn]}
        candidate: Json = {"content": content, "index": 0}
        if ended:
            candidate["finishReason"] = "STOP"
        sent = self.tokens.sent + self.tokens.cached
        usage = {
            "promptTokenCount": sent,
            "cachedContentTokenCount": self.tokens.cached,
            "candidatesTokenCount": self.tokens.received,
            "totalTokenCount": sent + self.tokens.received,
        }
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}

    def _part(self, part: Part) -> Json:
        match part:
            case Say(text):
                return {"text": text}
            case Use(name, arguments):
                call = {"name": name, "args": arguments, "id": f"call_{self.number()}"}
                return {"functionCall": call}
            case _:
                raise Refusal(f"this vendor has no {part}", 500)

    async def _count(self, http: Http) -> Response:
        return JSONResponse({"totalTokens": 10})


def _inside(content: Json, kind: str) -> list[Json]:
    return [part[kind] for part in content.get("parts", ()) if kind in part]
