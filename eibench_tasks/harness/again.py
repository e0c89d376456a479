"""`eibench replay`: runs lmms-eval over logged answers."""

import json
import os
import sys
import tempfile
from pathlib import Path

from eibench_tasks.data.answers import log_files
from eibench_tasks.errors import EIBenchError

FILES = "EIBENCH_REPLAY_FILES"
"""Hands paths to the replay model as a JSON list; lmms-eval's --model_args would split them at commas."""


def run_replay(
    logs: list[Path],
    tasks: str | None,
    output: Path | None,
    limit: int | None,
    offset: int | None,
    include_path: Path | None = None,
) -> int:
    """Scores logged answers with lmms-eval's own command line, in this process.

    Args:
        logs: the answers.
        tasks: which to score; None for those that were logged.
        output: folder for the results.
        limit, offset: as in the logged run.
        include_path: folder of other tasks, for example of an exported split.

    Returns:
        The exit code: 0 if results were written.

    Raises:
        EIBenchError: no task was named and the logs do not say which.
    """
    tasks = tasks or ",".join(logged_tasks(logs, others=include_path is not None))
    if not tasks:
        raise EIBenchError(
            f"{logs[0]} does not say which task it answers", "Name it: `eibench replay … --tasks eibench_basic_user`"
        )
    os.environ[FILES] = json.dumps([str(path.resolve()) for path in logs])
    with tempfile.TemporaryDirectory() as scratch:
        folder = output or Path(scratch)
        arguments = ["--model", "eibench_replay", "--tasks", tasks, "--output_path", str(folder), "--log_samples"]
        if include_path is not None:
            arguments += ["--include_path", str(include_path)]
        if limit is not None:
            arguments += ["--limit", str(limit)]
        if offset is not None:
            arguments += ["--offset", str(offset)]
        before = set(folder.rglob("*_results.json")) if folder.exists() else set()
        from lmms_eval.cli.dispatch import main

        sys.argv = ["lmms-eval", *arguments]
        main()
        return 0 if set(folder.rglob("*_results.json")) - before else 1


def logged_tasks(logs: list[Path], others: bool = False) -> list[str]:
    """The tasks that sample logs belong to, by their file names; with ``others`` those of exported splits too."""
    names = {file.stem.partition("_samples_")[2] for path in logs for file in log_files(path)}
    ours = (name for name in names if name.startswith("eibench") or (name and others))
    return sorted(name for name in ours if name != "eibench_describe")
