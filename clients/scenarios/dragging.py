"""Four kinds of dragging: a card (HTML5), a slider, a list's order, and a line on a canvas."""

import json
from itertools import pairwise

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..scripted.shopper import Lost
from .scenario import Home
from .site import Site
from .variation import Variation
from .visitor import Pick, Shown, Thing, Visitor, called, named

ENGLISH = (
    "At {url}, by dragging: move the card that the page names to “Done”, set the volume to the "
    "value it names, bring the list into alphabetical order, and draw one line from A over B to C."
)
CHINESE = (
    "在 {url} 用拖动完成：把页面指定的卡片移到“Done”，把音量滑块拖到指定的值，"
    "把列表按字母顺序排好，并从 A 经过 B 到 C 画一条线。"
)
_CARDS = ("Alpha", "Beta", "Gamma")
_FRUITS = ("Apple", "Banana", "Cherry", "Damson")
_NEAR = 14  # pixels: how far from a point the line may pass
_WIDTH, _HEIGHT, _MARK = 420, 150, 16


class Dragging(Site):
    """The books are what the page tells after each change."""

    def __init__(self, variation: Variation) -> None:
        super().__init__(variation)
        draw = self.random
        self.card = draw.choice(_CARDS)
        self.volume = draw.choice([one for one in range(10, 95, 5) if one != 50])
        self.order = [*_FRUITS[1:], _FRUITS[0]]
        draw.shuffle(self.order)
        if self.order == list(_FRUITS):
            self.order.reverse()
        self.marks = [
            (draw.randrange(30, 120), draw.randrange(30, 120)),
            (draw.randrange(170, 260), draw.randrange(30, 120)),
            (draw.randrange(300, 390), draw.randrange(30, 120)),
        ]
        self.done = list[str]()
        self.level = 50
        self.line = list[tuple[float, float]]()

    def routes(self) -> list[Route]:
        """The page, and what it tells."""
        return [Route("/", self._board), Route("/told", self._told, methods=["POST"])]

    async def solve(self, visitor: Visitor) -> str:
        """Each in turn; the page's own words say whether it came to what it should."""
        await visitor.open("Dragging")
        await self._drag(
            visitor,
            called(f"Card {self.card}"),
            called("Done column"),
            named(f"{self.card} is done"),
        )
        for place, fruit in enumerate(_FRUITS):
            wanted = f"Place {place + 1}: {fruit}"
            await self._drag(
                visitor, called(f"Fruit {fruit}"), called(f"Slot {place + 1}"),
                lambda things, wanted=wanted: any(wanted == thing.name for thing in things),
            )  # fmt: skip
        await self._slide(visitor)
        await self._draw(visitor)
        return "All four are done."

    async def _slide(self, visitor: Visitor) -> None:
        for _ in range(8):
            knob = await visitor.find(called("Knob"), "the knob")
            low = await visitor.find(called("Volume 10"), "the low end")
            high = await visitor.find(called("Volume 90"), "the high end")
            goal = [round(low.x + (high.x - low.x) * (self.volume - 10) / 80), knob.y]
            await visitor.do(
                "left_click_drag", start_coordinate=[knob.x, knob.y], coordinate=goal,
                screenshot="never",
            )  # fmt: skip
            if await visitor.shows(named(f"Volume is {self.volume}"), 1):
                return
        raise Lost("the slider does not come to its value")

    async def _draw(self, visitor: Visitor) -> None:
        for _ in range(8):
            marks = [await visitor.find(called(f"Mark {name}", "image"), name) for name in "ABC"]
            steps: list[dict[str, object]] = [
                {"action": "mouse_move", "coordinate": [marks[0].x, marks[0].y]},
                {"action": "left_mouse_down"},
                *(
                    {"action": "mouse_move", "coordinate": _between(start, end, part)}
                    for start, end in pairwise(marks)
                    for part in (0.25, 0.5, 0.75, 1)
                ),
                {"action": "left_mouse_up"},
            ]
            await visitor.hands.do("actions", actions=steps, screenshot="never")
            if await visitor.shows(named("The line is right"), 1):
                return
        raise Lost("the line does not pass the points")

    async def _drag(self, visitor: Visitor, start: Pick, end: Pick, done: Shown) -> None:
        for _ in range(8):
            if done(await visitor.read()):
                return
            held = await visitor.find(start, "what is dragged")
            goal = await visitor.find(end, "where it goes")
            await visitor.do(
                "left_click_drag", start_coordinate=[held.x, held.y],
                coordinate=[goal.x, goal.y], screenshot="never",
            )  # fmt: skip
            if await visitor.shows(done, 1):
                return
        raise Lost("dragging did not bring it there")

    async def err(self, site: httpx2.AsyncClient, home: Home) -> str:
        """All done, but the line leaves out B."""
        line = [self.marks[0], self.marks[2]]
        told = {"done": [self.card], "level": self.volume, "order": list(_FRUITS), "line": line}
        await site.post("/told", json=told)
        return "All four are done."

    async def failure(self, said: str, home: Home) -> str:
        """Each of the four by what the page told."""
        if self.done != [self.card]:
            return f"done are {self.done}, not {self.card}"
        if self.level != self.volume:
            return f"the volume is {self.level}, not {self.volume}"
        if self.order != list(_FRUITS):
            return f"the list is {self.order}"
        return "" if self._line_is_right() else "the line does not go from A over B to C"

    def _line_is_right(self) -> bool:
        """Whether the line begins at A, ends at C, and passes B."""
        if len(self.line) < 2:
            return False
        ends = _far(self.line[0], self.marks[0]), _far(self.line[-1], self.marks[2])
        passes = min(_far(point, self.marks[1]) for point in self.line)
        return max(*ends, passes) <= _NEAR

    async def _board(self, request: Request) -> Response:
        title = "Dragging"
        asked = self.say(
            f"Move {self.card} to Done. Volume: {self.volume}. A to Z. A, B, C.",
            f"把 {self.card} 移到 Done。音量：{self.volume}。A 到 Z。A、B、C。",
        )
        cards = "".join(
            f"<div class=card draggable=true id={card} role=img "
            f'aria-label="Card {card}">{card}</div>'
            for card in _CARDS
        )
        marks = "".join(
            f'<div class=mark role=img aria-label="Mark {name}" style="left:{x - _MARK / 2}px;'
            f'top:{y - _MARK / 2}px">{name}</div>'
            for name, (x, y) in zip("ABC", self.marks, strict=True)
        )
        body = _BOARD.format(
            asked=asked, cards=cards, marks=marks, width=_WIDTH, height=_HEIGHT, mark=_MARK
        )
        known = json.dumps({"order": self.order, "marks": self.marks, "near": _NEAR})
        return await self.page(title, body, f"const KNOWN = {known};{_SCRIPT}")

    async def _told(self, request: Request) -> Response:
        told = await request.json()
        self.done, self.level, self.order = told["done"], told["level"], told["order"]
        self.line = [(x, y) for x, y in told["line"]]
        return Response(status_code=204)


