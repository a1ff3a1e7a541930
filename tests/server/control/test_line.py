"""First come, first served."""

import anyio
import pytest

from gloveport.server.control.call_queue import CallQueue


@pytest.fixture
def served() -> list[str]:
    return []


async def serve(line: CallQueue, served: list[str], who: str, number: int = 0) -> None:
    async with line.place(who, number):
        await anyio.sleep(0.01)
        served.append(f"{who}{number or ''}")


async def test_callers_are_served_in_the_order_they_came(served: list[str]) -> None:
    line = CallQueue()
    async with anyio.create_task_group() as tasks:
        for who in "abcdef":
            tasks.start_soon(serve, line, served, who)
    assert served == list("abcdef")


async def test_numbered_calls_are_served_in_the_order_of_their_numbers(served: list[str]) -> None:
    line = CallQueue()
    async with anyio.create_task_group() as tasks:
        for number in (3, 1, 4, 2):
            tasks.start_soon(serve, line, served, "a", number)
            await anyio.sleep(0.001)
    assert served == ["a1", "a2", "a3", "a4"]


async def test_one_caller_s_numbers_do_not_hold_up_another(served: list[str]) -> None:
    line = CallQueue()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve, line, served, "a", 2)
        await anyio.sleep(0.01)
        tasks.start_soon(serve, line, served, "b", 1)
        await anyio.sleep(0.05)
        tasks.start_soon(serve, line, served, "a", 1)
    assert served == ["b1", "a1", "a2"]


async def test_a_call_that_got_lost_is_not_waited_for_for_ever(served: list[str]) -> None:
    line = CallQueue()
    with anyio.fail_after(4):
        await serve(line, served, "a", 7)
    assert served == ["a7"]


async def test_a_caller_that_gives_up_leaves_the_line(served: list[str]) -> None:
    line = CallQueue()
    async with line.place("a"), anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.01):
            await serve(line, served, "b")
        tasks.start_soon(serve, line, served, "c")
        await anyio.sleep(0.01)
        assert served == []
        tasks.cancel_scope.cancel()
    await serve(line, served, "d")
    assert served == ["d"]


async def test_a_caller_that_came_back_counts_anew(served: list[str]) -> None:
    line = CallQueue()
    await serve(line, served, "a", 1)
    line.forget("a")
    with anyio.fail_after(1):
        await serve(line, served, "a", 1)
    assert served == ["a1", "a1"]
