"""Another user of this machine reaches nothing of a desktop: no socket, memory, file or process,
and no request gets in by the way it is written."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from processes import parents
from strangers import MOVE, Server, as_stranger, calling, naming, serving

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module", params=["none", "bwrap"])
def server(request: pytest.FixtureRequest) -> Generator[Server]:
    with serving("--walls", request.param) as server, server.over_socket() as http:
        opens = calling("open", target="data:text/html,<title>here</title>")
        answer = http.post("/mcp", json=opens, headers=naming("open"))
        assert not answer.json()["result"].get("isError"), answer.text
        yield server


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    of, found = parents(), [pid]
    for one in found:
        found += [child for child, parent in of.items() if parent == one]
    return found


def sockets_of(pids: list[int]) -> list[str]:
    """The addresses of the Unix sockets that processes hold, as this machine sees them."""
    held: set[str] = set()
    for pid in pids:
        try:
            held |= {str(one.readlink())[8:-1] for one in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue  # it has ended
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sorted({one[7] for one in lines if len(one) > 7 and one[6] in held})


# What each kind of server of the desktop takes, as one who has no cookie and another user id.
GREETINGS = [
    b"l\0\x0b\0\0\0\0\0\0\0\0\0",  # X11, without a cookie
    b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0" + bytes(16),  # and with a wrong one
    b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n",  # D-Bus, as its user
    b"\0AUTH ANONYMOUS\r\n",
    b"GET /live/main HTTP/1.1\r\nHost: localhost\r\n\r\n",
]
TRY = """
import ctypes, json, os, socket, sys
pids, addresses, segments, greetings, folders = json.loads(sys.argv[1])
names = ["environ", "mem", "maps", "fd", "map_files", "cwd/.", "root/etc", "ns/mnt"]
for path in [f"/proc/{pid}/{name}" for pid in pids for name in names] + folders:
    try:
        seen = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
    except OSError: continue
    if seen: print("reads", path)
for address in addresses:
    for said in greetings:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(chr(0) + address[1:] if address.startswith("@") else address)
            s.sendall(bytes.fromhex(said))
            got = s.recv(100)
        except OSError: got = b""
        if got[:1] == bytes([1]) or got.startswith(b"OK") or b" 200 " in got:
            print("is let in by", address, said, got)
        s.close()
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
for segment in segments:
    if libc.shmat(segment, None, 0o10000) not in (None, 2**64 - 1): print("sees memory", segment)
print("tried", len(addresses), "sockets,", len(pids), "processes")
"""


def test_nothing_of_a_desktop_is_open_to_another_user(server: Server) -> None:
    pids = tree(server.process.pid)
    assert len(pids) > 5
    addresses = sockets_of(pids)
    assert str(server.state / "main.sock") in addresses
    segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    ours = [int(one.split()[1]) for one in segments if int(one.split()[4]) in pids]
    folders = [str(server.state), *map(str, server.state.rglob("*"))]
    folders = [one for one in folders if not one.endswith(".lock")]  # empty; see state_folder.py
    given = [pids, addresses, ours, [said.hex() for said in GREETINGS], folders]
    said = as_stranger(TRY, json.dumps(given))
    assert said.strip() == f"tried {len(addresses)} sockets, {len(pids)} processes"


def written(*lines: str, to: str = "/mcp", host: str = "Host: 127.0.0.1:{port}") -> str:
    """A request to move the pointer, with other lines in its head."""
    body = json.dumps(MOVE)
    named = [f"{name}: {value}" for name, value in naming("mouse_move").items()]
    first = f"POST {to} HTTP/1.1"
    head = [first, *([host] if host else []), *named, *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join(head) + "\r\n\r\n" + body


_SOCKET = (
    "GET /live/main/rfb HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_WRONG = "Authorization: Bearer x"
REQUESTS = {
    "plain": written(),
    "absolute target": written(to="http://127.0.0.1:{port}/mcp"),
    "target of the socket": written(to="http+unix://localhost/mcp"),
    "no host": written(host=""),
    "an older protocol": written(host="").replace("HTTP/1.1", "HTTP/1.0"),
    "two hosts": written("Host: localhost"),
    "two tokens": written(_WRONG, "Authorization: Bearer "),
    "mapped address": written(host="Host: [::ffff:127.0.0.1]:{port}"),
    "lower-case scheme": written("authorization: bearer "),
    "basic": written("Authorization: Basic cm9vdDo="),
    "method override": written("X-HTTP-Method-Override: GET", to="/healthz/../mcp"),
    "open route first": written(to="/healthz/..%2fmcp"),
    "well-known": written(to="/.well-known/oauth-protected-resource/../../mcp"),
    "two slashes": written(to="//mcp"),
    "another desktop": written(to="/d/main/mcp"),
    "static": written(to="/live/static/../main/do"),
    "a lone line feed": written().replace("\r\n", "\n"),
    "folded header": written("Authorization: Bearer", " x"),
    "chunked and long": written("Transfer-Encoding: chunked"),
    "smuggled": "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n"
    + written(),
    "peer": written("X-Gloveport-Peer: /run/main.sock", "X-Gloveport-Instance:"),
    "gateway": written("X-Gloveport-Assertion: x", "X-Gloveport-Grant: admin"),
    "null origin": written("Origin: null", "Content-Type: text/plain"),
    "preflight": written("Access-Control-Request-Method: POST").replace("POST", "OPTIONS", 1),
    "socket": _SOCKET,
    "socket to tools": _SOCKET.replace("/live/main/rfb", "/mcp"),
    "connect": written(to="127.0.0.1:{port}").replace("POST", "CONNECT", 1),
    "trace": written().replace("POST", "TRACE", 1),
}
SEND = """
import json, socket, sys
port = int(sys.argv[1])
for name, said in json.loads(sys.argv[2]).items():
    s = socket.create_connection(("127.0.0.1", port), 10)
    s.sendall(said.replace("{port}", str(port)).encode())
    got = s.recv(65536) if "Upgrade" in said else b""
    s.shutdown(socket.SHUT_WR)
    while (part := s.recv(65536)): got += part
    for answer in got.split(b"HTTP/1.1 ")[1:]:
        body = answer.partition(b"\\r\\n\\r\\n")[2].decode()
        print(json.dumps([name, int(answer[:3]), body[:200]]))
"""


def test_no_way_to_write_a_request_gets_in(server: Server) -> None:
    before = server.pointer()
    said = as_stranger(SEND, server.port, json.dumps(REQUESTS))
    told = [json.loads(line) for line in said.splitlines()]
    assert {name for name, _, _ in told} == {*REQUESTS}
    got_in = [one for one in told if one[1] < 400 and one[2] != '{"ok":true}']
    assert not got_in, got_in
    assert server.pointer() == before
