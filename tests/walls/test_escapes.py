"""What programs of a desktop must not reach. Each attempt is also made outside, where it works."""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attempts import Attempt, run_inside

from gloveport.sandbox.session.session import IsolationOptions, Session, start_session
from gloveport.sandbox.x11.keymap import Keymap

CANARY = f"canary-{secrets.token_hex(8)}"

READ = "import sys; print(open(sys.argv[1]).read())"
CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(3)
s.connect(sys.argv[1].replace('@', '\\0')); print(s.recv(99).decode())
"""
CONNECT_TCP = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print(s.recv(99).decode())
"""
SYSCALL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
numbers = [int(one) for one in sys.argv[1:]]
print("done" if libc.syscall(*numbers) >= 0 else os.strerror(ctypes.get_errno()))
"""


@contextmanager
def telling(listening: socket.socket) -> Generator[None]:
    """Tell the canary to all who connect."""
    listening.listen()

    def serve() -> None:
        while True:
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            with connected:
                connected.sendall(CANARY.encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_file_of_the_host(inside: Attempt, outside: Attempt, below: Path) -> None:
    file = below / "secret"
    file.write_text(CANARY)
    file.chmod(0o644)
    assert CANARY in outside(READ, file)
    assert "FileNotFoundError" in inside(READ, file)


def test_the_environment_of_the_server(inside: Attempt, outside: Attempt) -> None:
    search = """
import glob, sys
for one in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):
    try: found = open(one, 'rb').read()
    except OSError: continue
    if sys.argv[1].encode()[::-1] in found: print('found')
print('searched')
"""
    backwards = CANARY[::-1]  # the search itself has it on its command line
    with subprocess.Popen(["sleep", "60"], env={"KEY": CANARY}) as has:
        try:
            assert "found" in outside(search, backwards)
            assert inside(search, backwards) == "searched\n"
        finally:
            has.kill()
    assert "PermissionError" in inside(READ, "/proc/1/environ")


def test_where_the_desktop_is_on_the_host(inside: Attempt, outside: Attempt, below: Path) -> None:
    search = """
import glob
for one in glob.glob('/proc/[0-9]*/cmdline'): print(open(one, 'rb').read().replace(b'\\0', b' '))
"""
    assert "Xvfb" in outside(search)
    seen = inside(search)
    assert "openbox" in seen
    assert str(below) not in seen
    assert "Xvfb" not in seen


def test_another_desktop(inside: Attempt, outside: Attempt, below: Path, keymap: Keymap) -> None:
    other = start_session(below, "other", 640, 480, keymap, IsolationOptions())
    try:
        run_inside(other, f"open('/home/user/note', 'w').write('{CANARY}')")
        note = other.folder.upper / "note"
        assert CANARY in outside(READ, note)
        assert "FileNotFoundError" in inside(READ, note)
        x = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print('done')"
        assert outside(x, f"/tmp/.X11-unix/X{other.x.number}") == "done\n"
        for path in (f"/tmp/.X11-unix/X{other.x.number + 1}", other.folder.x11 / "X0"):
            assert "done" not in inside(x, path)
        assert outside(x, other.folder.run / "bus") == "done\n"
        assert "FileNotFoundError" in inside(x, other.folder.run / "bus")
    finally:
        other.close()


def test_a_display_without_its_cookie(walled: Session) -> None:
    ask = ["xset", "q"]
    env = {"DISPLAY": walled.x.display, "PATH": "/usr/bin", "HOME": "/nowhere"}
    known = {**env, "XAUTHORITY": str(walled.folder.xauthority)}
    assert subprocess.run(ask, env=known, capture_output=True, check=False).returncode == 0
    refused = subprocess.run(ask, env=env, capture_output=True, text=True, check=False)
    assert "Authorization required" in refused.stderr


def test_sockets_of_the_server(inside: Attempt, outside: Attempt, below: Path) -> None:
    path = below / "control.sock"
    for address, named in ((str(path), str(path)), (f"\0{CANARY}", f"@{CANARY}")):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(address)
        with telling(listening):
            if os.getuid() == 0 or not named.startswith("@"):
                assert CANARY in outside(CONNECT, named)
            said = inside(CONNECT, named)
            assert CANARY not in said
            assert "Error" in said
    path.unlink()


def test_ports_of_the_host(inside: Attempt) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with telling(listening):
        with socket.create_connection(("127.0.0.1", port), 3) as works:
            assert works.recv(99) == CANARY.encode()
        assert "ConnectionRefusedError" in inside(CONNECT_TCP, "127.0.0.1", port)


FAKE_NETWORK = """
import socket, subprocess, sys, threading
from pathlib import Path
sys.path += sys.argv[2:]
from attempts import run_inside
from test_escapes import CONNECT_TCP
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.session.session import IsolationOptions, start_session

