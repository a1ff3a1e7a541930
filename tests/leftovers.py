"""What a desktop has on the machine, to see what something leaves behind."""

from collections import Counter
from pathlib import Path

from processes import parents

from gloveport.sandbox.session.session import Session


def left_by(session: Session) -> dict[str, int]:
    """How much there is of what a rollback could leave behind."""
    keeper = session.keeper.pid
    family, parent_of = {keeper}, parents()
    while more := {pid for pid, parent in parent_of.items() if parent in family} - family:
        family |= more
    names = Counter(path.is_dir() for path in session.folder.path.rglob("*"))
    return {
        "mounts here": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "mounts of the keeper": len(Path(f"/proc/{keeper}/mountinfo").read_text().splitlines()),
        "processes": len(family),
        "open files here": len(list(Path("/proc/self/fd").iterdir())),
        "open files of the keeper": len(list(Path(f"/proc/{keeper}/fd").iterdir())),
        "files": names[False],
        "folders": names[True],
    }