def _far(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _between(start: Thing, end: Thing, part: float) -> list[int]:
    return [round(start.x + (end.x - start.x) * part), round(start.y + (end.y - start.y) * part)]


_BOARD = """<style>
.columns {{ display: flex; gap: 10px }} .column {{ flex: 1; height: 84px; border: 1px dashed #888 }}
.card {{ display: inline-block; padding: 4px 10px; margin: 3px; background: #fd9; color: #111 }}
#track {{ position: relative; width: 400px; height: 8px; margin: 14px 40px; background: #888 }}
#track div {{ position: absolute; top: -8px;
  width: 22px; height: 24px; transform: translateX(-50%) }}
#knob {{ background: #1462d8 }} .slots {{ display: flex; gap: 10px }}
.slot {{ width: 110px; height: 30px; border: 1px solid #888;
  user-select: none; touch-action: none }}
.slot div {{ background: #bdf; color: #111; height: 100% }}
#pad {{ position: relative; width: {width}px; height: {height}px; border: 1px solid #888 }}
.mark {{ position: absolute; width: {mark}px; height: {mark}px; line-height: {mark}px;
  background: #fc6;
  color: #111; font-size: 12px; text-align: center; pointer-events: none }}
</style><p>{asked}</p>
<div class=columns><div class=column id=todo role=group aria-label="To do column">{cards}</div>
<div class=column id=done role=group aria-label="Done column"></div></div>
<div id=track><div id=low role=img aria-label="Volume 10" style="left:10%"></div>
<div role=img aria-label="Volume 90" style="left:90%"></div>
<div id=knob role=img aria-label="Knob" style="left:50%"></div></div>
<div class=slots></div>
<div id=pad><canvas width={width} height={height}></canvas>{marks}</div>
<p id=says></p>"""
_SCRIPT = """
let order = KNOWN.order, level = 50, line = [], moved = null;
const $ = id => document.getElementById(id), slots = document.querySelector(".slots");
const done = () => [...$("done").querySelectorAll(".card")].map(card => card.id);
const far = (one, other) => Math.max(Math.abs(one[0] - other[0]), Math.abs(one[1] - other[1]));
function right() {
  return line.length > 1 && far(line[0], KNOWN.marks[0]) <= KNOWN.near
    && far(line.at(-1), KNOWN.marks[2]) <= KNOWN.near
    && line.some(point => far(point, KNOWN.marks[1]) <= KNOWN.near);
}
function show() {
  slots.innerHTML = order.map((fruit, at) => `<div class=slot role=group data-at=${at}
    aria-label="Slot ${at + 1}"><div role=img
    aria-label="Fruit ${fruit}">${fruit}</div></div>`).join("");
  const says = [...done().map(card => card + " is done"), "Volume is " + level,
    ...order.map((fruit, at) => `Place ${at + 1}: ${fruit}`)];
  if (right()) says.push("The line is right");
  $("says").innerHTML = says.map(one => `<span>${one}</span><br>`).join("");
  $("says").style.columns = 4;
  fetch("/told", {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({done: done(), level, order, line})});
}
for (const card of document.querySelectorAll(".card"))
  card.ondragstart = event => event.dataTransfer.setData("text/plain", card.id);
for (const column of document.querySelectorAll(".column")) {
  column.ondragover = event => event.preventDefault();
  column.ondrop = event => { event.preventDefault();
    column.append($(event.dataTransfer.getData("text/plain"))); show(); };
}
const volume = event => { const box = $("track").getBoundingClientRect();
  level = Math.max(0, Math.min(100, Math.round((event.clientX - box.left) / box.width * 100)));
  $("knob").style.left = level + "%"; };
$("knob").onpointerdown = event => { event.preventDefault();
  $("knob").setPointerCapture(event.pointerId);
  $("knob").onpointermove = volume; };
$("knob").onpointerup = event => { $("knob").onpointermove = null; volume(event); show(); };
slots.onpointerdown = event => { moved = event.target.closest(".slot"); };
addEventListener("pointerup", event => {
  const goal = document.elementFromPoint(event.clientX, event.clientY)?.closest(".slot");
  if (moved && goal && moved !== goal) {
    const [from, to] = [Number(moved.dataset.at), Number(goal.dataset.at)];
    order.splice(to, 0, order.splice(from, 1)[0]); show();
  }
  moved = null;
});
const canvas = document.querySelector("canvas"), brush = canvas.getContext("2d");
brush.strokeStyle = "#d7000f"; brush.lineWidth = 3;
const at = event => { const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top]; };
canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId);
  brush.clearRect(0, 0, canvas.width, canvas.height); line = [at(event)];
  canvas.onpointermove = more => { brush.beginPath(); brush.moveTo(...line.at(-1));
    line.push(at(more)); brush.lineTo(...line.at(-1)); brush.stroke(); }; };
canvas.onpointerup = event => { canvas.onpointermove = null; line.push(at(event)); show(); };
show();
"""
