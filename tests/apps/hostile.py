"""A window whose accessibility tree has one object that answers as it likes, among honest ones.

hostile.py FAULT FILE: FAULT is MEMBER:ANSWER, where MEMBER is a method or a property that is asked
for the object, or "all", and ANSWER one of those below. Its tree goes by Collection if FILE ends in
".collection", by a cache too if it ends in ".cache", and by children alone otherwise. The file is
made once the window is shown.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from dbus_fast import BusType, ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from Xlib import X
from Xlib.display import Display

ROOT = "/org/a11y/atspi/accessible/root"
FRAME, BAD = "/frame", "/bad"
GOOD = [f"/good{number}" for number in range(12)]
APPLICATION, WINDOW, BUTTON = 75, 23, 43
SHOWN = 1 << 25 | 1 << 30 | 1 << 24 | 1 << 8 | 1 << 11
# The signature and the body of each answer that no caller expects.
ANSWERS: dict[str, tuple[str, list[Any]]] = {
    "nothing": ("", []),
    "text": ("s", ["nonsense"]),
    "number": ("i", [-7]),
    "float": ("d", [float("nan")]),
    "infinite": ("(dddd)", [[float("inf"), 0.5, float("nan"), 3.0]]),
    "huge": ("(iiii)", [[2**31 - 1, -(2**31), 2**31 - 1, 2**31 - 1]]),
    "texts": ("as", [["a", "b", "c"]]),
    "empties": ("au", [[]]),
    "bits": ("au", [[2**32 - 1] * 50]),
    "pairs": ("a(ss)", [[["", ""], ["no bus", "no path"], [":1.999", "/gone"]]]),
    "variant": ("v", [Variant("as", ["x"])]),
    "nested": ("v", [Variant("a{sv}", {"a": Variant("i", 1)})]),
    "long": ("v", [Variant("s", "long " * 8_000)]),
    "many": ("a(so)", [[[":1.0", f"/many{number}"] for number in range(400)]]),
}


class Tree:
    def __init__(self, bus: MessageBus, fault: str, style: str) -> None:
        self.bus, self.style = bus, style
        self.member, self.answer = fault.split(":")

    def handle(self, asked: Message) -> Message | bool | None:
        if asked.message_type is not MessageType.METHOD_CALL:
            return None
        member = asked.body[1] if asked.member == "Get" else asked.member
        if asked.path == BAD and self.member in (member, "all"):
            return self.spoilt(asked)
        told = self.told(asked, str(member))
        if told is None:
            return Message.new_error(asked, ErrorType.UNKNOWN_METHOD, "no such method")
        return Message.new_method_return(asked, *told)

    def spoilt(self, asked: Message) -> Message | bool:
        if self.answer == "never":
            return True
        if self.answer == "error":
            return Message.new_error(asked, ErrorType.FAILED, "no")
        if self.answer == "itself":
            name = str(self.bus.unique_name)
            return Message.new_method_return(asked, "a(so)", [[[name, BAD], [name, FRAME]]])
        return Message.new_method_return(asked, *ANSWERS[self.answer])

    def told(self, asked: Message, member: str) -> tuple[str, list[Any]] | None:
        path, name = str(asked.path), str(self.bus.unique_name)
        below = {ROOT: [FRAME], FRAME: [*GOOD[:6], BAD, *GOOD[6:]]}
        pairs = [[name, one] for one in below.get(path, [])]
        variants = {
            "Name": Variant("s", self.called(path)),
            "ToolkitName": Variant("s", "none"),
            "Parent": Variant("(so)", [name, {ROOT: ROOT, FRAME: ROOT}.get(path, FRAME)]),
            "ChildCount": Variant("i", len(pairs)),
            "Description": Variant("s", ""),
        }
        if member in variants:
            return "v", [variants[member]]
        if member == "GetItems" and self.style == "cache":
            return "a((so)(so)(so)iiassusau)", [[self.item(one) for one in (FRAME, BAD, *GOOD)]]
        if member == "GetMatches" and self.style != "children":
            return "a(so)", [[[name, one] for one in below[FRAME]]]
        return {
            "GetChildren": ("a(so)", [pairs]),
            "GetRole": ("u", [{ROOT: APPLICATION, FRAME: WINDOW}.get(path, BUTTON)]),
            "GetState": ("au", [[SHOWN, 0]]),
            "GetExtents": ("(iiii)", [self.place(path)]),
            "GetInterfaces": ("as", [["org.a11y.atspi.Accessible", "org.a11y.atspi.Component"]]),
            "GetRelationSet": ("a(ua(so))", [[]]),
            "GetAttributes": ("a{ss}", [{}]),
        }.get(member)

    def called(self, path: str) -> str:
        return {ROOT: "hostile", FRAME: "hostile"}.get(path, path.strip("/"))

    def place(self, path: str) -> list[int]:
        if path in GOOD:
            return [110, 110 + 30 * GOOD.index(path), 80, 24]
        return [100, 100, 400, 400] if path == FRAME else [300, 110, 80, 24]

    def item(self, path: str) -> list[Any]:
        name = str(self.bus.unique_name)
        role = WINDOW if path == FRAME else BUTTON
        parent = ROOT if path == FRAME else FRAME
        said = "" if path == BAD else self.called(path)
        return [
            [name, path], [name, ROOT], [name, parent], 0, 0, ["org.a11y.atspi.Accessible"],
            said, 9999 if path == BAD else role, "", [SHOWN, 0],
        ]  # fmt: skip


def window() -> Display:
    shown = Display()
    made = shown.screen().root.create_window(100, 100, 400, 400, 0, X.CopyFromParent)
    made.set_wm_name("hostile")
    made.change_property(
        shown.intern_atom("_NET_WM_PID"), shown.intern_atom("CARDINAL"), 32, [os.getpid()]
    )
    made.set_wm_normal_hints(flags=5, x=100, y=100)
    made.map()
    shown.sync()
    return shown


async def main(fault: str, path: Path) -> None:
    session = await MessageBus(bus_type=BusType.SESSION).connect()
    asked = Message("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
    address = (await session.call(asked)).body[0]
    bus = await MessageBus(address, BusType.SESSION).connect()
    bus.add_message_handler(Tree(bus, fault, path.suffix[1:]).handle)
    embed = Message(
        "org.a11y.atspi.Registry", ROOT, "org.a11y.atspi.Socket", "Embed", signature="(so)",
        body=[[bus.unique_name, ROOT]],
    )  # fmt: skip
    await bus.call(embed)
    shown = window()
    path.write_text("shown")  # noqa: ASYNC240 - nobody waits for it
    await bus.wait_for_disconnect()
    shown.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
