"""One turn of actions: each with its checkpoint before, its input permitted, its frame after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .accessibility.atspi.bus import Slow
from .actions import (
    Action,
    ButtonUp,
    Click,
    ClickElement,
    Drag,
    Hold,
    KeyDown,
    Plan,
    Press,
    SetValue,
    Type,
    TypeSecret,
)
from .checkpoints import history
from .errors import NotTold, NotTyped
from .frame_builder import FrameBuilder
from .frames import Frame, Show
from .geometry import Point
from .input.authorization import InputContext, PendingInput, Permit
from .notices import Notices
from .options import DesktopOptions
from .runtime import Runtime
from .screen.settle import Patience
from .undo import Undo

_KEYS = (Type, TypeSecret, Press, Hold, KeyDown, SetValue)  # actions that press keys
_LONGEST_TOLD = 300  # characters of what an action tells


@dataclass(frozen=True, slots=True)
class Asked:
    """How actions are done and answered; see `Desktop.do`."""

    show: Show = "auto"
    seen: int = 0
    known: int = 0
    patience: Patience | None = None
    permit: Permit | None = None


class ActionTurn:
    """Does actions in a turn. Around each of them, in this order:

    before_action: a checkpoint is made, if the action is risky or the last one is old.
    before_input: each touch is permitted, right before it is sent.
    before_frame: what the action tells is redacted, and shortened; the frame redacts the rest.

    Args:
        settings: What the desktop is like.
        frames: Makes the frames.
        undo: Makes the checkpoints.
        notices: What callers are told besides.
    """

    def __init__(
        self, settings: DesktopOptions, frames: FrameBuilder, undo: Undo, notices: Notices
    ) -> None:
        self._settings = settings
        self._frames = frames
        self._undo = undo
        self._notices = notices

    def run(
        self,
        parts: Runtime,
        actions: Sequence[Action],
        plans: Sequence[Plan],
        asked: Asked,
        done: Callable[[Frame], None],
    ) -> list[Frame]:
        """Do actions that were checked; the last frame has the picture, if any."""
        frames: list[Frame] = []
        for place, (action, plan) in enumerate(zip(actions, plans, strict=True)):
            last, first = place == len(plans) - 1, place == 0
            self.before_action(parts, action)
            facts: dict[str, object] = {}

            def act(
                plan: Plan = plan, facts: dict[str, object] = facts, place: int = place
            ) -> None:
                with parts.hands.asking(self.before_input(parts, place, asked.permit)):
                    facts.update(self.before_frame(plan, parts))

            frame = self._frames.during(
                parts, act,
                asked.patience or self._frames.patience(action.patience),
                asked.show if last else "never",
                asked.seen,
                press=isinstance(action, (ButtonUp, Click, ClickElement)),
                aimed=[self._frames.view.to_screen(point) for point in _aimed(action)],
                known=asked.known if first else 0,
                keys=isinstance(action, _KEYS),
            )  # fmt: skip
            frames.append(replace(frame, told=facts))
            done(frames[-1])
        return frames

    def before_action(self, parts: Runtime, action: Action) -> None:
        """Make a checkpoint before what is risky, or if the last one is old."""
        self._undo.before(parts, _risk(action, lambda at: self._under(parts, at)))

    def before_input(
        self, parts: Runtime, place: int, permit: Permit | None
    ) -> Callable[[PendingInput], None] | None:
        """What has each touch of an action permitted; None: none has to be."""
        if permit is None:
            return None

        def before(touch: PendingInput) -> None:
            situation = InputContext(touch, place, parts.elements, parts.windows, self._frames.view)
            try:
                permit(situation)
            except Slow as why:
                raise NotTold from why
            if situation.unseen:
                self._notices.unseen(situation.unseen)

        return before

    def before_frame(self, plan: Plan, parts: Runtime) -> dict[str, object]:
        """Do what is planned, and tell of it redacted and short."""
        cut = self._settings.vault.cut
        try:
            told = plan(parts.body) or {}
        except NotTyped as failure:
            raise failure.shortened(cut) from None
        return {
            key: cut(value, _LONGEST_TOLD) if isinstance(value, str) else value
            for key, value in told.items()
        }

    def _under(self, parts: Runtime, at: Point | None) -> str:
        """The names of what is under a point of the screenshot, None: under the pointer.

        What nobody tells of may be what deletes.
        """
        place = parts.hands.where() if at is None else self._frames.view.to_screen(at)
        try:
            found = parts.elements.under(place)[:2]
        except Slow:
            found = []
        return " ".join(node.name for node in found) if found else "delete"


def _risk(action: Action, under: Callable[[Point | None], str]) -> Callable[[str], str]:
    """Why an action is risky in the program of a class of windows; empty when it is not.

    Args:
        action: What is to be done.
        under: The names of what is under a point of the screenshot; None: under the pointer.
    """
    match action:
        case Press(keys) | Hold(keys) | KeyDown(keys):
            return lambda program: history.risk_of_keys(program, keys)
        case Type(text):
            return lambda program: history.risk_of_text(program, text)
        case Click():
            return lambda program: (
                history.risk_of_click(program, under(action.at))
                if program.casefold() in history.FILE_MANAGERS
                else ""
            )
        case ClickElement(named):
            return lambda program: history.risk_of_click(program, named)
        case _:
            return lambda program: ""


def _aimed(action: Action) -> Sequence[Point]:
    """The points that an action presses because of what its caller was shown."""
    match action:
        case Click(at=Point() as at):
            return [at]
        case Drag(path=path):
            return [path[0], path[-1]]
        case _:
            return ()
