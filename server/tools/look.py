"""What a model may ask of the desktop, besides acting: look, wait, windows, clipboard.

One method, one tool, one turn. The tools that act are in input.py.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from gloveport.sandbox.actions import Action
from gloveport.sandbox.checkpoints.history import Checkpoint
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import BadText, NotAllowed
from gloveport.sandbox.frames import Frame
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.secrets.store import SecretStore

from ..control.call import Result
from ..control.questions import BY_HAND, Answer, Kind
from .app_view import APP_URI
from .batch import Batch, Failed, failure
from .encode import answer, said, together
from .files import Filing
from .input import LOW_LEVEL, NAMED, NOWHERE, STAYING, Attached, Screenshot, acting, typing
from .invocation import Invocation
from .schema import (
    DeskTool,
    Region,
    Whole,
    about,
    bounded,
    desk_tool,
    optional,
)
from .screen_text import Wanted, line, listed
from .wait import awaited, check

MOST_ACTIONS = 20
_CORE = {
    "screenshot", "zoom", "left_click", "right_click", "double_click", "left_click_drag", "scroll",
    "type", "key", "wait", "mouse_move", "actions", "wait_for", "open", "read_screen", "find",
    "click_element", "set",
}  # fmt: skip


_STAYS_DONE = (
    "Programs were started again with what they had saved; commands in terminals were not. What "
    "was sent over the network stays done."
)

_NO_SECRETS = SecretStore()

Items = Annotated[
    list[dict[str, Any]],
    about(
        'Such as {"action":"click_element","target":"Save","role":"button","nth":2,'
        '"expect":{"text":"Saved"}}: a tool that acts, wait_for, open or windows, and its '
        "parameters. expect checks afterwards: text, role, value, enabled, gone, window. Targets "
        "are waited for 3 s.",
        min_length=1,
        max_length=MOST_ACTIONS,
    ),
]

_WATCHES = "Your token only lets you watch: to pause agents it needs the scope control."


class Tools:
    """The tools that a server offers, whichever desktop they are called on.

    Args:
        groups: Opt-in groups of tools: "low-level", "files".
        vault: Secrets that may be typed by name.
    """

    def __init__(
        self, groups: frozenset[str] = frozenset(), vault: SecretStore = _NO_SECRETS
    ) -> None:
        self._builds = NAMED | (LOW_LEVEL if "low-level" in groups else {})
        self._opted = Filing().all() if "files" in groups else []
        self._builds["type"] = typing(vault)
        self._acting = {
            name: desk_tool(
                acting(name, build, _act),
                name=name,
                core=name in _CORE,
                destroys=name not in STAYING,
            )
            for name, build in self._builds.items()
        }
        others = (self.wait_for, self.open, self.windows)
        self._steps = self._acting | {run.__name__: desk_tool(run) for run in others}

    def all(self) -> list[DeskTool]:
        """The tools in the order a model reads them."""
        looking = [
            desk_tool(run, looks=True, core=run.__name__ in _CORE)
            for run in (
                self.screenshot,
                self.zoom,
                self.read_screen,
                self.find,
                self.cursor_position,
                self.wait_for,
            )
        ]
        doing = [
            desk_tool(
                run, core=run.__name__ in _CORE, hint=hint, destroys=run.__name__ != "checkpoint"
            )
            for run, hint in (
                (self.actions, ""),
                (self.open, ""),
                (self.windows, "window title focus close move"),
                (self.clipboard, "copy paste text"),
                (self.checkpoint, "save state before risk undo snapshot"),
                (self.rollback, "undo restore take back mistake"),
                (self.request_human, "ask person help login captcha approve"),
                (self.desktops, "another desktop open close share reserve"),
            )
        ]
        shown = desk_tool(self.show_desktop, looks=True, meta={"ui": {"resourceUri": APP_URI}})
        return [*looking, *self._acting.values(), *doing, shown, *self._opted]

    async def screenshot(
        self,
        on: Invocation,
        marks: Annotated[bool, optional("Number the elements: 12 is e12.")] = False,
    ) -> Result:
        """Look at the whole screen. Coordinates of all tools are pixels of this picture."""
        frame = await on.desktop.look(marks=marks)
        return answer(frame) if marks else _shown(on, frame)

    async def read_screen(
        self,
        on: Invocation,
        query: Annotated[str, optional("Only elements with this text or role.")] = "",
        window: Annotated[str, optional("Only windows with this in their title.")] = "",
        region: Annotated[Region, optional("Only within [x0, y0, x1, y1].")] = NOWHERE,
        since: Annotated[Whole, optional("Only what changed since this frame.", ge=0)] = 0,
        offset: Annotated[Whole, optional("Continue at this line.", ge=0)] = 0,
    ) -> Result:
        """Read the screen as text, without a picture: ref, role, name and click point of each
        element. Refs e… come from programs and stay the same; o… come from OCR."""
        part = on.desktop.region(region) if region else None
        frame, scene = await on.desktop.read()
        on.caller.known = frame.look
        if not (query or window or part or offset):
            on.caller.outline = frame.number
        wanted = Wanted(query, window, part)
        text = on.outlines.tell(frame, scene, wanted, since, offset)
        return Result(text=text)

    async def find(
        self,
        on: Invocation,
        text: Annotated[str, optional("Text; the best match first.")] = "",
        role: Annotated[str, optional('Such as "button", "entry", "link".')] = "",
        limit: Annotated[Whole, optional("At most this many.", ge=1, le=50)] = 10,
    ) -> Result:
        """Find elements by text, role or both, also out of view; read_screen lists all in view."""
        if not text.strip() and not role.strip():
            raise BadText("Say what to find: a text, a role, or both.")
        found = await on.desktop.find(text, role, limit)
        told: dict[str, Any] = {"ok": True, "found": listed(found.elements)}
        if not found.elements:
            told["near"] = listed(found.near)
        notes = [*found.untold, *([found.unread] if found.unread else [])]
        if notes:
            told["note"] = "; ".join(notes)
        return said(told)

    async def zoom(
        self,
        on: Invocation,
        region: Annotated[Region, about("[x0, y0, x1, y1] in the last screenshot.")],
    ) -> Result:
        """Look at a part of the screen, enlarged from its native pixels, to read small text.
        Coordinates stay those of the full screenshot."""
        frame = await on.desktop.zoom(region)
        on.caller.known = frame.look
        return answer(frame, region=region)

    async def cursor_position(self, on: Invocation) -> Result:
        """Return the position of the pointer."""
        frame = await on.desktop.look(show="never")
        return said({"ok": True, "x": frame.cursor.x, "y": frame.cursor.y})

    async def wait_for(
        self,
        on: Invocation,
        event: Annotated[
            Literal[
                "still",
                "change",
                "window",
                "window_gone",
                "text",
                "text_gone",
                "element",
                "enabled",
                "control",
            ],
            about(
                "still: the screen rests. change: it changes. window, window_gone: text in a "
                "title. text, text_gone: text in view. element, enabled: an element of this text "
                "and role is there, or usable. control: a person has handed control back."
            ),
        ],
        text: Annotated[str, optional("What to wait for.")] = "",
        role: Annotated[str, optional('For element and enabled, such as "button".')] = "",
        region: Annotated[
            Region, optional("[x0, y0, x1, y1] to watch, for change; default: all.")
        ] = NOWHERE,
        seconds: Annotated[float, optional("Give up after, at most 45.", gt=0, le=45)] = 10,
        screenshot: Screenshot = "auto",
    ) -> Result:
        """Wait until something happens, instead of for a fixed time; says whether it did."""
        check(event, text, role, region)
        look = _look(on, screenshot)
        if event == "control":
            if not await on.session.lease.wait_free(on.caller.who, seconds):
                return said(
                    {"ok": True, "happened": False, "control": on.session.lease.state.value}
                )
            result = _shown(on, await on.desktop.look(**look), happened=True)
            return await _attached(on, result, screenshot)
        came = await awaited(on.desktop, event, text, role, region, seconds, **look)
        more: dict[str, Any] = {} if came.happened is None else {"happened": came.happened}
        if came.seen:
            more["seen"] = line(came.seen, text)
        elif came.looked and (untold := await on.desktop.untold()):
            more["note"] = "; ".join(untold)
        return await _attached(on, _shown(on, came.frame, **more), screenshot)

    async def actions(
        self,
        on: Invocation,
        actions: Items,
        read: Annotated[bool, optional("End with what changed, as text.")] = False,
        screenshot: Screenshot = "auto",
    ) -> Result:
        """Do several actions in order in one call, each waiting for a still screen; stops at the
        first failure. All coordinates refer to the screenshot before the call."""
        batch = Batch(on.desktop, self._steps, self._builds, on.ruling)
        steps = batch.read(actions)
        before = on.caller.outline
        if read:
            frame, scene = await on.desktop.read()
            on.outlines.tell(frame, scene, Wanted(), 0, 0)
            before = frame.number
        look: Any = _look(on, screenshot)
        try:
            shown = await batch.run(steps, known=on.caller.known, **look)
        except Failed as failed:
            scrub = on.desktop.settings.vault.scrub
            told = failure(batch, len(steps), failed, lambda why: bounded(scrub(why)))
            result = Result(told, is_error=True)
        else:
            if not shown:
                if screenshot == "changed":
                    look["show"] = "auto"
                batch.frames.append(await on.desktop.look(**look))
            result = _shown(on, together(batch.frames), steps=batch.told)
        if read or screenshot == "text":
            result = replace(result, text=await _told_as_text(on, before))
        return result

    async def open(
        self,
        on: Invocation,
        target: Annotated[
            str, about('An application ("Chromium", "Text Editor"), a URL, or a path in the home.')
        ],
        screenshot: Screenshot = "auto",
    ) -> Result:
        """Open an application, a web page or a file, and wait for its window."""
        frame = await on.desktop.open(target, **_look(on, screenshot))
        return await _attached(on, _shown(on, frame), screenshot)

    async def windows(
        self,
        on: Invocation,
        action: Annotated[
            Literal["list", "focus", "close", "move", "maximize", "minimize"],
            optional("What to do."),
        ] = "list",
        window: Annotated[str, optional("Title, part of it, or id, for all but list.")] = "",
        rect: Annotated[
            Region, optional("[x, y, width, height] in the screenshot, for move.")
        ] = NOWHERE,
        screenshot: Screenshot = "auto",
    ) -> Result:
        """List the open windows (topmost last), or focus, close, move or resize one."""
        if action == "list":
            return said({"ok": True, "windows": await _listed(on.desktop)})
        if not window.strip():
            raise BadText(f'To {action} a window, give its title or id as "window".')
        verbs: dict[str, Any] = {"maximize": "maximise", "minimize": "minimise"}
        frame = await on.desktop.manage(
            verbs.get(action, action),
            window,
            Rect(*rect) if rect else None,
            **_look(on, screenshot),
        )
        return await _attached(on, _shown(on, frame), screenshot)

    async def clipboard(
        self,
        on: Invocation,
        action: Annotated[Literal["read", "write"], optional("What to do.")] = "read",
        text: Annotated[str, optional("What to put there, for write.")] = "",
    ) -> Result:
        """Read or write the text of the clipboard."""
        if action == "write":
            await on.desktop.copy(text)
            return said({"ok": True, "written": len(text)})
        return said({"ok": True, "text": await on.desktop.clipboard()})

    async def checkpoint(
        self,
        on: Invocation,
        action: Annotated[Literal["make", "list"], optional("What to do.")] = "make",
        note: Annotated[str, optional("What it is for.", max_length=200)] = "",
    ) -> Result:
        """Save the desktop's files and running programs for rollback to restore; or list
        checkpoints. One is made automatically before terminal commands, deletes and downloads."""
        if action == "list":
            told = {"ok": True, "checkpoints": [_told(one) for one in on.desktop.checkpoints]}
            return said(told, on.desktop.album())
        return said({"ok": True, **_told(await on.desktop.checkpoint(note))})

    async def rollback(
        self,
        on: Invocation,
        to: Annotated[str, optional("Name of a checkpoint; default: the last.")] = "",
        screenshot: Screenshot = "auto",
    ) -> Result:
        """Restore a checkpoint: its files, with its programs started again. What left the desktop
        stays done: mails, orders, anything on the network."""
        restored, frame = await on.desktop.rollback(to, **_look(on, screenshot))
        programs = {"back": list(restored.back), "missing": list(restored.missing)}
        name = restored.checkpoint.name
        result = _shown(on, frame, back_to=name, programs=programs, remember=_STAYS_DONE)
        return await _attached(on, result, screenshot)

    async def request_human(
        self,
        on: Invocation,
        reason: Annotated[str, about("What to ask of a person.", max_length=500)],
        kind: Annotated[
            Kind, optional("login, captcha: a person takes control and does it.")
        ] = "question",
        choices: Annotated[list[str], optional("Answers to choose from.", max_length=10)] = NOWHERE,
    ) -> Result:
        """Ask a person for an answer, a choice, approval, a login or a captcha. Waits up to 40 s;
        later answers are kept 10 minutes, for the same reason asked again."""
        if not reason.strip():
            raise BadText("Say what to ask, as reason.")
        asker = on.caller
        holder = asker.grant.holder
        question = on.asking.open(asker.who, kind, reason, choices, holder=holder)
        what = "A person has to answer this"
        answer = await on.asking.answered(question, on.call.client, what)
        if answer is None:
            return Result(question=question)
        return said({"ok": True, **_heard(kind, answer)})

    async def desktops(
        self,
        on: Invocation,
        action: Annotated[
            Literal["list", "open", "close", "reserve", "release"], optional("What to do.")
        ] = "list",
        name: Annotated[str, optional("For open or close.")] = "",
        size: Annotated[str, optional('Such as "1280x800".')] = "",
        seconds: Annotated[Whole, optional("For reserve.", gt=0, le=600)] = 60,
    ) -> Result:
        """List desktops, open another (its files stay if it has a name), close one; or reserve
        this one: others are kept out until release or time-out."""
        asking = on.caller
        if action == "open":
            gate = await on.desks.open(asking.grant, size, name)
            return said({"ok": True, "opened": gate.desktop.settings.name})
        if action == "close":
            on.desks.close(name, asking.grant)
            return said({"ok": True, "closed": name})
        if action == "reserve":
            on.session.lease.reserve(asking.who, seconds)
            return said({"ok": True, "reserved_for": seconds})
        if action == "release":
            on.session.lease.release(asking.who)
            return said({"ok": True})
        listed = on.desks.listed(asking.grant)
        return said({"ok": True, "desktops": listed, "may_open": on.desks.left})

    async def show_desktop(
        self,
        on: Invocation,
        do: Annotated[Literal["", "watch", "pause", "stop"], optional("Page.")] = "",
    ) -> Result:
        """Show the desktop to your user, live if their client can."""
        if do in ("pause", "stop"):
            if not on.caller.grant.may("control"):
                raise NotAllowed(_WATCHES)
            on.asking.pause(on.caller.who, stop=do == "stop")
        address = on.desks.address
        live = {"live": f"{address}/live/{on.desktop.settings.name}"} if address else {}
        more = live | on.asking.shown
        if not do:
            return answer(await on.desktop.look(), **more)
        return said({"ok": True, **more}, await on.desktop.peek())


async def _act(on: Invocation, action: Action, screenshot: Attached) -> Result:
    look, permit = _look(on, screenshot), on.ruling.of_input()
    frame = await on.desktop.do(action, known=on.caller.known, permit=permit, **look)
    return await _attached(on, _shown(on, frame), screenshot)


def _look(on: Invocation, screenshot: Attached) -> Any:
    """Which picture the desktop is asked for."""
    return {"show": "never" if screenshot == "text" else screenshot, "seen": on.caller.seen}


async def _attached(on: Invocation, result: Result, screenshot: Attached) -> Result:
    """A result with the text that it is asked for with."""
    if screenshot != "text":
        return result
    return replace(result, text=await _told_as_text(on, on.caller.outline))


async def _told_as_text(on: Invocation, since: int) -> str:
    """The whole screen as text, or what has changed since a frame."""
    frame, scene = await on.desktop.read()
    on.caller.known, on.caller.outline = frame.look, frame.number
    return on.outlines.tell(frame, scene, Wanted(), since, 0)


def _shown(on: Invocation, frame: Frame, **more: Any) -> Result:
    on.caller.known = frame.look
    if frame.picture and frame.part is None:
        on.caller.seen = frame.look
    return answer(frame, **more)


async def _listed(desktop: Desktop) -> list[dict[str, Any]]:
    return [
        {
            "id": f"0x{one.id:x}",
            "title": one.title,
            "application": one.application,
            "rect": [one.rect.x, one.rect.y, one.rect.width, one.rect.height],
            **({"active": True} if one.active else {}),
            **({"minimized": True} if one.minimised else {}),
        }
        for one in await desktop.windows()
    ]


def _heard(kind: Kind, answer: Answer) -> dict[str, Any]:
    """What a person said or did, as facts."""
    heard: dict[str, Any] = {"by": answer.by}
    if not answer.approved:
        heard |= {"said": "no", "dismissed": True} if answer.dismissed else {"said": "no"}
        return heard | ({"note": answer.text} if answer.text else {})
    if kind == "question":
        return heard | {"answer": answer.text}
    heard["said"] = "yes" if kind == "approve" else "done"
    if answer.text:
        heard["note"] = answer.text
    if kind in BY_HAND:
        heard |= {"did": list(answer.did)} if answer.did else {}
        heard["next"] = "Look before you act: what you know of the screen is old."
    return heard


def _told(made: Checkpoint) -> dict[str, Any]:
    when = datetime.fromtimestamp(made.when, UTC).isoformat(timespec="seconds")
    told: dict[str, Any] = {"checkpoint": made.name, "when": when, "bytes": made.size}
    if made.note:
        told["note"] = made.note
    return {**told, "automatic": made.automatic, "windows": list(made.windows)}
