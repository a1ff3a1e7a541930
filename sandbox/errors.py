"""What can go wrong in a desktop, in words a model can act on.

Each sentence says what was asked, why not, and what would work. The axis is whose fault it is.

SandboxError
├── Impossible              what was asked for cannot be done; nothing was done
│   ├── OffScreen
│   ├── BadRegion
│   ├── BadText
│   ├── BadAmount
│   ├── BadNetwork
│   ├── UnknownKey
│   ├── NoSuchWindow
│   ├── NoSuchApplication
│   ├── NoSuchCheckpoint
│   ├── NoUndo
│   ├── NoSuchSecret
│   ├── OutsideHome
│   ├── NoSuchFile
│   ├── NotThatKind
│   ├── FileThere
│   ├── TooLarge
│   ├── HoldsSecret
│   ├── NoSuchRef
│   ├── NoSuchElement
│   ├── Ambiguous
│   ├── ElementGone
│   ├── NotShown
│   ├── Covered
│   ├── Disabled
│   └── NotExpected
├── NotAllowed              nobody who may say so has allowed it; nothing was done
├── NotNow                  somebody else has the desktop; nothing more was done
├── Broken                  the desktop, or a part of it, does not work
│   ├── CannotStart
│   │   └── ProgramFailed
│   ├── BadSecrets
│   ├── Loss
│   │   ├── LostBefore
│   │   ├── DesktopLost
│   │   ├── NotRolledBack
│   │   ├── ConnectionsLost
│   │   └── RolledBack
│   ├── NotRestarted
│   ├── DesktopClosed
│   ├── FileFailed
│   └── NotDone
│       ├── NotPasted
│       └── NotTyped
└── Cancelled               the caller gave up while the action ran
"""

import errno
import os
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches


class SandboxError(Exception):
    """A failure the caller can act on; its text is shown to the model."""


class Impossible(SandboxError):
    """The caller asked for something that cannot be; no input was sent."""


class OffScreen(Impossible):
    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        super().__init__(
            f"({x}, {y}) is outside the {width}x{height} screenshot; "
            f"x goes from 0 to {width - 1}, y from 0 to {height - 1}."
        )


class BadRegion(Impossible):
    def __init__(self, region: Sequence[int], width: int, height: int) -> None:
        super().__init__(
            f"{list(region)} is not a region of the {width}x{height} screenshot; give "
            f"[x0, y0, x1, y1] with 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}."
        )


class BadText(Impossible):
    """Text that cannot be typed or copied as it is."""


class BadAmount(Impossible):
    def __init__(self, what: str, asked: float, least: float, most: float, unit: str = "") -> None:
        unit = f" {unit}" if unit else ""
        super().__init__(f"{what} {asked:g} is not possible; it goes from {least} to {most}{unit}.")


class BadNetwork(Impossible):
    def __init__(self, asked: str, why: str) -> None:
        super().__init__(f"{asked!r} is no network for a desktop: {why}.")


class UnknownKey(Impossible):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name.lower(), known, 3, 0.6)
        hint = (
            f"did you mean {_either(near)}?" if near else 'use names such as "Return" or "ctrl+s".'
        )
        super().__init__(f"There is no key named {name!r}; {hint}")


class NoSuchWindow(Impossible):
    def __init__(self, asked: str, titles: Sequence[str]) -> None:
        there = f"open windows: {_listed(titles)}." if titles else "no window is open."
        super().__init__(f"There is no window {asked!r}; {there}")


class NoSuchApplication(Impossible):
    def __init__(self, asked: str, known: Sequence[str]) -> None:
        near = get_close_matches(asked.lower(), [name.lower() for name in known], 3, 0.5)
        named = [name for name in known if name.lower() in near] or list(known)
        super().__init__(f"There is no application {asked[:60]!r}; there are {_listed(named)}.")


class NoHandler(Impossible):
    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"No application of this desktop opens {scheme[:40]}: links. Name an application, a "
            "web address or a file."
        )


class NoSuchCheckpoint(Impossible):
    def __init__(self, asked: str, names: Sequence[str]) -> None:
        there = f"there are {_listed(names)}." if names else "none has been made yet."
        super().__init__(f"There is no checkpoint {asked!r}; {there} Nothing was done.")


class NoUndo(Impossible):
    def __init__(self) -> None:
        super().__init__(
            "This desktop has no walls, so its files are the machine's own and cannot be taken "
            "back; start it with --walls auto. Nothing was done."
        )


class NoSuchSecret(Impossible):
    def __init__(self, asked: str, known: Sequence[str]) -> None:
        there = f"there are {_listed(known)}." if known else "none is configured (--secrets)."
        super().__init__(f"There is no secret {asked[:64]!r}; {there} Nothing was typed.")


class OutsideHome(Impossible):
    def __init__(self, asked: str) -> None:
        super().__init__(
            f"{asked[:200]!r} is no path in the home of this desktop; give one such as "
            '"~/Documents/note.txt", without "..".'
        )


