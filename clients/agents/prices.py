"""What models cost: data, with its date. A model that is not in it has no price here, not a guess.

As published by the vendors by `AS_OF`, read at second hand: check them before you rely on them. The
standard tier, caches written for five minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

AS_OF = "2026-10-24"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one turn of a model used; `sent` are those that came from no cache."""

    sent: int = 0
    received: int = 0
    cache_read: int = 0
    cache_written: int = 0

    @property
    def prompt(self) -> int:
        return self.sent + self.cache_read + self.cache_written

    @property
    def total(self) -> int:
        return self.prompt + self.received


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    sent: float
    received: float
    cache_read: float
    cache_written: float
    longer_than: int = 0
    """Prompts of more tokens than this cost `long`; 0: all cost the same."""
    long: "Price | None" = None

    def of(self, tokens: Tokens) -> float:
        """What a turn costs, in dollars."""
        if self.long and tokens.prompt > self.longer_than:
            return self.long.of(tokens)
        return (
            tokens.sent * self.sent
            + tokens.received * self.received
            + tokens.cache_read * self.cache_read
            + tokens.cache_written * self.cache_written
        ) / 1e6


_LONG_HAIKU = Price(0.50, 2.50, 0.05, 0.625)

PRICES: Mapping[str, Price] = {
    "claude-fable-5-1": Price(10, 50, 0.25, 12.50),
    "claude-opus-5-5": Price(4, 20, 0.20, 5),
    "claude-sonnet-5-5": Price(2, 10, 0.10, 2.50),
    "claude-haiku-5-5": Price(0.10, 0.50, 0.01, 0.125, 100_000, _LONG_HAIKU),
    "claude-fable-5": Price(10, 50, 1, 12.50),
    "claude-opus-5": Price(5, 25, 0.50, 6.25),
    "claude-sonnet-5": Price(2, 10, 0.20, 2.50),
    "claude-opus-4-8": Price(5, 25, 0.50, 6.25),
    "claude-opus-4-7": Price(5, 25, 0.50, 6.25),
    "claude-opus-4-6": Price(5, 25, 0.50, 6.25),
    "claude-opus-4-5": Price(5, 25, 0.50, 6.25),
    "claude-sonnet-4-6": Price(3, 15, 0.30, 3.75),
    "claude-sonnet-4-5": Price(3, 15, 0.30, 3.75),
    "claude-haiku-4-5": Price(1, 5, 0.10, 1.25),
    "gpt-5.5": Price(5, 30, 0.50, 5, 272_000, Price(10, 45, 1, 10)),
    "gpt-5.4": Price(2.50, 15, 0.25, 2.50, 272_000, Price(5, 22.50, 0.50, 5)),
    "gpt-5.4-mini": Price(0.75, 4.50, 0.075, 0.75),
    "gemini-3.5-flash": Price(1.50, 9, 0.15, 1.50),
}


def price_of(model: str) -> Price | None:
    """The price of a model, by its name with or without a date behind or a platform before it."""
    name = model.rpartition("/")[2].rpartition("anthropic.")[2]
    plain = name.partition("@")[0].partition(":")[0].removesuffix("-v1")
    head, _, date = plain.rpartition("-")
    if len(date) == 8 and date.isdecimal():
        plain = head
    return PRICES.get(plain)
