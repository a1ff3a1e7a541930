"""What web pages can do in the desktop's Chromium, behind walls: pass or fail for each capability,
and what it costs. All pages are served inside the box, at http://localhost, which browsers trust.

    .venv/bin/python bench/browser.py [--walls none] [--tabs 40] [--json FILE]

Each check asks the page for what came of it, or looks at the desktop where only that can tell.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio

from gloveport.sandbox.actions import ClickElement, Drag, Press
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import SandboxError
from gloveport.sandbox.geometry import Point

PORT = 8000  # of the box's own loopback
URL = f"http://localhost:{PORT}"
WITHIN = 20.0  # seconds

SERVER = """
import http.server, pathlib
here = pathlib.Path(__file__).parent
class Page(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *given): super().__init__(*given, directory=str(here))
    def do_POST(self):
        said = self.rfile.read(int(self.headers['Content-Length']))
        (here / ('said' + self.path.replace('/', '-'))).write_bytes(said)
        self.send_response(204); self.end_headers()
    def log_message(self, *said): pass
http.server.ThreadingHTTPServer(('127.0.0.1', PORT), Page).serve_forever()
"""

# Checks that a page makes alone: name, and a function whose value is what to tell of a success.
ALONE = {
    "WebGL 1": "const g = gl('webgl'); return g.getParameter(g.VERSION)",
    "WebGL 2": "const g = gl('webgl2'); return g.getParameter(g.VERSION)",
    "canvas, 2D": """const c = new OffscreenCanvas(9, 9).getContext('2d');
      c.fillStyle = '#0f0'; c.fillRect(0, 0, 9, 9);
      must(c.getImageData(4, 4, 1, 1).data[1] == 255); return 'drawn'""",
    "WebAudio": """const c = new OfflineAudioContext(1, 4410, 44100), o = c.createOscillator();
      o.connect(c.destination); o.start(); const b = await c.startRendering();
      must(b.getChannelData(0).some(one => one > 0.9)); return 'a tone was rendered'""",
    "IndexedDB": """const open = indexedDB.open('d', 1);
      open.onupgradeneeded = () => open.result.createObjectStore('s');
      const d = await of(open);
      await of(d.transaction('s', 'readwrite').objectStore('s').put(7, 1));
      must(await of(d.transaction('s').objectStore('s').get(1)) == 7); return 'kept and read'""",
    "ServiceWorker": """await navigator.serviceWorker.register('/worker.js');
      await navigator.serviceWorker.ready; const c = await caches.open('c');
      await c.put('/kept', new Response('kept'));
      must(await (await c.match('/kept')).text() == 'kept');
      return 'registered, cache read'""",
    "WebCrypto": """const k = await crypto.subtle.generateKey({name: 'AES-GCM', length: 256}, false,
      ['encrypt', 'decrypt']), iv = new Uint8Array(12), said = new TextEncoder().encode('hi');
      const hidden = await crypto.subtle.encrypt({name: 'AES-GCM', iv}, k, said);
      const open = await crypto.subtle.decrypt({name: 'AES-GCM', iv}, k, hidden);
      must(new TextDecoder().decode(open) == 'hi'); return 'encrypted and decrypted'""",
    "WebAssembly": """const m = await WebAssembly.instantiate(
      new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])); must(m.instance); return 'instantiated'""",
    "video, recorded and played": """const c = document.createElement('canvas');
      const d = c.getContext('2d'), r = new MediaRecorder(c.captureStream(30)), parts = [];
      r.ondataavailable = e => parts.push(e.data); r.start();
      for (let n = 0; n < 20; n++) { d.fillRect(n, n, 9, 9); await wait(50) }
      const over = new Promise(done => r.onstop = done); r.stop(); await over;
      const v = document.createElement('video'); v.muted = true;
      v.src = URL.createObjectURL(new Blob(parts)); await v.play(); await wait(300);
      must(v.currentTime > 0 && v.videoWidth == 300);
      return `${v.currentTime.toFixed(1)} s played`""",
    "video, H.264": """const can = document.createElement('video').canPlayType(
      'video/mp4; codecs="avc1.42E01E"'); must(can); return can""",
    "Intl": """const d = new Date(0), f = where => d.toLocaleDateString(where, {dateStyle: 'full'});
      must(f('zh-CN').includes('1970年') && f('ar-EG') != f('en')); return f('zh-CN')""",
    "time zone": """const zone = Intl.DateTimeFormat().resolvedOptions().timeZone; must(zone);
      return zone""",
    "WebRTC data channel": """const a = new RTCPeerConnection(), b = new RTCPeerConnection();
      a.onicecandidate = e => e.candidate && b.addIceCandidate(e.candidate);
      b.onicecandidate = e => e.candidate && a.addIceCandidate(e.candidate);
      const got = new Promise(done => b.ondatachannel = e =>
        e.channel.onmessage = m => done(m.data));
      const c = a.createDataChannel('c'); c.onopen = () => c.send('hi');
      await a.setLocalDescription(); await b.setRemoteDescription(a.localDescription);
      await b.setLocalDescription(); await a.setRemoteDescription(b.localDescription);
      must(await got == 'hi'); return 'a message arrived'""",
    "fonts of ten scripts": """const c = document.createElement('canvas').getContext('2d');
      c.font = '20px sans-serif'; const box = c.measureText('\\u{10FFFE}').width, none = [];
      for (const one of 'aяا中あ한हবαΩ') if (c.measureText(one).width == box) none.push(one);
      must(!none.length, none.join(' ')); return 'all have glyphs'""",
}

PAGE = """<!doctype html><meta charset=utf-8><title>%s</title><style>
#from, #map, #pad { position: absolute; top: 200px; width: 100px; height: 100px; background: #8ac }
#map { left: 200px; width: 300px } #pad { left: 560px; width: 300px }
#to { position: absolute; left: 20px; top: 400px; width: 200px; height: 100px;
  border: 2px dashed }