class NoSuchFile(Impossible):
    def __init__(self, path: str) -> None:
        super().__init__(f"There is no {path}; files_list tells what is there.")


class NotThatKind(Impossible):
    """What is there is no file, or no folder; `found` is "file", "folder", "link" or "other"."""

    def __init__(self, path: str, found: str) -> None:
        why = {
            "file": "is a file, not a folder.",
            "folder": "is a folder, not a file; files_list tells what is in it.",
            "link": "is a link. Links are not followed, wherever they lead: name what it leads to.",
        }
        other = "is neither a file nor a folder (a pipe, a socket or a device) and is not opened."
        super().__init__(f"{path} {why.get(found, other)}")


class FileThere(Impossible):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is a {path} already; choose another name, or say replace=true. "
            "Nothing was written."
        )


class TooLarge(Impossible):
    def __init__(self, path: str, size: int, most: int) -> None:
        super().__init__(
            f"{path} would have {size:,} bytes; upload takes at most {most:,}. Nothing was written."
        )


class HoldsSecret(Impossible):
    def __init__(self, path: str, names: Sequence[str]) -> None:
        super().__init__(
            f"{path} holds the value of {_listed(names)}, so it is not handed out as it is; "
            'encoding="text" gives it without that.'
        )


class NoSuchRef(Impossible):
    def __init__(self, ref: str) -> None:
        super().__init__(
            f"There is no element {ref!r}; refs such as e12 come from read_screen and find."
        )


class NoSuchElement(Impossible):
    """Nothing is called so; it may be in a window that was `untold`."""

    def __init__(self, asked: str, near: Sequence[str], untold: Sequence[str] = ()) -> None:
        hint = f"near are {_listed(near, 5)}." if near else "read_screen tells what there is."
        doubt = f" It may be in a window that {'; that '.join(untold)}." if untold else ""
        super().__init__(f"Nothing on the screen is {asked}; {hint}{doubt}")


class Ambiguous(Impossible):
    def __init__(self, asked: str, found: Sequence[str]) -> None:
        super().__init__(
            f"{len(found)} things on the screen are {asked}: {'; '.join(found[:8])}. "
            "Name one by its ref. Nothing was done."
        )


class ElementGone(Impossible):
    def __init__(self, ref: str, role: str, name: str) -> None:
        super().__init__(
            f"{ref}, {role} {name!r}, is not there any more; find it again. Nothing was done."
        )


class NotShown(Impossible):
    def __init__(self, ref: str, name: str) -> None:
        super().__init__(f"{ref}, {name!r}, is not in view; scroll until it is. Nothing was done.")


class Covered(Impossible):
    def __init__(self, ref: str, name: str, by: str) -> None:
        super().__init__(f"{ref}, {name!r}, is covered by {by}; move that first. Nothing was done.")


class Evasive(Impossible):
    def __init__(self, ref: str, name: str) -> None:
        super().__init__(
            f"{ref}, {name!r}, moves away when the pointer comes; it was not clicked. Give it the "
            "focus with Tab and press Return, or click its place with left_click."
        )


class Disabled(Impossible):
    def __init__(self, ref: str, role: str, name: str) -> None:
        super().__init__(
            f'{ref}, {role} {name!r}, is disabled; wait_for event "enabled" tells when it is not. '
            "Nothing was done."
        )


class NotExpected(Impossible):
    def __init__(self, expected: str, x: int, y: int, found: str) -> None:
        super().__init__(
            f"{expected!r} was expected at ({x}, {y}), but {found}. Nothing was clicked."
        )


class NotAllowed(SandboxError):
    """A rule, or the person who was asked, says no; no input was sent."""


class NotTold(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "The program does not answer, so nobody can tell what this would touch, and there are "
            'rules about that. It was not done; wait_for event "still", then try again.'
        )


class NotNow(SandboxError):
    """A person, or another agent, has the desktop."""


class Broken(SandboxError):
    """The desktop, or a part of it, does not work."""


class NoAnswer(Broken):
    """What was asked for may have been done or not.

    Args:
        why: The cause as the machine tells it; empty when the X server gave no answer in time.
    """

    def __init__(self, why: str = "") -> None:
        what = f"The desktop failed: {why[:100]}" if why else "The X server gave no answer in time"
        again = "" if why else "; if it happens again, close the program that paints without pause"
        super().__init__(
            f"{what}, so this may have been done or not. Take a screenshot and look before you "
            f"repeat it{again}."
        )


class CannotStart(Broken):
    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} did not start: {why}.")


class ProgramFailed(CannotStart):
    """A program of ours ran and failed.

    Args:
        program: Its name.
        said: All it wrote.
        status: Its exit status, negative for a signal; None when it was not done in time.
    """

    def __init__(self, program: str, said: str, status: int | None) -> None:
        words = " ".join(said.split())
        late = "it was not done in time" if status is None else "it failed silently"
        super().__init__(program, words[:300] or late)
        reasons = {os.strerror(number) for number in errno.errorcode}
        said = f": {said}"
        named = [one for one in reasons if f": {one}" in said]
        killed = status is not None and status < 0
        self.cause = min(named, key=lambda one: (said.index(f": {one}"), -len(one)), default="")
        """Why, in the words of the kernel where it said them."""
        if not self.cause:
            ended = killed or "Killed" in words.split()
            shown = re.sub(r"'?/[^\s']*'?:? ?", "", words[:300]).rstrip(".")  # no paths of ours
            self.cause = late if status is None else "a step was killed" if ended else shown or late


