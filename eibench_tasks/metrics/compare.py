"""Paired comparison of two runs: the same samples, judged by the same judge."""

import math
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged, read_samples
from eibench_tasks.metrics.recall import clustered, finite

_MEND = "Give two runs of one task, each as a samples file or the folder of one model"


class Comparison(BaseModel):
    """One task of two runs, A and B, over the samples that are scored in both.

    Attributes:
        a, b: the models.
        judge: of both runs.
        samples, images: how many are compared.
        recall_a, recall_b: in percent.
        difference: recall B - recall A, in points.
        low, high: its 95 % interval, clustered by image; None for fewer than two images.
        p_value: two-sided, of no difference; None for fewer than two images.
        only_a, only_b: samples that are left out since only this run has a score for them.
    """

    task: str
    a: str
    b: str
    judge: str
    samples: int
    images: int
    recall_a: float
    recall_b: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    only_a: int
    only_b: int


def compare_runs(a: Path, b: Path) -> list[Comparison]:
    """Compares two runs, task by task and judge by judge.

    Raises:
        EIBenchError: a run cannot be read, holds answers of several models, or shares no task, no judge of a task, or
            no scored sample with the other.
    """
    runs_a, runs_b = _by_task_and_judge(a), _by_task_and_judge(b)
    if shared := [key for key in runs_a if key in runs_b]:
        return [compare(runs_a[key], runs_b[key]) for key in shared]
    judges = [dict(runs.keys()) for runs in (runs_a, runs_b)]
    for task in judges[0].keys() & judges[1].keys():
        raise EIBenchError(
            f"{task} was judged by {judges[0][task]} in {a} and by {judges[1][task]} in {b}",
            f"`eibench judge {a} {b} --judge NAME` makes them comparable",
        )
    held = [", ".join(found) for found in judges]
    raise EIBenchError(f"no task is in both: {a} holds {held[0]}, {b} holds {held[1]}", _MEND)


def compare(a: Sequence[Judged], b: Sequence[Judged]) -> Comparison:
    """Compares two runs of one task by one judge.

    Raises:
        EIBenchError: no sample is scored in both.
    """
    scores_a = {row.sample_id: row.score for row in a if row.score is not None}
    scores_b = {row.sample_id: row.score for row in b if row.score is not None}
    images = {row.sample_id: row.image_id for row in a}
    both = [sample for sample in scores_a if sample in scores_b]
    if not both:
        raise EIBenchError(f"no sample of {a[0].task} is scored in both runs", _MEND)
    differences = clustered([(images[sample], scores_b[sample] - scores_a[sample]) for sample in both])
    low, high = differences.interval(-100, 100)
    return Comparison(
        task=a[0].task,
        a=a[0].model,
        b=b[0].model,
        judge=a[0].judge,
        samples=len(both),
        images=differences.images,
        recall_a=math.fsum(scores_a[sample] for sample in both) / len(both),
        recall_b=math.fsum(scores_b[sample] for sample in both) / len(both),
        difference=differences.center,
        low=finite(low),
        high=finite(high),
        p_value=finite(differences.p_value()),
        only_a=len(scores_a) - len(both),
        only_b=len(scores_b) - len(both),
    )


def _by_task_and_judge(path: Path) -> dict[tuple[str, str], list[Judged]]:
    """The samples of one model; where one judge has judged a task more than once, the last time counts."""
    found: dict[tuple[str, str], list[Judged]] = {}
    for row in read_samples([path]):
        rows = found.setdefault((row.task, row.judge), [])
        if rows and rows[0].model != row.model:
            raise EIBenchError(f"{path} holds {row.task} in {rows[0].file} and in {row.file}", _MEND)
        if rows and rows[0].file != row.file:
            rows.clear()
        rows.append(row)
    return found
