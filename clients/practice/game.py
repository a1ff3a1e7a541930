"""The game 2048 to practise on: a page that is played with the arrow keys, and keeps its own score.

Where tiles appear is the same every time, so that the same play ends the same way. `Game` holds
what the page says of itself, which judges.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .site import serving_site

SIDE = 4
FRAME = "#5b2a86"  # a colour that nothing else on the page has
EMPTY = "#d9d2c5"
TILES = {
    2: "#ffffff", 4: "#ffe08a", 8: "#ff9f43", 16: "#ff5c38", 32: "#d6003c", 64: "#7a0019",
    128: "#7be37b", 256: "#1fa04a", 512: "#0b5a2a", 1024: "#6ec6ff", 2048: "#1462d8",
}  # fmt: skip
CELL, GAP = 110, 14  # pixels


@dataclass(slots=True)
class Game:
    """What the page says: the board row by row, the score and the moves that changed something."""

    board: list[int] = field(default_factory=list[int])
    score: int = 0
    moves: int = 0

    @property
    def best(self) -> int:
        return max(self.board, default=0)

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/", self._page), Route("/state", self._state, methods=["POST"])]
        )

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def _state(self, request: Request) -> Response:
        told = await request.json()
        if told["moves"] >= self.moves:  # requests may overtake each other
            self.board, self.score, self.moves = told["board"], told["score"], told["moves"]
        return Response(status_code=204)


@asynccontextmanager
async def open_game(game: Game) -> AsyncGenerator[str]:
    """Serve the game on this machine and give its address."""
    async with serving_site(game.app()) as url:
        yield url


_COLOURS = json.dumps({0: EMPTY, **TILES})
_PAGE = f"""<!doctype html><html lang=en><meta charset=utf-8><title>2048</title>
<style>
body {{ margin: 0; font: 700 34px sans-serif; background: #f5f5f5; display: grid;
  place-items: center; height: 100vh }}
#board {{ background: {FRAME}; padding: {GAP}px; display: grid; gap: {GAP}px;
  grid-template-columns: repeat({SIDE}, {CELL}px); grid-auto-rows: {CELL}px }}
#board div {{ display: grid; place-items: center; color: #111 }}
</style><div id=board></div><script>
const SIDE = {SIDE}, COLOURS = {_COLOURS};
let board = Array(SIDE * SIDE).fill(0), score = 0, moves = 0, seed = 20480;
function random(below) {{
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return Math.floor(seed / 65536) % below;
}}
function appear() {{
  const free = board.flatMap((tile, at) => tile ? [] : [at]);
  if (free.length) board[free[random(free.length)]] = random(10) ? 2 : 4;
}}
function slide(line) {{
  const tiles = line.filter(tile => tile), out = [];
  while (tiles.length) {{
    const tile = tiles.shift();
    if (tiles[0] === tile) {{ out.push(tile * 2); score += tile * 2; tiles.shift(); }}
    else out.push(tile);
  }}
  return out.concat(Array(SIDE - out.length).fill(0));
}}
function line(key, number) {{
  const along = [...Array(SIDE).keys()];
  const at = key === "ArrowLeft" || key === "ArrowRight"
    ? along.map(one => number * SIDE + one) : along.map(one => one * SIDE + number);
  return key === "ArrowRight" || key === "ArrowDown" ? at.reverse() : at;
}}
function move(key) {{
  const before = board.join();
  for (let number = 0; number < SIDE; number++) {{
    const places = line(key, number), slid = slide(places.map(at => board[at]));
    places.forEach((at, index) => board[at] = slid[index]);
  }}
  if (board.join() === before) return;
  moves++; appear(); show();
}}
function show() {{
  document.getElementById("board").innerHTML = board.map(tile =>
    `<div style="background:${{COLOURS[tile]}}">${{tile || ""}}</div>`).join("");
  fetch("/state", {{method: "POST", body: JSON.stringify({{board, score, moves}})}});
}}
addEventListener("keydown", event => event.key.startsWith("Arrow") && move(event.key));
appear(); appear(); show();
</script></html>"""
