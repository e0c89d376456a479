"""How many requests are on their way at once: as many as allowed, fewer where the server asks for it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SLOW = 0.5  # share of the time limit from which calls are taken for too slow
_FINE = 0.25  # share of the time limit below which more calls may be tried


class NoTurn(Exception):
    """No request may go to the server, now or in time."""


class Limiter:
    """A bound on the requests in flight to one server that adapts by additive increase, multiplicative decrease.

    It starts at the most that is allowed. A refusal for too many requests (429, 503) or a lost call halves it, at
    most once per round trip; calls slower than half the time limit take a tenth off; each quick call adds 1 / bound
    until it is back at the most.

    Args:
        most: the largest number of requests in flight, at least 1.
        time_limit: seconds after which a call is given up.
        patience: the longest pause, in seconds, that is waited for.
    """

    def __init__(self, most: int, time_limit: float, patience: float = float("inf")) -> None:
        self.most = most
        self.bound = float(most)
        self.in_flight = 0
        self._time_limit = time_limit
        self._patience = patience
        self._closed = False
        self._called = 0  # whose turn it is, and who have not taken it yet
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before = 0.0
        self._last_cut = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds for which the server wants no request."""
        return max(0.0, self._not_before - time.monotonic())

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for its turn; the block is one request in flight.

        Raises:
            NoTurn: the limiter is closed, or the server wants no request for longer than the patience.
        """
        await self._enter()
        try:
            yield
        finally:
            self.in_flight -= 1
            self._wake()

    def overloaded(self, started: float, retry_after: float | None = None) -> None:
        """A request that was sent at ``started`` (`time.monotonic`) was refused or lost for want of room.

        Args:
            started: a cut since then has already answered it.
            retry_after: seconds for which the server wants no request at all.
        """
        now = time.monotonic()
        if started > self._last_cut:
            self.bound = max(1.0, self.bound / 2)
            self._last_cut = now
        if retry_after:
            self._not_before = max(self._not_before, now + retry_after)

    def answered(self, seconds: float) -> None:
        """A request, still in flight, was answered after so many seconds."""
        if seconds > _SLOW * self._time_limit:
            self.bound = max(1.0, self.bound * 0.9)
        elif seconds < _FINE * self._time_limit:
            self.bound = min(float(self.most), self.bound + 1 / self.bound)

    def close(self) -> None:
        """Lets no more requests through, those that wait included."""
        self._closed = True
        while self._waiting:
            self._call_next()

    async def _enter(self) -> None:
        while True:
            if self._closed or (pause := self.pause) > self._patience:
                self._wake()  # those behind learn it too
                raise NoTurn
            if pause > 0:
                await asyncio.sleep(pause)
            elif self._free > 0:
                self.in_flight += 1
                return
            else:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    self._called -= not turn.cancelled()
                    self._wake()  # it is the turn of the next
                    raise
                self._called -= 1

    def _wake(self) -> None:
        while self._free > 0 and self._waiting:
            self._call_next()

    def _call_next(self) -> None:
        turn = self._waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            self._called += 1

    @property
    def _free(self) -> int:
        return max(1, int(self.bound)) - self.in_flight - self._called
