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
