"""Progress on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int], Callable[[], object]]]:
    """A bar that starts when its total is known: the value is called with it, and returns the step to call."""
    from tqdm import tqdm

    bars: list[Any] = []

    def start(total: int) -> Callable[[], object]:
        bar = tqdm(total=total, desc=what, unit="", leave=False, smoothing=0.1)
        bars.append(bar)
        return bar.update

    try:
        yield start
    finally:
        for bar in bars:
            bar.close()


@contextmanager
def judging_bar(judge: Any, total: int) -> Iterator[Callable[[], object]]:
    """A bar with rate and time left; for a judge that asks a model also with tries again and failures.

    The value is the step to call for each judgement.
    """
    from tqdm import tqdm

    bar = tqdm(total=total, desc=judge.name[:30], unit="", leave=False, smoothing=0.1)

    def step() -> None:
        if budget := getattr(judge, "budget", None):
            bar.set_postfix(calls=budget.requests, again=budget.retries, failed=budget.failures, refresh=False)
        bar.update()

    try:
        yield step
    finally:
        bar.close()
