import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
from processes import until
from sites import site

from gloveport.sandbox.errors import BadNetwork
from gloveport.sandbox.isolation.egress import EgressPolicy, Internet, Proxy, normal, reachable

# Every real top-level domain of two to six letters that is made of a to f alone, and a few others.
DOMAINS = [
    "ac", "ad", "ae", "af", "ba", "bb", "bd", "be", "bf", "ca", "cc", "cd", "cf", "de", "ee", "cab",
    "cafe", "dad", "fed.us", "com", "org", "中国", "рф",
]  # fmt: skip


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_name_of_hex_letters_is_a_name(domain: str) -> None:
    assert normal(f"www.example.{domain}").startswith("www.example.")
    assert EgressPolicy.parse("open").refuses(normal(f"www.example.{domain}"), 443) == ""


NUMBERS = [
    "1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "0x7f.0.0.0x1", "10.0x1",
    "127.0.0.0x1", "0x", "1.0x",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_what_the_c_library_takes_for_an_address_is_no_name(number: str) -> None:
    with pytest.raises(BadNetwork):
        normal(number)


@pytest.mark.parametrize(
    ("text", "host", "port", "allowed"),
    [
        ("open", "example.com", 443, True),
        ("open", "example.com", 80, True),
        ("open", "example.com", 8443, False),
        ("open", "mail.example.com", 25, False),
        ("open", "mail.example.com", 587, False),
        ("open", "example.com", 22, False),
        ("open:8443,22", "example.com", 8443, True),
        ("open:8443,22", "example.com", 22, True),
        ("open:8443,22", "example.com", 443, True),
        ("open:8443,22", "example.com", 25, False),
        ("open:8000", "host.internal", 8000, False),
        ("open", "host.internal", 8000, False),
        ("none", "example.com", 443, False),
        ("allow=a.com", "a.com", 443, True),
        ("allow=a.com", "A.com.", 80, True),
        ("allow=a.com", "b.a.com", 443, False),
        ("allow=a.com", "a.com.evil.org", 443, False),
        ("allow=a.com", "evila.com", 443, False),
        ("allow=a.com", "a.com", 8080, False),
        ("allow=a.com:8080", "a.com", 8080, True),
        ("allow=a.com:8080", "a.com", 80, False),
        ("allow=*.a.com", "x.y.a.com", 443, True),
        ("allow=*.a.com", "a.com", 443, False),
        ("allow=a.com,host.internal:8000", "host.internal", 8000, True),
        ("allow=host.internal:8000", "host.internal", 8001, False),
        ("allow=bücher.example", "xn--bcher-kva.example", 443, True),
    ],
)
def test_what_is_allowed(text: str, host: str, port: int, allowed: bool) -> None:
    assert (EgressPolicy.parse(text).refuses(normal(host), port) == "") is allowed


@pytest.mark.parametrize(
    "text",
    ["", "all", "allow=", "allow=a.com:x", "allow=a.com:0", "allow=a b", "allow=host.internal",
     "allow=*", "allow=a.com/x", "allow=0x7f.1"],
)  # fmt: skip
def test_a_network_that_cannot_be_is_said(text: str) -> None:
    with pytest.raises(BadNetwork, match="is no network for a desktop"):
        EgressPolicy.parse(text)


def test_a_network_can_be_read_again() -> None:
    for text in ("none", "open", "open:8443,22", "allow=a.com,*.b.org,host.internal:8000"):
        assert str(EgressPolicy.parse(text)) == text


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
     "fe80::1%lo", "fec0::1", "192.0.0.192", "192.0.0.9", "168.63.129.16", "198.18.0.1",
     "192.88.99.1", "240.0.0.1", "203.0.113.7", "2001::1", "2001:db8::1", "2001:10::1",
     "3fff::1", "5f00::1", "100::1", "::", "::ffff:192.0.0.192", "::7f00:1", "fd00:ec2::254"],
)  # fmt: skip
def test_addresses_that_are_not_on_the_internet(address: str) -> None:
    assert not reachable(address)


def test_addresses_on_the_internet() -> None:
    assert reachable("93.184.215.14")
    assert reachable("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    for address in (
        "1.1.1.1",
        "100.63.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.1",
        "2001:4860::1",
    ):
        assert reachable(address), address


