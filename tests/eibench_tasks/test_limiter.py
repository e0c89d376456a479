"""How many requests are on their way at once: halved where a server is full, grown again while all is well."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_server import in_loop

from eibench_tasks.engines.limiter import Limiter, NoTurn


async def call(limiter: Limiter, seconds: float = 0.0) -> None:
    async with limiter.slot():
        await asyncio.sleep(seconds)
        limiter.answered(seconds)


@in_loop
async def test_no_more_are_in_flight_than_the_bound_and_they_go_in_order() -> None:
    limiter = Limiter(3, time_limit=10)
    started: list[int] = []
    most = 0

    async def one(number: int) -> None:
        nonlocal most
        async with limiter.slot():
            started.append(number)
            most = max(most, limiter.in_flight)
            await asyncio.sleep(0.005)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert most == 3
    assert started == list(range(20))
    assert limiter.in_flight == 0


def test_an_overload_halves_the_bound_once_a_round_trip_and_never_below_one() -> None:
    limiter = Limiter(16, time_limit=10)
    sent = time.monotonic()
    for _ in range(16):  # all were sent before the first refusal came
        limiter.overloaded(sent)
    assert limiter.bound == 8
    for expected in (4, 2, 1, 1):
        time.sleep(0.001)
        limiter.overloaded(time.monotonic())
        assert limiter.bound == expected


@in_loop
async def test_quick_calls_add_one_for_each_round_up_to_the_most() -> None:
    limiter = Limiter(6, time_limit=10)
    limiter.overloaded(time.monotonic())
    limiter.bound = 4.0
    await call(limiter)
    assert limiter.bound == 4.25  # 4 + 1/4
    await call(limiter)
    assert limiter.bound == pytest.approx(4.25 + 1 / 4.25)
    for _ in range(20):
        await call(limiter)
    assert limiter.bound == 6


@in_loop
async def test_slow_calls_take_a_tenth_off_and_middling_ones_change_nothing() -> None:
    limiter = Limiter(10, time_limit=2)  # slow from 1 s, quick below 0.5 s
    await call(limiter, 1.02)
    assert limiter.bound == 9
    await call(limiter, 0.52)
    assert limiter.bound == 9
    await call(limiter)
    assert limiter.bound == pytest.approx(9 + 1 / 9)


@in_loop
async def test_a_call_that_fails_gives_its_place_back_and_earns_none() -> None:
    limiter = Limiter(4, time_limit=10)
    limiter.bound = 2.0
    for _ in range(5):
        with pytest.raises(ConnectionError):
            async with limiter.slot():
                raise ConnectionError
    assert (limiter.bound, limiter.in_flight) == (2.0, 0)


@in_loop
async def test_a_lower_bound_holds_for_those_that_wait() -> None:
    limiter = Limiter(8, time_limit=100)
    late: list[int] = []

    async def one(number: int) -> None:
        async with limiter.slot():
            if number >= 8:
                late.append(limiter.in_flight)
            await asyncio.sleep(0.005)
            limiter.bound = 2.0

    await asyncio.gather(*(one(number) for number in range(20)))
    assert len(late) == 12
    assert max(late) == 2


@in_loop
async def test_nothing_goes_out_while_the_server_wants_a_rest_and_all_go_after() -> None:
    limiter = Limiter(4, time_limit=10)
    begun = time.monotonic()
    limiter.overloaded(time.monotonic(), retry_after=1)
    limiter.overloaded(time.monotonic(), retry_after=0.2)  # a shorter one does not shorten it
    assert 0.2 < limiter.pause <= 1
    times: list[float] = []

    async def one() -> None:
        async with limiter.slot():
            times.append(time.monotonic() - begun)

    await asyncio.gather(*(one() for _ in range(12)))
    assert min(times) >= 0.99
    assert len(times) == 12
    assert limiter.pause == 0


@in_loop
async def test_a_rest_beyond_the_patience_is_not_waited_for_by_anybody() -> None:
    limiter = Limiter(1, time_limit=10, patience=1.0)

    async def first() -> None:
        async with limiter.slot():
            await asyncio.sleep(0.02)
            limiter.overloaded(0.0, retry_after=5.0)

    running = asyncio.create_task(first())
    await asyncio.sleep(0)
    waiting = await asyncio.wait_for(
        asyncio.gather(*(call(limiter) for _ in range(5)), return_exceptions=True), timeout=60
    )
    await running
    assert all(isinstance(one, NoTurn) for one in waiting)
    with pytest.raises(NoTurn):
        await call(limiter)


@in_loop
async def test_a_closed_limiter_lets_nobody_through_and_those_in_flight_end() -> None:
    limiter = Limiter(2, time_limit=10)
    tasks = [asyncio.create_task(call(limiter, 0.2)) for _ in range(6)]
    await asyncio.sleep(0.01)
    limiter.close()
    found = await asyncio.wait_for(asyncio.gather(*tasks[2:], return_exceptions=True), timeout=60)
    assert [type(one) for one in found] == [NoTurn] * 4
    assert not tasks[0].done()  # nobody has to wait for those in flight
    await asyncio.gather(*tasks[:2])
    with pytest.raises(NoTurn):
        await call(limiter)


@in_loop
async def test_a_newcomer_does_not_overtake_whose_turn_it_is() -> None:
    limiter = Limiter(1, time_limit=10)
    order: list[str] = []

    async def one(name: str) -> None:
        async with limiter.slot():
            order.append(name)

    async with limiter.slot():
        waiting = asyncio.create_task(one("waiting"))
        await asyncio.sleep(0)
    await one("newcomer")
    await waiting
    assert order == ["waiting", "newcomer"]


@in_loop
async def test_a_caller_that_is_cancelled_when_its_turn_comes_passes_it_on() -> None:
    limiter = Limiter(1, time_limit=10)
    async with limiter.slot():
        gone, next_ = asyncio.create_task(call(limiter)), asyncio.create_task(call(limiter))
        await asyncio.sleep(0)
    gone.cancel()  # its turn has come, and it does not know yet
    await asyncio.wait_for(next_, timeout=60)
    await asyncio.wait_for(call(limiter), timeout=60)
    assert gone.cancelled()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whoever_is_cancelled_no_place_is_lost(data: st.DataObject) -> None:
    """However calls end (done, failed, cancelled before, at or after their turn), the rest get theirs."""
    kinds = data.draw(st.lists(st.sampled_from(["fine", "fails", "cancelled"]), min_size=1, max_size=12))
    delays = [data.draw(st.integers(0, 4)) for _ in kinds]

    async def scene() -> None:
        limiter = Limiter(2, time_limit=10)

        async def one(kind: str) -> None:
            async with limiter.slot():
                for _ in range(2):
                    await asyncio.sleep(0)
                if kind == "fails":
                    raise OSError

        tasks = [asyncio.create_task(one(kind)) for kind in kinds]
        for step in range(5):
            await asyncio.sleep(0)
            for task, kind, delay in zip(tasks, kinds, delays, strict=True):
                if kind == "cancelled" and delay == step:
                    task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=60)
        assert limiter.in_flight == 0
        await asyncio.wait_for(asyncio.gather(*(call(limiter) for _ in range(5))), timeout=60)

    asyncio.run(scene())
