"""Where a live view sits down at the screen: its WebSocket, and what it may do by the lease."""

from dataclasses import replace

from starlette.websockets import WebSocket

from gloveport.sandbox.geometry import Point

from ..auth.principal import Passport
from ..control.session import DesktopSession, Person
from .vnc_session import Seat, rfb


async def sit(
    websocket: WebSocket, sharing: DesktopSession, person: Person, passport: Passport
) -> None:
    """Let a person watch, and act while they drive, until they or the desktop go.

    Args:
        websocket: Their connection.
        sharing: The people at the desktop.
        person: Who they are.
        passport: What this connection may do, whatever others of theirs may.
    """
    desktop, lease = sharing.desktop, sharing.lease

    def may_act() -> bool:
        return lease.drives(person.who) and passport.now.may("control")

    async def pointer(x: int, y: int, buttons: int) -> None:
        lease.moved()
        if person.deeds:
            await person.deeds.before(buttons=buttons)
        await desktop.point(x, y, buttons)
        if person.deeds:
            at = desktop.view.to_picture(Point(x, y))
            person.deeds.pointed((at.x, at.y), buttons)

    async def key(keysym: int, down: bool) -> None:
        lease.moved()
        if person.deeds and down:
            await person.deeds.before(key=keysym)
        await desktop.key(keysym, down=down)
        if person.deeds and down:
            person.deeds.pressed(keysym)
        elif person.deeds:
            person.deeds.released(keysym)

    async def cut(text: str) -> None:
        lease.moved()
        await desktop.bring(text)
        if person.deeds:
            said = {"code": "put", "count": len(text)}
            await person.deeds.note(f"put {len(text)} characters on the clipboard", said)

    async def leave() -> None:
        await desktop.leave()
        if person.deeds:
            person.deeds.let_go()

    at = Seat.at(desktop, may_act, changed=sharing.changed)
    await rfb(websocket, desktop, replace(at, pointer=pointer, key=key, cut=cut, leave=leave))
