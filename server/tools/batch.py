"""Several steps in one call: each finds its target, acts, and checks what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.actions import Action
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import (
    Ambiguous,
    BadText,
    Covered,
    ElementGone,
    NoSuchElement,
    NoSuchRef,
    NotDone,
    NotShown,
    SandboxError,
)
from gloveport.sandbox.frames import Frame, Show
from gloveport.sandbox.geometry import Rect

from ..control.policy import Ruling
from .encode import facts
from .input import Build
from .schema import DeskTool, quoted, wrong
from .screen_text import line
from .wait import awaited, check

NOT_EXECUTED = "Not executed: an earlier computer action in this turn failed."
FOUND_WITHIN = 3.0  # seconds a target has to come up; a dialog or a page takes one or two
_TARGETS = {"click_element": "target", "set": "target", "type": "into"}
_NOT_FOUND = (NoSuchElement, NoSuchRef, Ambiguous, ElementGone, NotShown, Covered)
_OF_A_STEP = {"changed", "settle_ms"}
_ON, _OFF = ("on", "true", "checked"), ("off", "false", "unchecked")

Phase = Literal["find", "act", "expect"]


class Expect(BaseModel):
    """What has to hold after a step, within some seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = ""
    role: str = ""
    nth: Annotated[int, Field(ge=0, le=100)] = 0
    value: str | None = None
    enabled: bool | None = None
    gone: str = ""
    window: str = ""
    seconds: Annotated[float, Field(gt=0, le=10)] = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step, checked before the first is done."""

    name: str
    given: Mapping[str, Any]
    build: Build | None = None
    role: str = ""
    nth: int = 0
    expect: Expect | None = None

    @property
    def target(self) -> str:
        """The text that names what it acts on; empty for a ref, a path of menus, or none."""
        named = str(self.given.get(_TARGETS.get(self.name, ""), ""))
        is_ref = named[:1] in ("e", "o") and named[1:].isdecimal()
        return "" if is_ref or " > " in named else named

    @property
    def picks(self) -> bool:
        """Whether its target is one of several, or is named by its role."""
        return bool(self.role or self.nth)

    def action(self, ref: str = "") -> Action | None:
        """What it does to the desktop, if it sends input; to the thing of a ref, if one is given.

        Raises:
            BadText: Its parameters are wrong.
        """
        if self.build is None:
            return None
        given = {**self.given, _TARGETS[self.name]: ref} if ref else self.given
        return self.build(**given)


class Failed(Exception):
    """A step failed; those before it were done."""

    def __init__(self, place: int, phase: Phase, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.phase = phase


@dataclass(slots=True)
class Batch:
    """The steps of one call.

    Args:
        desktop: What they act on.
        tools: The tools that send input, and wait_for, open and windows, by name.
        builds: What makes an action of the parameters of those that send input.
        ruling: The policy on the call.
    """

    desktop: Desktop
    tools: Mapping[str, DeskTool]
    builds: Mapping[str, Build]
    ruling: Ruling
    frames: list[Frame] = field(default_factory=list[Frame], init=False)
    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]], init=False)
    """What came of each step that was done."""

    def read(self, steps: Sequence[Mapping[str, Any]]) -> list[Step]:
        """Check all steps.

        Raises:
            BadText: One is wrong; nothing was done.
        """
        read: list[Step] = []
        for place, step in enumerate(steps):
            try:
                read.append(self._read(dict(step)))
                if not read[-1].picks and (action := read[-1].action()):
                    action.plan(self.desktop.view)
            except SandboxError as why:
                after = "" if str(why).endswith("Nothing was done.") else " Nothing was done."
                where = f"actions[{place}]" if str(why)[:6] == "names " else f"actions[{place}]:"
                raise BadText(f"{where} {why}{after}") from why
        return read

    def _read(self, step: dict[str, Any]) -> Step:
        expected = step.pop("expect") if isinstance(step.get("expect"), dict) else None
        try:
            expect = None if expected is None else Expect.model_validate(expected)
        except ValidationError as failure:
            raise BadText(f"expect: {wrong(failure, list(Expect.model_fields))}") from failure
        if expect is not None and not (set(expected or {}) - {"nth", "seconds"}):
            raise BadText("expect says nothing to check; give text, role, gone or window.")
        name = step.pop("action", "" if expect is None else "check")
        if name == "check" and expect is not None and not step:
            return Step("check", {}, expect=expect)
        name = name if isinstance(name, str) else ""
        tool = self.tools.get(name)
        if tool is None:
            raise BadText(
                f"names no tool that acts ({quoted(name)!r}); use one of {', '.join(self.tools)}."
            )
        role, nth = "", 0
        if name in _TARGETS:
            role, nth = step.pop("role", ""), step.pop("nth", 0)
            if not isinstance(role, str) or type(nth) is not int or not 0 <= nth <= 100:
                raise BadText("role must be text, and nth a number from 1 to 100.")
        try:
            given = tool.fn_metadata.validate_arguments(step)
        except ValidationError as failure:
            raise BadText(tool.wrong(failure)) from failure
        given.pop("screenshot", None)
        made = Step(name, given, self.builds.get(name), role, nth, expect)
        if made.picks and not made.target and not role:
            raise BadText("nth counts things of one text or role; give it, and not a ref.")
        if name == "wait_for":
            if given["event"] == "control":
                raise BadText("To wait for control, call wait_for by itself.")
            check(given["event"], given["text"], given["role"], given["region"])
        if name == "windows" and (given["action"] == "list" or not given["window"].strip()):
            raise BadText("windows takes an action other than list here, and a window.")
        return made

    async def run(self, steps: Sequence[Step], *, show: Show, seen: int, known: int) -> bool:
        """Do the steps in their order.

        Returns:
            Whether the last frame has the picture that `show` asks for, if any.

        Raises:
            Failed: One failed, or what it expects did not come.
        """
        place, shown, waited = 0, False, -1
        while place < len(steps):
            end = self._together(steps, place)
            if end > place:
                shown = end == len(steps) and steps[-1].expect is None
                look: Any = {"show": show if shown else "never", "seen": seen, "known": known}
                if (done := await self._act(steps, place, end, look, waited)) < end:
                    await self._wait_for(steps[done], done)
                    place = waited = done
                    continue
                place = end - 1
            else:
                await self._by_itself(steps[place], place)
                shown = False
            if expect := steps[place].expect:
                await self._expect(expect, place)
            place += 1
        return shown

    def _together(self, steps: Sequence[Step], start: int) -> int:
        """The end of the steps from here on that are done in one turn."""
        end = start
        while end < len(steps) and steps[end].build and not steps[end].picks:
            end += 1
            if steps[end - 1].expect:
                break
        return end

    async def _act(
        self, steps: Sequence[Step], start: int, end: int, look: Any, waited: int
    ) -> int:
        """Do steps in one turn; the first that was not done because its target is not there.

        The target of one that was `waited` for is not waited for again.
        """
        names = [step.name for step in steps[start:end]]
        actions = [action for step in steps[start:end] if (action := step.action())]
        done = start

        def finished(frame: Frame) -> None:
            nonlocal done
            self._note(frame)
            done += 1

        try:
            await self.desktop.do_all(
                actions, done=finished, permit=self.ruling.of_steps(names), **look
            )
        except NoSuchElement as why:
            if not steps[done].target or done == waited:
                raise Failed(done, "find", str(why)) from why
        except SandboxError as why:
            raise Failed(done, "find" if isinstance(why, _NOT_FOUND) else "act", str(why)) from why
        return done

    async def _wait_for(self, step: Step, place: int) -> Element:
        """Wait until the target of a step is there."""
        try:
            return await self.desktop.pick(step.target, step.role, step.nth, FOUND_WITHIN)
        except SandboxError as why:
            raise Failed(place, "find", f"{why} It was waited for {FOUND_WITHIN:g} s.") from why

    async def _by_itself(self, step: Step, place: int) -> None:
        """Do a step that looks before it acts, or sends no input."""
        try:
            if step.picks:
                found = await self._wait_for(step, place)
                action = step.action(found.ref)
                assert action
                permit = self.ruling.of_steps([step.name])
                self._note(await self.desktop.do(action, show="never", permit=permit))
                return
            if step.name != "check":
                self.ruling.of_step(step.name, step.given)
            await self._other(step)
        except SandboxError as why:
            raise Failed(place, "find" if isinstance(why, _NOT_FOUND) else "act", str(why)) from why

    async def _other(self, step: Step) -> None:
        given = step.given
        match step.name:
            case "open":
                self._note(await self.desktop.open(given["target"], show="never"))
            case "windows":
                verb = {"maximize": "maximise", "minimize": "minimise"}
                rect = Rect(*given["rect"]) if given["rect"] else None
                action: Any = verb.get(given["action"], given["action"])
                self._note(await self.desktop.manage(action, given["window"], rect, show="never"))
            case "wait_for":
                came = await awaited(self.desktop, **given, show="never")
                if came.happened is False:
                    raise NotDone(_in_vain(given, came.seen))
                self._note(came.frame, **({"seen": line(came.seen)} if came.seen else {}))
            case _:
                self._note(await self.desktop.look(show="never"))

    def _note(self, frame: Frame, **more: Any) -> None:
        told = facts(frame)
        self.frames.append(frame)
        kept = {key: told[key] for key in told if key in _OF_A_STEP or key in frame.told}
        self.told.append(kept | more)

    async def _expect(self, expect: Expect, place: int) -> None:
        """Wait until what a step expects holds."""
        try:
            if why := await self._missing(expect):
                raise Failed(place, "expect", why)
        except SandboxError as why:
            raise Failed(place, "expect", str(why)) from why
        self.told[-1]["expect"] = "holds"

    async def _missing(self, expect: Expect) -> str:
        """What is there instead of what is expected; empty if all of it is there."""
        desktop, seconds = self.desktop, expect.seconds
        if expect.window:
            happened, frame = await desktop.wait_for_window(expect.window, seconds, show="never")
            if not happened:
                wanted, active = quoted(expect.window), frame.window
                return f"No window has {wanted!r} in its title; {active!r} is active."
        if expect.gone:
            found, _ = await desktop.wait_until_shown(
                expect.gone, seconds, gone=True, pixels=True, show="never"
            )
            if found:
                return f"It should be gone and is still seen: {line(found)}."
        if not expect.text and not expect.role:
            return ""
        if expect.value is None and expect.enabled is None and not expect.nth:
            found, _ = await desktop.wait_until_shown(
                expect.text, seconds, role=expect.role, pixels=True, show="never"
            )
            if found is None:
                near = await desktop.find(expect.text, expect.role, 3)
                listed = "; ".join(line(one) for one in near.near)
                there = f"near are {listed}." if listed else "read_screen tells what there is."
                return f"Nothing that is {_named(expect)} is seen; {there}"
            return ""
        held = await desktop.pick(
            expect.text,
            expect.role,
            expect.nth,
            seconds,
            fits=lambda one: not _differs(one, expect),
        )
        return _differs(held, expect)


def _differs(element: Element, expect: Expect) -> str:
    """What is different about an element; empty if nothing is."""
    usable = "sensitive" in element.states or element.eye == "ocr"
    if expect.enabled is not None and usable is not expect.enabled:
        return f"{line(element)} is {'enabled' if usable else 'disabled'}."
    if expect.value is None:
        return ""
    if element.text is None and "checkable" in element.states:
        on = "checked" in element.states
        held = expect.value.casefold() in (_ON if on else _OFF)
        return "" if held else f"{line(element)} is {'on' if on else 'off'}."
    same = (element.text or "") == expect.value
    return "" if same else f"{line(element)} should hold {quoted(expect.value)!r}."


def _named(expect: Expect) -> str:
    return " ".join(
        part
        for part in (
            f"called {quoted(expect.text)!r}" if expect.text else "",
            f"of the role {quoted(expect.role)!r}" if expect.role else "",
        )
        if part
    )


def _in_vain(given: Mapping[str, Any], seen: Element | None) -> str:
    there = f"; {line(seen)} is" if seen else ""
    what = quoted(given["text"] or given["role"])
    return f"{given['event']} {what!r} did not come in {given['seconds']:g} s{there}."


def failure(
    batch: Batch, steps: int, failed: Failed, said: Callable[[str], str]
) -> list[dict[str, Any]]:
    """What is told of a call whose steps did not all succeed: facts of each."""
    told: list[dict[str, Any]] = [{"ok": True, **facts(frame)} for frame in batch.frames]
    del told[failed.place :]
    told.append(
        {"ok": False, "step": failed.place, "phase": failed.phase, "error": said(str(failed))}
    )
    return told + [{"ok": False, "error": NOT_EXECUTED}] * (steps - len(told))
