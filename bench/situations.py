"""Pages that answer a click in every way that was seen to fool a tool, and the truth about each.

The page paints a counter in the colour of its number once its reaction is complete, so one look at
one pixel of a picture says whether the picture is the new one.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SITUATIONS = {
    "at once": "show()",
    "after 50 ms": "setTimeout(show, 50)",
    "after 150 ms": "setTimeout(show, 150)",
    "after 400 ms": "setTimeout(show, 400)",
    "after 600 ms of work": "work(600); show()",
    "says so, then works 500 ms": "say('working'); requestAnimationFrame(() => "
    "setTimeout(() => { work(500); show() }, 0))",
    "beside a spinner": "spin(); setTimeout(show, 100)",
    "with an animation of 300 ms": "slide(); setTimeout(show, 300)",
    "a page whose server answers after 700 ms": "location = `/slow?n=${n + 1}`",
}
WHERE = (400, 300)  # of the page, in its own pixels; also where a click is caught
_SIDE = 160  # of the square that shows the number's colour
SERVER = 0.7  # seconds

_PAGE = """<!doctype html><meta charset=utf-8><title>{title}</title>
<style>body {{ margin: 0; font: 16px sans-serif; background: #fafafa }}
#n {{ position: absolute; left: 320px; top: 220px; width: 160px; height: 160px }}
#spin {{ position: absolute; left: 20px; top: 60px; width: 40px; height: 40px; border-radius: 50%;
  border: 6px solid #ccc; border-top-color: #06c; animation: turn 1s linear infinite }}
#slide {{ position: absolute; top: 480px; width: 80px; height: 40px; background: #888;
  transition: left .3s linear; left: 0 }}
@keyframes turn {{ to {{ transform: rotate(1turn) }} }}</style>
<p id=said>{title}</p><div id=n></div><div id=slide></div>
<script>
let n = {n};
const colour = k => `rgb(${{40 + 13 * (k % 16)}}, ${{40 + 13 * (k >> 4 & 15)}}, 90)`;
const square = document.querySelector("#n");
const paint = () => square.style.background = colour(n);
const show = () => {{ n++; paint(); say(`shows ${{n}}`) }};
const say = text => document.querySelector("#said").textContent = text;
const work = ms => {{ for (const end = performance.now() + ms; performance.now() < end;); }};
const spin = () => document.querySelector("#spin") ||
  document.body.append(Object.assign(document.createElement("div"), {{ id: "spin" }}));
const slide = () => {{ const s = document.querySelector("#slide");
  s.style.left = s.style.left === "300px" ? "0" : "300px" }};
paint();
addEventListener("mousedown", () => {{ {reaction} }});
</script>"""


def colour(number: int) -> tuple[int, int, int]:
    """What the square shows once the page shows a number; red, green, blue."""
    return 40 + 13 * (number % 16), 40 + 13 * (number >> 4 & 15), 90


@contextmanager
def pages() -> Generator[str]:
    """Serve a page for each situation: /0, /1, ..."""
    reactions = list(SITUATIONS.items())

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?n=")
            number = int(query or 0)
            if not (path == "/slow" or path[1:].isdecimal()):
                self.send_error(404)
                return
            if path == "/slow":
                time.sleep(SERVER)
                title, reaction = reactions[-1]
            else:
                title, reaction = reactions[int(path[1:])]
            body = _PAGE.format(title=title, n=number, reaction=reaction).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
