"""Tells an address of the owner's, such as a chat's webhook, that a person is asked something."""

import logging
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2

from .desktops import Desktops

logger = logging.getLogger(__name__)

_LOOKED_AT = 0.5  # seconds between two looks at what is asked
_PATIENCE = 10.0  # seconds for one answer


async def notify(desks: Desktops, url: str) -> None:
    """Send each new question of each desktop to an address, once, until cancelled.

    What is sent is JSON: `text` is the question with who asks and where to answer, which is what
    chats show; `desktop`, `asked_by`, `question` and `live` are its parts. An address that does not
    answer is told of in the log, and nothing else.
    """
    told: set[tuple[str, str]] = set()
    async with (
        httpx2.AsyncClient(timeout=_PATIENCE, trust_env=False) as http,
        anyio.create_task_group() as tasks,
    ):
        while True:
            asked = {
                (name, one.id): one
                for name, gate in desks.gates.items()
                for one in gate.sharing.questions.open
            }
            for (name, _), one in [item for item in asked.items() if item[0] not in told]:
                live = f"{desks.address}/live/{name}" if desks.address else ""
                who = one.asked_by.name
                text = f"{who} asks at the desktop {name}: {one.text}"
                parts = {
                    "text": f"{text}\n{live}" if live else text,
                    "desktop": name, "asked_by": who, "question": one.text, "live": live,
                }  # fmt: skip
                tasks.start_soon(_send, http, url, parts)
            told = set(asked)
            await anyio.sleep(_LOOKED_AT)


async def _send(http: httpx2.AsyncClient, url: str, parts: dict[str, Any]) -> None:
    host = urlsplit(url).hostname  # the rest of an address may be a secret
    try:
        answer = await http.post(url, json=parts)
    except httpx2.HTTPError as why:
        logger.warning("%s was not told of a question: %s", host, type(why).__name__)
    else:
        if not answer.is_success:
            logger.warning("%s was not told of a question: status %d", host, answer.status_code)
