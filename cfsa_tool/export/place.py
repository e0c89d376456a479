"""The folder of an export: written beside its place, and there as a whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cfsa_tool.errors import ExportError
from cfsa_tool.export.eibench_format import COMPLEX, QUESTIONS, TRUTH
from cfsa_tool.export.task_files import GLUE
from eibench_tasks.data.exported import DATA, IMAGES, MANIFEST, is_exported, load_exported
from eibench_tasks.errors import EIBenchError

CARD, PROVENANCE, LEFT_OUT = "README.md", "provenance.jsonl", "left_out.jsonl"
_LOCK = ".lock"
_OURS = {DATA, IMAGES, MANIFEST, GLUE, CARD, PROVENANCE, LEFT_OUT, QUESTIONS, TRUTH, COMPLEX, _LOCK, "__pycache__"}


def check_place(output: Path, name: str) -> None:
    """Looks whether an export may go there: there is nothing yet, or an export of the same name, which it replaces.

    Raises:
        ExportError: there is something else.
    """
    if not output.exists() and not output.is_symlink():
        return
    elsewhere = "Name a new folder: `cfsa export RUN -o DIR`"
    if not output.is_dir() or output.is_symlink():
        raise ExportError(f"{output} is there and is no folder", elsewhere)
    found = {entry.name for entry in output.iterdir()}
    if not found:
        return
    if not is_exported(output):
        raise ExportError(f"{output} holds other files and no exported split", elsewhere)
    try:
        before = load_exported(output).facts.name
    except EIBenchError as error:
        raise ExportError(error.what, elsewhere) from None
    if before != name:
        raise ExportError(f"{output} holds the split {before}, not {name}", elsewhere)
    if others := sorted(found - _OURS - {f"{name}.yaml"}):
        what = f"{output} holds {others[0]!r} beside the split, which an export would delete"
        raise ExportError(what, f"Move it away, or give another folder: `cfsa export RUN -o DIR --name {name}`")


@contextmanager
def written_whole(output: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``output`` when all is written; what was there before is deleted then.

    Raises:
        ExportError: another export is writing to the same place, or it cannot be written.
    """
    part, before = (output.with_name(f".{output.name}.{what}") for what in ("part", "before"))
    try:
        part.mkdir(parents=True, exist_ok=True)
        with FileLock(part / _LOCK).acquire(blocking=False):
            _put_back(output, before)
            _empty(part)  # of an export that was killed
            try:
                yield part
                if output.exists():
                    output.rename(before)
                part.rename(output)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                _put_back(output, before)
                raise
        (output / _LOCK).unlink(missing_ok=True)
        shutil.rmtree(before, ignore_errors=True)
    except Timeout:
        raise ExportError(f"another export is writing to {output}", "Wait until it is done") from None
    except OSError as error:
        what = f"{output} cannot be written ({error.strerror or error})"
        raise ExportError(what, "Make room or mend the permissions, and give the same command") from None


def _put_back(output: Path, before: Path) -> None:
    """What an export that was killed at its last step had moved away."""
    if before.exists() and not output.exists():
        before.rename(output)
    shutil.rmtree(before, ignore_errors=True)


def _empty(part: Path) -> None:
    for entry in part.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _LOCK:
            entry.unlink()
