"""A brain without a model: plays 2048 by looking at the picture, by the MCP wire alone.

It finds the board by its frame's colour, reads each tile by its own, and thinks two moves ahead.
"""

from dataclasses import dataclass, field

from PIL.Image import Image

from ..agents.loop import Hands
from ..practice.game import EMPTY, FRAME, SIDE, TILES
from .picture_search import Box, patches
from .shopper import Lost

Board = tuple[int, ...]
KEYS = ("Down", "Left", "Right", "Up")
_INSIDE = 0.16  # of a column's width: within the tile, and clear of its digits
_NEAR = 24  # how far each of red, green and blue may be off; JPEG blurs
# A snake from the lower left corner, along which large tiles belong.
_SNAKE = (6, 5, 4, 3, 7, 8, 9, 10, 14, 13, 12, 11, 15, 16, 17, 18)
_WEIGHTS = tuple(2.0**place for place in _SNAKE)


@dataclass(slots=True)
class Player:
    """Plays until a tile is made.

    Args:
        url: Where the game is.
        goal: The tile.
    """

    url: str
    goal: int = 128
    seen: list[Board] = field(default_factory=list[Board])
    """Every board it has seen."""

    async def work(self, task: str, hands: Hands) -> str:
        outcome = await hands.do("open", target=self.url, screenshot="never")
        if outcome.refused:
            raise Lost(outcome.refused)
        await hands.do("wait_for", event="window", text="2048", seconds=10, screenshot="never")
        frame: Box | None = None
        while True:
            looked = await hands.look()
            image = looked.image if looked else None
            if image is None:
                raise Lost("the desktop shows no screen")
            frame = frame or _frame(image)
            board = read_board(image, frame)
            self.seen.append(board)
            if max(board) >= self.goal:
                return f"There is a tile of {max(board)}."
            key = best_move(board)
            if key is None:
                return f"No move is left; the best tile is {max(board)}."
            outcome = await hands.do("key", text=key, screenshot="never")
            if outcome.refused:
                raise Lost(outcome.refused)


def read_board(image: Image, frame: Box) -> Board:
    """The tiles, row by row.

    Raises:
        Lost: There is something on the board that is no tile.
    """
    x, y, width, height = frame
    tiles = [(0, EMPTY), *TILES.items()]
    board: list[int] = []
    for place in range(SIDE * SIDE):
        row, column = divmod(place, SIDE)
        at = (
            round(x + width * (column + _INSIDE) / SIDE),
            round(y + height * (row + _INSIDE) / SIDE),
        )
        pixel = image.getpixel(at)
        assert isinstance(pixel, tuple)
        near = [tile for tile, colour in tiles if _alike(pixel, colour)]
        if len(near) != 1:
            raise Lost(f"what is at {at} is no tile: {pixel}")
        board += near
    return tuple(board)


def best_move(board: Board) -> str | None:
    """The key that leads to the best board two moves ahead; None when none moves anything."""
    moved = {key: move(board, key) for key in KEYS}
    able = {key: after for key, after in moved.items() if after != board}
    if not able:
        return None
    return max(able, key=lambda key: _worth(able[key], 2))


def move(board: Board, key: str) -> Board:
    """The board after a key, before a new tile appears."""
    after = list(board)
    for number in range(SIDE):
        places = [
            number * SIDE + one if key in ("Left", "Right") else one * SIDE + number
            for one in range(SIDE)
        ]
        if key in ("Right", "Down"):
            places.reverse()
        for at, tile in zip(places, _slid([board[at] for at in places]), strict=True):
            after[at] = tile
    return tuple(after)


def _worth(board: Board, ahead: int) -> float:
    here = sum(tile * weight for tile, weight in zip(board, _WEIGHTS, strict=True))
    here += board.count(0) * sum(board) * 2.0 ** min(_SNAKE)
    if not ahead:
        return here
    further = [after for key in KEYS if (after := move(board, key)) != board]
    return here + max((_worth(after, ahead - 1) for after in further), default=0.0)


def _slid(line: list[int]) -> list[int]:
    tiles = [tile for tile in line if tile]
    out: list[int] = []
    while tiles:
        tile = tiles.pop(0)
        if tiles and tiles[0] == tile:
            tiles.pop(0)
            tile *= 2
        out.append(tile)
    return out + [0] * (SIDE - len(out))


def _frame(image: Image) -> Box:
    found = [box for box in patches(image, FRAME) if box[2] > 300]
    if len(found) != 1:
        raise Lost(f"the board is not to be seen; {len(found)} things have its colour")
    return found[0]


def _alike(pixel: tuple[int, ...], colour: str) -> bool:
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return all(abs(have - want) <= _NEAR for have, want in zip(pixel, wanted, strict=False))
