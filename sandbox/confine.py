"""Takes from a worker process what it does not need, before it reads what anybody may have made.

Nothing here can be undone, and all of it holds for threads and processes that are started later.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Mapping

_NOBODY = 65534
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
# Architectures in linux/audit.h, and their system calls in asm/unistd.h.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COMPUTES: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10,
        "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
        "sched_yield": 24, "mremap": 25, "madvise": 28, "exit": 60, "futex": 202,
        "clock_gettime": 228, "exit_group": 231, "getrandom": 318,
    },
    "aarch64": {
        "close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93,
        "exit_group": 94, "futex": 98, "clock_gettime": 113, "sched_yield": 124,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "brk": 214,
        "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
        "getrandom": 278,
    },
}  # fmt: skip
_MAPS = ("mmap", "mprotect")
_PROT_EXEC = 4
# BPF of linux/filter.h; offsets in struct seccomp_data of linux/seccomp.h.
_LOAD, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # EPERM


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
        resource.RLIMIT_CORE: 0,
    })  # fmt: skip
    _become_nobody()
    _refuse_calls(_computing(os.uname().machine))


def _limit(limits: Mapping[int, int]) -> None:
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


def _become_nobody() -> None:
    """Be no user of this machine, where we may choose."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _computing(machine: str) -> bytes:
    """The filter that lets through what computing takes, and no memory that can be executed."""
    if machine not in _COMPUTES:
        raise OSError(0, f"no filter of system calls is known for {machine}")
    calls = _COMPUTES[machine]
    yes, no = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    for name, number in calls.items():
        if name not in _MAPS:
            code += [(_IF_EQUAL, 0, 1, number), yes]
    for name in _MAPS:
        code += [
            (_IF_EQUAL, 0, 4, calls[name]), (_LOAD, 0, 0, _THIRD_ARGUMENT),
            (_IF_ANY, 0, 1, _PROT_EXEC), no, yes,
        ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *one) for one in [*code, no])


def _refuse_calls(code: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) or libc.prctl(
        _PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(program), zero, zero
    ):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
