"""Reads the text in pictures, in a process of its own: large, slow to load, easily killed.

One request on standard input: a line "width height", then the pixels, four bytes each (blue, green,
red, unused). One answer on standard output: a line of JSON, a list of
[text, score, [x, y, width, height], [[left, right], ...]], the last giving the columns of each
character that is not a space. It ends when nobody asks for five minutes, or its input ends.
"""

import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rapidocr import RapidOCR

from ..isolation.confine import only_serve

_IDLE = 300  # seconds; a loaded engine holds half a gigabyte
_PR_SET_PDEATHSIG = 1
_MEMORY = 8 << 30  # bytes of address space; the engine takes 2 with all it has loaded
# The models lie with the package; libraries ask what processors there are.
_READABLE = ("/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share", "/proc", "/sys",
             "/dev/null", "/dev/urandom", sys.prefix, sys.base_prefix)  # fmt: skip
# Measured on a screen of 85 lines, two cores: as it comes 3.5 s, so 1.3 s with the same text. Lines
# are read one by one and not padded to the longest, nor short ones to seven times their height.
_FAST = {
    "Global.log_level": "critical",
    "Global.use_cls": False,  # nothing on a screen stands upside down
    "Global.return_word_box": True,
    "Global.return_single_char_box": True,
    "Rec.rec_batch_num": 1,
    "Rec.rec_img_shape": [3, 48, 64],
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    asked = os.fdopen(os.dup(0), "rb")
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    own = Path(__file__).parent
    only_serve([*(Path(one).resolve() for one in _READABLE), own], _MEMORY, network=False)
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": min(4, os.cpu_count() or 1)}
    engine = RapidOCR(params={**_FAST, **threads})
    while select.select([asked], [], [], _IDLE)[0] and (line := asked.readline()):
        width, height = map(int, line.split())
        raw = asked.read(width * height * 4)
        pixels = np.frombuffer(raw, np.uint8).reshape(height, width, 4)[..., :3]
        json.dump(_lines(engine(np.ascontiguousarray(pixels))), told, ensure_ascii=False)
        told.write("\n")
        told.flush()


def _lines(found: Any) -> list[Any]:
    if found.txts is None:
        return []
    characters = found.word_results or [()] * len(found.txts)
    return [
        [text, round(float(score), 3), _box(box), [_columns(one[2]) for one in chars]]
        for text, score, box, chars in zip(
            found.txts, found.scores, found.boxes, characters, strict=True
        )
    ]


def _box(corners: Any) -> list[int]:
    xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
    left, top = int(min(xs)), int(min(ys))
    return [left, top, int(max(xs)) - left + 1, int(max(ys)) - top + 1]


def _columns(corners: Any) -> list[int]:
    xs = [int(x) for x, _ in corners]
    return [min(xs), max(xs)]


if __name__ == "__main__":
    sys.exit(main())