class NotKept(Broken):
    """Nothing was kept."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The home could not be copied: {why}.")


class BadSecrets(Broken):
    """The file of secrets is not as it should be; the text never shows a value."""


class Loss(Broken):
    """What callers know of the screen is old: it is another one."""


class LostBefore(Loss):
    """The desktop was lost before a call that was meant for the one before; nothing was sent.

    Args:
        what: How it was lost.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"Nothing was sent. {what}")


class DesktopLost(Loss):
    """The windows are gone; the home and the checkpoints are kept.

    Args:
        what: Which of its processes ended.
        checkpoints: How many are kept.
        started: The programs that were started again.
    """

    def __init__(
        self, what: str = "the X server", checkpoints: int = 0, started: Sequence[str] = ()
    ) -> None:
        kept = f" and {checkpoints} checkpoint{'s' * (checkpoints > 1)}" if checkpoints else ""
        again = ", ".join(dict.fromkeys(one[:30] for one in started[:5])) or "no program"
        super().__init__(
            f"This desktop lost all windows and unsaved work: {what} ended. The files of its home"
            f"{kept} are kept. The display is up again; {again} "
            f"{'was' if len(started) < 2 else 'were'} started again. Take a screenshot before you "
            "act."
        )


class NotRolledBack(Loss):
    """A rollback failed; all checkpoints are kept.

    Args:
        why: The reason, without a full stop.
        files: Whether the files are those of the checkpoint; else they are as before.
        down: Why the display could not be started again; empty when it is up.
    """

    def __init__(self, why: str, *, files: bool, down: str = "") -> None:
        state = "were taken back, but no program was started" if files else "are as before it"
        then = "and the display is up again. Take a screenshot before you act."
        if down:
            then = f"and the display is down ({down.rstrip('.')[:60]}): the next call starts it."
        super().__init__(
            f"The rollback failed: {why.rstrip('.')[:150]}. The files {state}; all checkpoints are "
            f"kept, all programs were ended, {then}"
        )


class NotRestarted(Broken):
    """There is no display, and another could not be started; files and checkpoints are kept.

    Args:
        why: The reason.
        checkpoints: How many there are.
    """

    def __init__(self, why: str, checkpoints: int) -> None:
        kept = f" and {checkpoints} checkpoint{'s' * (checkpoints > 1)}" if checkpoints else ""
        super().__init__(
            f"The display ended and could not be started again: {why.rstrip('.')[:180]}. The files "
            f"of the home{kept} are kept. Once the cause is gone, a call a second later starts it."
        )


class ConnectionsLost(Loss):
    """The display lives, and is looked at through new connections."""

    def __init__(self) -> None:
        super().__init__(
            "The connections to the display were cut, perhaps by a program of the desktop; new "
            "ones are open. It is not known whether the last action arrived: take a screenshot "
            "before you act."
        )


class RolledBack(Loss):
    """What callers saw is gone by a rollback; told to those who did not ask for it.

    Args:
        to: The name of the checkpoint.
    """

    def __init__(self, to: str) -> None:
        super().__init__(
            f"This desktop was rolled back to checkpoint {to} since you last looked: its files and "
            "programs are those of that checkpoint. Take a screenshot before you act."
        )


class DesktopClosed(Broken):
    def __init__(self) -> None:
        super().__init__("This desktop is closed.")


class FileFailed(Broken):
    def __init__(self, path: str, verb: str, why: str, also: str = "") -> None:
        super().__init__(f"{path} cannot be {verb}: {why}.{also}")


class NotDone(Broken):
    """Input was sent, but it did not have the effect that was asked for."""


class NotPasted(NotDone):
    """Nobody fetched what was pasted; nothing of it has arrived."""


class NotTyped(NotDone):
    def __init__(self, asked: str, arrived: str | None, why: str) -> None:
        self._parts = asked, arrived, why
        super().__init__(_not_typed(asked, arrived, why))

    def shortened(self, cut: Callable[[str, int], str]) -> NotDone:
        """The same with its texts redacted, then shortened."""
        asked, arrived, why = self._parts
        return NotDone(_not_typed(cut(asked, 100), arrived and cut(arrived, 100), why))


def _not_typed(asked: str, arrived: str | None, why: str) -> str:
    held = "something else" if arrived is None else "nothing" if arrived == "" else repr(arrived)
    return f"{asked!r} was typed, but {held} arrived: {why}."


class Cancelled(SandboxError):
    def __init__(self) -> None:
        super().__init__("The action was cancelled; keys and buttons it held were released.")


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
