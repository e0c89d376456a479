"""What a page says of runs in plots and tables: recall by run, emotion, kind, category and length of the answers."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.data.exported import Exported
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.metrics import recall
from eibench_tasks.metrics.agreement import rank_correlation
from eibench_tasks.metrics.breakdown import Breakdown, Part, breakdown
from eibench_tasks.rejudging.labels import labels_for
from eibench_tasks.report.page.plots import Point, Series, dots, lines
from eibench_tasks.report.page.runs import Run
from eibench_tasks.report.page.tables import Table
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
    series = {run.place: [_of_result(one) if one is run else Point(None) for one in runs] for run in runs}
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


def origins(runs: Sequence[Run]) -> Table:
    """Where the numbers of each run come from."""
    head = ("run", "model and arguments", "generation", "task", "judge", "eibench", "harness", "data", "results")
    rows = [
        (
            run.name, one.model, one.generation or "–", f"{one.task} v{one.version}", run.by, one.eibench or "–",
            one.harness or "–", (one.data or "–")[:12], Path(one.file).name,
        )
        for run in runs
        if (one := run.result)
    ]  # fmt: skip
    return Table("What each number was made with.", head, rows)


def by_emotion(runs: Sequence[Run]) -> Figure:
    """Recall of every run by emotion."""
    emotions = list(dict.fromkeys(name for run in runs for name in (*run.result.emotions, *_emotions(run.rows))))
    points = {run.place: [_of_emotion(run, emotion) for emotion in emotions] for run in runs}
    text = f"Recall of the samples of each emotion, with 95 % intervals{_COUNTED} samples."
    return _by_part("emotions", "By emotion", text, runs, emotions, points)


_COUNTED = "; in the table, after the bar, the number of"


def _of_emotion(run: Run, emotion: str) -> Point:
    if run.rows:
        return _of_rows([row for row in run.rows if row.emotion == emotion])
    return Point(run.result.emotions.get(emotion))


def _emotions(rows: Iterable[Judged]) -> list[str]:
    return list(dict.fromkeys(row.emotion for row in rows))


def _of_rows(rows: Sequence[Judged]) -> Point:
    scored = [
        {"image_id": row.image_id} | ({} if row.score is None else {"score": row.score}) for row in rows
    ]  # fmt: skip
    value, ends = recall.recall(scored), recall.interval(scored)
    count = sum("score" in one for one in scored)
    return Point(recall.finite(value), recall.finite(ends.low), recall.finite(ends.high), count=count)


def by_label(runs: Sequence[Run], exported: Sequence[Exported], judge: str) -> tuple[list[Figure], list[str]]:
    """Recall by kind and by category of the triggers, and why there is none for some tasks."""
    found: dict[int, Breakdown] = {}
    troubles: dict[str, dict[str, None]] = {}
    for run in runs:
        try:
            found[run.place] = breakdown(run.rows, labels_for(run.result.task, judge, exported))
        except EIBenchError as error:
            troubles.setdefault(str(error), {})[run.result.task] = None
    told = [f"No breakdown by kind and category of {', '.join(of)}: {error}" for error, of in troubles.items()]
    known = [run for run in runs if run.place in found]
    if not known:
        return [], told
    said = f"Recall of the triggers with each label, with 95 % intervals{_COUNTED} triggers. {_labelled(known, found)}"
    kinds = {place: one.kinds for place, one in found.items()}
    categories = {place: one.categories for place, one in found.items()}
    figures = [
        _by_labels("kinds", "Explicit and implicit triggers", said, known, kinds),
        _by_labels("categories", "By category", said, known, categories),
    ]
    return figures, told


def _labelled(runs: Sequence[Run], found: Mapping[int, Breakdown]) -> str:
    """Who labelled the triggers, and which samples do not count."""
    by = sorted({f"{one.judge} {one.version}" for one in found.values()})
    without = [
        f"{run.name}: {one.unscored + one.unlabelled:,} samples without verdicts or labels do not count."
        for run in runs
        if (one := found[run.place]).unscored + one.unlabelled
    ]
    return " ".join([f"Labels by {', '.join(by)}.", *without])


def _by_labels(id_: str, title: str, text: str, runs: Sequence[Run], parts: Mapping[int, Sequence[Part]]) -> Figure:
    of_run = {place: {part.label: part for part in of} for place, of in parts.items()}
    labels = list(dict.fromkeys(label for of in of_run.values() for label in of))
    points = {place: [_of_part(of.get(label)) for label in labels] for place, of in of_run.items()}
    return _by_part(id_, title, text, runs, labels, points)


def _of_part(part: Part | None) -> Point:
    return Point(part.recall, part.low, part.high, count=part.triggers) if part else Point(None)


def _by_part(id_: str, title: str, text: str, runs: Sequence[Run], parts: Sequence[str], points: Series) -> Figure:
    plot = dots(parts, points, "recall, %", f"{title}: recall of every run")
    rows = [(part, *(_counted(points[run.place][row]) for run in runs)) for row, part in enumerate(parts)]
    return Figure(id_, title, text, plot, ("", *(run.name for run in runs)), rows)


def _counted(point: Point) -> str:
    return _with_interval(point) + (f" | {point.count:,}" if point.count else "")


def _with_interval(point: Point) -> str:
    if point.value is None:
        return "–"
    return number(point.value) + ("" if point.low is None else f" ({span(point.low, point.high)})")


def by_length(runs: Sequence[Run]) -> Figure:
    """Recall over the length of the answers: whether a run gets its score by saying more."""
    bins = {run.place: _bins(run.rows) for run in runs}
    series = {place: list(of.values()) for place, of in bins.items()}
    plot = lines(series, "words of an answer (mean of a fifth of the answers)", "recall, %", "Recall over length")
    rows = [
        (run.name, number(_correlation(run.rows), 2), *(_of_bin(bins[run.place].get(fifth)) for fifth in range(_BINS)))
        for run in runs
    ]
    text = (
        "Answers by their length, in fifths; those of one length stay together. A curve that rises says that longer"
        " answers name more; whether they are better only precision can tell. Spearman's rank correlation of words and"
        " recall is in the table."
    )
    return Figure("length", "Length against recall", text, plot, ("run", "correlation", *_FIFTHS), rows)


_FIFTHS = ("shortest fifth", "second", "third", "fourth", "longest fifth")


def _of_bin(found: tuple[float, Point] | None) -> str:
    return f"{found[0]:.0f}: {_counted(found[1])}" if found else "–"


def _bins(rows: Sequence[Judged]) -> dict[int, tuple[float, Point]]:
    """Mean words and recall of the answers of each fifth; equally long ones share that of the middle of their ranks."""
    ordered = sorted((row for row in rows if row.score is not None), key=_words)
    found: dict[int, list[Judged]] = {}
    before = 0
    for _, same in itertools.groupby(ordered, _words):
        equal = list(same)
        found.setdefault(int(_BINS * (before + len(equal) / 2) / len(ordered)), []).extend(equal)
        before += len(equal)
    return {fifth: (math.fsum(map(_words, part)) / len(part), _of_rows(part)) for fifth, part in found.items()}


def _words(row: Judged) -> int:
    return len(row.answer.split())


def _correlation(rows: Sequence[Judged]) -> float | None:
    known = [(_words(row), row.score) for row in rows if row.score is not None]
    return rank_correlation("spearmanr", [words for words, _ in known], [score for _, score in known])