ADDRESSES = ("169.254.169.254", "10.0.0.5", "192.168.7.7", "198.51.100.7")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
def serve(listening):
    while True:
        with listening.accept()[0] as connected: connected.sendall(b"reached")
for address in ADDRESSES:
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    threading.Thread(target=serve, args=(socket.create_server((address, 80)),), daemon=True).start()
session = start_session(Path(sys.argv[1]), "netless", 640, 480, Keymap(), IsolationOptions())
for address in ADDRESSES:
    ran = subprocess.run(["/usr/bin/python3", "-c", CONNECT_TCP, address, "80"],
                         capture_output=True, text=True)
    print("outside", ran.stdout.strip())
    print("inside", run_inside(session, CONNECT_TCP, address, 80).strip().splitlines()[-1])
session.close()
"""


def test_private_ranges_and_the_metadata_address(below: Path) -> None:
    namespace = ["unshare", *([] if os.getuid() == 0 else ["--map-root-user"]), "--net"]
    here = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    ran = subprocess.run(
        [*namespace, sys.executable, "-c", FAKE_NETWORK, str(below), *here],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert ran.stdout.count("outside reached") == 4, ran.stderr
    assert ran.stdout.count("unreachable") == 4, ran.stdout


@pytest.mark.parametrize(
    ("family", "kind"),
    [(socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)],
    ids=["raw", "packet"],
)
def test_raw_sockets(inside: Attempt, outside: Attempt, family: int, kind: int) -> None:
    make = "import socket, sys; socket.socket(*map(int, sys.argv[1:])); print('made')"
    assert outside(make, family, kind, 1) == "made\n"
    assert "made" not in inside(make, family, kind, 1)


def test_families_of_sockets_that_know_no_network_namespace(
    inside: Attempt, outside: Attempt
) -> None:
    """Only made, never connected."""
    make = "import socket, sys; socket.socket(int(sys.argv[1]), 1); print('made')"
    assert "Address family not supported" in inside(make, socket.AF_VSOCK)
    assert outside(make, socket.AF_VSOCK) == "made\n"
    wide = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(41, ctypes.c_uint64((1 << 32) | {socket.AF_VSOCK}), 1, 0), ctypes.get_errno())
"""
    assert inside(wide) == "-1 97\n"


MOUNT = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if hasattr(os, 'geteuid') and libc.unshare(0x20000): print('no namespace', end=' ')
print('mounted' if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0
      else os.strerror(ctypes.get_errno()))
"""


def test_mounts(inside: Attempt, outside: Attempt) -> None:
    assert "mounted" in outside(MOUNT)
    assert "mounted" not in inside(MOUNT)


def test_the_system_is_read_only(inside: Attempt, outside: Attempt, below: Path) -> None:
    write = "import sys; open(sys.argv[1], 'w').write('x'); print('wrote')"
    assert outside(write, below / "written") == "wrote\n"
    for path in ("/usr/bin/x", "/etc/x", "/x", "/run/boxinit.py", "/tmp/.X11-unix/X9"):
        assert "wrote" not in inside(write, path), path
    for path in ("/home/user/x", "/tmp/x", "/run/user/1000/x"):
        assert inside(write, path) == "wrote\n"


def test_settings_of_the_kernel(inside: Attempt, outside: Attempt) -> None:
    change = "open('/proc/sys/kernel/core_pattern', 'r+'); print('could')"
    if os.getuid() == 0:
        assert outside(change) == "could\n"
    assert "Error" in inside(change)


TRACE = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1]) if len(sys.argv) > 1 else os.fork()
if pid == 0: signal.pause()
print('traced' if libc.ptrace(16, pid, 0, 0) == 0 else os.strerror(ctypes.get_errno()))
if len(sys.argv) == 1: os.kill(pid, 9)
"""


def test_tracing(inside: Attempt, outside: Attempt) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        try:
            if os.getuid() == 0:
                assert outside(TRACE, victim.pid) == "traced\n"
            assert inside(TRACE, victim.pid) == "No such process\n"
        finally:
            victim.kill()
    assert inside(TRACE) == "traced\n"
    assert inside(TRACE, 1) == "Operation not permitted\n"


def test_signals_to_the_host_and_to_the_init(inside: Attempt, walled: Session) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        said = inside("import os, sys; os.kill(int(sys.argv[1]), 9)", victim.pid)
        assert "ProcessLookupError" in said
        assert victim.poll() is None
        victim.kill()
    inside("import os, signal; os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGSTOP)")
    assert inside("print('alive')") == "alive\n"
    assert not walled.lost.is_set()


def test_kernel_keyrings(inside: Attempt, outside: Attempt) -> None:
    keyctl, session_keyring = 250, -3
    assert outside(SYSCALL, keyctl, 0, session_keyring, 1) == "done\n"
    assert inside(SYSCALL, keyctl, 0, session_keyring, 1) == "Operation not permitted\n"


