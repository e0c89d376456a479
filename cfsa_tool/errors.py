"""Errors that a user of `cfsa` can mend; see `eibench_tasks.errors.EIBenchError`."""

import shlex
from pathlib import Path

from eibench_tasks.errors import EIBenchError


def quoted(name: str | Path) -> str:
    """A file's name in a command that a message tells the user to give: blanks and the like stay part of it."""
    return shlex.quote(str(name))


class SourceError(EIBenchError):
    """The images or their manifest cannot be taken in."""


class ConfigError(EIBenchError):
    """The configuration has no meaning, or differs from that of the run."""


class RunError(EIBenchError):
    """The run's folder is missing, in use, damaged, full, or of a newer version."""


class ExportError(EIBenchError):
    """The split cannot be written or read."""


class ReviewError(EIBenchError):
    """A review cannot be served or read."""
