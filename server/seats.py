"""Where a live view sits down at the screen: its WebSocket, and what it may do by the lease."""

from dataclasses import replace

from starlette.websockets import WebSocket

from .sharing import Person, Sharing
from .viewing import Seat, rfb


async def sit(websocket: WebSocket, sharing: Sharing, person: Person) -> None:
    """Let a person watch, and act while they drive, until they or the desktop go."""
    desktop, lease = sharing.desktop, sharing.lease

    def may_act() -> bool:
        return "control" in person.may and lease.drives(person.who)

    async def pointer(x: int, y: int, buttons: int) -> None:
        lease.moved()
        await desktop.point(x, y, buttons)

    async def key(keysym: int, down: bool) -> None:
        lease.moved()
        await desktop.key(keysym, down=down)

    at = Seat.at(desktop, may_act, changed=sharing.changed)
    await rfb(websocket, desktop, replace(at, pointer=pointer, key=key))
