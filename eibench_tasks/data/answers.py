"""Reads answers that were given before: logs of lmms-eval, or plain lines."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from eibench_tasks.errors import EIBenchError

_FORMAT = (
    "Give *_samples_eibench_*.jsonl of a run with --log_samples, the folder that holds them,"
    ' or lines {"id": SAMPLE, "answer": TEXT} or {IMAGE: TEXT}'
)

JUDGED = "judged"
"""The folder beside its logs in which a run that was judged again has the results; answers are not read from it."""

LOG_NAME = re.compile(r"(?:^|_)samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT.*)?$")
"""The stem of a sample log's name; lm-eval ends it with the time."""
_LINE = 10_000_000  # bytes of a first line that are looked at


def is_sample_log(file: Path, also: Collection[str] = ()) -> bool:
    """Whether a file is a log of EIBench's tasks, or of the task of an exported split.

    Such a task may be called anything: its judged logs are known by the judge that the first line names.

    Args:
        file: any.
        also: tasks whose logs count without a look at what they hold.
    """
    name = LOG_NAME.search(file.stem)
    if name is None:
        return False
    return name["task"].startswith("eibench") or name["task"] in also or _names_a_judge(file)


def _names_a_judge(file: Path) -> bool:
    try:
        with file.open("rb") as lines:
            entry = json.loads(lines.readline(_LINE))
        return {"sample_id", "verdicts", "judge"} <= set(entry["recall_overall"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


class Answers:
    """Outputs by task and sample. What was logged by another task is not an answer to this one."""

    def __init__(self) -> None:
        self._by_sample: dict[tuple[str, str], str] = {}
        self._by_position: dict[tuple[str, int], str] = {}
        self._by_image: dict[str, str] = {}

    def get(self, task: str, doc_id: int, doc: Mapping[str, Any]) -> str | None:
        """The output for one sample, or None."""
        for key in ((task, doc["id"]), ("", doc["id"])):
            if key in self._by_sample:
                return self._by_sample[key]
        if (task, doc_id) in self._by_position:
            return self._by_position[task, doc_id]
        return self._by_image.get(doc["image_id"]) if doc["split"] == "basic" else None

    def add(self, task: str, entry: Mapping[str, Any]) -> None:
        """Takes one line of a file.

        Raises:
            KeyError, TypeError, IndexError: it has none of the known forms.
        """
        if "resps" in entry or "filtered_resps" in entry:
            output = logged_output(entry)
            row = entry.get("recall_overall")
            if isinstance(row, dict):
                self._by_sample[task, row["sample_id"]] = output
            else:  # a run with --predict_only logs no metrics
                self._by_position[task, int(entry["doc_id"])] = output
        elif "answer" in entry:
            self._by_sample["", entry["id"]] = _text(entry["answer"])
        else:
            for image, text in entry.items():
                if not isinstance(text, str):
                    raise TypeError(image)
                self._by_image[image] = text

    def __len__(self) -> int:
        return len(self._by_sample) + len(self._by_position) + len(self._by_image)


def logged_output(entry: Mapping[str, Any]) -> str:
    """What the model wrote, as a line of a sample log has it.

    Raises:
        KeyError, TypeError, IndexError: the line holds no output.
    """
    # lmms-eval logs the output as `resps` only where its filters or its --reasoning_tags have changed it
    output = entry["resps"] if "resps" in entry else entry["filtered_resps"]
    while isinstance(output, list):
        output = output[0]
    return _text(output)


def _text(output: Any) -> str:
    """Null stands for a model that said nothing."""
    if isinstance(output, str | None):
        return output or ""
    raise TypeError(output)


def read_answers(paths: Iterable[Path]) -> Answers:
    """Reads answers from files and folders.

    Understood are the sample logs of lmms-eval (also those of ``--predict_only``), lines
    ``{"id": SAMPLE, "answer": TEXT}``, and the published format ``{IMAGE: TEXT}`` for the basic split.

    Raises:
        EIBenchError: a file cannot be read or holds something else, there is no answer at all, or a folder holds
            logs of one task by several models.
    """
    answers = Answers()
    files = [file for path in paths for file in log_files(path)]
    for file in files:
        _read(file, answers)
    if not len(answers):
        raise EIBenchError("there are no answers to replay" if files else "no file of answers was given", _FORMAT)
    return answers


def log_files(path: Path) -> list[Path]:
    """The logs of a folder, of several runs of one task the newest; a file stands for itself.

    Raises:
        EIBenchError: logs of one task lie in several folders, as those of different models do.
    """
    if not path.is_dir():
        return [path]
    newest: dict[str, Path] = {}
    inside = (file for file in path.rglob("*_samples_*.jsonl") if JUDGED not in file.relative_to(path).parts)
    logs = (file for file in inside if is_sample_log(file))
    for file in sorted(logs, key=lambda file: (file.name, str(file))):  # names begin with the time
        task = file.stem.partition("_samples_")[2]
        if task in newest and newest[task].parent != file.parent:
            raise EIBenchError(
                f"{path} holds answers to {task} in {newest[task].parent.name} and in {file.parent.name}",
                "Replay one model at a time: give its folder",
            )
        newest[task] = file
    return list(newest.values())


def _read(file: Path, answers: Answers) -> None:
    task = file.stem.partition("_samples_")[2]
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    try:
                        answers.add(task, json.loads(line))
                    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                        raise EIBenchError(f"{file} line {number} holds no answer", _FORMAT) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EIBenchError(f"cannot read {file}: {error}", _FORMAT) from None
