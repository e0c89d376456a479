"""The tables of `eibench precision` and `eibench breakdown`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eibench_tasks.metrics.breakdown import Breakdown
from eibench_tasks.metrics.precision import CAVEAT, Measured
from eibench_tasks.report.text import columns, number, short, span


@dataclass(frozen=True)
class Precision:
    """One log: who answered, who judged, recall in percent, and the measures of `metrics.precision`."""

    model: str
    task: str
    judge: str
    recall: float | None
    unscored: int
    measures: Mapping[str, Measured]


def render_precision(found: Sequence[Precision], judge: str) -> str:
    """One line for each log and measure."""
    rows = []
    for log in found:
        for name, measured in log.measures.items():
            cells = (number(measured.value), span(measured.low, measured.high), f"{measured.samples} of {measured.of}")
            rows.append((short(log.model), log.task, number(log.recall), name.replace("_", " "), *cells))
    notes = [
        f"Claims by {judge}; recall as judged before. {CAVEAT}",
        *(f"{log.model}, {log.task}: {log.unscored} answers could not be split." for log in found if log.unscored),
    ]
    head = ("model", "task", "recall", "measure", "value", "95 % interval", "samples")
    return "\n".join([*columns(head, rows), "", *notes])


def render_breakdown(found: Mapping[tuple[str, str], Breakdown]) -> str:
    """One line for each log and label."""
    rows = []
    for (model, task), parts in found.items():
        for part in (*parts.kinds, *parts.categories):
            cells = (number(part.recall), span(part.low, part.high), str(part.triggers), str(part.samples))
            rows.append((short(model), task, part.label, *cells))
    some = next(iter(found.values()))
    notes = [
        f"Labels by {some.judge}, version {some.version}. Recall over triggers; the interval is clustered by image."
    ]
    for (model, task), parts in found.items():
        if parts.unscored or parts.unlabelled:
            notes.append(f"{model}, {task}: {parts.unscored} samples unscored, {parts.unlabelled} without labels.")
    head = ("model", "task", "label", "recall", "95 % interval", "triggers", "samples")
    return "\n".join([*columns(head, rows), "", *notes])
