"""Pages that answer a click late, in every way that was seen to fool a tool, and their server.

Each shows a number in a colour of its own once its answer is complete, so that one pixel of a
picture tells whether it is the new one; the button that asks lights up at once.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BUTTON = (100, 30)  # of the page, in its own pixels: the middle of the button
SQUARE = (400, 330)  # the middle of what shows the number

WAYS = {
    "one request": "await get(D); show()",
    "two requests in a row": "await get(D / 2); await get(D / 2); show()",
    "an image that loads late": "picture(D)",
    "skeleton, then content": "skeleton(); await get(D); show()",
    "title first": "document.title = 'asked ' + n; await get(D); show()",
    "a spinner": "spin(true); await get(D); show(); spin(false)",
    "a spinner that stays a moment": "spin(true); await get(D); await rest(); show(); spin(false)",
    "a light, and shown a moment later": "await get(D); await rest(); show()",
    "beside an endless animation": "turn(); await get(D); show()",
    "a long poll is open": "await get(D); show()",
    "server-sent events are open": "await get(D); show()",
    "WebSocket": "ask(D)",
    "a new page": "location = `/page?way=a new page&d=${D}&n=${n + 1}&wait=${D}`",
}
BEFORE = {
    "a long poll is open": "fetch('/never')",
    "server-sent events are open": "window.events = new EventSource('/events')",
    "beside an endless animation": "turn()",
    "WebSocket": "connect()",
}

_PAGE = """<!doctype html><meta charset=utf-8><title>{way}</title><link rel=icon href="data:,">
<style>body {{ margin: 0; font: 16px sans-serif; background: #fafafa }}
button {{ position: absolute; left: 20px; top: 10px; width: 160px; height: 40px; background: #ddd;
  border: 0; outline: 0 }} button:hover {{ background: #bcd }} button:active {{ background: #9bd }}
#n {{ position: absolute; left: 320px; top: 250px; width: 160px; height: 160px }}
#n.grey {{ background: #888 !important }}
#spin {{ position: absolute; left: 220px; top: 80px; width: 60px; height: 60px; border-radius: 50%;
  border: 6px solid #ccc; border-top-color: #06c; animation: turn 1s linear infinite }}
@keyframes turn {{ to {{ transform: rotate(1turn) }} }}</style>
<button>Ask</button><div id=n></div>
<script>
const D = {delay}; let n = {number}, socket;
const $ = name => document.querySelector(name);
const colour = k => `rgb(${{40 + 13 * (k % 16)}}, ${{40 + 13 * (k >> 4 & 15)}}, 90)`;
const paint = () => {{ $("#n").className = ""; $("#n").style.background = colour(n) }};
const show = () => {{ n++; paint() }};
const get = ms => fetch(`/slow?wait=${{ms}}&${{Math.random()}}`).then(answer => answer.text());
const rest = () => new Promise(done => setTimeout(done, 250));
const skeleton = () => $("#n").className = "grey";
const turn = () => $("#spin") ||
  document.body.append(Object.assign(document.createElement("div"), {{ id: "spin" }}));
const spin = on => on ? turn() : $("#spin").remove();
const picture = ms => {{ const image = new Image(160, 160); image.onload = () => {{
  n++; $("#n").replaceChildren(image) }}; image.src = `/image?wait=${{ms}}&n=${{n + 1}}` }};
const connect = () => {{ socket = new WebSocket(`ws://${{location.host}}/socket`);
  socket.onmessage = show }};
const ask = ms => socket.send(String(ms));
paint(); {before};
$("button").onclick = async () => {{ {answer} }};
</script>"""


def colour(number: int) -> tuple[int, int, int]:
    """What a page shows once it shows a number; red, green, blue."""
    return 40 + 13 * (number % 16), 40 + 13 * (number >> 4 & 15), 90


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            time.sleep(float(query.get("wait", 0)) / 1e3)
            self._answer(url.path, query)

    def _answer(self, path: str, query: dict[str, str]) -> None:
        match path:
            case "/page":
                way = query["way"]
                body = _PAGE.format(
                    way=way, delay=query["d"], number=query.get("n", 0), answer=WAYS[way],
                    before=BEFORE.get(way, ""),
                )  # fmt: skip
                self._send("text/html", body.encode())
            case "/slow":
                self._send("text/plain", b"here")
            case "/image":
                red, green, blue = colour(int(query["n"]))
                self._send("image/svg+xml", (
                    '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160">'
                    f'<rect width="160" height="160" fill="rgb({red},{green},{blue})"/></svg>'
                ).encode())  # fmt: skip
            case "/never":
                self.rfile.read(1)  # until the other side goes
            case "/events":
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(b"data: here\n\n")
                self.rfile.read(1)
            case "/socket":
                self._socket()
            case _:
                self.send_error(404)

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _socket(self) -> None:
        """Answer each number with itself, after so many milliseconds (RFC 6455)."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        while len(head := self.rfile.read(6)) == 6 and head[0] & 15 == 1:
            masked = self.rfile.read(head[1] & 127)
            text = bytes(byte ^ head[2 + n % 4] for n, byte in enumerate(masked))
            time.sleep(float(json.loads(text)) / 1e3)
            self.wfile.write(bytes([0x81, len(text)]) + text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering() -> Generator[int]:
    """Serve the pages; the port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
