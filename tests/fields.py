"""Text fields of real programs on a desktop, and what is truly in them."""

import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import until

from gloveport.sandbox.session.session import Session

APPS = Path(__file__).with_name("apps")
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's gi and tkinter are built for
BROWSERS = ("chromium", "firefox")
KINDS = ("gtk3", "gtk4", "qt", "tk", "xterm", "lxterminal", "chromium", "firefox")


class Field:
    """A text field: `path` holds what is in it; `pid` is its program's first process."""

    def __init__(self, kind: str, path: Path, pid: int) -> None:
        self.kind = kind
        self.path = path
        self.pid = pid

    def holds(self, text: str, seconds: float = 20) -> bool:
        """Whether the field comes to hold exactly this text."""
        return until(lambda: self.value() == text, seconds)

    def value(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    @contextmanager
    def stalled(self, stopped: float = 0.3, running: float = 0.1) -> Generator[None]:
        """Let the program run only now and then, as on a machine with too much to do."""
        done = threading.Event()

        def stall() -> None:
            while not done.is_set():
                os.kill(self.pid, signal.SIGSTOP)
                time.sleep(stopped)
                os.kill(self.pid, signal.SIGCONT)
                time.sleep(running)

        stalling = threading.Thread(target=stall)
        stalling.start()
        try:
            yield
        finally:
            done.set()
            stalling.join()


@contextmanager
def field(session: Session, kind: str, folder: Path, app: str = "field") -> Generator[Field]:
    """Open a window of some kind: with one text field that has the focus, or another of the apps.

    Its page is `app`.html in browsers, and `app`.py elsewhere; either keeps a file.
    """
    path = folder / f"{kind}.txt"
    path.unlink(missing_ok=True)
    with site(path, (APPS / f"{app}.html").read_bytes() if kind in BROWSERS else b"") as url:
        argv = _command(session, kind, path, url, app)
        pid = session.launch(argv)
        try:
            assert until(path.exists, 30), (
                f"{kind} did not come up: {session.folder.last_words(argv[0])}"
            )
            yield Field(kind, path, pid)
        finally:
            session.box.signal(pid, signal.SIGCONT)
            session.box.signal(pid, signal.SIGTERM)
            assert until(lambda: not Path(f"/proc/{pid}").exists(), 10)


@contextmanager
def page_in_chromium(session: Session, folder: Path, html: str) -> Generator[Field]:
    """A page in Chromium whose script keeps what it likes by `keep(value)`."""
    with page_in(session, "chromium", folder, html) as page:
        yield page


@contextmanager
def page_in(session: Session, browser: str, folder: Path, html: str) -> Generator[Field]:
    """A page in a browser whose script keeps what it likes by `keep(value)`."""
    path = folder / "page.txt"
    script = (
        "<script>let kept = Promise.resolve(); const keep = value => kept = kept.then("
        "() => fetch('/value', {method: 'POST', body: String(value)})); keep('');</script>"
    )
    whole = f"<!doctype html><meta charset=utf-8><title>page</title>{script}{html}"
    with site(path, whole.encode()) as url:
        pid = session.launch(_command(session, browser, path, url, ""))
        try:
            assert until(path.exists, 30)
            yield Field(browser, path, pid)
        finally:
            session.box.signal(pid, signal.SIGTERM)
            assert until(lambda: not Path(f"/proc/{pid}").exists(), 10)


def _command(session: Session, kind: str, path: Path, url: str, name: str) -> list[str]:
    app = [str(APPS / f"{name}.py")]
    match kind:
        case "gtk3" | "gtk4" | "tk" | "pyqt6" | "pyqt5" | "qt5" | "qt6" | "game":
            return [SYSTEM_PYTHON, *app, kind, str(path)]
        case "qt":
            return [sys.executable, *app, kind, str(path)]
        case "xterm":
            return ["xterm", "-u8", "-e", SYSTEM_PYTHON, *app, "terminal", str(path)]
        case "lxterminal":
            words = f"{SYSTEM_PYTHON} {app[0]} terminal {path}"
            return ["lxterminal", "--no-remote", "-e", words]
        case "chromium":
            browser = str(session.folder.home / ".local/bin/chromium")
            return [browser, f"--user-data-dir={path.with_suffix('.profile')}", url]
        case "firefox":
            profile = path.with_suffix(".profile")
            profile.mkdir(exist_ok=True)
            (profile / "user.js").write_text(
                'user_pref("browser.aboutwelcome.enabled", false);\n'
                'user_pref("browser.shell.checkDefaultBrowser", false);\n'
                'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
                'user_pref("layout.spellcheckDefault", 0);\n'
            )
            return ["firefox-esr", "--no-remote", "--profile", str(profile), url]
        case _:
            raise NotImplementedError(kind)


@contextmanager
def site(path: Path, page: bytes) -> Generator[str]:
    """Serve a page that posts what it holds, which is kept in a file.

    The page sends one value at a time and waits for the answer: of two on their way at once
    either may come last.
    """
    keeping = threading.Lock()  # each request has a thread, and a page may have been opened twice

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            value = self.rfile.read(int(self.headers["Content-Length"]))
            new = path.with_suffix(".new")
            with keeping:
                new.write_bytes(value)
                new.rename(path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
