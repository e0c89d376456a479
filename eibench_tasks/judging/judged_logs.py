"""Reads the sample logs of judged runs, whichever harness or command wrote them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eibench_tasks.data.answers import JUDGED, LOG_NAME, is_sample_log
from eibench_tasks.data.lines import json_lines, printable
from eibench_tasks.errors import EIBenchError

_MEND = "Give *_samples_eibench_*.jsonl of a run with --log_samples, or the folder that holds them"


@dataclass(frozen=True)
class Judged:
    """One judged sample of a run.

    Attributes:
        file: the log that holds it; one log is one task of one model, judged once.
        task: from the log's name; "samples" where that does not say.
        model: the name of the run's folder.
        sample_id, image_id, emotion, answer: as logged.
        score: recall in percent; None where unscored.
        unscored: why there is no score; None where there is one.
        verdicts: in the order of the reference list; none where the judge gave none.
        judge: name, protocol and version.
    """

    file: Path
    task: str
    model: str
    sample_id: str
    image_id: str
    emotion: str
    answer: str
    score: float | None
    unscored: str | None
    verdicts: list["LoggedVerdict"]
    judge: str

    @property
    def present(self) -> list[bool] | None:
        """Which triggers are named, in the order of the reference list; None where the judge gave no verdicts."""
        return [verdict.present for verdict in self.verdicts] or None


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _JudgeOfRow(_Part):
    name: str
    protocol: str
    version: str


class LoggedVerdict(_Part):
    """As `judgement.Verdict`, so far as a log has it."""

    present: bool
    trigger: str = ""
    quote: str | None = None
    probability: float | None = Field(default=None, ge=0, le=1)


class _Row(_Part):
    """What is read of ``recall_overall``, as `harness.rows.answer_rows` writes it."""

    sample_id: str
    image_id: str
    emotion: str
    answer: str
    verdicts: list[LoggedVerdict]
    unscored: str | None
    score: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    judge: _JudgeOfRow

    @model_validator(mode="after")
    def _scored_or_not(self) -> "_Row":
        if (self.score is None) == (self.unscored is None):
            raise ValueError("a sample has either a score or a reason")
        return self


def read_samples(paths: Iterable[Path]) -> list[Judged]:
    """The judged samples of logs; folders are searched, and hold other files too.

    Of several logs in one folder of one task by one judge, the newest counts.

    Raises:
        EIBenchError: a log cannot be read, is damaged, or was never judged; or there is none.
    """
    newest: dict[tuple[Path, str, str], list[Judged]] = {}
    unjudged: list[Path] = []
    for path in paths:
        for file in sample_logs(path):
            if rows := read_log(file):
                of_what = rows[0].task if LOG_NAME.search(file.stem) else file.name
                newest[file.parent.resolve(), of_what, rows[0].judge] = rows
            elif file == path:
                raise _not_judged(file)
            else:
                unjudged.append(file)
    if not newest:
        raise _not_judged(unjudged[0]) if unjudged else EIBenchError("there is no log of judged samples", _MEND)
    return [row for rows in newest.values() for row in rows]


def sample_logs(path: Path, also: Collection[str] = ()) -> list[Path]:
    """The logs in a folder that `is_sample_log`, older ones first; a file stands for itself."""
    if not path.is_dir():
        return [path]
    logs = (file for file in path.rglob("*samples_*.jsonl") if is_sample_log(file, also))
    return sorted(logs, key=lambda file: (file.name, str(file)))  # names hold the time


def task_of(file: Path) -> str:
    """The task of a sample log, by its name; "samples" where that does not say."""
    name = LOG_NAME.search(file.stem)
    return name["task"] if name else "samples"


def read_log(file: Path) -> list[Judged]:
    """The judged samples of one log; none if its run measured nothing (``--predict_only``).

    Raises:
        EIBenchError: it cannot be read, or holds something else.
    """
    task, model = task_of(file), printable(_run_folder(file).name)
    rows: dict[str, Judged] = {}
    unmeasured = 0
    for number, entry in json_lines(file, _MEND):
        if "recall_overall" not in entry and {"doc_id", "resps", "filtered_resps"} & set(entry):
            unmeasured += 1
            continue
        row = _judged(entry, file, task, model, number)
        if row.sample_id in rows:
            raise EIBenchError(f"{file} line {number} repeats the sample {row.sample_id!r}", _MEND)
        rows[row.sample_id] = row
    if bool(rows) == bool(unmeasured):
        what = f"{unmeasured} samples that were not judged, among others" if rows else "no samples"
        raise EIBenchError(f"{file} holds {what}", _MEND)
    if len({row.judge for row in rows.values()}) > 1:
        raise EIBenchError(f"{file} holds judgements of several judges", _MEND)
    return list(rows.values())


def _run_folder(file: Path) -> Path:
    """The folder of the run; what was judged again lies in ``judged/JUDGE/`` below it."""
    folder = file.resolve().parent
    return folder.parent.parent if folder.parent.name == JUDGED else folder


def _not_judged(file: Path) -> EIBenchError:
    return EIBenchError(f"{file} holds answers that were not judged", f"Run `eibench judge {file}` first")


def _judged(entry: dict[str, Any], file: Path, task: str, model: str, number: int) -> Judged:
    try:
        row = _Row.model_validate(entry.get("recall_overall"))
    except (ValidationError, RecursionError):
        raise EIBenchError(f"{file} line {number} is no judged sample", _MEND) from None
    return Judged(
        file=file,
        task=task,
        model=model,
        sample_id=row.sample_id,
        image_id=row.image_id,
        emotion=row.emotion,
        answer=row.answer,
        score=row.score,
        unscored=row.unscored,
        verdicts=row.verdicts,
        judge=printable(f"{row.judge.name} {row.judge.protocol} {row.judge.version}"),
    )