class Way:
    """A proxy, and how to send through it."""

    def __init__(self, network: str, names: dict[str, str]) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.refused: SimpleQueue[str] = SimpleQueue()
        internet = Internet(names, ("127.0.0.0/8",)) if names else None
        self.proxy = Proxy(EgressPolicy.parse(network), listening, self.refused.put, internet)

    def send(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), 10) as connected:
            connected.sendall(request)
            said = b""
            while part := connected.recv(65536):
                said += part
            return said

    def get(self, url: str, more: str = "") -> bytes:
        return self.send(f"GET {url} HTTP/1.1\r\nHost: whatever\r\n{more}\r\n".encode())


@pytest.fixture
def through() -> Generator[Callable[..., Way]]:
    ways: list[Way] = []

    def make(network: str, **names: str) -> Way:
        ways.append(Way(network, {name.replace("_", "."): one for name, one in names.items()}))
        return ways[-1]

    yield make
    for way in ways:
        way.proxy.close()


def test_what_is_allowed_arrives_as_from_ourselves(through: Callable[..., Way]) -> None:
    with site(b"hello") as (port, heads):
        way = through(f"allow=a.com:{port}", a_com="127.0.0.1")
        said = way.get(f"http://u:p@a.com:{port}/x?y=1", "Proxy-Authorization: secret\r\nTE: z\r\n")
    assert said.endswith(b"hello")
    assert heads[0].startswith(b"GET /x?y=1 HTTP/1.1\r\n")
    assert f"\r\nHost: a.com:{port}\r\n".encode() in heads[0]
    assert b"secret" not in heads[0]
    assert b"whatever" not in heads[0]


