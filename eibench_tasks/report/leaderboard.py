"""`eibench leaderboard`: a table of runs, in Markdown, CSV and HTML, ranked where their intervals separate."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.data.lines import printable
from eibench_tasks.data.schema import REPLAYED
from eibench_tasks.data.whole import write_whole
from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.page.runs import model_name
from eibench_tasks.report.table import Result, read_results
from eibench_tasks.report.text import number, span

STEM = "leaderboard"
HEAD = (
    "rank", "model", "recall", "95 % interval", "scored", "samples", "model and arguments", "generation", "eibench",
    "harness", "data", "results",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A run with its place.

    Attributes:
        rank: 1 for the best; runs share a rank unless the interval of one lies wholly above the other's. None for a run
            that misses samples: it was asked something else.
        result: its numbers.
        partial: why it cannot stand beside whole runs: samples left out or unscored; "" for a whole run.
    """

    rank: int | None
    result: Result
    partial: str


@dataclass(frozen=True)
class Board:
    """Runs that may be compared: one task and setting, one version of the data, one judge.

    Attributes:
        title: names what they have in common.
        entries: by rank, then best first; those without a rank last.
    """

    title: str
    entries: list[Entry]


def boards(paths: Iterable[Path]) -> tuple[list[Board], dict[str, str]]:
    """The boards of all results below the paths, and what was left out, each file and task with the reason.

    Of one model with the same arguments and generation, the newest run counts, and a whole one before one that misses
    samples.

    Raises:
        EIBenchError: there is no result, or none says where it comes from.
    """
    paths = list(paths)
    groups: dict[tuple[str, ...], dict[tuple[str, str], Result]] = {}
    left_out: dict[str, str] = {}
    read = read_results(paths, left_out)
    for result in sorted(read, key=lambda one: (not misses_samples(one), Path(one.file).name)):
        if result.samples == "both splits":
            continue  # a group of two tasks has no interval
        if missing := without(result):
            left_out[f"{result.file}, {result.task}"] = f"the run does not say: {', '.join(missing)}"
            continue
        of_model = groups.setdefault(_key(result), {})
        if earlier := of_model.get((result.model, result.generation)):
            left_out[f"{earlier.file}, {earlier.task}"] = f"another run of the same model counts: {result.file}"
        of_model[result.model, result.generation] = result
    if not groups:
        what, why = next(iter(left_out.items()), ("", "there are group results only"))
        raise EIBenchError(f"no run can enter the leaderboard; {what}: {why}", "Run it again with this version")
    return [_board(key, list(results.values()), paths) for key, results in sorted(groups.items())], left_out


def _within(result: Result, paths: Sequence[Path]) -> Result:
    """With the results file as seen from the folder that holds it: the table says nothing of the machine."""
    file = Path(result.file)
    inside = (str(file.relative_to(path)) for path in paths if path != file and path in file.parents)
    return result.model_copy(update={"file": next(inside, file.name)})


def without(result: Result) -> list[str]:
    """What a run does not say of where it comes from; a number without it proves nothing."""
    needed = {
        "model": None if result.model == "?" else result.model,
        "judge": None if "?" in (result.judge, result.protocol, result.judge_version) else result.judge,
        "version of the task": result.version,
        "version of eibench": result.eibench,
        "harness": result.harness,
        "data": result.data,
        "number of samples": None if "?" in result.samples else "",
        "recall and its interval": None if None in (result.recall, result.low, result.high) else "",
    }
    return [name for name, value in needed.items() if value is None]


def _key(result: Result) -> tuple[str, ...]:
    captions = f", captions: {result.captions}" if result.captions not in (None, REPLAYED) else ""
    persona = f", persona {result.persona!r}" if result.persona not in (None, "published", REPLAYED) else ""
    return (
        result.task, f"v{result.version}", result.setting + captions + persona, result.judge, result.protocol,
        result.judge_version, result.data or "",
    )  # fmt: skip


def _board(key: tuple[str, ...], results: Sequence[Result], paths: Sequence[Path]) -> Board:
    task, version, setting, judge, protocol, judge_version, data = key
    title = f"{task} {version} ({setting}), judged by {judge} {judge_version} ({protocol}), data {data[:12]}"
    whole = [one for one in results if not misses_samples(one)]
    entries = [
        Entry(rank(one, whole) if one in whole else None, _within(one, paths), partial(one)) for one in results
    ]  # fmt: skip
    return Board(title, sorted(entries, key=_place))


def _place(entry: Entry) -> tuple[float, float, str]:
    rank = math.inf if entry.rank is None else entry.rank
    return rank, -(entry.result.recall or 0), entry.result.model


