"""Whether answers follow the causes: pairs of images that differ in one, and causes that are known to be absent.

Only drawn scenes can be measured so: of a photograph nobody knows everything that is not in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""One answer of a pair: ``pair``; ``named``, the reference triggers that it names; and of an answer to the changed
image ``removed``, the trigger that is gone, and ``still``, whether it names that all the same."""


@dataclass(frozen=True)
class Pair:
    """The answers to both images of a pair.

    Attributes:
        before: triggers named of the first image.
        after: triggers named of the changed one.
        removed: the trigger that only the first image shows.
        still: whether the answer to the changed image names it.
    """

    before: frozenset[str]
    after: frozenset[str]
    removed: str
    still: bool

    @property
    def sensitive(self) -> bool:
        """The first answer names the cause, the second drops it and keeps every other that the first named."""
        return self.removed in self.before and not self.still and self.before - {self.removed} <= self.after


def causal_sensitivity(rows: Iterable[Row | None]) -> float:
    """Share of sensitive pairs, in percent; NaN if no pair is complete.

    A pair of which an answer is missing or unscored does not count.
    """
    found = pairs(rows)
    return 100 * sum(pair.sensitive for pair in found) / len(found) if found else float("nan")


def causal_low(rows: Iterable[Row | None]) -> float:
    """Lower end of the 95 % interval of causal sensitivity, in percent: Wilson's, over pairs; NaN as there.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference (JASA 22, 1927); it holds for few pairs
    and for shares near 0 and 100, too.
    """
    return _wilson(pairs(rows))[0]


def causal_high(rows: Iterable[Row | None]) -> float:
    """Upper end, see `causal_low`."""
    return _wilson(pairs(rows))[1]


def _wilson(found: Sequence[Pair]) -> tuple[float, float]:
    from scipy.stats import binomtest

    if not found:
        return float("nan"), float("nan")
    ends = binomtest(sum(pair.sensitive for pair in found), len(found)).proportion_ci(method="wilson")
    return 100 * ends.low, 100 * ends.high


def pairs(rows: Iterable[Row | None]) -> list[Pair]:
    """The complete pairs among rows in any order."""
    before: dict[str, Row] = {}
    after: dict[str, Row] = {}
    for row in rows:
        if row is not None:
            (after if "removed" in row else before)[row["pair"]] = row
    return [
        Pair(frozenset(before[key]["named"]), frozenset(row["named"]), row["removed"], row["still"])
        for key, row in after.items()
        if key in before
    ]


def precision(named: int, invented: int) -> float | None:
    """Named causes that are in the image over all causes that are named, in percent; None where none is named.

    Args:
        named: reference triggers that the answer names.
        invented: triggers that it names and that the image is known not to show.
    """
    return 100 * named / (named + invented) if named + invented else None


def distraction(verdicts: Sequence[bool]) -> float | None:
    """Share of the things that cause nothing which an answer names, in percent; None where there is no such thing."""
    return 100 * sum(verdicts) / len(verdicts) if verdicts else None
