"""The tools of the group `files`: what is in the desktop's home, put there, taken out."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from gloveport.sandbox.errors import BadText
from gloveport.sandbox.home.files import MOST_BASE64, MOST_TEXT, MOST_UPLOADED, Encoding, Entry

from ..control.call import Result
from .encode import said
from .invocation import Invocation
from .schema import DeskTool, Whole, about, desk_tool, optional

_LONGEST = 50_000  # characters of a list


class Filing:
    """The tools for files."""

    def all(self) -> list[DeskTool]:
        """The tools in the order a model reads them."""
        return [
            desk_tool(
                self.files_list, looks=True, scope="files", hint="list directory folder files"
            ),
            desk_tool(self.upload, scope="control", hint="put write save file"),
            desk_tool(self.download, looks=True, scope="files", hint="get read fetch file"),
        ]

    async def files_list(
        self,
        on: Invocation,
        path: Annotated[str, optional("A folder in the home.")] = "~",
        offset: Annotated[Whole, optional("Go on at this entry.", ge=0)] = 0,
    ) -> Result:
        """List a folder of the desktop's home: names, types, sizes."""
        found = await on.desktop.files(path, offset)
        entries: list[dict[str, Any]] = []
        left = _LONGEST
        for one in found.entries:
            told = _told(one)
            left -= len(json.dumps(told, ensure_ascii=False))
            if left < 0:
                break
            entries.append(told)
        return said(
            {
                "ok": True,
                "path": found.path,
                "entries": entries,
                "total": found.total,
                **_next(offset + len(entries), found.total),
            }
        )

    async def upload(
        self,
        on: Invocation,
        path: Annotated[str, about('Where in the home, such as "~/Documents/note.txt".')],
        content: Annotated[str, about(f"The whole file, at most {MOST_UPLOADED // 10**6} MB.")],
        encoding: Annotated[Encoding, optional("What content is; auto is text.")] = "auto",
        replace: Annotated[bool, optional("Replace a file that is there.")] = False,
    ) -> Result:
        """Put a file into the desktop's home, whole or not at all. Missing folders are made."""
        data = _decoded(content) if encoding == "base64" else _encoded(content)
        put = await on.desktop.upload(path, data, replace=replace)
        return said({"ok": True, "path": put.path, "size": put.size, "replaced": put.replaced})

    async def download(
        self,
        on: Invocation,
        path: Annotated[str, about("A file in the home.")],
        encoding: Annotated[
            Encoding, optional("auto: pictures are shown, text is text, all else base64.")
        ] = "auto",
        offset: Annotated[Whole, optional("Go on at this byte.", ge=0)] = 0,
        limit: Annotated[
            Whole,
            optional(
                f"Bytes; at most {MOST_TEXT:,} of text, {MOST_BASE64:,} in base64.",
                ge=16,
                le=MOST_BASE64,
            ),
        ] = MOST_BASE64,
    ) -> Result:
        """Take a file out of the desktop's home; go on at next_offset until there is none."""
        found = await on.desktop.download(path, encoding, offset, limit)
        told: dict[str, Any] = {"ok": True, "path": found.path, "size": found.size}
        told |= {"mime": found.mime, "encoding": found.encoding}
        if found.picture:
            told["shown"] = [found.picture.width, found.picture.height]
            return said(told, found.picture)
        told[found.encoding] = found.content
        return said(told | _next(found.end, found.size))


def _told(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"name": entry.name, "type": entry.kind}
    if entry.kind == "file":
        told |= {"size": entry.size, "mime": entry.mime}
    when = datetime.fromtimestamp(entry.modified, UTC)
    return {**told, "modified": when.isoformat(timespec="seconds")}


def _next(end: int, size: int) -> dict[str, int]:
    return {"next_offset": end} if end < size else {}


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadText(
            "The text has half of a surrogate pair; send it as valid Unicode, or as base64. "
            "Nothing was written."
        ) from None


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadText("The content is not base64. Nothing was written.") from None
