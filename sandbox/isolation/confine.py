"""Takes from a worker process what it does not need, before it reads what anybody may have made.

Nothing here can be undone. It holds for the thread that asks, and for all that is started later.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_NOBODY = 65534
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
# Architectures in linux/audit.h, and below their system calls in asm/unistd.h; -1: it has none.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COMPUTE = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233), "exit": (60, 93),
    "futex": (202, 98), "clock_gettime": (228, 113), "exit_group": (231, 94),
    "getrandom": (318, 278),
}  # fmt: skip
_SERVE = {
    "open": (2, -1), "openat": (257, 56), "stat": (4, -1), "lstat": (6, -1),
    "newfstatat": (262, 79), "statx": (332, 291), "readlink": (89, -1), "readlinkat": (267, 78),
    "access": (21, -1), "faccessat": (269, 48), "faccessat2": (439, 439), "getdents64": (217, 61),
    "getcwd": (79, 17), "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66),
    "fcntl": (72, 25), "ioctl": (16, 29), "dup": (32, 23), "poll": (7, -1), "ppoll": (271, 73),
    "select": (23, -1), "pselect6": (270, 72), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1), "epoll_pwait": (281, 22), "pipe2": (293, 59), "eventfd2": (290, 19),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_getres": (229, 114),
    "clone": (56, 220), "set_robust_list": (273, 99), "rseq": (334, 293),
    "sigaltstack": (131, 132), "set_tid_address": (218, 96), "gettid": (186, 178),
    "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "uname": (63, 160), "sysinfo": (99, 179),
    "prlimit64": (302, 261), "getrlimit": (97, 163), "getrusage": (98, 165),
    "sched_getaffinity": (204, 123), "sched_getscheduler": (145, 120),
    "sched_getparam": (143, 121), "getcpu": (309, 168), "gettimeofday": (96, 169),
    "time": (201, -1), "membarrier": (324, 283), "restart_syscall": (219, 128),
    "prctl": (157, 167),
}  # fmt: skip
_NETWORK = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "accept4": (288, 242),
    "listen": (50, 201), "bind": (49, 200), "getsockname": (51, 204), "getpeername": (52, 205),
    "setsockopt": (54, 208), "getsockopt": (55, 209), "sendto": (44, 206), "recvfrom": (45, 207),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "sendmmsg": (307, 269), "recvmmsg": (299, 243),
    "shutdown": (48, 210),
}  # fmt: skip
# Of a call, the argument that is looked at, the bits of it, and whether one of them must be set.
_NO_CODE = {"mmap": (2, 4, False), "mprotect": (2, 4, False)}  # PROT_EXEC
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_READS = {
    "open": (1, _WRITES, False), "openat": (2, _WRITES, False),
    "clone": (0, 0x10000, True),  # CLONE_THREAD
    "prlimit64": (2, 0xFFFFFFFF, False),  # a new limit
}  # fmt: skip
# BPF of linux/filter.h; offsets in struct seccomp_data of linux/seccomp.h.
_LOAD, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
# A C library that is newer than these tables takes another call where one is not known.
_ALLOW, _KILL, _REFUSE, _UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
# Of Landlock (linux/landlock.h); the calls have the same numbers everywhere.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _VERSION, _PATH_BENEATH = 444, 445, 446, 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # bits that each version knows
_SCOPES = 3  # sockets without a path, and signals; since version 6


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def only_compute(memory: int, seconds: int, written: int) -> None:
    """Leave this process nothing but to compute, and to use what it has open.

    Args:
        memory: Bytes of address space it may have.
        seconds: Of processor time.
        written: Bytes a file may come to have by it.

    Raises:
        OSError: This machine cannot hold it to that.
    """
    _limit({
        resource.RLIMIT_AS: memory, resource.RLIMIT_CPU: seconds, resource.RLIMIT_FSIZE: written,
    })  # fmt: skip
    _become_nobody()
    _refuse_calls(_filter(_COMPUTE, _NO_CODE))


def only_serve(readable: Sequence[Path], memory: int, *, network: bool) -> None:
    """Leave this process to compute, to read some files, and to have threads and connections.

    Args:
        readable: What it may read, where the kernel can hold it to that (Landlock, Linux 5.13).
        memory: Bytes of address space it may have.
        network: Whether it may have sockets; then it is no user of this machine either, if we are
            root.

    Raises:
        OSError: This machine cannot hold it to the rest.
    """
    _limit({resource.RLIMIT_AS: memory, resource.RLIMIT_FSIZE: 0})
    _no_new_privileges()
    _read_only(readable)
    if network:
        _become_nobody()
    _refuse_calls(_filter(_COMPUTE | _SERVE | (_NETWORK if network else {}), _READS))


def _limit(limits: Mapping[int, int]) -> None:
    for what, most in {**limits, resource.RLIMIT_CORE: 0}.items():
        resource.setrlimit(what, (most, most))


def _become_nobody() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _filter(
    calls: Mapping[str, tuple[int, int]], conditions: Mapping[str, tuple[int, int, bool]]
) -> bytes:
    """The program that lets through some system calls, for seccomp(2)."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(0, f"no filter of system calls is known for {machine}")
    column = list(_ARCHITECTURES).index(machine)
    yes, no = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    for name, numbers in calls.items():
        number = numbers[column]
        if number < 0:
            continue
        if name in conditions:
            argument, bits, wanted = conditions[name]
            code += [
                (_IF_EQUAL, 0, 4, number), (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
                (_IF_ANY, 0, 1, bits), *((yes, no) if wanted else (no, yes)),
            ]  # fmt: skip
        else:
            code += [(_IF_EQUAL, 0, 1, number), yes]
    return b"".join(struct.pack("=HBBI", *one) for one in [*code, (_RETURN, 0, 0, _UNKNOWN)])


def _no_new_privileges() -> None:
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero))


def _refuse_calls(code: bytes) -> None:
    _no_new_privileges()
    program, zero = _Program(len(code) // 8, code), ctypes.c_ulong(0)
    filtering = ctypes.c_ulong(_FILTER)
    _checked(_libc.prctl(_PR_SET_SECCOMP, filtering, ctypes.byref(program), zero, zero))


def _read_only(readable: Iterable[Path]) -> None:
    """Let only some files and folders be read, and none be written, where Landlock is there."""
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return
    rights = (1 << max(bits for since, bits in _FILE_RIGHTS.items() if since <= version)) - 1
    wanted = struct.pack("=QQQ", rights, 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 8
    rules = _checked(_libc.syscall(_CREATE_RULESET, wanted, ctypes.c_size_t(size), 0))
    try:
        for path in readable:
            with suppress(FileNotFoundError, PermissionError):
                _let_read(rules, path)
        _checked(_libc.syscall(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _let_read(rules: int, path: Path) -> None:
    below = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, below)
        _checked(_libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0))
    finally:
        os.close(below)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


_libc = ctypes.CDLL(None, use_errno=True)
