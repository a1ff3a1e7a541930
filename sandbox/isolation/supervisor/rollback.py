"""Takes a home back: what has changed moves away, and the home is mounted over other layers."""

from contextlib import suppress
from pathlib import Path

from .copies import run
from .system import mount_overlay, unmount


class Rollback:
    """One rollback of the home, while no program runs and nobody waits for an answer.

    What has changed is moved away at once, and removed later by the owner: 10,000 files take
    seconds. All that needs room on the disk is made first. When a step fails, what was moved is
    moved back; what is left half done, as the process was killed, is taken back before the next
    session, by the name of the folder: only a whole rollback is renamed to end in ".done".

    Args:
        asked: `home`, where it is mounted; its `upper` and `work`; the `options` that mount it
            anew; a `copy` that becomes the new upper, or empty for an empty one; `run`, the folder
            of sockets; and `gone`, a folder that is not there yet and takes all that goes.
    """

    def __init__(self, asked: dict[str, str]) -> None:
        self.home, self.options, self.copy = Path(asked["home"]), asked["options"], asked["copy"]
        self.run, self.gone = Path(asked["run"]), Path(asked["gone"])
        self.moved = [
            (Path(asked["upper"]), self.gone / "upper", self.gone / "new"),
            (Path(asked["work"]), self.gone / "work", self.gone / "new-work"),
        ]
        """Where what goes is, where it goes, and what comes in its place."""

    def make(self) -> None:
        """Go back.

        Raises:
            OSError: A step failed; the text says why.
        """
        self.prepare()
        unmount(self.home)
        try:
            for place, kept, new in self.moved:
                place.rename(kept)
                new.rename(place)
            mount_overlay(self.options, self.home)
            self.clear()
            self.gone.rename(self.gone.with_name(f"{self.gone.name}.done"))
        except OSError:
            self.take_back()
            raise

    def prepare(self) -> None:
        """Make what comes in the place of what goes."""
        for folder in (self.gone, self.gone / "run"):
            folder.mkdir()
        for _, _, new in self.moved:
            if self.copy and new.name == "new":
                run(["cp", "-a", "--reflink=auto", "-T", "--", self.copy, str(new)], "/")
            else:
                new.mkdir(0o700)

    def take_back(self) -> None:
        """Undo what was done, as far as it can be; the home stays unmounted."""
        with suppress(OSError):
            unmount(self.home)
        for place, kept, new in self.moved:
            with suppress(OSError):
                if kept.is_dir():
                    if place.is_dir():
                        place.rename(new)
                    kept.rename(place)

    def clear(self) -> None:
        """Take away what the programs that were ended left: sockets, and that a browser runs.

        All links on the way there are the programs' own, so none is followed.
        """
        for left in self.run.iterdir():
            with suppress(OSError):
                left.rename(self.gone / "run" / left.name)
        browser = self.home / ".config/chromium"
        if browser.is_symlink() or browser.parent.is_symlink():
            return
        with suppress(OSError):
            for lock in browser.glob("Singleton*"):
                with suppress(OSError):
                    lock.unlink()
