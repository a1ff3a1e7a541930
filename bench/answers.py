"""Is the picture of a click the one with its answer, and what does it cost over the ideal?

    .venv/bin/python bench/answers.py [--rounds N] [--delays 0 150 ...] [--ways NAME ...] [--http2]

Pages that light up a button at once and answer later, over the network, in every way that was seen
to fool a tool (tests/answering.py), in Chromium behind walls. For each: pictures that are the new
one, that are the old one and say so (`loading`, `deadline`), and that are the old one and claim to
be settled; the last must be 0. The ideal is the answer's delay and 120 ms. HTTP/1.1 and WebSocket,
or HTTP/2 over TLS (needs node and openssl), where all requests share one connection.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import anyio
import numpy as np
from PIL import Image

from gloveport.sandbox.actions import Click, Press, Type
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.frames import Frame
from gloveport.sandbox.geometry import Point
from gloveport.sandbox.isolation.egress import EgressPolicy
from gloveport.sandbox.screen.settle import End
from gloveport.sandbox.session.session import IsolationOptions
from gloveport.sandbox.x11.keymap import Keymap

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from answering import BUTTON, SQUARE, WAYS, answering, colour

DELAYS = (0, 150, 300, 700, 1500, 3000)  # milliseconds
IDEAL = 120  # milliseconds after the answer
_SAYS_SO = (End.LOADING, End.DEADLINE)


def _pixels(frame: Frame) -> "np.ndarray[tuple[int, ...], np.dtype[np.int_]]":
    assert frame.picture
    with Image.open(BytesIO(frame.picture.data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def _square(frame: Frame) -> Point:
    rows, columns = np.nonzero((abs(_pixels(frame) - colour(0)) <= 5).all(axis=2))
    return Point(int(columns.min() + columns.max()) // 2, int(rows.min() + rows.max()) // 2)


async def _clicks(
    desktop: Desktop, site: str, way: str, delay: int, rounds: int
) -> tuple[int, int, list[float]]:
    """How many pictures were new, how many claimed to be and were not, and milliseconds each."""
    await desktop.open(f"{site}/page?way={quote(way)}&d={delay}")
    at = _square(await desktop.wait_until_still(3, show="always"))
    button = Point(at.x - SQUARE[0] + BUTTON[0], at.y - SQUARE[1] + BUTTON[1])
    right, false, taken = 0, 0, list[float]()
    for number in range(1, rounds + 1):
        began = time.perf_counter()
        frame = await desktop.do(Click(button), show="always")
        taken.append((time.perf_counter() - began) * 1e3)
        new = bool((abs(_pixels(frame)[at.y, at.x] - colour(number)) <= 5).all())
        right += new
        false += not new and frame.end not in _SAYS_SO
        if not new:
            await desktop.wait_until_still(6, show="never")
    await desktop.do(Press("ctrl+w"), show="never")
    return right, false, taken


@contextmanager
def _http2(port: int, folder: Path) -> Generator[int]:
    """An HTTP/2 server in front of the pages, with a certificate that nobody has signed."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "1"]
    made += ["-subj", "/CN=host.internal", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    front = ["node", str(Path(__file__).with_name("http2.mjs")), str(key), str(cert), str(port)]
    with subprocess.Popen(
        front, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        assert server.stdin
        yield int(server.stdout.readline())
        server.stdin.close()


async def _trust(desktop: Desktop, site: str) -> None:
    """Go past the warning of a certificate that nobody has signed, as Chromium's own tests do."""
    await desktop.open(f"{site}/slow")
    await desktop.wait_until_shown("Your connection is not private", 20)
    await desktop.do(Type("thisisunsafe"), show="never")
    shown, _ = await desktop.wait_until_shown("here", 20)
    assert shown, "the certificate was not accepted"


async def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of clicks whose answers come late.")
    parser.add_argument("--rounds", type=int, default=5, help="clicks in each situation")
    parser.add_argument("--delays", type=int, nargs="+", default=DELAYS, help="milliseconds")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), help="names of situations")
    parser.add_argument("--http2", action="store_true", help="over TLS instead of HTTP/1.1")
    given = parser.parse_args()
    total = said = claimed = 0
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port = stack.enter_context(answering())
        if given.http2:
            port = stack.enter_context(_http2(port, Path(folder)))
            given.ways = [
                one for one in given.ways if one != "WebSocket"
            ]  # a connection of HTTP/1.1 of its own
        host = f"host.internal:{port}"
        site = f"{'https' if given.http2 else 'http'}://{host}"
        inner = IsolationOptions(network=EgressPolicy.parse(f"allow={host}"))
        await anyio.Path(folder).chmod(0o755)
        settings = DesktopOptions(Path(folder) / "desks", walls="bwrap", enclosure=inner)
        async with open_desktop(settings, Keymap()) as desktop:
            await desktop.open("about:blank", show="never")
            if given.http2:
                await _trust(desktop, site)
            for way in given.ways:
                for delay in given.delays:
                    right, false, taken = await _clicks(desktop, site, way, delay, given.rounds)
                    total, claimed = total + given.rounds, claimed + false
                    said += given.rounds - right - false
                    over = statistics.median(taken) - delay - IDEAL
                    print(
                        f"  {way:<30} {delay:5} ms   new {right} of {given.rounds}   "
                        f"old and said to be settled {false}   {over:+6.0f} ms over the ideal",
                        flush=True,
                    )
    print(f"  in all: {total} clicks, {said} old and said so, {claimed} old and not said")


if __name__ == "__main__":
    anyio.run(main)
