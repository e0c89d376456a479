"""Tables of a page that have no plot."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A text, and a table below it; without rows the text alone."""

    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
