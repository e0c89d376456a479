"""Precision of answers, and F1 with recall. The references are incomplete, so precision reads too low.

An answer may name a true cause that the annotators did not list. `precision` counts it as wrong;
`precision_with_image` counts it as right where a judge that sees the image finds it supported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from eibench_tasks.judging.llm.claims import Claims
from eibench_tasks.metrics import recall as means
from eibench_tasks.metrics.recall import finite

CAVEAT = "The reference triggers are incomplete: an unmatched claim may be true, so precision reads too low."
"""To be printed wherever precision is."""


def precision(claims: Claims) -> float | None:
    """Claims that name a reference trigger over all claims, 0 to 1; None where there is no claim or no judgement."""
    return _share([claim.trigger is not None for claim in claims.claims])


def precision_with_image(claims: Claims) -> float | None:
    """Claims that name a reference trigger or are supported by the image over all claims, 0 to 1.

    None as for `precision`, and where an unmatched claim was not held against the image.
    """
    if any(claim.trigger is None and claim.supported is None for claim in claims.claims):
        return None
    return _share([claim.trigger is not None or bool(claim.supported) for claim in claims.claims])


def _share(good: Sequence[bool]) -> float | None:
    return sum(good) / len(good) if good else None


def f1(precision: float | None, recall: float | None) -> float | None:
    """Harmonic mean of a sample's precision and recall, 2 p r / (p + r), on the scale of both.

    0 where both are 0; None where either is missing.
    """
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True)
class SampleClaims:
    """One answer's claims beside its recall by verdicts, 0 to 1; None where that is unscored."""

    image_id: str
    claims: Claims
    recall: float | None


class Measured(BaseModel):
    """Mean of a measure over the samples that have it, in percent.

    Attributes:
        value: the mean; None where no sample has it.
        low, high: 95 % interval, clustered by image; None for fewer than two images.
        samples: how many have it.
        of: how many there are.
    """

    value: float | None
    low: float | None
    high: float | None
    samples: int
    of: int


_MEASURES: Mapping[str, Callable[[SampleClaims], float | None]] = {
    "precision": lambda sample: precision(sample.claims),
    "f1": lambda sample: f1(precision(sample.claims), sample.recall),
    "precision_with_image": lambda sample: precision_with_image(sample.claims),
    "f1_with_image": lambda sample: f1(precision_with_image(sample.claims), sample.recall),
}


def measure(samples: Sequence[SampleClaims], with_image: bool = False) -> dict[str, Measured]:
    """Means over a data set, by name: ``precision`` and ``f1``.

    Args:
        samples: the answers.
        with_image: whether a vision judge looked; ``precision_with_image`` and ``f1_with_image`` are added then.
    """
    return {name: _measured(samples, of) for name, of in _MEASURES.items() if with_image or "image" not in name}


def _measured(samples: Sequence[SampleClaims], of: Callable[[SampleClaims], float | None]) -> Measured:
    values = [(sample.image_id, of(sample)) for sample in samples]
    rows = [{"image_id": image, "score": 100 * value} for image, value in values if value is not None]
    low, high = means.interval(rows)
    return Measured(
        value=finite(means.recall(rows)), low=finite(low), high=finite(high), samples=len(rows), of=len(samples)
    )
