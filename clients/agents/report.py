"""A run as one page: every step with its picture, in one file that needs nothing else."""

import base64
import json
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from .recorder import UNKNOWN, began, read

_MIME = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
section { border-top: 1px solid #8884; padding: .8rem 0 }
section > img { display: block; max-width: 100%; margin-top: .6rem; border: 1px solid #8884 }
code, pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.refused code:last-of-type { color: #c0392b }
small { opacity: .7 }
blockquote { margin: .8rem 0; padding-left: 1rem; border-left: 3px solid #8888 }
"""


def report(folder: Path) -> str:
    """The page of the run that a folder holds.

    Raises:
        BadRecord: There is no record in the folder.
    """
    lines = list(read(folder))
    first = began(folder)
    title = escape(first["task"])
    about = ", ".join(str(first[name]) for name in ("brain", "model") if name in first)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(first["at"]))
    head = f"<h1>{title}</h1><p><small>{escape(about)} {when}. {_totals(lines)}</small></p>"
    body = "\n".join(_sections(lines, folder))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style>{head}{body}</html>"
    )


def _sections(lines: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    answers = {line["call"]: line for line in lines if line["kind"] == "answered"}
    for line in lines:
        match line["kind"]:
            case "said":
                yield f"<blockquote>{escape(line['text'])}</blockquote>"
            case "asked":
                yield _step(line, answers.get(line["call"]), folder)
            case "looked":
                yield f"<section>{_picture(line['picture'], folder)}</section>"
            case "resumed":
                yield "<p><small>taken up again</small></p>"
            case "ended":
                yield f"<section><b>{escape(line['how'])}</b> {escape(line['text'])}</section>"
            case _:
                continue


def _step(asked: dict[str, Any], answer: dict[str, Any] | None, folder: Path) -> str:
    given = json.dumps(asked["arguments"], ensure_ascii=False)
    doing = f"<small>{asked['call']}</small> <b>{escape(asked['name'])}</b> <code>{escape(given)}"
    if answer is None:
        return f"<section class=refused>{doing}</code><br><code>{UNKNOWN}</code></section>"
    kind = "" if answer["ok"] else " class=refused"
    came = f"</code> <small>{answer['ms']} ms</small><br><code>{escape(answer['text'])}</code>"
    return f"<section{kind}>{doing}{came}{_picture(answer['picture'], folder)}</section>"


def _picture(name: str, folder: Path) -> str:
    if not name:
        return ""
    file = folder / name
    data = base64.b64encode(file.read_bytes()).decode()
    return f"<img loading=lazy alt='' src='data:{_MIME[file.suffix]};base64,{data}'>"


def _totals(lines: list[dict[str, Any]]) -> str:
    turns = [line for line in lines if line["kind"] == "turn"]
    steps = sum(line["kind"] == "asked" for line in lines)
    tokens = sum(
        turn[name] for turn in turns for name in ("sent", "received", "cache_read", "cache_written")
    )
    prices: list[float | None] = [turn["dollars"] for turn in turns]
    known = [price for price in prices if price is not None]
    paid = f", ${sum(known):.4f}" if known and len(known) == len(prices) else ""
    return f"{steps} steps, {tokens:,} tokens{paid}"
