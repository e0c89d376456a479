"""How many requests are on their way at once: as many as allowed, fewer where the server asks for it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SLOW = 0.5  # share of the time limit from which calls are taken for too slow
_FINE = 0.25  # share of the time limit below which more calls may be tried


class Limiter:
    """A bound on the requests in flight to one server that adapts by additive increase, multiplicative decrease.

    It starts at the most that is allowed. A refusal for too many requests (429, 503) or a lost call halves it, at
    most once per round trip; calls slower than half the time limit take a tenth off; each quick call adds 1 / bound
    until it is back at the most.

    Args:
        most: the largest number of requests in flight, at least 1.
        time_limit: seconds after which a call is given up.
    """

    def __init__(self, most: int, time_limit: float) -> None:
        self.most = most
        self.bound = float(most)
        self.in_flight = 0
        self._time_limit = time_limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before = 0.0
        self._last_cut = float("-inf")

    @property
    def load(self) -> float:
        """Requests in flight or waiting, over the bound; a server that wants no request counts as full."""
        paused = self._not_before > time.monotonic()
        return (self.in_flight + len(self._waiting)) / max(1.0, self.bound) + paused

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for its turn; the block is one request in flight."""
        await self._enter()
        started = time.monotonic()
        try:
            yield
            self._was_fine(time.monotonic() - started)
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

    async def _enter(self) -> None:
        while True:
            if (pause := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            elif self.in_flight < max(1, int(self.bound)):
                self.in_flight += 1
                return
            else:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    self._wake()  # the turn may have been given to a caller that is gone
                    raise

    def _was_fine(self, seconds: float) -> None:
        if seconds > _SLOW * self._time_limit:
            self.bound = max(1.0, self.bound * 0.9)
        elif seconds < _FINE * self._time_limit:
            self.bound = min(float(self.most), self.bound + 1 / self.bound)

    def _wake(self) -> None:
        free = max(1, int(self.bound)) - self.in_flight
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
