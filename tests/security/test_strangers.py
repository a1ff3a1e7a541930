"""Processes of other users, proxies' headers, and floods of connections: what a stranger gets."""

import json
import os
import socket
from collections.abc import Generator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from processes import until
from strangers import MOVE, Server, as_stranger, calling, naming, serving

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with serving() as server:
        yield server


ASK = """
import json, socket, sys
port, path, body, extra, how = int(sys.argv[1]), *sys.argv[2:6]
headers = json.loads(sys.argv[6])
def request(s, flags=0):
    head = ("POST" if body else "GET") + f" {path} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n"
    for name, value in headers.items(): head += f"{name}: {value}\\r\\n"
    head += f"Content-Length: {len(body)}\\r\\n{extra}\\r\\n"
    s.send((head + body).encode(), flags)
def connect(bound=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if bound: s.bind(("127.0.0.1", bound))
    s.connect(("127.0.0.1", port))
    return s
if how == "established":
    s = connect(); request(s); print(s.recv(65536).split(b"\\r\\n")[0].decode())
elif how == "closed":
    for _ in range(20):
        s = connect(); request(s); s.close()
elif how == "with the data":
    for _ in range(20):
        s = connect(); request(s, socket.MSG_MORE); s.close()
elif how == "half closed":
    s = connect(); request(s); s.shutdown(socket.SHUT_WR)
    print(s.recv(65536).split(b"\\r\\n")[0].decode())
elif how == "time wait":
    s = connect(); own = s.getsockname()[1]; s.close()
    extra = extra.replace("PORT", str(own))
    s = connect(); request(s); print(s.recv(65536).split(b"\\r\\n")[0].decode())
"""
FORWARDED = [
    "",
    "X-Forwarded-For: 127.0.0.1:PORT\r\n",
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 127.0.0.1\r\n",
    "Forwarded: for=127.0.0.1\r\n",
    "Authorization: Bearer \r\n",
    "Cookie: gloveport-8750=x\r\n",
]
HOW = ["established", "closed", "with the data", "half closed", "time wait"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("extra", FORWARDED, ids=range(len(FORWARDED)))
def test_another_user_of_this_machine_does_nothing(server: Server, how: str, extra: str) -> None:
    before = server.pointer()
    named = json.dumps(naming("mouse_move"))
    said = as_stranger(ASK, server.port, "/mcp", json.dumps(MOVE), extra, how, named)
    assert "200" not in said
    assert "Traceback" not in said
    assert server.pointer() == before


def test_what_the_stranger_sends_works_with_a_token(server: Server) -> None:
    named = json.dumps({**naming("mouse_move"), "authorization": f"Bearer {server.token}"})
    said = as_stranger(ASK, server.port, "/mcp", json.dumps(MOVE), "", "established", named)
    assert "200" in said
    assert server.pointer() == [7, 9]
    elsewhere = {**naming("mouse_move"), "authorization": f"Bearer {server.token}"}
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        http.post("/mcp", json=calling("mouse_move", coordinate=[50, 50]), headers=elsewhere)


PATHS = ["/live/main", "/live/main/events", "/live/main/screen", "/metrics", "/attach/x",
         "/d/main/mcp", "/live/static/page.js"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_another_user_sees_nothing(server: Server, path: str) -> None:
    said = as_stranger(ASK, server.port, path, "", FORWARDED[1], "time wait", "{}")
    assert said.split()[1] == "401"


def test_another_user_has_neither_the_socket_nor_the_token(server: Server) -> None:
    read = "import sys; print(open(sys.argv[1]).read())"
    assert "PermissionError" in as_stranger(read, server.state / "main.token")
    connect = "import socket, sys; socket.socket(1).connect(sys.argv[1]); print('in')"
    assert "PermissionError" in as_stranger(connect, server.state / "main.sock")
    # Where the folder and the socket let them through, the socket itself asks who they are.
    server.state.chmod(0o755)
    (server.state / "main.sock").chmod(0o666)
    try:
        ask = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            s.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
            try: print(s.recv(100))
            except OSError as why: print(why)
        """
        assert "200" not in as_stranger(ask, server.state / "main.sock")
    finally:
        (server.state / "main.sock").chmod(0o600)
        server.state.chmod(0o711)
    with server.over_socket() as http:
        assert http.get("/healthz").json()["ok"]


def test_the_token_it_made_opens_every_route(server: Server) -> None:
    assert (server.state / "main.token").stat().st_mode & 0o777 == 0o600
    shown = {"authorization": f"Bearer {server.token}"}
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        for path in ("/metrics", "/live/main", "/live/main/screen"):
            assert http.get(path).status_code == 401
            assert http.get(path, headers=shown).status_code == 200


def test_a_proxy_is_believed_only_if_it_is_named() -> None:
    """Behind a named proxy many clients share its address; what it says tells them apart."""
    wrong = {"authorization": "Bearer wrong"}

    def refused(http: httpx2.Client, client: str) -> int:
        return http.get("/metrics", headers={**wrong, "x-forwarded-for": client}).status_code

    with (
        serving("--trusted-proxy", "127.0.0.1") as proxied,
        httpx2.Client(base_url=proxied.url, trust_env=False) as http,
    ):
        assert [refused(http, "192.0.2.1") for _ in range(12)][-1] == 429
        assert refused(http, "192.0.2.2") == 401
        good = {"authorization": f"Bearer {proxied.token}"}
        assert http.get("/metrics", headers=good).status_code == 200
    with serving() as plain, httpx2.Client(base_url=plain.url, trust_env=False) as http:
        said = [refused(http, f"192.0.2.{number}") for number in range(12)]
        assert said[-1] == 429  # whatever a stranger calls itself


def half_open(port: int, count: int, stack: ExitStack) -> None:
    for _ in range(count):
        connection = stack.enter_context(socket.socket())
        connection.settimeout(5)
        connection.connect(("127.0.0.1", port))
        connection.send(b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")


def test_half_open_connections_stop_nobody_and_end() -> None:
    with serving(limit=1024) as server, ExitStack() as stack:
        half_open(server.port, 900, stack)
        with server.over_socket() as own:
            assert own.get("/healthz").json()["ok"]
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=10) as http:
            shown = {"authorization": f"Bearer {server.token}"}
            assert http.get("/metrics", headers=shown).status_code == 200
        half_open(server.port, 600, stack)  # more than there are descriptors
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=10) as http:
            assert http.get("/metrics", headers=shown).status_code == 200
        assert (server.state / "log").stat().st_size < 100_000
        descriptors = Path(f"/proc/{server.process.pid}/fd")
        assert until(lambda: len(list(descriptors.iterdir())) < 200, 30)


def test_a_body_of_any_size_is_not_kept() -> None:
    with serving() as server:
        large = {"/live/main/do": 1 << 20, "/mcp": 64 << 20, "/live/main": 1 << 20}
        for path, size in large.items():
            for declared in (True, False):
                status = _posted(server, path, size, declared=declared)
                # What has no use for a body is answered without reading it.
                assert status in ((413,) if path == "/mcp" or declared else (413, 409, 405))
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])
        assert peak < 600_000  # kB
        with server.over_socket() as http:
            assert http.get("/healthz").json()["ok"]


def _posted(server: Server, path: str, size: int, *, declared: bool) -> int:
    """The status of a request with a large body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        length = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
        connection.sendall(f"{head}{length}\r\n\r\n".encode())
        part = b"x" * (1 << 16)
        try:
            for _ in range(size // len(part)):
                sent = part if declared else b"%x\r\n%s\r\n" % (len(part), part)
                connection.sendall(sent)
        except OSError:
            pass  # it has said no meanwhile
        answer = connection.recv(1 << 16)
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "headers",
    [
        {"x-gloveport-place": "9" * 5000},
        {"x-gloveport-place": "-1"},
        {"x-gloveport-place": "one"},
        {"x-gloveport-client": "x" * 5000},
        {"content-length": "9" * 5000},
        {"mcp-session-id": "x" * 5000},
        {"mcp-protocol-version": "9" * 5000},
        {"last-event-id": "9" * 5000},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_strange_header_gets_an_answer_or_a_sentence(
    server: Server, headers: dict[str, str]
) -> None:
    shown = {"authorization": f"Bearer {server.token}"}
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        body = json.dumps(MOVE).encode()
        lines = {"content-length": str(len(body)), **naming("mouse_move"), **shown, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        asked = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
        connection.sendall(f"{asked}{head}\r\n".encode() + body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
    assert answer.startswith("HTTP/1.1 ")
    for word in ("Traceback", "ValueError", "TaskGroup", "Exceeds the limit"):
        assert word not in answer
    assert "9" * 401 not in answer


@pytest.mark.parametrize(
    "body",
    [
        "[]", "null", "1", "{", "\0", "[" * 100_000, '{"a":' * 50_000, '"\\ud800"',
        "{}", '{"id": []}',
        '{"jsonrpc": "2.0", "id": %s, "method": "tools/list"}' % ("9" * 6000),
        '{"jsonrpc": "2.0", "id": [1], "method": "tools/list"}',
        json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}] * 100),
    ],
    ids=lambda body: body[:20],
)  # fmt: skip
def test_what_is_no_message_gets_a_sentence(server: Server, body: str) -> None:
    for era in ("2025-06-18", "2026-07-28"):
        headers = {
            "Authorization": f"Bearer {server.token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": era,
        }  # fmt: skip
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
            connection.request("POST", "/mcp", body.encode(), headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())["error"]["message"]
        assert answer.status == 400
        assert 0 < len(said) <= 400
        assert "alidation" not in said
        assert "line 1" not in said