TYPE_INTO_A_TERMINAL = """
import fcntl, os, pty, sys
pid, master = pty.fork()
if pid == 0:
    try: fcntl.ioctl(0, int(sys.argv[1]), b'x'); os.write(1, b'typed')
    except OSError as why: os.write(1, why.strerror.encode())
    os._exit(0)
said = b''
while True:
    try: part = os.read(master, 99)
    except OSError: break
    if not part: break
    said += part
print(said.decode())
"""


def test_typing_into_a_terminal(inside: Attempt, outside: Attempt) -> None:
    if os.getuid() == 0:
        assert "typed" in outside(TYPE_INTO_A_TERMINAL, 0x5412)
    for command in (0x5412, 0x541C, (1 << 32) | 0x5412):
        said = inside(TYPE_INTO_A_TERMINAL, command)
        assert "typed" not in said
        assert "not permitted" in said or "Error" in said


def test_shared_memory_of_the_host(inside: Attempt, outside: Attempt) -> None:
    shmget, key = 29, secrets.randbelow(1 << 30) + 1
    assert outside(SYSCALL, shmget, key, 4096, 0o1666) == "done\n"
    try:
        assert inside(SYSCALL, shmget, key, 4096, 0o666) == "No such file or directory\n"
    finally:
        subprocess.run(["ipcrm", "-M", str(key)], check=True)


def test_a_fork_bomb_stays_small(inside: Attempt) -> None:
    bomb = """
import os, signal, time
made = []
try:
    while len(made) < 800:
        pid = os.fork()
        if pid == 0: time.sleep(20); os._exit(0)
        made.append(pid)
except OSError as why: print(why.strerror)
print(len(made))
for pid in made: os.kill(pid, signal.SIGKILL)
"""
    if said := inside(bomb):  # else the watch saw it first, and ended it
        why, made = said.split("\n")[:2]
        assert why == "Resource temporarily unavailable"
        assert 100 < int(made) < 400
    assert inside("print('well')") == "well\n"


def test_disks_in_memory_are_small(inside: Attempt) -> None:
    fill = """
import sys
with open(sys.argv[1], 'wb') as file:
    for _ in range(1200):
        file.write(bytes(1 << 20)); file.flush()
print('all')
"""
    said = inside(fill, "/tmp/fill")
    inside("import os; os.unlink('/tmp/fill')")
    assert "No space left" in said


def test_there_are_no_capabilities_to_be_had(inside: Attempt) -> None:
    status = inside("print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


OWN_MOUNT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
kind, target = sys.argv[1].encode(), sys.argv[2]
def tried(done): print('done' if done == 0 else os.strerror(ctypes.get_errno()))
tried(libc.unshare(0x10000000 | 0x20000))  # CLONE_NEWUSER, CLONE_NEWNS
os.makedirs(target, exist_ok=True)
tried(libc.mount(kind, target.encode(), kind, 0, None))
tried(libc.umount2(target.encode(), 2))
"""


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "devpts"])
def test_file_systems_of_a_program_s_own(inside: Attempt, outside: Attempt, kind: str) -> None:
    refused = "done\nOperation not permitted\nOperation not permitted\n"
    assert inside(OWN_MOUNT, kind, "/tmp/mounted") == refused
    if kind != "ramfs" or os.getuid() == 0:
        here = f"/tmp/gloveport-mount-{secrets.token_hex(4)}"
        try:
            assert outside(OWN_MOUNT.replace("0x10000000 | ", ""), kind, here) == "done\n" * 3
        finally:
            Path(here).rmdir()


SYSCTLS = """
import os, sys
tried = done = 0
for root, _, names in os.walk('/proc/sys'):
    for name in names:
        path = os.path.join(root, name)
        tried += 1
        try: os.close(os.open(path, os.O_WRONLY)); done += 1; print(path)
        except OSError: pass
print(tried > 500, done)
"""


def test_no_setting_of_the_kernel_can_be_written(inside: Attempt, outside: Attempt) -> None:
    assert inside(SYSCTLS) == "True 0\n"
    assert "/proc/sys/kernel/shmall\n" in outside(SYSCTLS)
    assert "Read-only file system" in inside("open('/proc/sys/kernel/shmall', 'w').write('1')")


NETLINK = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
for protocol in range(40):
    fd = libc.socket(16, socket.SOCK_RAW, protocol)
    if fd >= 0: print(protocol, end=' '); os.close(fd)
for high in (1 << 32, 1 << 33, 1 << 63):
    for protocol in (6, 9, 12, 16):
        fd = libc.syscall(41, ctypes.c_long(16), ctypes.c_long(3), ctypes.c_ulong(high | protocol))
        if fd >= 0: print('high', protocol)
"""


def test_netlink_by_protocol(inside: Attempt, outside: Attempt) -> None:
    assert inside(NETLINK).split() == ["0", "15"]
    assert {"0", "4", "15", "16"} <= set(outside(NETLINK).split())
