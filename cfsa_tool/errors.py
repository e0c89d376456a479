"""Errors that a user of `cfsa` can mend; see `eibench_tasks.errors.EIBenchError`."""

from eibench_tasks.errors import EIBenchError


class SourceError(EIBenchError):
    """The images or their manifest cannot be taken in."""


class ConfigError(EIBenchError):
    """The configuration has no meaning, or differs from that of the run."""


class RunError(EIBenchError):
    """The run's folder is missing, in use, damaged, full, or of a newer version."""


class ExportError(EIBenchError):
    """The split cannot be written or read."""