#from { left: 20px }</style>
<button id=copy>Copy it</button> <button id=print>Print it</button>
<button id=ask>Notify me</button>
<input id=file type=file aria-label=Choose><div id=from draggable=true></div><div id=to></div>
<div id=map></div><canvas id=pad width=300 height=100></canvas>
<script>
const tell = (name, said) => fetch('/' + name, {method: 'POST', body: JSON.stringify(said)});
const must = (true_, why) => { if (!true_) throw Error(why || 'not so') };
const wait = ms => new Promise(done => setTimeout(done, ms));
const of = asked => new Promise((done, no) => { asked.onsuccess = () => done(asked.result);
  asked.onerror = () => no(asked.error) });
const gl = kind => { const g = document.createElement('canvas').getContext(kind);
  must(g, 'no context'); g.clearColor(0, 1, 0, 1); g.clear(g.COLOR_BUFFER_BIT);
  const p = new Uint8Array(4); g.readPixels(0, 0, 1, 1, g.RGBA, g.UNSIGNED_BYTE, p);
  must(p[1] == 255, 'nothing was drawn'); return g };
const at = id => document.getElementById(id);
at('copy').onclick = async () => { await navigator.clipboard.writeText('copied by the page');
  tell('copy', 'written') };
at('print').onclick = () => print();
at('ask').onclick = async () => tell('ask', await Notification.requestPermission());
at('file').onchange = e => tell('file', e.target.files[0].name);
at('to').ondragover = e => e.preventDefault();
at('from').ondragstart = e => e.dataTransfer.setData('text', 'dropped');
at('to').ondrop = e => { e.preventDefault(); tell('drop', e.dataTransfer.getData('text')) };
for (const id of ['map', 'pad']) { let path = [];
  at(id).onpointerdown = e => { at(id).setPointerCapture(e.pointerId); path = [e.offsetX] };
  at(id).onpointermove = e => path.length && path.push(e.offsetX);
  at(id).onpointerup = e => { tell(id, path.at(-1) - path[0]); path = [] } }
const checks = {%s};
(async () => { const said = {};
  for (const [name, check] of Object.entries(checks)) { const began = performance.now();
    try { said[name] = [true, String(await Promise.race([check(), wait(8000).then(() => {
      throw Error('no answer in 8 s') })]))] } catch (why) { said[name] = [false, String(why)] }
    said[name].push(Math.round(performance.now() - began)) }
  await tell('alone', said); document.title = 'checked' })();
</script>"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check."""

    name: str
    passed: bool
    said: str
    seconds: float


