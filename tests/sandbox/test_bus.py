"""Many questions at once over a real bus: each gets its own answer, or its own deadline."""

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from dbus_fast.auth import AuthExternal

from gloveport.sandbox.accessibility.atspi.bus import Answer, Bus, Question, Silent, Slow

# Answers how long each path is, except to those it never answers, answers wrongly or dies of.
PROGRAM = """
import asyncio, sys
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

async def main():
    bus = await MessageBus(sys.argv[1]).connect()
    def answer(message):
        if message.interface != "test.Told":
            return None
        if message.member == "Never":
            return True
        if message.member == "Wrong":
            return Message.new_error(message, "test.Wrong", "")
        if message.member == "End":
            asyncio.get_running_loop().stop()
        return Message.new_method_return(message, "u", [len(message.path)])
    bus.add_message_handler(answer)
    print(bus.unique_name, flush=True)
    await bus.wait_for_disconnect()

asyncio.run(main())
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    asked = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(
        [*asked, f"--address=unix:path={tmp_path / 'bus'}"], stdout=subprocess.PIPE, text=True
    ) as daemon:
        yield daemon
        daemon.kill()


@pytest.fixture
def address(daemon: subprocess.Popen[str]) -> str:
    assert daemon.stdout
    return daemon.stdout.readline().strip()


@pytest.fixture
def programs(address: str) -> Generator[tuple[str, str]]:
    """The names of two programs on the bus."""
    with ExitStack() as started:
        names: list[str] = []
        for _ in range(2):
            asked = [sys.executable, "-c", PROGRAM, address]
            one = started.enter_context(subprocess.Popen(asked, stdout=subprocess.PIPE, text=True))
            started.callback(one.kill)
            assert one.stdout
            names.append(one.stdout.readline().strip())
        yield names[0], names[1]


def _asked(program: str, member: str = "Length", many: int = 1) -> list[Question]:
    return [Question((program, f"/{'x' * at}"), "test.Told", member) for at in range(1, many + 1)]


async def test_each_question_gets_its_own_answer(address: str, programs: tuple[str, str]) -> None:
    one, other = programs
    bus = await Bus(address, AuthExternal()).connect()
    assert isinstance(bus, Bus)
    questions = _asked(one, many=700) + _asked(other, many=700)
    questions[350:350] = [*_asked(one, "Never"), *_asked(other, "Wrong"), *_asked("no bus name")]
    answers = await bus.ask(questions)
    right: list[Answer] = [[at + 1] for at in range(1, 701)]
    assert answers[:350] + answers[353:] == right + right
    never, wrong, impossible = answers[350:353]
    assert isinstance(never, Slow)
    assert str(wrong) == "Wrong: test.Wrong"
    assert type(impossible) is Silent
    bus.disconnect()


async def test_who_gives_up_leaves_nothing_behind(address: str, programs: tuple[str, str]) -> None:
    one, other = programs
    bus = await Bus(address, AuthExternal()).connect()
    assert isinstance(bus, Bus)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await bus.ask(_asked(one, "Never", 200))
    assert await bus.ask(_asked(one) + _asked(other)) == [[2], [2]]
    assert bus.unanswered == 0
    bus.disconnect()


async def test_a_bus_that_ends_fails_who_waits(
    daemon: subprocess.Popen[str], address: str, programs: tuple[str, str]
) -> None:
    bus = await Bus(address, AuthExternal()).connect()
    assert isinstance(bus, Bus)
    asyncio.get_running_loop().call_later(0.1, daemon.kill)
    with pytest.raises(EOFError):
        await bus.ask(_asked(programs[0], "Never", 100))
    with pytest.raises(EOFError):
        await bus.ask(_asked(programs[0]))
