"""Recall by kind and by category of the reference triggers, from labels that a judge gave to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.judging.llm.labels import CATEGORIES, KINDS, Label, Labels
from eibench_tasks.metrics.recall import clustered, finite


@dataclass(frozen=True)
class LabelledSample:
    """Which triggers of one sample are named, and the label of each, in the same order."""

    image_id: str
    present: Sequence[bool]
    labels: Sequence[Label]


class Part(BaseModel):
    """Recall of the triggers with one label, in percent.

    Attributes:
        label: a kind or a category.
        recall: named triggers over all triggers with the label.
        low, high: 95 % interval, clustered by image; None for fewer than two images.
        triggers, samples: how many have the label, and how many samples hold one that has.
    """

    label: str
    recall: float
    low: float | None
    high: float | None
    triggers: int
    samples: int


class Breakdown(BaseModel):
    """Recall by kind and by category; labels that no trigger has are left out.

    Attributes:
        judge, version: who gave the labels, by which version of the protocol.
        samples: how many count.
        unscored: samples left out because they have no verdicts.
        unlabelled: samples with verdicts left out because they have no labels.
    """

    judge: str
    version: str
    kinds: list[Part]
    categories: list[Part]
    samples: int
    unscored: int
    unlabelled: int


def breakdown(samples: Iterable[Judged], labels: Labels) -> Breakdown:
    """Recall of judged samples by kind and by category.

    Raises:
        EIBenchError: a sample has another number of verdicts than of labels.
    """
    rows, unscored, unlabelled = [], 0, 0
    for sample in samples:
        found = labels.labels.get(sample.sample_id)
        if sample.present is None:
            unscored += 1
        elif found is None:
            unlabelled += 1
        elif len(found) != len(sample.present):
            what = f"sample {sample.sample_id!r} has {len(sample.present)} verdicts and {len(found)} labels"
            raise EIBenchError(what, f"Run: `eibench label --judge {labels.judge}` with the data of the run")
        else:
            rows.append(LabelledSample(sample.image_id, sample.present, found))
    return Breakdown(
        judge=labels.judge,
        version=labels.version,
        kinds=parts(rows, KINDS),
        categories=parts(rows, CATEGORIES),
        samples=len(rows),
        unscored=unscored,
        unlabelled=unlabelled,
    )


def parts(rows: Sequence[LabelledSample], names: Sequence[str]) -> list[Part]:
    """Recall for each of the labels that a trigger has, in the order of the names.

    Triggers count alike, so the recall is a ratio R = sum y / sum x over images, y being the named and x all triggers
    of an image that have the label. Its variance is linearised: G / (G - 1) * sum (y - R x)^2 / (sum x)^2 for G images
    (Cochran, 1977, "Sampling Techniques", 3rd edition, chapter 6, without the finite population correction). That is
    the variance clustered by image of the mean over triggers, as which it is computed. The interval is Student's t
    with G - 1 degrees of freedom. G counts the images that have such a trigger.
    """
    return [part for name in names if (part := _part(rows, name))]


def _part(rows: Sequence[LabelledSample], name: str) -> Part | None:
    named = [[there for there, label in zip(row.present, row.labels, strict=True) if name in label] for row in rows]
    values = [(row.image_id, 100.0 * there) for row, some in zip(rows, named, strict=True) for there in some]
    if not values:
        return None
    mean = clustered(values)
    low, high = mean.interval(0, 100)
    return Part(
        label=name,
        recall=mean.center,
        low=finite(low),
        high=finite(high),
        triggers=len(values),
        samples=sum(map(bool, named)),
    )