class Checks:
    """The checks at one desktop."""

    def __init__(self, desktop: Desktop, site: Path) -> None:
        self._desktop = desktop
        self._site = site
        self.outcomes: list[Outcome] = []

    async def said(self, name: str) -> object:
        """What the page told under a name."""
        with anyio.fail_after(WITHIN):
            while True:
                try:
                    took = await self._desktop.download(f"{self._site.name}/said-{name}", "text")
                    return json.loads(took.content)
                except (SandboxError, ValueError):
                    await anyio.sleep(0.1)

    async def check(self, name: str, doing: Callable[[], Awaitable[str]]) -> None:
        began = time.perf_counter()
        try:
            passed, said = True, await doing()
        except (SandboxError, TimeoutError, AssertionError) as why:
            passed, said = False, str(why) or type(why).__name__
        self.tell(Outcome(name, passed, said, time.perf_counter() - began))

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        mark = "pass" if outcome.passed else "FAIL"
        print(f"  {mark}  {outcome.name:<28} {outcome.seconds * 1e3:6.0f} ms  {outcome.said[:90]}")

    async def alone(self) -> None:
        told = cast("dict[str, tuple[bool, str, int]]", await self.said("alone"))
        for name, (passed, said, took) in told.items():
            self.tell(Outcome(name, passed, said, took / 1e3))

    async def clipboard(self) -> str:
        await self._desktop.do(ClickElement("Copy it"))
        await self.said("copy")
        assert await self._desktop.clipboard() == "copied by the page"
        return "the desktop's clipboard has it"

    async def dragged(self, name: str, start: tuple[int, int], end: tuple[int, int]) -> str:
        top = 108  # the page's first pixel below the browser's own, maximized at 1280x800
        await self._desktop.do(Drag([Point(start[0], start[1] + top), Point(end[0], end[1] + top)]))
        told = await self.said(name)
        if name != "drop":
            assert abs(int(str(told)) - (end[0] - start[0])) <= 2, told
        return f"{told}"

    async def shown(self, press: str, text: str, role: str = "") -> str:
        """Press a button of the page, see what it brings, and put that away again."""
        await self._desktop.do(ClickElement(press))
        waited = await self._desktop.wait_until_shown(text, WITHIN, role=role)
        assert waited[0], f"no {text!r} came"
        await self._desktop.do(Press("Escape"))
        return f"{text!r} was shown"

    async def notifications(self) -> str:
        await self._desktop.do(ClickElement("Notify me"))
        answer = await self.said("ask")
        assert answer == "granted", answer
        return str(answer)

    async def pdf(self) -> str:
        await self._desktop.open(f"{URL}/page.pdf")
        waited = await self._desktop.wait_until_shown("Hello from a PDF", WITHIN)
        assert waited[0], "its text was not found"
        return "its text was found"

    async def tabs(self, count: int) -> str:
        session = self._desktop.runtime.session
        browser = str(session.home / ".local/bin/chromium")
        for first in range(0, count, 10):
            urls = [f"{URL}/tab.html?{at}" for at in range(first, min(first + 10, count))]
            session.launch([browser, *urls])
        for at in range(count):
            await self.said(f"tab-{at}")
        return f"{count} open, {_memory(session.keeper.pid) >> 20} MB in all"


def _memory(root: int) -> int:
    """Bytes of the processes below one, shared ones divided."""
    total, queue = 0, [root]
    while queue:
        pid = queue.pop()
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) << 10
            for thread in Path(f"/proc/{pid}/task").iterdir():
                queue += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return total


def _pdf() -> bytes:
    stream = b"BT /F1 36 Tf 72 700 Td (Hello from a PDF) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    made, places = b"%PDF-1.4\n", list[int]()
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + end


async def run(walls: bool, tabs: int) -> list[Outcome]:
    functions = ", ".join(
        f"{json.dumps(name)}: async () => {{ {do} }}" for name, do in ALONE.items()
    )
    tab = (
        "<title>tab</title><script>"
        "fetch('/tab-' + location.search.slice(1), {method: 'POST', body: '1'})</script>"
    )
    files = {
        "server.py": SERVER.replace("PORT", str(PORT)).encode(),
        "index.html": (PAGE % ("checking", functions)).encode(),
        "worker.js": b"self.addEventListener('fetch', () => {})",
        "page.pdf": _pdf(),
        "tab.html": tab.encode(),
    }
    with tempfile.TemporaryDirectory() as folder:
        options = DesktopOptions(Path(folder), walls="auto" if walls else "none")
        async with open_desktop(options) as desktop:
            for name, data in files.items():
                await desktop.upload(f"site/{name}", data)
            session = desktop.runtime.session
            site = session.home / "site"
            session.launch(["/usr/bin/python3", "-I", str(site / "server.py")])
            checks = Checks(desktop, site)
            await anyio.sleep(1)  # until the server listens; a browser would show its own error
            await desktop.open(URL)
            await checks.alone()
            await checks.check("clipboard, written", checks.clipboard)
            await checks.check(
                "drag and drop, HTML5", lambda: checks.dragged("drop", (70, 250), (120, 450))
            )
            await checks.check(
                "a map, dragged", lambda: checks.dragged("map", (230, 250), (400, 280))
            )
            await checks.check(
                "canvas, drawn on", lambda: checks.dragged("pad", (600, 230), (800, 280))
            )
            await checks.check("file picker", lambda: checks.shown("Choose", "Cancel", "button"))
            await checks.check("notifications", checks.notifications)
            await checks.check("print", lambda: checks.shown("Print it", "Cancel", "button"))
            await checks.check("PDF", checks.pdf)
            await checks.check(f"{tabs} tabs", lambda: checks.tabs(tabs))
            return checks.outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walls", choices=("bwrap", "none"), default="bwrap")
    parser.add_argument("--tabs", type=int, default=40)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes there too")
    options = parser.parse_args()
    outcomes = anyio.run(run, options.walls != "none", options.tabs)
    failed = [one.name for one in outcomes if not one.passed]
    print(
        f"\n{len(outcomes) - len(failed)} of {len(outcomes)} pass"
        + f"; not: {failed}" * bool(failed)
    )
    if options.json:
        told = [
            {"name": o.name, "passed": o.passed, "said": o.said, "ms": round(o.seconds * 1e3)}
            for o in outcomes
        ]
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
