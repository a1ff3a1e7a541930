"""A confined process does what it is for, and nothing else, whoever it runs as."""

import ctypes
import os
import signal
import subprocess
import sys

import pytest

from gloveport.sandbox.isolation import confine

ME = [0, 65533] if os.getuid() == 0 else [os.getuid()]
LANDLOCK = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 1
DEEDS = {
    "open a file": "open('/etc/hostname')",
    "write a file": "open('/tmp/confined', 'w')",
    "list a folder": "os.listdir('/')",
    "open a socket": "socket.socket()",
    "fork": "os.fork()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "start a thread": "threading.Thread(target=print).start()",
    "send a signal": "os.kill(os.getppid(), 0)",
    "write memory and execute it": "mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "be root": "os.setuid(0)",
    "have more descriptors": "os.dup(1)",
    "rename": "os.rename('/tmp/a', '/tmp/b')",
    "take a gigabyte": "bytearray(1 << 30)",
    "write much": "os.pwrite(3, bytes(2000), 0) == 1000 and os.pwrite(3, b'1', 1000)",
}
CONFINED = """
import mmap, os, signal, socket, sys, threading
from gloveport.sandbox.isolation.confine import only_compute
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.dup2(os.memfd_create('x'), 3)
os.setuid(int(sys.argv[2]))
only_compute(1 << 30, int(sys.argv[1]), 1000)
for deed in sys.argv[3:]:
    try: eval(deed)
    except (OSError, MemoryError, RuntimeError) as why: print('refused', flush=True)
    else: print('done', flush=True)
os.write(1, b'computes %d\\n' % sum(range(100)))
while not sys.argv[3:]: pass
"""


def confined(*deeds: str, seconds: int = 10, user: int = os.getuid()) -> tuple[int, list[str]]:
    ran = subprocess.run(
        [sys.executable, "-c", CONFINED, str(seconds), str(user), *deeds],
        capture_output=True, text=True, timeout=50, check=False, cwd="/",
    )  # fmt: skip
    return ran.returncode, ran.stdout.splitlines()


@pytest.mark.parametrize("user", ME)
def test_a_confined_process_computes_and_does_nothing_else(user: int) -> None:
    _, told = confined(*DEEDS.values(), user=user)
    assert dict(zip(DEEDS, told, strict=False)) == dict.fromkeys(DEEDS, "refused")
    assert told[len(DEEDS) :] == ["computes 4950"]


def test_a_confined_process_has_no_more_time_than_it_was_given() -> None:
    assert confined(seconds=1)[0] in (-signal.SIGKILL, -signal.SIGXCPU)


SERVING = {
    "write a file": "open('/tmp/confined', 'w')",
    "write what is there": "os.open('/etc/hosts', os.O_RDWR)",
    "fork": "os.fork()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "send a signal": "os.kill(os.getppid(), 0)",
    "trace": "ctypes.CDLL(None).ptrace(0, 0, 0, 0) and os.listdir('/nowhere')",
    "be root": "os.setuid(0)",
    "have other limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "rename": "os.rename('/tmp/a', '/tmp/b')",
    "remove": "os.unlink('/tmp/confined')",
    "make a folder": "os.mkdir('/tmp/confined')",
    "change modes": "os.chmod('/tmp', 0o777)",
    "make namespaces": "ctypes.CDLL(None).unshare(0x10000000) and os.listdir('/nowhere')",
    "take two gigabytes": "bytearray(2 << 30)",
}
"""Each raises an OSError, ValueError or MemoryError where it is refused."""
READS = {"read": "open('/etc/hosts').read()", "read elsewhere": "open('/proc/version').read()"}
MORE = {
    "start a thread": "threading.Thread(target=int).start()",
    "open a socket": "socket.create_server(('127.0.0.1', 0)).close()",
}
SERVE = """
import ctypes, os, resource, socket, sys, threading
from pathlib import Path
from gloveport.sandbox.isolation.confine import only_serve
os.setuid(int(sys.argv[1]))
only_serve([Path('/etc/hosts'), Path('/nowhere')], 2 << 30, network=sys.argv[2] == 'True')
for deed in sys.argv[3:]:
    try: eval(deed)
    except (OSError, ValueError, MemoryError): print('refused', flush=True)
    else: print('done', flush=True)
"""


@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("user", ME)
def test_a_process_that_serves_reads_what_it_may_and_changes_nothing(
    user: int, network: bool
) -> None:
    deeds = SERVING | READS | MORE
    ran = subprocess.run(
        [sys.executable, "-c", SERVE, str(user), str(network), *deeds.values()],
        capture_output=True, text=True, timeout=50, check=False, cwd="/",
    )  # fmt: skip
    told = dict(zip(deeds, ran.stdout.splitlines(), strict=False))
    assert told == dict.fromkeys(SERVING, "refused") | {
        "read": "done",
        "read elsewhere": "refused" if LANDLOCK else "done",
        "start a thread": "done",
        "open a socket": "done" if network else "refused",
    }, ran.stderr


def test_the_numbers_of_system_calls_are_those_of_the_kernel() -> None:
    lib = ctypes.CDLL("libseccomp.so.2")
    tables = [getattr(confine, name) for name in ("_COMPUTE", "_SERVE", "_NETWORK")]
    for place, architecture in enumerate((0xC000003E, 0xC00000B7)):
        for name, numbers in (one for table in tables for one in table.items()):
            known = lib.seccomp_syscall_resolve_name_arch(
                ctypes.c_uint32(architecture), name.encode()
            )
            assert numbers[place] == max(known, -1), name
