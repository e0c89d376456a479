"""The runs that a page shows: the numbers of each and, where the run logged them, its samples."""

import contextlib
import itertools
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
        place: among the runs of the page, from 0; it decides the mark in plots.
        name: tells it from the others of the page.
        result: its numbers.
        rows: its judged samples; none where the run did not log them.
    """

    place: int
    name: str
    result: Result
    rows: list[Judged]

    @property
    def by(self) -> str:
        """Judge, protocol and version in words."""
        return by(self.result)


def read_runs(paths: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """The runs of results files and of the folders that hold them, and what of the folders is not among them and why.

    Of several runs in one folder of one model and task, generated and judged in the same way, the newest counts; a file
    that is named itself always does.

    Raises:
        EIBenchError: there is none, a file that is named cannot be read, or a log is damaged.
    """
    paths = list(paths)
    damaged: dict[str, str] = {}
    found: dict[tuple[str, ...], Result] = {}
    for result in sorted(read_results(paths, damaged), key=lambda one: Path(one.file).name):  # names hold the time
        file = Path(result.file)
        where = str(file if file in paths else file.resolve().parent)
        key = (where, result.task, by(result), result.model, result.generation)
        if key in found and found[key].file != result.file:
            damaged[found[key].file] = f"{found[key].file} is not shown: {file.name} is a newer run of the same"
        if result.samples != "both splits":  # the group's headline has no samples of its own
            found[key] = result
    results = sorted(found.values(), key=lambda one: (one.task, by(one), -(one.recall or 0), one.file))
    named = zip(names_of(results), results, strict=True)
    return [Run(place, name, one, _rows(one)) for place, (name, one) in enumerate(named)], list(damaged.values())


def by(result: Result) -> str:
    """Who judged, by which protocol and version."""
    return f"{result.judge} {result.protocol} {result.judge_version}"


def model_name(model: str) -> str:
    """The model within what lmms-eval was given: ``Qwen/Qwen2.5-VL-3B-Instruct``."""
    named = _ARGUMENT.search(model)
    parts = (named[1] if named else model).rstrip("/").split("/")
    return printable("/".join(parts[-2:]))


def names_of(results: Sequence[Result]) -> list[str]:
    """A name of its own for each result: its model, and of task and judge what differs; numbered where that is not
    enough.
    """
    judges = {by(one): f"{one.judge} ({one.protocol})" for one in results}
    several = Counter(judges.values())  # versions of one judge
    fields = [
        [model_name(one.model), one.task, judge if several[judge] == 1 else by(one)]
        for one in results
        if (judge := judges[by(one)])
    ]
    differing = [place for place in range(3) if place == 0 or len({row[place] for row in fields}) > 1]
    names = [" · ".join(row[place] for place in differing) for row in fields]
    counts, taken = Counter(names), set(names)
    for place, name in enumerate(names):
        if counts[name] > 1:
            numbered = (f"{name} #{number}" for number in itertools.count(1))
            names[place] = next(one for one in numbered if one not in taken)
            taken.add(names[place])
    return names


def _rows(result: Result) -> list[Judged]:
    """The samples in the log beside a results file."""
    file = Path(result.file)
    stamp = file.stem.removesuffix("_results").removeprefix("results_")
    for name in (f"{stamp}_samples_{result.task}.jsonl", f"samples_{result.task}_{stamp}.jsonl"):
        with contextlib.suppress(OSError):  # a task may be called what no file can be
            if Path(name).name == name and (file.parent / name).is_file():
                return read_log(file.parent / name)
    return []
