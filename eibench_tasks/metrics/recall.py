"""Emotional-trigger recall: the plain mean over samples, with an interval clustered by image, and its bounds."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
    """Confidence interval of `recall`, clustered by image.

    The variance of a mean over clusters of unequal size, by linearisation with the small-sample factor
    G / (G - 1), and Student's t with G - 1 degrees of freedom for G images (Cameron and Miller, 2015, "A
    Practitioner's Guide to Cluster-Robust Inference", Journal of Human Resources 50). Cut to 0..100.

    Args:
        rows: the samples.
        confidence: between 0 and 1, excluded.

    Returns:
        NaN twice if fewer than two images are scored.
    """
    center = recall(rows)
    residuals: dict[str, float] = defaultdict(float)
    scored = 0
    for row in rows:
        if "score" in row:
            residuals[row["image_id"]] += row["score"] - center
            scored += 1
    images = len(residuals)
    if images < 2:
        return Interval(math.nan, math.nan)
    squares = math.fsum(residual**2 for residual in residuals.values())
    error = math.sqrt(images / (images - 1) * squares) / scored
    half = _student_t((1 + confidence) / 2, images - 1) * error
    return Interval(max(0.0, center - half), min(100.0, center + half))


def _student_t(quantile: float, freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(quantile, freedom))


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
