"""Emotional-trigger recall: the plain mean over samples, with an interval clustered by image, and its bounds."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = Mapping[str, Any]
"""One sample: ``image_id``, and ``score`` in percent; a sample without ``score`` is unscored."""


class Interval(NamedTuple):
    """Lower and upper end of a confidence interval, in percent; NaN where it cannot be told."""

    low: float
    high: float


def recall(rows: Sequence[Row]) -> float:
    """Mean score of the scored samples, in percent; NaN if none is scored.

    Overall recall is sample-weighted as published, not the mean over emotions.
    """
    scores = [row["score"] for row in rows if "score" in row]
    return math.fsum(scores) / len(scores) if scores else math.nan


def interval(rows: Sequence[Row], confidence: float = 0.95) -> Interval:
    """Confidence interval of `recall`, clustered by image and cut to 0..100.

    Args:
        rows: the samples.
        confidence: between 0 and 1, excluded.

    Returns:
        NaN twice if fewer than two images are scored.
    """
    scored = [(row["image_id"], row["score"]) for row in rows if "score" in row]
    return clustered(scored).interval(0, 100, confidence)


@dataclass(frozen=True)
class ClusteredMean:
    """A mean over samples that are independent between images only.

    Attributes:
        center: the mean; NaN of nothing.
        error: its standard error; NaN for fewer than two images.
        images: how many there are.
    """

    center: float
    error: float
    images: int

    def interval(self, least: float, most: float, confidence: float = 0.95) -> Interval:
        """Confidence interval by Student's t with ``images - 1`` degrees of freedom, cut to what a mean can be.

        NaN twice for fewer than two images.
        """
        if self.images < 2:
            return Interval(math.nan, math.nan)
        from scipy.stats import t

        half = float(t.ppf((1 + confidence) / 2, self.images - 1)) * self.error
        return Interval(max(least, self.center - half), min(most, self.center + half))

    def p_value(self) -> float:
        """Two-sided, of the hypothesis that the mean is 0, by the same t; NaN for fewer than two images."""
        if self.images < 2:
            return math.nan
        if not self.error:
            return float(self.center == 0)
        from scipy.stats import t

        return float(2 * t.sf(abs(self.center) / self.error, self.images - 1))


def clustered(values: Sequence[tuple[str, float]]) -> ClusteredMean:
    """The mean of (image, value) and its standard error, clustered by image.

    The variance of a mean over clusters of unequal size, by linearisation with the small-sample factor
    G / (G - 1) for G images (Cameron and Miller, 2015, "A Practitioner's Guide to Cluster-Robust Inference",
    Journal of Human Resources 50).
    """
    center = math.fsum(value for _, value in values) / len(values) if values else math.nan
    residuals: dict[str, float] = defaultdict(float)
    for image, value in values:
        residuals[image] += value - center
    images = len(residuals)
    if images < 2:
        return ClusteredMean(center, math.nan, images)
    squares = math.fsum(residual**2 for residual in residuals.values())
    return ClusteredMean(center, math.sqrt(images / (images - 1) * squares) / len(values), images)


def coverage(rows: Sequence[Row]) -> float:
    """Scored samples over all samples, in percent."""
    return 100 * sum("score" in row for row in rows) / len(rows) if rows else math.nan


def bounds(rows: Sequence[Row]) -> Interval:
    """What recall could be at least and at most, whatever the unscored samples would have got."""
    if not rows:
        return Interval(math.nan, math.nan)
    known = math.fsum(row["score"] for row in rows if "score" in row)
    unscored = sum("score" not in row for row in rows)
    return Interval(known / len(rows), (known + 100 * unscored) / len(rows))


def mean(values: Sequence[float | None]) -> float:
    """Mean of the values that are there; NaN if none is."""
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there else math.nan


def finite(value: float) -> float | None:
    """The value for a record: None where it is not a number."""
    return float(value) if math.isfinite(value) else None
