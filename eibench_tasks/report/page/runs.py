"""The runs that a page shows: the numbers of each and, where the run logged them, its samples."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.data.lines import printable
from eibench_tasks.judging.judged_logs import Judged, read_log
from eibench_tasks.report.table import Result, read_results

_ARGUMENT = re.compile(r"\b(?:pretrained|model_version|model_name|model|path)=([^,)]+)")


@dataclass(frozen=True)
class Run:
    """One task of one run by one judge.

    Attributes:
        name: tells it from the others of the page.
        result: its numbers.
        rows: its judged samples; none where the run did not log them.
    """

    name: str
    result: Result
    rows: list[Judged]

    @property
    def by(self) -> str:
        """Judge, protocol and version in words."""
        return by(self.result)


def read_runs(paths: Iterable[Path]) -> list[Run]:
    """The runs of results files and of the folders that hold them.

    Of several runs of one task by one judge in one folder, the newest counts.

    Raises:
        EIBenchError: there is none, or a file is damaged.
    """
    newest: dict[tuple[Path, str, str], Result] = {}
    for result in sorted(read_results(paths), key=lambda one: Path(one.file).name):  # names hold the time
        if result.samples != "both splits":  # the group's headline has no samples of its own
            newest[Path(result.file).resolve().parent, result.task, by(result)] = result
    results = sorted(newest.values(), key=lambda one: (one.task, by(one), -(one.recall or 0), one.file))
    names = names_of(results)
    return [Run(name, result, _rows(result)) for name, result in zip(names, results, strict=True)]


def by(result: Result) -> str:
    """Who judged, by which protocol and version."""
    return f"{result.judge} {result.protocol} {result.judge_version}"


def model_name(model: str) -> str:
    """The model within what lmms-eval was given: ``Qwen/Qwen2.5-VL-3B-Instruct``."""
    named = _ARGUMENT.search(model)
    parts = (named[1] if named else model).rstrip("/").split("/")
    return printable("/".join(parts[-2:]))


def names_of(results: Sequence[Result]) -> list[str]:
    """A short name for each result, of what they differ in: model, task, judge; numbered where that is not enough."""
    fields = [[model_name(one.model), one.task, f"{one.judge} ({one.protocol})", by(one)] for one in results]
    differing = [
        place for place in range(4)
        if place == 0 or (place < 3 and len({row[place] for row in fields}) > 1)
    ]  # fmt: skip
    names = [" · ".join(row[place] for place in differing) for row in fields]
    numbers: Counter[str] = Counter()
    for place, name in enumerate(list(names)):
        numbers[name] += 1
        if names.count(name) > 1 or numbers[name] > 1:
            names[place] = f"{name} #{numbers[name]}"
    return names


def _rows(result: Result) -> list[Judged]:
    """The samples in the log beside a results file."""
    file = Path(result.file)
    stamp = file.stem.removesuffix("_results").removeprefix("results_")
    for name in (f"{stamp}_samples_{result.task}.jsonl", f"samples_{result.task}_{stamp}.jsonl"):
        log = file.with_name(name)
        if log.is_file():
            return read_log(log)
    return []
