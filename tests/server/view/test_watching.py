"""Who watches a desktop can neither break nor fail a call, however they come and go."""

import anyio
import httpx2
from answers import call, facts
from desks import session_of
from mcp import Client
from views import viewing
from web import PERSON, served, signed_in
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.recording.actor import Actor
from gloveport.server.recording.recorder import Recorder

STREAMS, CLICKS, LOOKS = 20, 20, 6


async def test_streams_that_come_and_go_fail_no_call(desktop: Desktop) -> None:
    witness, opened = Witness(session_of(desktop).x), 0
    try:
        async with (
            served(desktop) as url,
            Client(f"{url}/mcp") as client,
            viewing(url),
            httpx2.AsyncClient(trust_env=False, timeout=None, headers={"origin": url}) as http,
            anyio.create_task_group() as tasks,
        ):
            await signed_in(http, url, PERSON)

            async def flap(number: int) -> None:
                nonlocal opened
                while True:
                    async with http.stream("GET", f"{url}/live/main/events") as events:
                        lines = events.aiter_lines()
                        for _ in range(1 + number % 5):
                            await anext(lines)
                        opened += 1

            for number in range(STREAMS):
                tasks.start_soon(flap, number)
            for _ in range(CLICKS):
                click = await call(client, "left_click", coordinate=[300, 300], screenshot="never")
                assert facts(click)["ok"]
                for _ in range(LOOKS):  # each begins and ends under the eyes of all
                    assert facts(await call(client, "cursor_position"))["ok"]
            tasks.cancel_scope.cancel()
        assert opened > STREAMS
        presses = [one for one in witness.saw_all(2 * CLICKS) if isinstance(one, Press)]
        assert len(presses) == CLICKS
        assert witness.saw_nothing()
    finally:
        witness.close()


def test_a_listener_that_fails_is_told_nothing_more() -> None:
    record, told = Recorder(), list[int]()

    def fails(_: object) -> None:
        told.append(1)
        raise anyio.BrokenResourceError

    heard = list[object]()
    record.listen(fails)
    record.listen(heard.append)
    record.note(Actor("agent", "a", "a"), "wait", "wait")
    assert told == [1]
    assert len(heard) == 2
