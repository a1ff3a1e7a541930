"""The one gate every call to a desktop passes: its steps, in their order, in one list."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

import anyio

from gloveport.sandbox.desktop import Desktop, Knowledge
from gloveport.sandbox.errors import NotAllowed, NotNow, SandboxError

from ..control.call import Call, Client, Result, refusal
from ..control.call_queue import CallQueue
from ..control.elicitation import Elicitation, SaidNo
from ..control.lease import CallKind, LookFirst, State
from ..control.lease import told as handed_back
from ..control.policy import NeedsYes, Policy, Ruling, sends_input
from ..control.questions import Answer, Question
from ..control.session import SYSTEM, DesktopSession
from ..hosts.desktops import Desktops
from ..recording.describe import QUOTES, places, said, told
from ..recording.touches import touches
from ..tools.encode import redacted, saying
from ..tools.input import LOW_LEVEL, NAMED
from ..tools.invocation import Invocation
from ..tools.schema import DeskTool, quoted
from ..tools.screen_text import Outlines
from .callers import Callers
from .held import HeldInput

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LONGEST = 50  # seconds; TypeScript clients give a call up after 60
_WAITING = {"wait", "wait_for"}  # tools that take turns only to look
_LEFT_TO_ACT = 5  # seconds a call keeps for what a person has said yes to
_ASKED_AT_MOST = 3  # questions of one call
_CHANGING = refusal(
    f"A person said yes, but the screen has changed each of {_ASKED_AT_MOST} times meanwhile, so "
    "it was not done. Take a screenshot and try again."
)
_BROKE = refusal(
    "Something broke inside the server while this was done, so it may have been done or not. Take "
    "a screenshot and look before you repeat it."
)
_BUSY = refusal(
    f"The desktop was busy for {_LONGEST} s and the call was given up; what it held was released. "
    "Take a screenshot and try again."
)

Next = Callable[[Invocation], Awaitable[Result]]
Step = Callable[[Invocation, Next], Awaitable[Result]]


class DesktopGate:
    """Admits and answers the calls to one desktop. Used on the event loop only.

    Args:
        desktop: The desktop.
        tools: What can be called.
        desks: The desktops of the same server.
        policy: What agents may do, and what needs a person's yes.
    """

    def __init__(
        self, desktop: Desktop, tools: Sequence[DeskTool], desks: Desktops, policy: Policy
    ) -> None:
        self.desktop = desktop
        self.sharing = DesktopSession(desktop)
        """Who drives the desktop, who watches, and what happened on it."""
        self.asking = Elicitation(self.sharing, lambda: desks.address)
        self.last_call = time.monotonic()
        self._tools = {tool.name: tool for tool in tools}
        self._desks = desks
        self._policy = policy
        self._outlines = Outlines()
        self._callers = Callers()
        self._held = HeldInput(desktop)
        self._line = CallQueue()
        self._running = 0
        # Each step passes the call on to the next, or answers it.
        steps: tuple[Step, ...] = (
            self._authorized,
            self._recorded,
            self._redacted,
            self._explained,
            self._permitted,
            self._leased,
            self._queued,
        )
        self._run: Next = self._performed
        for step in reversed(steps):
            self._run = partial(step, then=self._run)

    async def answer(self, call: Call) -> Result:
        """Answer a call that is meant for this desktop."""
        epoch, losses = self.sharing.lease.epoch, self.desktop.losses
        caller = self._callers.find(call.who, call.passport.grant, epoch=epoch, losses=losses)
        return await self._run(
            Invocation(
                call, caller, self.desktop, self.sharing, self.asking, self._outlines, self._desks
            )
        )

    # The steps

    async def _authorized(self, on: Invocation, then: Next) -> Result:
        """See that the caller's credential allows the tool, on this desktop, so soon."""
        tool, name = self._tools.get(on.call.tool), self.desktop.settings.name
        needs = tool.scope if tool else "control"
        if why := on.call.passport.refusal(on.call.tool, needs=needs, desktop=name):
            return refusal(why)
        return await then(on)

    async def _recorded(self, on: Invocation, then: Next) -> Result:
        """Record what is asked, and what is answered."""
        call, vault = on.call, self.desktop.settings.vault
        self._running += 1
        arguments = dict(call.arguments)
        words = told(call.tool, arguments, vault)
        known = call.tool if call.tool in self._tools else "unknown"
        self.asking.hear(call)
        code, record = said(known, arguments, vault), self.sharing.record
        begun = record.begin(on.caller.who, known, words, *places(arguments), code)
        reached = self.sharing.touches_of(begun)
        noted = touches.set(reached)
        error, why, picture = "It was given up.", "", None
        try:
            result = await then(on)
            error, why, picture = result.error, result.why, result.picture
        finally:
            touches.reset(noted)
            self._running -= 1
            self.last_call = time.monotonic()
            self._held.note(on.caller.who.key)
            ended = record.end(
                begun, error=error, why=why, picture=picture,
                told=told(call.tool, arguments, vault, reached),
                said=said(known, arguments, vault, reached),
            )  # fmt: skip
            self._desks.metrics.called(known, ok=ended.ok, seconds=ended.ms / 1e3)
            logger.info("%s called %s: %d ms", on.caller.who.name, known, ended.ms)
        return result

    async def _redacted(self, on: Invocation, then: Next) -> Result:
        """Write the result down, without the values of secrets."""
        return redacted(await then(on), self.desktop.settings.vault)

    async def _explained(self, on: Invocation, then: Next) -> Result:
        """Turn each refusal into its sentence, and a failure of ours into one that is safe."""
        try:
            return await then(on)
        except (NotNow, NotAllowed) as why:
            return replace(refusal(str(why)), why=type(why).__name__)
        except Exception:
            logger.exception("a call of %s failed unexpectedly", quoted(on.call.tool))
            return _BROKE

    async def _permitted(self, on: Invocation, then: Next) -> Result:
        """Judge the call by the policy; it goes on again with the permission of a person where it
        needs that.

        Raises:
            NotAllowed: A rule or a person said no, or nobody could say yes.
        """
        name = on.call.tool
        allowed = partial(self.sharing.questions.allowed, on.caller.who)
        vault = self.desktop.settings.vault
        judged = Ruling(self._policy, name, vault=vault, allowed=allowed)
        on = replace(on, ruling=judged)
        touches = sends_input(name, acting=name in NAMED or name in LOW_LEVEL)
        with anyio.move_on_after(_LONGEST) as limit:
            for _ in range(_ASKED_AT_MOST):
                needed = None if touches else judged.of_call(on.call.arguments)
                result = Result(approval=needed) if needed else await then(on)
                needed = result.approval
                if needed is None:
                    return result
                seconds = limit.deadline - anyio.current_time() - _LEFT_TO_ACT
                question = self._question(on, needed)
                await self.asking.picture(question, needed.at)
                answer = await self._said(on, question, needed, seconds)
                if answer is None:
                    return Result(question=question)
                if not answer.approved:
                    raise SaidNo(needed.what, answer.by, answer.text, dismissed=answer.dismissed)
                judged.granted.add(needed.where)
            return _CHANGING
        return _BUSY

    async def _leased(self, on: Invocation, then: Next) -> Result:
        """Go on while agents may: a person who takes control ends the call.

        Raises:
            NotNow: It may not be made now, or a person ended it.
        """
        lease, kind, epoch = self.sharing.lease, self._kind(on), self.sharing.lease.epoch
        result = _BUSY
        with anyio.move_on_after(_LONGEST) as limit, ExitStack() as until_answered:
            if not _waits_for_people(on):
                until_answered.enter_context(lease.running(on.caller.who, limit, kind))
            if kind == "acts" and on.caller.epoch != epoch and lease.back:
                raise LookFirst(lease.back)
            result = await _unless_gone(on.call.client, lambda: then(on)) or _BUSY
        if why := lease.ended(limit):
            raise why
        if on.call.tool == "request_human" or kind == "acts" or result.approval:
            return result
        return self._with_news(on, result)

    async def _queued(self, on: Invocation, then: Next) -> Result:
        """Wait for the caller's turn on the desktop."""
        if _waits_for_people(on):
            return await then(on)
        call, waits = on.call, on.call.tool in _WAITING
        place = self._line.place(
            on.caller.who.key, call.number, waits=waits, one_by_one=call.one_client
        )
        async with place:
            return await then(on)

    async def _performed(self, on: Invocation) -> Result:
        """Check the arguments, and do what the tool does: act, wait until the screen rests, look.
        What fails is a sentence here, because a task group would wrap an exception."""
        name = on.call.tool
        tool = self._tools.get(name)
        if tool is None:
            near = get_close_matches(name, self._tools, 3, 0.5)
            there = f"did you mean {' or '.join(near)}?" if near else "see tools/list."
            return refusal(f"There is no tool {quoted(name)!r}; {there}")
        knows = Knowledge(on.caller.losses, acts=self._kind(on) == "acts")
        try:
            return await tool.answer(replace(on, desktop=self.desktop.for_caller(knows)))
        except NeedsYes as needed:
            return Result(approval=needed)
        except SandboxError as why:
            return refusal(str(why))
        except Exception:
            logger.exception("the tool %s failed unexpectedly", name)
            return _BROKE
        finally:
            self._callers.told(on.caller, knows.losses)

    # What the steps need

    def _kind(self, on: Invocation) -> CallKind:
        if on.call.tool in ("wait_for", "request_human"):
            return "waits"
        tool = self._tools.get(on.call.tool)
        looks = tool and tool.annotations and tool.annotations.read_only_hint
        return "looks" if looks else "acts"

    def _question(self, on: Invocation, needed: NeedsYes) -> Question:
        call, who = on.call, on.caller.who
        same = json.dumps([call.tool, dict(call.arguments), str(needed.where)], sort_keys=True)
        name = who.name.translate(QUOTES)
        asked = f"May the agent that calls itself “{name}” {needed.what}? {needed.rule.message}"
        holder = on.caller.grant.holder
        return self.asking.open(
            who, "approve", asked.strip(), of=same, holder=holder, rule=needed.rule.name,
            site=needed.where.site, said={**needed.said, "message": needed.rule.message},
        )  # fmt: skip

    async def _said(
        self, on: Invocation, question: Question, needed: NeedsYes, seconds: float
    ) -> Answer | None:
        """What a person says to a call that needs a yes; None: the client has to ask.

        Raises:
            NotAllowed: Nobody can be asked or has answered, or the client has gone away.
        """
        rule, client = needed.rule.name, on.call.client
        what = f"To {needed.what} needs a person's yes (rule {rule!r}). It was not done"

        async def ask() -> tuple[Answer | None] | NotAllowed:
            try:
                return (await self.asking.answered(question, client, what, seconds),)
            except NotAllowed as why:
                return why

        answer = await _unless_gone(client, ask)
        if answer is None:
            raise NotAllowed("The client went away while a person was asked. It was not done.")
        if isinstance(answer, NotAllowed):
            raise answer
        return answer[0]

    def _with_news(self, on: Invocation, result: Result) -> Result:
        """A result that shows the screen, with how the one before was lost and what people did to
        it, if that is news to the caller."""
        if result.is_error or result.question:
            return result
        if on.caller.losses != self.desktop.losses:
            self._callers.told(on.caller, self.desktop.losses)
            result = saying(result, {"notices": [self.desktop.loss]})
        lease = self.sharing.lease
        if lease.back and on.caller.epoch != lease.epoch:
            self._callers.looked(on.caller, lease.epoch)
            result = saying(result, {"handed_back": handed_back(lease.back)})
        return result

    # Besides calls

    @property
    def needed(self) -> bool:
        """Whether a call runs, or a person watches or drives."""
        person = self.sharing.lease.state is State.PERSON
        return self._running > 0 or person or bool(self.sharing.watching)

    async def screen(self) -> bytes:
        """The screen as it is now, as PNG.

        Raises:
            SandboxError: It cannot be shown.
        """
        self.sharing.lease.admit(SYSTEM, "looks")
        return (await self.desktop.lossless()).data

    async def tend(self) -> None:
        """Do what is due from time to time, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._held.tend)
            tasks.start_soon(self.sharing.tend)

    async def gone(self, name: str) -> None:
        """A caller has disconnected: release what it held, and forget it."""
        self._line.forget(name)
        self._callers.forget(name)
        self.sharing.disconnected(name)
        await self._held.release(name)


def _waits_for_people(on: Invocation) -> bool:
    """Whether a call waits for a person, and so neither for its turn nor for the lease."""
    arguments: Mapping[str, object] = on.call.arguments
    name = on.call.tool
    return name == "request_human" or (name == "wait_for" and arguments.get("event") == "control")


async def _unless_gone(client: Client, work: Callable[[], Awaitable[T]]) -> T | None:
    """Do work that raises nothing; None if the client hangs up meanwhile."""
    done: T | None = None

    async def end() -> None:
        await client.gone()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        done = await work()
        tasks.cancel_scope.cancel()
    return done
