"""What differs between two runs of a scenario, drawn from a seed."""

import random
from dataclasses import dataclass
from typing import Literal

SIZES = ((1280, 800), (1024, 768), (1366, 768), (1920, 1080))
_PERCENT_CALM = 25  # of the seeds have no pop-up, and as many no layout shift


@dataclass(frozen=True, slots=True)
class Variation:
    """How a site behaves and what the desktop looks like.

    Args:
        seed: What all else was drawn from; scenarios draw their values from it, too.
        popup: Seconds after a page has loaded until a pop-up covers it; None: never.
        slow: Seconds each page takes to answer.
        shift: Seconds after a page has loaded until a banner moves all below it; None: never.
        look_alike: Whether something that looks almost like what is wanted comes before it.
        size: Of the screen, in pixels.
        dark: Whether the pages are dark.
        language: Of the pages and of the instruction.
        behind: Whether another window of the browser is open behind.
    """

    seed: int = 0
    popup: float | None = None
    slow: float = 0.0
    shift: float | None = None
    look_alike: bool = True
    size: tuple[int, int] = SIZES[0]
    dark: bool = False
    language: Literal["en", "zh"] = "en"
    behind: bool = False

    @classmethod
    def drawn(cls, seed: int) -> "Variation":
        """The variation of a seed; the same seed gives the same one."""
        draw = random.Random(seed)
        popup, shift = draw.uniform(0.1, 4), draw.uniform(0.2, 3)
        return cls(
            seed,
            popup=round(popup, 2) if draw.randrange(100) >= _PERCENT_CALM else None,
            slow=round(draw.choice((0, draw.uniform(0.1, 1.5))), 2),
            shift=round(shift, 2) if draw.randrange(100) >= _PERCENT_CALM else None,
            look_alike=draw.random() < 0.75,
            size=draw.choice(SIZES),
            dark=draw.random() < 0.5,
            language=draw.choice(("en", "zh")),
            behind=draw.random() < 0.5,
        )

    @property
    def random(self) -> random.Random:
        """Draws a scenario's own values; the same ones each time."""
        return random.Random(f"scenario {self.seed}")

    def say(self, english: str, chinese: str) -> str:
        """The text in the language of this run."""
        return english if self.language == "en" else chinese
