"""The walls of a desktop: bubblewrap boxes in namespaces of their own.

A keeper process holds the namespaces that outlast an undo: mounts (the overlay of the home),
network (only a loopback), and memory that the X server and the programs share. It has two boxes:

    X box          Xvfb; writes nothing but the folder of its socket
    desktop box    supervisor as PID 1, and all programs; writes its home and the session's
                   sockets

Both see a read-only system, have no capabilities and can gain none, and a filter refuses them the
system calls that reach past namespaces. A server that runs as root gives each desktop a user of its
own first, so that nothing in it is root anywhere.
"""

import ctypes
import errno
import io
import json
import marshal
import os
import resource
import secrets
import socket
import stat
import subprocess
import sys
import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from ..errors import CannotStart
from . import etc_files

HOME, RUN = Path("/home/user"), Path("/run/user/1000")
XAUTHORITY, XKB = Path("/run/Xauthority"), Path("/run/xkb")
HOST = "sandbox"
UID = 1000  # of everything, as seen inside
PYTHON = "/usr/bin/python3"

# A range that neither people (Debian: from 1000 on) nor systemd (61184 to 65519) give away.
_UIDS = range(61000, 61184)
_SUPERVISOR = Path(__file__).with_name("supervisor")
_ETC_OF_X = ("fonts", "alternatives", "ld.so.cache", "X11", "localtime")
_MERGED = [name for name in ("bin", "sbin", "lib", "lib32", "lib64") if Path("/usr", name).is_dir()]
_FILES = {
    "/etc/passwd": b"root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/bash\n",
    "/etc/group": b"root:x:0:\nuser:x:1000:\n",
    "/etc/hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
_MIB = 1 << 20
_FILES_OPEN = 4096
X_MEMORY = 1200 * _MIB  # bytes; pixmaps are the X server's memory, whoever asks for them
_X_RESERVE = 256 * _MIB  # more than that while the client that takes it is looked for
SHARED = 512 * _MIB // resource.getpagesize()  # pages of System V segments


@dataclass(frozen=True, slots=True)
class Limits:
    """What a desktop may use.

    Args:
        memory: Bytes of all its programs together.
        processes: Processes and threads.
        disk: Bytes the files of its home may take.
        spare: Bytes of memory that are left to the machine, where no control group holds all this.
        processors: How many of this machine's its programs run on. One is left to the server and
            everything else here, where there are more than two.
    """

    memory: int = 4096 * _MIB
    processes: int = 1500
    disk: int = 2048 * _MIB
    spare: int = 256 * _MIB
    processors: int = field(default_factory=lambda: _some(len(os.sched_getaffinity(0))))


def _some(processors: int) -> int:
    return processors - 1 if processors > 2 else processors


def _files_open() -> int:
    """How many files a program may have open: fewer where this process may have no more itself."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _FILES_OPEN if hard == resource.RLIM_INFINITY else min(_FILES_OPEN, hard)


class BubblewrapCommands:
    """The commands that put one desktop behind walls.

    Args:
        x11: The folder of the X server's socket.
        xauthority: The file with its cookie.
        xkb: The folder with its keymap.
        home: The folder that is the home inside.
        run: The folder of the session's sockets.
        limits: What the desktop may use.
    """

    def __init__(
        self, x11: Path, xauthority: Path, xkb: Path, home: Path, run: Path, limits: Limits
    ) -> None:
        self._x11, self._xauthority, self._xkb = x11, xauthority, xkb
        self._home, self._run = home, run
        self._limits = limits
        self.grouped = False
        """Whether the kernel holds all of the desktop to its limits."""

    def x_server(self, argv: Sequence[str], fds: Sequence[int]) -> tuple[list[str], list[int]]:
        """The command of the X server's box, and the descriptors it inherits: these, then its own.

        The caller closes those of its own.
        """
        own = ["--bind", str(self._x11), "/tmp/.X11-unix", "--ro-bind", str(self._xkb), str(XKB)]
        own += [w for name in _ETC_OF_X for w in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
        limits = ["/usr/bin/prlimit", f"--as={X_MEMORY}:{X_MEMORY + _X_RESERVE}", "--core=0"]
        return self._box(own, {}, fds, [*limits, *argv])

    def desktop(self, channel: int) -> tuple[list[str], list[int]]:
        """The command of the desktop's box, and the descriptors it inherits: its socket first."""
        own = [
            "--as-pid-1", "--bind", str(self._home), str(HOME), "--bind", str(self._run), str(RUN),
            "--ro-bind", str(self._x11), "/tmp/.X11-unix", *etc_files.shown(),
        ]  # fmt: skip
        init = "/run/boxinit"
        files = {**_FILES, "/etc/machine-id": secrets.token_hex(16).encode() + b"\n"}
        files[init] = _init()
        limits = self._limits
        may = {**asdict(limits), "folders": [str(HOME), str(RUN)]}
        del may["processors"]
        if self.grouped:
            may["spare"] = 0
        argv, fds = self._box(own, files, [channel], [
            "/usr/bin/prlimit", f"--nproc={limits.processes}", f"--fsize={limits.disk}",
            "--core=0", f"--nofile={_files_open()}", PYTHON, "-I", "-S", init, "{fd:0}",
            json.dumps(may),
        ])  # fmt: skip
        ours = sorted(os.sched_getaffinity(0))
        chosen = secrets.SystemRandom().sample(ours, min(limits.processors, len(ours)))
        # Before the filter, which lets no program choose others.
        return ["taskset", "--cpu-list", ",".join(map(str, chosen)), *argv], fds

    def _box(
        self, own: Sequence[str], files: dict[str, bytes], fds: Sequence[int], argv: Sequence[str]
    ) -> tuple[list[str], list[int]]:
        """A box; its host paths are read from a descriptor, so no command line tells them."""
        memory = self._limits.memory
        args = [
            "--unshare-user", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try",
            "--hostname", HOST, "--die-with-parent", "--new-session", "--uid", f"{UID}", "--gid",
            f"{UID}", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr",
            *(word for name in _MERGED for word in ("--symlink", f"usr/{name}", f"/{name}")),
            "--ro-bind-try", "/opt", "/opt",
            # Without it each program makes its own list of fonts, which takes half a second.
            "--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig",
            # Chromium uses /dev/shm where it has 4 GB (Debian's /etc/chromium.d/dev-shm). Files in
            # these count as memory of the desktop, so together they may take no more than that.
            "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
            "--dev", "/dev", "--size", f"{memory}", "--tmpfs", "/dev/shm",
            "--size", f"{memory // 4}", "--tmpfs", "/tmp", "--size", f"{16 * _MIB}",
            "--tmpfs", "/var/tmp", "--remount-ro", "/dev",  # else half of the machine's memory
            "--dir", "/var/lib/xkb", "--dir", "/run",
            "--ro-bind", str(self._xauthority), str(XAUTHORITY), *own,
        ]  # fmt: skip
        given = [_memory("\0".join(args).encode() + b"\0"), _memory(_filter())]
        words = ["bwrap", "--args", f"{{fd:{len(fds)}}}", "--seccomp", f"{{fd:{len(fds) + 1}}}"]
        for path, content in files.items():
            given.append(_memory(content))
            words += [
                "--perms",
                "0444",
                "--ro-bind-data",
                f"{{fd:{len(fds) + len(given) - 1}}}",
                path,
            ]
        return [*words, "--remount-ro", "/", "--", *argv], [*fds, *given]


@cache
def _init() -> bytes:
    """The package `supervisor` as a zip file that the system's Python runs.

    It is handed over as one file, since who runs a desktop may not be able to read this folder. It
    is compiled if our Python is of the same version.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    compiled = Path(PYTHON).resolve().name == version
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", "from supervisor.main import main; main()")
        for path in sorted(_SUPERVISOR.glob("*.py")):
            source = path.read_bytes()
            if compiled:  # of no known time and size (PEP 552)
                code = compile(source, path.name, "exec")
                source = MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
            file.writestr(f"supervisor/{path.name}{'c' * compiled}", source)
    return archive.getvalue()


def own_user(taken: set[int]) -> int:
    """The user a desktop runs as: this one, or for root one that nobody else has.

    Raises:
        CannotStart: All are taken.
    """
    if os.getuid() != 0:
        return os.getuid()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            taken.add(process.stat().st_uid)
        except OSError:
            continue
    free = [uid for uid in _UIDS if uid not in taken]
    if not free:
        raise CannotStart("The desktop", f"all users from {_UIDS[0]} to {_UIDS[-1]} are taken")
    return secrets.choice(free)


@cache
def why_not() -> str:
    """Why there can be no walls on this machine; empty when there can.

    Tries it once, with the same namespaces a desktop has.
    """
    uid = own_user(set())
    drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
    keeper = ["unshare", "--user", "--map-root-user", "--mount", "--ipc", "--net"]
    box = ["bwrap", "--unshare-user", "--unshare-pid", "--cap-drop", "ALL", "--ro-bind", "/", "/",
           "--proc", "/proc", "--dev", "/dev", "true"]  # fmt: skip
    try:
        tried = subprocess.run(
            [*(drop if os.getuid() == 0 else []), *keeper, *box], capture_output=True,
            env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, timeout=20, check=False,
            cwd="/",
        )  # fmt: skip
        _filter()
    except (OSError, subprocess.TimeoutExpired) as failure:
        return str(failure)
    if tried.returncode == 0:
        return ""
    said = tried.stderr.decode(errors="replace").strip()
    if "bwrap" in said and "No such file" in said:
        return "bubblewrap is not installed"
    return said.splitlines()[-1] if said else "bubblewrap failed without a word"


@contextmanager
def as_user(uid: int) -> Generator[None]:
    """Be another user for the rest of this block, in this thread only.

    What connects to a box's bus is asked who it is, and root is nobody in there. The C library
    would change every thread.
    """
    if uid == os.geteuid():
        yield
        return
    before = os.geteuid()
    _set_thread_user(uid)
    try:
        yield
    finally:
        _set_thread_user(before)


def socket_in(root: Path, path: Path) -> int:
    """A descriptor (O_PATH) of a Unix socket that programs made below a folder of ours.

    No part of the path may be a link or lead up: our connection would get to any socket of this
    machine. Connect to /proc/self/fd/N.

    Raises:
        FileNotFoundError: There is none, or it is something else.
    """
    parts = path.relative_to(root).parts
    if ".." in parts:
        raise FileNotFoundError(errno.ENOENT, "this leads out of the desktop", str(path))
    here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            there = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
        here = there
    if not stat.S_ISSOCK(os.fstat(here).st_mode):
        os.close(here)
        raise FileNotFoundError(errno.ENOENT, "this is no socket", str(path))
    return here


def _memory(content: bytes) -> int:
    fd = os.memfd_create("gloveport", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


_SETRESUID = {"x86_64": 117, "aarch64": 147}


def _set_thread_user(uid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SETRESUID[os.uname().machine], -1, uid, -1):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


# System calls that reach past namespaces or widen what an attacker can try at the kernel, and that
# no program of a desktop needs.
_DENIED = (
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "kexec_load", "kexec_file_load", "init_module",
    "finit_module", "delete_module", "open_by_handle_at", "name_to_handle_at", "iopl", "ioperm",
    "swapon", "swapoff", "reboot", "syslog", "acct", "quotactl", "mount_setattr", "fsopen",
    "fsmount", "fspick", "open_tree", "move_mount", "lookup_dcookie", "nfsservctl",
    "process_vm_writev", "vhangup", "modify_ldt", "pidfd_getfd", "memfd_secret",
    "sched_setaffinity",
    # The sandboxes of browsers make namespaces, but mount nothing in them. A tmpfs that a program
    # mounts is memory that no limit counts, and a new /proc has a /proc/sys that can be written.
    "mount", "umount2", "umount", "pivot_root", "open_tree_attr",
)  # fmt: skip
# AF_VSOCK and others know no network namespaces, so only these families of sockets are let through.
_FAMILIES = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
# Of netlink, those that programs ask about networks and devices (netlink(7)). The others reach
# nf_tables, xfrm and more of the kernel from a namespace that any program can make.
_NETLINK = {0, 15}  # NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # ioctls that type into a terminal
_UNKNOWN = -1  # __NR_SCMP_ERROR (seccomp.h)
_NEWER = {"open_tree_attr": 467}  # what libseccomp 2.5 does not know; on all machines the same
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # actions of libseccomp (seccomp.h)
_EQUAL, _GREATER, _MASKED_EQUAL = 4, 6, 7  # enum scmp_compare


class _Compare(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


@cache
def _filter() -> bytes:
    """The program that refuses system calls, for `bwrap --seccomp`.

    Raises:
        OSError: libseccomp is missing.
    """
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(_ALLOW)))

    def refuse(call: str, number: int, *compares: _Compare) -> None:
        resolved = lib.seccomp_syscall_resolve_name(call.encode())
        resolved = _NEWER.get(call, resolved) if resolved == _UNKNOWN else resolved
        rules = (_Compare * len(compares))(*compares)
        action = ctypes.c_uint32(_ERRNO | number)
        failed = lib.seccomp_rule_add_array(context, action, resolved, len(compares), rules)
        if failed not in (0, -errno.EDOM):  # EDOM: this machine has no such call
            raise OSError(-failed, f"the filter for {call} cannot be made")

    try:
        for call in _DENIED:
            refuse(call, errno.EPERM)
        # Such a file is memory that no limit counts; programs make one in /dev/shm instead.
        refuse("memfd_create", errno.ENOSYS)
        for family in set(range(max(_FAMILIES))) - _FAMILIES:
            refuse("socket", errno.EAFNOSUPPORT, _Compare(0, _EQUAL, family, 0))
        refuse("socket", errno.EAFNOSUPPORT, _Compare(0, _GREATER, max(_FAMILIES), 0))
        netlink = _Compare(0, _EQUAL, socket.AF_NETLINK, 0)
        for protocol in set(range(max(_NETLINK))) - _NETLINK:
            refuse("socket", errno.EPROTONOSUPPORT, netlink, _Compare(2, _EQUAL, protocol, 0))
        most = _Compare(2, _GREATER, max(_NETLINK), 0)
        refuse("socket", errno.EPROTONOSUPPORT, netlink, most)
        for command in (_TIOCSTI, _TIOCLINUX):
            refuse("ioctl", errno.EPERM, _Compare(1, _MASKED_EQUAL, 0xFFFFFFFF, command))
        program = os.memfd_create("gloveport", os.MFD_CLOEXEC)
        try:
            if failed := lib.seccomp_export_bpf(context, program):
                raise OSError(-failed, "the filter cannot be written")
            return os.pread(program, 1 << 16, 0)
        finally:
            os.close(program)
    finally:
        lib.seccomp_release(context)
