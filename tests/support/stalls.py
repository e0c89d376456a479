"""Text that makes a pattern or a loop go over it again and again: the work is stopped, and the test fails."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stalled(AssertionError):
    """It would have gone on for minutes."""


@contextmanager
def no_stall(seconds: float = 60) -> Iterator[None]:
    """Ends what takes so much processor time, twenty times and more what it should take: nothing is measured here.

    Inputs have to be so large that what is quadratic takes longer. Time of other processes does not count.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Stalled(f"still at work after {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
