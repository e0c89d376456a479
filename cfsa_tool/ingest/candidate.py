"""What a source offers: files and rows, of which nobody knows yet whether they are images."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Candidate:
    """One file, or one row of a data set.

    Attributes:
        key: names it in its source, unlike any other and the same in every run; any bytes.
        name: names it to people; printable.
        path: the file, absolute; where there is ``content``, of no meaning.
        emotions: as in `records.Item`.
        question: as in `records.Item`.
        inside: the folder that the file must not lead out of, links followed; None where the user named the file.
        content: reads the encoded bytes of a data set's row; raises `LeftOut`. None for a file.
        version: of ``content``; another one where it has changed.
        left_out: why it is left out unopened; "" where it is not.
    """

    key: bytes
    name: str
    path: Path
    emotions: tuple[str, ...] = ()
    question: str = ""
    inside: Path | None = None
    content: Callable[[], bytes] | None = None
    version: str = ""
    left_out: str = ""


class LeftOut(Exception):
    """Why a candidate is no image of the run.

    Args:
        reason: short readable text.
        kind: what many such reasons have in common; the reason up to its colon where it is not given.
    """

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind or reason.partition(":")[0]


class Source(Protocol):
    """Where candidates come from; opening one raises `SourceError` where there is nothing to be had.

    Attributes:
        total: how many candidates there are.
        likely: how many of them look like images, by the ends of their names.
        passed_over: files that are no candidates because their type is never an image, by the ends of their names.
    """

    total: int
    likely: int
    passed_over: Counter[str]

    def candidates(self) -> Iterator[Candidate]:
        """All of them, one after the other, in the same order every time."""
        ...
