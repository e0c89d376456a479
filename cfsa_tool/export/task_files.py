"""The split's task for lmms-eval: a YAML file that holds no logic, and a file that says where the split is."""

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from string import Template

from cfsa_tool.errors import ExportError

GLUE = "_split.py"
"""Not called after the split: `datasets` refuses a folder that holds a script of the folder's own name."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ANOTHER = "Give another name: `cfsa export … --name my_split`"


def check_name(name: str) -> None:
    """Looks whether a task of lmms-eval can be called so.

    Raises:
        ExportError: it cannot, or another task has the name, which would be run in the split's place.
    """
    if not _NAME.fullmatch(name):
        what = f"{name!r} is no name of a split: a small letter, then small letters, digits and _, at most 64"
        raise ExportError(what, _ANOTHER)
    if name.startswith("eibench"):
        raise ExportError(f"{name} would pass for one of EIBench's own tasks", _ANOTHER)
    if taken(name, _lmms_eval_tasks()):
        raise ExportError(f"lmms-eval has a task {name} of its own, which it would run instead", _ANOTHER)


def taken(name: str, files: Iterable[Path]) -> bool:
    """Whether a YAML file defines a task, group or tag of this name; the files are searched as text, which is quick."""
    called = rf"[\"']?{re.escape(name)}[\"']?"
    wanted = re.compile(rf"^(?:task|group|tag):[ \t]*{called}[ \t]*(?:#.*)?$|^[ \t]*- {called}[ \t]*$", re.MULTILINE)
    return any(wanted.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def _lmms_eval_tasks() -> list[Path]:
    """The YAML files of lmms-eval; none where it is not installed."""
    found = find_spec("lmms_eval")
    folders = found.submodule_search_locations if found else None
    return [file for folder in folders or () for file in Path(folder, "tasks").rglob("*.yaml")]


def write_task(folder: Path, name: str, metrics: Mapping[str, str]) -> None:
    """Writes both files.

    Args:
        folder: of the split.
        name: of the split.
        metrics: how the recall of each emotion is called.
    """
    line = (
        "  - {{metric: {}, aggregation: !function eibench_tasks.harness.rows.recall_percent, higher_is_better: true}}\n"
    )
    emotions = "".join(line.format(metric) for metric in metrics.values())
    text = Template(_text("task.txt")).substitute(name=name, emotions=emotions)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / GLUE).write_text(_text("split_file.txt"), encoding="utf-8")


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
