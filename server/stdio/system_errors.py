"""Errors of the operating system as sentences: what happened, then what works."""

import errno
import os

_REMEDIES = {
    errno.EACCES: "Give yourself access to it, or name another file or folder.",
    errno.EPERM: "Give yourself access to it, or name another file or folder.",
    errno.EROFS: "Make its file system writable, or name another file or folder.",
    errno.ENOSPC: "Free some space on its disk.",
    errno.EDQUOT: "Free some space of your quota.",
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Part of the path is a file; check it.",
    errno.EISDIR: "Name a file, not a folder.",
    errno.EEXIST: "Name another, or move it away.",
    errno.ELOOP: "It is a symbolic link; name the file itself.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EMFILE: "Raise the limit of open files, for example by `ulimit -n 4096`.",
    errno.ENFILE: "Too many files are open on this machine; end some programs.",
    errno.ENOMEM: "Free some memory.",
    errno.EAGAIN: "Too many processes run; end some, or raise the limit by `ulimit -u`.",
}


def system_error(why: OSError, about: object = "", *, what: str = "cannot be used") -> str:
    """Return a sentence on an error of the system, with a remedy.

    Args:
        why: The error.
        about: The file or folder concerned, where the error does not name it.
        what: What could not be done with it.
    """
    named = about or why.filename or ""
    if isinstance(named, bytes):
        named = os.fsdecode(named)
    reason = (why.strerror or type(why).__name__).rstrip(".")
    remedy = _REMEDIES.get(why.errno or 0, "Run `gloveport doctor`.")
    named = str(named)
    shown = named if len(named) <= 120 else f"{named[:119]}…"
    return f"{shown} {what}: {reason}. {remedy}" if shown else f"{reason}. {remedy}"
