"""Runs of the harnesses: their real command lines, and inside this process where the command line is not the point."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Finished:
    """A command that has ended; ``output`` is what it wrote to stdout and stderr."""

    code: int
    output: str

    @property
    def tail(self) -> str:
        """The end of the output, to be shown when a test fails."""
        return self.output[-3000:]


def command(name: str, *args: str | Path, home: Path, log: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Runs a console script that is installed beside the Python of the tests.

    Args:
        name: for example ``lmms-eval``.
        args: its arguments.
        home: `$EIBENCH_HOME` of the run; no other setting of EIBench is handed on.
        log: file for its output; it runs in the folder of this file, which is no part of the checkout.
        env: variables on top.
    """
    return run([_BIN / name, *args], home=home, log=log, env=env)


def run(arguments: list[str | Path], home: Path, log: Path, env: Mapping[str, str] | None = None) -> Finished:
    """As `command`, for any program."""
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("EIBENCH_")}
    with log.open("w", encoding="utf-8") as file:
        ended = subprocess.run(
            [str(argument) for argument in arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**inherited, "EIBENCH_HOME": str(home), "HF_HUB_OFFLINE": "1", **(env or {})},
            cwd=log.parent,
            timeout=580,
            check=False,
        )
    return Finished(ended.returncode, log.read_text(encoding="utf-8", errors="replace"))


def stops(ended: Finished, *words: str, code: int = 1) -> None:
    """The command ended with one line of ours that says these words, and nothing of Python."""
    assert ended.code == code, ended.tail
    assert "Traceback" not in ended.output and "Unclosed" not in ended.output, ended.tail
    ours = [line for line in ended.output.splitlines() if line.startswith("Error: ")]
    assert len(ours) == 1, ended.tail
    assert all(word in ours[0] for word in words), ours[0]


def evaluate(
    tasks: list[str], model: Any = "dummy", model_args: str = "", include_path: Path | None = None, **options: Any
) -> dict[str, Any]:
    """An evaluation by lmms-eval in this process, which spares the start of its command line.

    Args:
        tasks: names of EIBench tasks, or of those in ``include_path``.
        model: name of a model, or a model object.
        model_args: as on the command line.
        include_path: a folder of other tasks.
        options: of `lmms_eval.evaluator.simple_evaluate`.

    Returns:
        What lmms-eval would write: ``results``, ``samples``, ``configs``, ``n-samples`` and more.
    """
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    from eibench_tasks.home import task_configs

    manager = TaskManager("ERROR", include_path=str(include_path or task_configs()), include_defaults=False)
    found: dict[str, Any] = evaluator.simple_evaluate(
        model=model, model_args=model_args, tasks=tasks, task_manager=manager, bootstrap_iters=0, **options
    )
    return found


def value(results: Mapping[str, Any], task: str, metric: str) -> float:
    """One number of a results file, whatever the filter is called."""
    (found,) = [
        number
        for name, number in results["results"][task].items()
        if name.partition(",")[0] == metric and not name.partition(",")[2].startswith("_")
    ]
    return float(found)


def written_results(folder: Path) -> dict[str, Any]:
    """The one results file below a folder."""
    (file,) = folder.rglob("*_results.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def written_samples(folder: Path, task: str) -> list[dict[str, Any]]:
    """The logged samples of one task below a folder."""
    (file,) = folder.rglob(f"*_samples_{task}.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