def confinement(pid: int) -> tuple[bool, int]:
    """Whether a process is held to some system calls for good, and the user it is."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return (told["Seccomp"].strip(), told["NoNewPrivs"].strip()) == ("2", "1"), int(
        told["Uid"].split()[0]
    )


def test_requests_are_read_by_a_confined_process_that_can_resolve_names(
    through: Callable[..., Way],
) -> None:
    way = through("open")
    said = way.get("http://localhost/")
    assert said.startswith(b"HTTP/1.1 403")
    assert "an address of a private network" in way.refused.get(timeout=10)
    assert way.proxy.pid
    assert confinement(way.proxy.pid) == (True, 65534 if os.getuid() == 0 else os.getuid())


def test_what_is_sent_along_arrives(through: Callable[..., Way]) -> None:
    with site(b"thanks") as (port, heads):
        way = through(f"allow=a.com:{port}", a_com="127.0.0.1")
        request = f"POST http://a.com:{port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        assert way.send(request.encode()).endswith(b"thanks")
        assert until(lambda: heads[0].startswith(b"POST / "))


def test_a_second_request_on_a_connection_does_not_get_through(
    through: Callable[..., Way],
) -> None:
    with site(b"hello") as (port, heads):
        way = through(f"allow=a.com:{port}", a_com="127.0.0.1", b_com="127.0.0.1")
        first = f"GET http://a.com:{port}/1 HTTP/1.1\r\nHost: a.com\r\n\r\n"
        second = f"GET http://b.com:{port}/2 HTTP/1.1\r\nHost: b.com\r\n\r\n"
        way.send((first + second).encode())
        assert len(heads) == 1
        assert b"/2" not in heads[0]


@pytest.mark.parametrize(
    "target",
    ["http://b.com/", "http://a.com@b.com/", "http://a.com%2eevil.org/", "http://127.0.0.1/",
     "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/", "http://x.a.com/",
     "ftp://a.com/", "/etc/passwd"],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_and_told(through: Callable[..., Way], target: str) -> None:
    way = through("allow=a.com", a_com="127.0.0.1", b_com="127.0.0.1", x_a_com="127.0.0.1")
    said = way.get(target)
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"--network" in said
    assert "was refused" in way.refused.get(timeout=5)


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7"])
def test_a_name_of_a_private_address_is_refused(through: Callable[..., Way], address: str) -> None:
    way = through("open", rebound_org=address)
    assert b"private network" in way.get("http://rebound.org/")
    assert b"403" in way.send(b"CONNECT rebound.org:443 HTTP/1.1\r\nHost: rebound.org\r\n\r\n")


NONSENSE = [
    b"GET http://h:1:2/ HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET http://[name]/ HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET http://h:99999/ HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\nHost: h\r\n\r\n",
    b"CONNECT HTTP/1.1\r\n\r\n",
    b"CONNECT h HTTP/9\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
]


@pytest.mark.parametrize("request_", NONSENSE, ids=range(len(NONSENSE)))
def test_what_is_no_request_is_answered_so(
    through: Callable[..., Way], request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    way = through("open", h="93.184.215.14")
    assert way.send(request_).startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("port", [22, 25, 465, 587, 6667, 8443])
def test_mail_and_shells_do_not_get_out(through: Callable[..., Way], port: int) -> None:
    way = through("open", a_com="93.184.215.14")
    said = way.send(f"CONNECT a.com:{port} HTTP/1.1\r\nHost: a.com\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 403 ")
    assert f"--network open:{port}".encode() in said


def test_closing_leaves_nothing_spinning(
    through: Callable[..., Way], capfd: pytest.CaptureFixture[str]
) -> None:
    """The worker shares the listening socket, and would accept from a shut one in a busy loop."""
    for _ in range(5):
        way = through("none")
        assert way.get("http://a.com/").startswith(b"HTTP/1.1 403 ")
        way.proxy.close()
    assert capfd.readouterr().err == ""


def test_an_end_amid_open_requests_prints_nothing(
    through: Callable[..., Way], capfd: pytest.CaptureFixture[str]
) -> None:
    """Tunnels, long polls, streams, half a body, half a request; some of whom have just gone."""
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        way = through(f"allow=a.com:{port}", a_com="127.0.0.1")
        kinds = [
            f"CONNECT a.com:{port} HTTP/1.1\r\nHost: a.com\r\n\r\n",
            f"GET http://a.com:{port}/never HTTP/1.1\r\nHost: a.com\r\n\r\n",
            f"POST http://a.com:{port}/ HTTP/1.1\r\nHost: a.com\r\nContent-Length: 9\r\n\r\nabc",
        ]
        clients: list[socket.socket] = []
        for number in range(18):
            client = held.enter_context(socket.create_connection(("127.0.0.1", way.port)))
            client.sendall(kinds[number % 3].encode())
            answering = held.enter_context(server.accept()[0])
            if number % 2:
                answering.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            clients.append(client)
        held.enter_context(socket.create_connection(("127.0.0.1", way.port))).sendall(b"GET ht")
        for client in clients[:9]:
            client.close()
        worker = way.proxy.worker
        assert worker
        assert worker.stdin
        worker.stdin.close()  # as when its owner dies
        assert worker.wait(20) == 0
        way.proxy.close()
    assert capfd.readouterr().err == ""


def test_tunnels_carry_everything(through: Callable[..., Way]) -> None:
    with site(bytes(20_000_000)) as (port, _):
        way = through(f"allow=a.com:{port}", a_com="127.0.0.1")
        connect = f"CONNECT a.com:{port} HTTP/1.1\r\nHost: a.com\r\n\r\n"
        said = way.send(connect.encode() + b"GET / HTTP/1.1\r\nHost: a.com\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert len(said) > 20_000_000


@contextmanager
def silent(port: int) -> Generator[str]:
    """An address that takes no connection and refuses none, as one that no route leads to."""
    with ExitStack() as held, socket.socket() as listening:
        listening.bind(("127.0.0.77", port))
        listening.listen(0)
        for _ in range(8):  # its queue is full after two
            full = held.enter_context(socket.socket())
            full.setblocking(False)
            full.connect_ex(("127.0.0.77", port))
        yield "127.0.0.77"


@pytest.mark.parametrize("dead", ["refused", "silent", "of IPv6", "all kinds"])
def test_another_address_is_tried(through: Callable[..., Way], dead: str) -> None:
    with site(b"alive") as (port, _), silent(port) as quiet:
        refuses, other = "127.0.0.99", "::ffff:127.0.0.99"
        first = {
            "refused": [refuses], "silent": [quiet], "of IPv6": [other],
            "all kinds": [quiet, other, refuses, quiet],
        }[dead]  # fmt: skip
        way = through(f"allow=a.com:{port}", a_com=",".join([*first, "127.0.0.1"]))
        assert way.get(f"http://a.com:{port}/").endswith(b"alive")


def test_idle_tunnels_do_not_stop_the_others(through: Callable[..., Way]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=400) as mute, site(b"alive") as (port, _):
        place = mute.getsockname()[1]
        way = through(
            f"allow=mute.com:{place},a.com:{port}", mute_com="127.0.0.1", a_com="127.0.0.1"
        )
        connect = f"CONNECT mute.com:{place} HTTP/1.1\r\nHost: mute.com\r\n\r\n".encode()
        with ExitStack() as held:
            for _ in range(300):
                tunnel = held.enter_context(socket.create_connection(("127.0.0.1", way.port), 10))
                tunnel.sendall(connect)
                assert tunnel.recv(100).startswith(b"HTTP/1.1 200 ")
            assert way.get(f"http://a.com:{port}/").endswith(b"alive")


def test_a_port_of_this_machine_that_was_allowed(through: Callable[..., Way]) -> None:
    with site(b"mine") as (port, _):
        way = through(f"allow=host.internal:{port}")
        assert way.get(f"http://host.internal:{port}/").endswith(b"mine")
        assert b"403" in through("open").get(f"http://host.internal:{port}/")


def test_the_same_refusal_is_told_once(through: Callable[..., Way]) -> None:
    way = through("none")
    for _ in range(3):
        way.get("http://a.com/")
    way.get("http://b.com/")
    assert [way.refused.get(timeout=5) for _ in range(2)] == [
        "a.com:80 was refused: this desktop has no network.",
        "b.com:80 was refused: this desktop has no network.",
    ]
    assert way.refused.empty()


CHATTER = (
    "update.googleapis.com", "clients2.google.com", "clients2.googleusercontent.com",
    "clientservices.googleapis.com", "safebrowsing.googleapis.com",
    "optimizationguide-pa.googleapis.com", "redirector.gvt1.com", "r4---sn-h0jeln7l.gvt1.com",
    "detectportal.firefox.com", "firefox.settings.services.mozilla.com", "aus5.mozilla.org",
    "content-signature-2.cdn.mozilla.net", "push.services.mozilla.com", "ads.mozilla.org",
    "incoming.telemetry.mozilla.org",
)  # fmt: skip
ASKED_BY_SOMEBODY = (
    "google.com", "www.mozilla.org", "addons.mozilla.org", "maps.googleapis.com",
    "update.googleapis.com.b.com", "xgvt1.com", "b.com",
)  # fmt: skip


def test_what_browsers_ask_by_themselves_is_refused_in_silence(
    through: Callable[..., Way],
) -> None:
    way = through("none")
    for host in (*CHATTER, *ASKED_BY_SOMEBODY):
        assert b"403" in way.get(f"http://{host}/")
    told = [way.refused.get(timeout=5).partition(":")[0] for _ in ASKED_BY_SOMEBODY]
    assert tuple(told) == ASKED_BY_SOMEBODY
    assert way.refused.empty()


def test_a_proxy_that_was_killed_is_started_again(through: Callable[..., Way]) -> None:
    way = through("none")
    assert way.proxy.pid is None
    assert b"403" in way.get("http://a.com/")
    first = way.proxy.pid
    assert first
    os.kill(first, signal.SIGKILL)
    assert until(lambda: not Path(f"/proc/{first}").exists())
    assert b"403" in way.get("http://a.com/")
    assert way.proxy.pid != first


OWNER = """
import os, socket, time
from gloveport.sandbox.isolation.egress import EgressPolicy, Proxy
listening = socket.create_server(("127.0.0.1", 0))
proxy = Proxy(EgressPolicy(), listening, print)
socket.create_connection(listening.getsockname())
while not proxy.pid:
    time.sleep(0.01)
print(proxy.pid, flush=True)
time.sleep(60)
"""


def test_the_proxy_ends_with_its_owner() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        owner.kill()
    assert until(lambda: not Path(f"/proc/{pid}").exists())
