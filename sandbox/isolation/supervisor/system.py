"""Calls to the kernel that Python lacks: namespaces, dying with the parent, the loopback."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 0x2, 0x4, 0x8, 0x1000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
NICE = 5  # programs yield to the server and the X server
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os.nice(NICE)


def reach(folders: list[Path]) -> None:
    """Keep folders in reach of other users, in mounts of our own, though what is above is not.

    The outermost that no other user may enter is covered, with a way to these folders alone.
    Without the privilege for mounts nothing is done; then they may be out of reach.
    """
    closed = {folder: _closed(folder) for folder in folders}
    if not any(closed.values()) or libc.unshare(CLONE_NEWNS):
        return
    succeed(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    found = {one: os.open(one, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for one in folders}
    cover = MS_NOSUID | MS_NODEV | MS_NOEXEC
    for top in {one for one in closed.values() if one}:
        succeed(libc.mount(b"tmpfs", os.fsencode(top), b"tmpfs", cover, b"mode=0711,size=64k"))
    for folder, fd in found.items():
        if here := closed[folder]:
            for part in folder.relative_to(here).parts:
                here /= part
                here.mkdir(mode=0o711, exist_ok=True)
                here.chmod(0o711)  # whatever the umask
            source = b"/proc/self/fd/%d" % fd
            succeed(libc.mount(source, os.fsencode(folder), None, MS_BIND, None))
        os.close(fd)


def _closed(folder: Path) -> Path | None:
    """The outermost folder above one that other users may not enter."""
    closed = [one for one in folder.parents if not one.stat().st_mode & 0o001]
    return closed[-1] if closed else None


def enter_namespaces(uid: int, folders: list[str]) -> None:
    """Be root in namespaces of our own for users, mounts, System V memory and the network.

    The same as `setpriv --reuid=UID ... unshare --user --map-root-user --mount --ipc --net`.
    """
    if os.getuid() == 0:
        reach([Path(one) for one in folders])
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # another user has lost it, and with it these files
    maps = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    succeed(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET))
    Path("/proc/self/setgroups").write_text("deny")
    for name, outside in maps.items():
        Path("/proc/self", name).write_text(f"0 {outside} 1")
    succeed(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    die_with_parent()  # only now: another user has lost this too


def unmount(folder: Path) -> None:
    succeed(libc.umount2(os.fsencode(folder), 0))


def mount_overlay(options: str, folder: Path) -> None:
    succeed(libc.mount(b"overlay", os.fsencode(folder), b"overlay", 0, os.fsencode(options)))


def succeed(failed: int) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def listening(port: int) -> socket.socket:
    """Switch the loopback on, which a new network namespace has off, and listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING)
        with suppress(PermissionError):  # not a namespace of our own: it is on
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)
    return socket.create_server(("127.0.0.1", port))


def share_less(pages: int) -> None:
    """Bound the memory of System V segments, which belong to no process, in a namespace of ours."""
    Path("/proc/sys/kernel/shmall").write_text(str(pages))
