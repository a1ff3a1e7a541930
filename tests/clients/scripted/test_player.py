"""The game 2048, played by looking at the picture; the page itself says how it went."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from PIL import Image
from web import served

from gloveport.clients.agents.loop import Budget, Hands, run
from gloveport.clients.agents.recorder import Record
from gloveport.clients.desk import connect
from gloveport.clients.practice.game import Game, open_game
from gloveport.clients.scripted.player import Player, best_move, move, read_board
from gloveport.clients.scripted.shopper import Lost
from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap


async def test_2048_is_played_by_looking(tmp_path: Path, keymap: Keymap) -> None:
    game = Game()
    async with AsyncExitStack() as running:
        desktop = await running.enter_async_context(
            open_desktop(DesktopOptions(tmp_path / "d"), keymap)
        )
        server = await running.enter_async_context(served(desktop))
        url = await running.enter_async_context(open_game(game))
        desk = await running.enter_async_context(connect(f"{server}/mcp"))
        record = running.enter_context(Record(tmp_path / "run"))
        player = Player(url, goal=16)
        ending = await run(player, Hands(desk, record, Budget()), "play 2048")
    assert ending.text == "There is a tile of 16."
    assert game.best == 16
    # Each board was seen as the page had it, and each key pressed moved something.
    assert list(player.seen[-1]) == game.board
    assert len(player.seen) == game.moves + 1


@pytest.mark.parametrize(
    ("key", "after"),
    [
        ("Left", (4, 4, 0, 0, 8, 0, 0, 0)),
        ("Right", (0, 0, 4, 4, 0, 0, 0, 8)),
        ("Up", (2, 2, 4, 0, 4, 4, 0, 0)),
        ("Down", (0, 0, 0, 0, 0, 0, 0, 0)),
    ],
)
def test_a_move_is_that_of_the_game(key: str, after: tuple[int, ...]) -> None:
    board = (2, 2, 4, 0, 4, 4, 0, 0) + (0,) * 8
    assert move(board, key)[:8] == after


def test_where_nothing_moves_there_is_no_move() -> None:
    assert best_move((2, 4, 2, 4, 4, 2, 4, 2) * 2) is None


def test_what_is_no_tile_is_not_taken_for_one() -> None:
    with pytest.raises(Lost, match="is no tile"):
        read_board(Image.new("RGB", (600, 600), "#123456"), (0, 0, 600, 600))
