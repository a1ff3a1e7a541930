"""Asks programs over AT-SPI by themselves, not by the product's reader of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthExternal

from gloveport.sandbox.session.session import Session

ACCESSIBLE = "org.a11y.atspi.Accessible"
COMPONENT = "org.a11y.atspi.Component"
Key = tuple[str, str]
"""The name of a program on the bus, and the path of one of its objects."""


@asynccontextmanager
async def accessibility_bus(session: Session) -> AsyncGenerator[MessageBus]:
    """A connection to a desktop's accessibility bus."""
    bus = await _connected(session, "")
    try:
        (address,) = await asked(bus, ("org.a11y.Bus", "/org/a11y/bus"), "org.a11y.Bus.GetAddress")
    finally:
        bus.disconnect()
    bus = await _connected(session, str(address))
    try:
        yield bus
    finally:
        bus.disconnect()


async def _connected(session: Session, address: str) -> MessageBus:
    with session.reach(address) as (ours, user):
        return await MessageBus(ours, auth=AuthExternal(uid=user)).connect()


async def asked(
    bus: MessageBus, key: Key, method: str, signature: str = "", *body: object
) -> list[Any]:
    """What an object answers to a method, such as `org.a11y.atspi.Accessible.GetRole`."""
    interface, _, member = method.rpartition(".")
    reply = await bus.call(
        Message(key[0], key[1], interface, member, signature=signature, body=list(body))
    )
    assert reply.message_type is not MessageType.ERROR, reply.body
    return list(reply.body)


async def property_of(bus: MessageBus, key: Key, interface: str, name: str) -> Any:
    (value,) = await asked(bus, key, "org.freedesktop.DBus.Properties.Get", "ss", interface, name)
    return value.value
