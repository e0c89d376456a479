"""What a page says of runs in plots and tables: recall by run, emotion, kind, category and length of the answers."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eibench_tasks.data.exported import Exported
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.metrics import recall
from eibench_tasks.metrics.breakdown import Breakdown, Part, breakdown
from eibench_tasks.rejudging.labels import labels_for
from eibench_tasks.report.page.plots import Point, dots, lines
from eibench_tasks.report.page.runs import Run
from eibench_tasks.report.text import number, span

_BINS = 5  # of answers by their length, as many in each


@dataclass(frozen=True)
class Figure:
    """One plot with what it shows as a table.

    Attributes:
        id: for links.
        title, text: what it is of, and how to read it.
        plot: an ``svg`` element, "" where nothing is known.
        head, rows: the table.
    """

    id: str
    title: str
    text: str
    plot: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]] = ()


def overview(runs: Sequence[Run]) -> Figure:
    """Recall of every run with its interval and bounds."""
    points = [_of_result(run) for run in runs]
    series = {
        f"{place}": [point if place == row else Point(None) for row, point in enumerate(points)]
        for place in range(len(runs))
    }
    plot = dots([run.name for run in runs], series, "recall, %", "Recall of every run with its interval", beside=False)
    rows = [
        (
            run.name, run.result.task, run.result.setting, run.by, run.result.samples, number(run.result.recall),
            span(run.result.low, run.result.high), f"{number(run.result.coverage)} %",
            span(run.result.bound_low, run.result.bound_high), number(run.result.corrected),
            number(run.result.floor), number(run.result.words, 0),
        )
        for run in runs
    ]  # fmt: skip
    head = (
        "run", "task", "setting", "judge", "samples", "recall", "95 % interval", "scored", "bounds", "corrected",
        "floor", "words",
    )  # fmt: skip
    text = (
        "Share of the reference triggers that answers name. Thick: the 95 % interval, clustered by image. Dotted: what"
        " recall could be at least and at most, whatever the unscored samples would have got. Corrected: above chance,"
        " the recall of the same answers on the triggers of another image. Floor: what an answer gets that never saw"
        " the image."
    )
    return Figure("recall", "Recall", text, plot, head, rows)


def _of_result(run: Run) -> Point:
    one = run.result
    return Point(one.recall, one.low, one.high, one.bound_low, one.bound_high)


def by_emotion(runs: Sequence[Run]) -> Figure:
    """Recall of every run by emotion."""
    emotions = list(dict.fromkeys(name for run in runs for name in (*run.result.emotions, *_emotions(run.rows))))
    return _by_part(
        "emotions", "By emotion", "Recall of the samples of each emotion, with 95 % intervals.", runs, emotions,
        lambda run, emotion: _of_rows([row for row in run.rows if row.emotion == emotion])
        if run.rows
        else Point(run.result.emotions.get(emotion)),
    )  # fmt: skip


def _emotions(rows: Iterable[Judged]) -> list[str]:
    return list(dict.fromkeys(row.emotion for row in rows))


def _of_rows(rows: Sequence[Judged]) -> Point:
    scored = [
        {"image_id": row.image_id} | ({} if row.score is None else {"score": row.score}) for row in rows
    ]  # fmt: skip
    value, ends = recall.recall(scored), recall.interval(scored)
    return Point(recall.finite(value), recall.finite(ends.low), recall.finite(ends.high))


def by_label(runs: Sequence[Run], exported: Sequence[Exported], judge: str) -> tuple[list[Figure], str | None]:
    """Recall by kind and by category of the triggers, and why there is none."""
    found: dict[str, Breakdown] = {}
    trouble = None
    for run in runs:
        try:
            found[run.name] = breakdown(run.rows, labels_for(run.result.task, judge, exported))
        except EIBenchError as error:
            trouble = f"No breakdown by kind and category of {run.result.task}: {error}"
    if not found:
        return [], trouble
    known = [run for run in runs if run.name in found]
    kinds = {name: parts.kinds for name, parts in found.items()}
    categories = {name: parts.categories for name, parts in found.items()}
    figures = [
        _by_labels("kinds", "Explicit and implicit triggers", known, kinds),
        _by_labels("categories", "By category", known, categories),
    ]
    return figures, trouble


def _by_labels(id_: str, title: str, runs: Sequence[Run], parts: Mapping[str, Sequence[Part]]) -> Figure:
    points = {name: {part.label: Point(part.recall, part.low, part.high) for part in of} for name, of in parts.items()}
    labels = list(dict.fromkeys(label for of in points.values() for label in of))
    text = "Recall of the triggers with each label, with 95 % intervals."
    return _by_part(id_, title, text, runs, labels, lambda run, label: points[run.name].get(label, Point(None)))


def _by_part(
    id_: str, title: str, text: str, runs: Sequence[Run], parts: Sequence[str], point: Callable[[Run, str], Point]
) -> Figure:
    points = {run.name: [point(run, part) for part in parts] for run in runs}
    plot = dots(parts, points, "recall, %", f"{title}: recall of every run")
    rows = [
        (part, *(_with_interval(points[run.name][place]) for run in runs)) for place, part in enumerate(parts)
    ]  # fmt: skip
    return Figure(id_, title, text, plot, ("", *(run.name for run in runs)), rows)


def _with_interval(point: Point) -> str:
    if point.value is None:
        return "–"
    return number(point.value) + ("" if point.low is None else f" ({span(point.low, point.high)})")


def by_length(runs: Sequence[Run]) -> Figure:
    """Recall over the length of the answers: whether a run gets its score by saying more."""
    series = {run.name: _bins(run.rows) for run in runs if run.rows}
    plot = lines(series, "words of an answer (mean of a fifth of the answers)", "recall, %", "Recall over length")
    rows = [
        (run.name, number(_correlation(run.rows), 2), *(f"{words:.0f}: {_with_interval(one)}" for words, one in bins))
        for run in runs
        if (bins := series.get(run.name))
    ]
    rows = [(*row, *("",) * (2 + _BINS - len(row))) for row in rows]
    text = (
        "Answers sorted by their length, in fifths. A curve that rises says that longer answers name more; whether they"
        " are better only precision can tell. Spearman's rank correlation of words and recall is in the table."
    )
    return Figure("length", "Length against recall", text, plot, ("run", "correlation", *_FIFTHS), rows)


_FIFTHS = ("shortest fifth", "second", "third", "fourth", "longest fifth")


def _bins(rows: Sequence[Judged]) -> list[tuple[float, Point]]:
    ordered = sorted((row for row in rows if row.score is not None), key=lambda row: _words(row))
    found = []
    for place in range(_BINS):
        part = ordered[len(ordered) * place // _BINS : len(ordered) * (place + 1) // _BINS]
        if part:
            found.append((math.fsum(map(_words, part)) / len(part), _of_rows(part)))
    return found


def _words(row: Judged) -> int:
    return len(row.answer.split())


def _correlation(rows: Sequence[Judged]) -> float | None:
    from scipy import stats

    pairs = [(_words(row), row.score) for row in rows if row.score is not None]
    if len({words for words, _ in pairs}) < 2 or len({score for _, score in pairs}) < 2:
        return None
    return recall.finite(stats.spearmanr(*zip(*pairs, strict=True)).statistic)