def rank(result: Result, others: Iterable[Result]) -> int:
    """1 and how many runs are better for certain: those whose interval lies wholly above this one's.

    The interval of a run with unscored samples reaches to its bounds. Two runs on the same samples can differ for
    certain though their intervals overlap: `eibench compare` tells.
    """
    high = max(one for one in (result.high, result.bound_high, 0.0) if one is not None)
    lows = (min(one for one in (other.low, other.bound_low, 100.0) if one is not None) for other in others)
    return 1 + sum(low > high for low in lows)


def misses_samples(result: Result) -> bool:
    """Whether a run was asked a part of the samples only."""
    done, _, total = result.samples.partition(" of ")
    return done != total


def partial(result: Result) -> str:
    """Why a run is not whole; "" where it is."""
    reasons = []
    if misses_samples(result):
        reasons.append(f"{result.samples} samples, no rank")
    if result.coverage is not None and result.coverage < 100:
        reasons.append(f"{100 - result.coverage:.1f} % unscored, bounds {span(result.bound_low, result.bound_high)}")
    return "; ".join(reasons)


def cells(entry: Entry) -> tuple[str, ...]:
    """A row of the table, in the order of `HEAD`."""
    one = entry.result
    place = f"{entry.rank or '–'}" + ("*" if entry.partial else "")
    return (
        place, model_name(one.model), number(one.recall), span(one.low, one.high), f"{number(one.coverage)} %",
        one.samples, one.model, one.generation, one.eibench or "", one.harness or "", (one.data or "")[:12], one.file,
    )  # fmt: skip


NOTES = (
    "Recall of emotional triggers in percent; the 95 % interval is clustered by image. Only runs of one task, setting,"
    " judge, protocol and version of the data stand in one table; tables cannot be compared with one another.",
    "Rank: 1 and the number of runs whose interval lies wholly above. Runs with overlapping intervals share a rank;"
    " `eibench compare A B` tells two runs apart by their common samples.",
    "An asterisk marks a partial run. Where samples are unscored, the interval reaches to the bounds in the ranking; a"
    " run that misses samples has no rank.",
)


def markdown(found: Sequence[Board]) -> str:
    """All boards as Markdown."""
    lines = ["# EIBench leaderboard", ""]
    for board in found:
        lines += [f"## {_escaped(board.title)}", "", _row(HEAD), _row(["---"] * len(HEAD))]
        lines += [_row([_escaped(cell) for cell in cells(entry)]) for entry in board.entries]
        lines += ["", *(f"- {_escaped(line)}" for line in _why(board)), ""]
    return "\n".join([*lines, *(f"- {note}" for note in NOTES)]) + "\n"


def _row(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |"


def _escaped(text: str) -> str:
    """Text without any meaning in Markdown or HTML, in one line."""
    text = printable(text)
    for mark, harmless in (
        ("\\", "\\\\"),
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("[", "\\["),
        ("*", "\\*"),
        ("_", "\\_"),
    ):
        text = text.replace(mark, harmless)
    return text


def as_csv(found: Sequence[Board]) -> str:
    """All boards as one CSV table, a run a line."""
    rows = [_csv_row(entry) for board in found for entry in board.entries]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(cell) for name, cell in row.items()} for row in rows)
    return out.getvalue()


def _csv_row(entry: Entry) -> dict[str, object]:
    one = entry.result
    numbers = {
        "recall": one.recall, "ci95_low": one.low, "ci95_high": one.high, "coverage": one.coverage,
        "bound_low": one.bound_low, "bound_high": one.bound_high, "samples": one.samples, "partial": entry.partial,
    }  # fmt: skip
    return {
        "rank": entry.rank, "model": one.model, "generation": one.generation, "task": one.task,
        "task_version": one.version, "setting": one.setting, "judge": one.judge, "protocol": one.protocol,
        "judge_version": one.judge_version, **numbers, "eibench": one.eibench, "harness": one.harness,
        "data": one.data, "results": one.file,
    }  # fmt: skip


def _inert(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell


def as_html(found: Sequence[Board]) -> str:
    """All boards as one page that needs nothing else."""
    from eibench_tasks.report.page.page import fill

    tables = [(board.title, [cells(entry) for entry in board.entries], _why(board)) for board in found]
    return fill("leaderboard.html.jinja", title="EIBench leaderboard", boards=tables, head=HEAD, notes=NOTES)


def _why(board: Board) -> list[str]:
    return [f"* {cells(entry)[1]}: {entry.partial}" for entry in board.entries if entry.partial]


def write(found: Sequence[Board], folder: Path) -> list[Path]:
    """Writes the table in all three forms, each as a whole or not at all.

    Raises:
        EIBenchError: they cannot be written.
    """
    forms = {".md": markdown(found), ".csv": as_csv(found), ".html": as_html(found)}
    files = [folder / f"{STEM}{suffix}" for suffix in forms]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, forms.values(), strict=True):
            write_whole(file, text)
    except OSError as error:
        mend = "Choose another folder: `eibench leaderboard DIR -o FOLDER`"
        raise EIBenchError(f"cannot write the table to {folder} ({error.strerror})", mend) from None
    return files
