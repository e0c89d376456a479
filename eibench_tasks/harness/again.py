"""`eibench replay`: runs lmms-eval over logged answers."""

import sys
from pathlib import Path

from eibench_tasks.errors import EIBenchError


def run_replay(logs: list[Path], tasks: str | None, output: Path | None, limit: int | None, offset: int | None) -> int:
    """Scores logged answers with lmms-eval's own command line, in this process.

    Returns:
        The exit code.

    Raises:
        EIBenchError: no task was named and the logs do not say which.
    """
    tasks = tasks or ",".join(logged_tasks(logs))
    if not tasks:
        raise EIBenchError(
            f"{logs[0]} does not say which task it answers",
            "Name it: `eibench replay … --tasks eibench_basic_user`",
        )
    paths = ":".join(str(path.resolve()) for path in logs)
    arguments = ["--model", "eibench_replay", "--model_args", f"path={paths}", "--tasks", tasks]
    if output:
        arguments += ["--output_path", str(output), "--log_samples"]
    if limit is not None:
        arguments += ["--limit", str(limit)]
    if offset is not None:
        arguments += ["--offset", str(offset)]
    from lmms_eval.cli.dispatch import main

    sys.argv = ["lmms-eval", *arguments]
    main()
    return 0


def logged_tasks(logs: list[Path]) -> list[str]:
    """The tasks that sample logs belong to, by their file names."""
    files = [file for path in logs for file in (path.rglob("*_samples_*.jsonl") if path.is_dir() else [path])]
    names = {file.stem.partition("_samples_")[2] for file in files}
    return sorted(name for name in names if name.startswith("eibench") and name != "eibench_describe")
