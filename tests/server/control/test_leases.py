"""The rules of who drives, as a table and by what they do."""

from collections.abc import Callable
from contextlib import ExitStack

import anyio
import pytest

from gloveport.sandbox.errors import NotNow
from gloveport.server.control.lease import TABLE, Event, Lease, NotYours, State
from gloveport.server.recording.actor import Actor

CLAUDE = Actor("agent", "1", "claude")
CODEX = Actor("agent", "2", "codex")
ADA = Actor("person", "a", "Ada")
BOB = Actor("person", "b", "Bob")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(clock: Clock) -> Lease:
    return Lease(clock=clock)


def in_state(lease: Lease, state: State, calls: anyio.CancelScope, over: ExitStack) -> None:
    match state:
        case State.FREE:
            pass
        case State.AGENT:
            over.enter_context(lease.running(CLAUDE, calls, "acts"))
        case State.RESERVED:
            lease.reserve(CLAUDE, 60)
        case State.PERSON:
            lease.take(ADA)
        case State.PAUSED:
            lease.pause(ADA)
    assert lease.state is state


DONE_BY: dict[Event, Callable[[Lease], object]] = {
    Event.RESERVE: lambda lease: lease.reserve(CLAUDE, 60),
    Event.RELEASE: lambda lease: lease.release(CLAUDE),
    Event.TAKE: lambda lease: lease.take(ADA),
    Event.HAND_BACK: lambda lease: lease.hand_back(ADA),
    Event.PAUSE: lambda lease: lease.pause(ADA),
    Event.RESUME: lambda lease: lease.resume(),
}


@pytest.mark.parametrize("event", DONE_BY, ids=lambda event: event.name)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
async def test_what_can_happen_happens_as_the_table_says(state: State, event: Event) -> None:
    lease = Lease()
    wanted = TABLE.get((state, event))
    with ExitStack() as over:
        in_state(lease, state, anyio.CancelScope(), over)
        try:
            DONE_BY[event](lease)
        except NotNow:
            assert wanted is None
        assert lease.state is (wanted or state)


def test_a_person_s_control_refuses_agents_and_lets_them_look(lease: Lease) -> None:
    lease.take(ADA)
    lease.admit(CLAUDE, "looks")
    with pytest.raises(NotNow) as acting:
        lease.admit(CLAUDE, "acts")
    assert str(acting.value) == (
        "Ada has control of this desktop, so nothing was done. wait_for with event "
        '"control" waits until it is handed back; screenshot and read_screen show what they do.'
    )
    with pytest.raises(NotNow):
        lease.admit(CLAUDE, "waits")
    lease.hidden = True
    with pytest.raises(NotNow):
        lease.admit(CLAUDE, "looks")


async def test_taking_control_ends_what_runs_and_says_why(lease: Lease) -> None:
    with anyio.CancelScope() as call, lease.running(CLAUDE, call, "acts"):
        assert lease.who == CLAUDE
        lease.take(ADA)
        await anyio.sleep(5)
    assert call.cancelled_caught
    why = lease.ended(call)
    assert why
    assert str(why).startswith("Ada took control while this was being done.")
    assert lease.ended(call) is None


async def test_hidden_ends_with_the_person_s_control(lease: Lease) -> None:
    lease.take(ADA)
    lease.hidden = True
    lease.hand_back(ADA)
    assert not lease.hidden
    lease.admit(CLAUDE, "looks")


def test_one_person_cannot_take_from_another_nor_hand_back_for_them(lease: Lease) -> None:
    lease.take(ADA)
    with pytest.raises(NotYours, match="Ada is in control"):
        lease.take(BOB)
    with pytest.raises(NotYours):
        lease.hand_back(BOB)
    with pytest.raises(NotYours):
        lease.pause(BOB)
    assert lease.drives(ADA)


def test_a_reservation_is_for_one_agent_and_ends(lease: Lease, clock: Clock) -> None:
    lease.reserve(CLAUDE, 60)
    lease.admit(CLAUDE)
    lease.admit(CODEX, "looks")
    with pytest.raises(NotNow, match="claude has reserved this desktop for 60 more seconds"):
        lease.admit(CODEX)
    with pytest.raises(NotNow):
        lease.reserve(CODEX, 60)
    lease.release(CODEX)  # not theirs
    clock.now += 59
    assert lease.state is State.RESERVED
    clock.now += 1
    lease.admit(CODEX)
    assert lease.state is State.FREE


def test_a_reservation_has_a_longest_time(lease: Lease, clock: Clock) -> None:
    lease.reserve(CLAUDE, 1e9)
    clock.now += 601
    assert lease.state is State.FREE


def test_control_ends_when_its_person_has_left(lease: Lease, clock: Clock) -> None:
    lease.take(ADA)
    lease.left(ADA)
    clock.now += 29
    assert lease.drives(ADA)
    lease.came(ADA)  # the page was loaded again
    clock.now += 60
    assert lease.drives(ADA)
    lease.left(ADA)
    assert lease.due() == pytest.approx(30)
    clock.now += 30
    assert lease.state is State.FREE
    assert lease.back
    assert lease.back.did == ("they closed the live view",)


def test_control_ends_when_its_person_does_nothing_for_long(lease: Lease, clock: Clock) -> None:
    lease.take(ADA)
    clock.now += 899
    lease.moved()
    clock.now += 899
    assert lease.drives(ADA)
    clock.now += 1
    assert lease.state is State.FREE


async def test_who_waits_for_control_goes_on_at_the_hand_back(lease: Lease) -> None:
    lease.take(ADA)
    went_on: list[bool] = []

    async def wait() -> None:
        went_on.append(await lease.wait_free(CLAUDE, 5))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not went_on
        lease.hand_back(ADA)
    assert went_on == [True]


async def test_waiting_for_control_in_vain_says_so() -> None:
    lease = Lease()
    lease.pause(ADA)
    assert not await lease.wait_free(CLAUDE, 0.01)


async def test_waiting_for_a_reservation_ends_with_it() -> None:
    lease = Lease()
    lease.reserve(CLAUDE, 0.05)
    assert await lease.wait_free(CODEX, 5)
