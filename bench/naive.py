"""The usual ways, to measure ours beside: a subprocess a step, a fixed sleep, a file a picture."""

import base64
import subprocess
import tempfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import mss
from PIL import Image

SLEEP = 2.0  # computer-use-demo, `_screenshot_delay`


class Naive:
    """Drives a display the way the most copied tools do.

    Args:
        env: The environment of the desktop's programs.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)

    def click(self, x: int, y: int) -> None:
        self._run("xdotool", "mousemove", str(x), str(y), "click", "1")

    def type(self, text: str) -> None:
        for start in range(0, len(text), 50):
            self._run("xdotool", "type", "--delay", "12", "--", text[start : start + 50])

    def scrot(self) -> str:
        """A screenshot as base64, by way of a file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "shot.png"
            self._run("scrot", "-p", str(path))
            return base64.b64encode(path.read_bytes()).decode()

    def click_and_look(self, x: int, y: int) -> str:
        self.click(x, y)
        time.sleep(SLEEP)
        return self.scrot()

    def _run(self, *argv: str) -> None:
        subprocess.run(argv, env=self._env, check=True, capture_output=True)


def pillow_png(camera: mss.MSS) -> str:
    """A screenshot as base64, by mss and Pillow as their documentation shows."""
    shot = camera.grab(camera.monitors[0])
    image = Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")
    file = BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
