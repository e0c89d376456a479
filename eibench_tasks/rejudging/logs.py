"""Reads the logged answers of runs, judged or not, and joins them with their samples."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eibench_tasks.data.answers import JUDGED, logged_output
from eibench_tasks.data.lines import json_lines
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import sample_logs, task_of
from eibench_tasks.rejudging.known import Doc, Known
from eibench_tasks.settings.turns import Turn, last_reply

_MEND = "Give *_samples_eibench_*.jsonl of a run with --log_samples, or the folder that holds them"


@dataclass(frozen=True)
class Logged:
    """One logged answer.

    Attributes:
        doc_id: its position in the run.
        doc: its sample.
        output: what the model wrote last, reasoning included.
        turns: all turns where the setting has several.
    """

    doc_id: int
    doc: Doc
    output: str
    turns: list[Turn] | None


@dataclass(frozen=True)
class Log:
    """The answers of one task of one run."""

    file: Path
    task: str
    answers: list[Logged]


def find_logs(paths: Iterable[Path], also: Collection[str] = ()) -> list[Path]:
    """The sample logs in files and folders, of several runs of one task in one folder the newest.

    Args:
        paths: files and folders.
        also: tasks of exported splits, whose logs count though their names do not begin with ``eibench``.

    Raises:
        EIBenchError: there is none.
    """
    newest: dict[tuple[Path, str], Path] = {}
    for path in paths:
        for file in sample_logs(path, also):
            inside = file.relative_to(path).parts if path.is_dir() else ()
            task = task_of(file)
            if JUDGED not in inside and task != "eibench_describe":
                newest[file.parent.resolve(), task] = file
    if not newest:
        raise EIBenchError("there is no log of EIBench's samples", _MEND)
    return list(newest.values())


def read_log(file: Path, known: Known) -> Log:
    """The answers of one log.

    Raises:
        EIBenchError: a line holds no answer, or no sample of the data is meant by it.
    """
    answers: list[Logged] = []
    seen: set[str] = set()
    for number, entry in json_lines(file, _MEND):
        doc = known.of(entry)
        if doc is None:
            raise EIBenchError(
                f"{file} line {number} is about no sample of the data at hand",
                "Judge with the data of the run: `eibench prepare` there, `--eibench DIR`, `--exported DIR`, or"
                " EIBENCH_SCENES for drawn scenes of your own",
            )
        if doc["id"] in seen:
            raise EIBenchError(f"{file} line {number} repeats the sample {doc['id']}", _MEND)
        seen.add(doc["id"])
        answers.append(_logged(entry, doc, f"{file} line {number}", len(answers)))
    if not answers:
        raise EIBenchError(f"{file} holds no answers", _MEND)
    return Log(file, task_of(file), answers)


def _logged(entry: dict[str, Any], doc: Doc, where: str, position: int) -> Logged:
    try:
        output, said = last_reply(logged_output(entry))
    except (KeyError, TypeError, IndexError, RecursionError):
        raise EIBenchError(f"{where} holds no answer", _MEND) from None
    doc_id = entry.get("doc_id")
    return Logged(doc_id if isinstance(doc_id, int) else position, doc, output, said)
