"""`eibench leaderboard`: a table of runs, in Markdown, CSV and HTML, ranked where their intervals separate."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.data.schema import REPLAYED
from eibench_tasks.data.whole import write_whole
from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.page.runs import model_name
from eibench_tasks.report.table import Result, read_results
from eibench_tasks.report.text import number, span

STEM = "leaderboard"
HEAD = (
    "rank", "model", "recall", "95 % interval", "scored", "samples", "model and arguments", "eibench", "harness",
    "data",
    "results",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A run with its place.

    Attributes:
        rank: 1 for the best; runs share a rank unless the interval of one lies wholly above the other's.
        result: its numbers.
        partial: why it cannot stand beside whole runs: samples left out or unscored; "" for a whole run.
    """

    rank: int
    result: Result
    partial: str


@dataclass(frozen=True)
class Board:
    """Runs that may be compared: one task and setting, one version of the data, one judge.

    Attributes:
        title: names what they have in common.
        entries: best first.
    """

    title: str
    entries: list[Entry]


def boards(paths: Iterable[Path]) -> tuple[list[Board], dict[str, str]]:
    """The boards of all results below the paths, and what was left out, each file and task with the reason.

    Of one model with the same arguments, the newest run counts.

    Raises:
        EIBenchError: there is no result.
    """
    paths = list(paths)
    groups: dict[tuple[str, ...], dict[str, Result]] = {}
    left_out: dict[str, str] = {}
    for result in sorted(read_results(paths), key=lambda one: Path(one.file).name):  # names hold the time
        if result.samples == "both splits":
            continue  # a group of two tasks has no interval
        if missing := without(result):
            left_out[f"{result.file}, {result.task}"] = f"the run does not say: {', '.join(missing)}"
        else:
            groups.setdefault(_key(result), {})[result.model] = result.model_copy(
                update={"file": _within(result, paths)}
            )
    return [_board(key, list(results.values())) for key, results in sorted(groups.items())], left_out


def _within(result: Result, paths: Sequence[Path]) -> str:
    """The results file as seen from the folder that holds it: the table says nothing of the machine it was made on."""
    file = Path(result.file)
    return next((str(file.relative_to(path)) for path in paths if path != file and path in file.parents), file.name)


def without(result: Result) -> list[str]:
    """What a run does not say of where it comes from; a number without it proves nothing."""
    needed = {
        "model": None if result.model == "?" else result.model,
        "judge": None if "?" in (result.judge, result.protocol, result.judge_version) else result.judge,
        "version of the task": result.version,
        "version of eibench": result.eibench,
        "harness": result.harness,
        "data": result.data,
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


def _board(key: tuple[str, ...], results: Sequence[Result]) -> Board:
    task, version, setting, judge, protocol, judge_version, data = key
    title = f"{task} {version} ({setting}), judged by {judge} {judge_version} ({protocol}), data {data[:12]}"
    ordered = sorted(results, key=lambda one: (-(one.recall or 0), one.model))
    return Board(title, [Entry(rank(one, ordered), one, partial(one)) for one in ordered])


def rank(result: Result, others: Iterable[Result]) -> int:
    """1 and how many runs are better for certain: those whose interval lies wholly above this one's.

    Two runs on the same samples can differ for certain though their intervals overlap: `eibench compare` tells.
    """
    high = result.high if result.high is not None else 100.0
    return 1 + sum(other.low is not None and other.low > high for other in others)


def partial(result: Result) -> str:
    """Why a run is not whole; "" where it is."""
    reasons = []
    done, _, total = result.samples.partition(" of ")
    if done != total:
        reasons.append(f"{result.samples} samples")
    if result.coverage is not None and result.coverage < 100:
        reasons.append(f"{100 - result.coverage:.1f} % unscored, bounds {span(result.bound_low, result.bound_high)}")
    return "; ".join(reasons)


def cells(entry: Entry) -> tuple[str, ...]:
    """A row of the table, in the order of `HEAD`."""
    one = entry.result
    tied = f"{entry.rank}" + ("*" if entry.partial else "")
    return (
        tied, model_name(one.model), number(one.recall), span(one.low, one.high), f"{number(one.coverage)} %",
        one.samples, one.model, one.eibench or "", one.harness or "", (one.data or "")[:12], one.file,
    )  # fmt: skip


NOTES = (
    "Recall of emotional triggers in percent; the 95 % interval is clustered by image. Only runs of one task, setting,"
    " judge, protocol and version of the data stand in one table; tables cannot be compared with one another.",
    "Rank: 1 and the number of runs whose interval lies wholly above. Runs with overlapping intervals share a rank;"
    " `eibench compare A B` tells two runs apart by their common samples.",
    "* a partial run: samples are missing or unscored.",
)


def markdown(found: Sequence[Board]) -> str:
    """All boards as Markdown."""
    lines = ["# EIBench leaderboard", ""]
    for board in found:
        lines += [f"## {_escaped(board.title)}", "", _row(HEAD), _row(["---"] * len(HEAD))]
        lines += [_row([_escaped(cell) for cell in cells(entry)]) for entry in board.entries]
        lines += ["", *(f"- * {_escaped(cells(one)[1])}: {one.partial}" for one in board.entries if one.partial), ""]
    return "\n".join([*lines, *(f"- {note}" for note in NOTES)]) + "\n"


def _row(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |"


def _escaped(text: str) -> str:
    """Text without any meaning in Markdown or HTML."""
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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("rank", "model", "task", "task_version", "setting", "judge", "protocol", "judge_version", "recall", "ci95_low",
         "ci95_high", "coverage", "bound_low", "bound_high", "samples", "partial", "eibench", "harness", "data",
         "results")
    )  # fmt: skip
    for entry in (entry for board in found for entry in board.entries):
        one = entry.result
        row = (
            entry.rank, one.model, one.task, one.version, one.setting, one.judge, one.protocol, one.judge_version,
            one.recall, one.low, one.high, one.coverage, one.bound_low, one.bound_high, one.samples, entry.partial,
            one.eibench, one.harness, one.data, one.file,
        )  # fmt: skip
        writer.writerow([_inert(cell) for cell in row])
    return out.getvalue()


def _inert(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


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
