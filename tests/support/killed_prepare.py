"""Prepares again and again, and is killed by SIGKILL at one file operation after the other.

    python killed_prepare.py IMAGES EIBENCH CAPTIONS OLD_HOME WORK

Every round starts from a copy of OLD_HOME, a complete prepared data set without captions. A child process
prepares it with captions and kills itself at its n-th file operation in that folder; another child looks at what
is left. One line of JSON a round: where it was killed, and what a reader finds then. The last line tells what is
found where a prepare was killed just before its end and another one then went through.
"""

import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import datasets

from eibench_tasks.data.prepare import prepare
from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.errors import EIBenchError

STEP = 4  # every fourth operation is enough, and every one that touches the pointer

_FORK = multiprocessing.get_context("fork")
_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree")


def main() -> None:
    """Counts the operations of an undisturbed prepare, then dies at some of them."""
    images, eibench, captions, old, work = map(Path, sys.argv[1:])

    def run(home: Path, kill_at: int = 0) -> None:
        os.environ["EIBENCH_HOME"] = str(home)
        sys.addaudithook(partial(operation, home, work / "operations", [0], kill_at))
        prepare([images], eibench, True, captions, "somebody")

    assert in_child(run, copy(old, work / "undisturbed")) == 0
    operations = (work / "operations").read_text(encoding="utf-8").splitlines()
    for number, where in enumerate(operations, start=1):
        if number % STEP == 1 or "current.json" in where:
            home = copy(old, work / str(number))
            assert in_child(run, home, number) == -signal.SIGKILL
            print(json.dumps({"where": where, **look_at(home, work / "report")}), flush=True)
            if where.startswith("os.rename /.current.json"):
                torn = home
    assert in_child(run, torn) == 0
    print(json.dumps({"where": "another prepare", **look_at(torn, work / "report")}), flush=True)


def operation(home: Path, log: Path, count: list[int], kill_at: int, event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: logs what is opened, made, renamed or removed below ``home``, and dies at one of these."""
    if event in _EVENTS and not count[0] < 0:
        path = str(arguments[0])
        if path.startswith(str(home)) or not path.startswith("/"):  # shutil.rmtree names children relatively
            count[0] += 1
            if count[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if not kill_at:
                so_far, count[0] = count[0], -1  # writing the log is no operation
                with log.open("a", encoding="utf-8") as file:
                    file.write(f"{event} {path.removeprefix(str(home))}\n")
                count[0] = so_far


def copy(old: Path, home: Path) -> Path:
    return Path(shutil.copytree(old, home))


def in_child(action: Callable[..., None], *arguments: Any) -> int | None:
    child = _FORK.Process(target=action, args=arguments)
    child.start()
    child.join()
    return child.exitcode


def look_at(home: Path, report: Path) -> dict[str, Any]:
    """What a new process finds in ``home``."""
    assert in_child(_look, home, report) == 0
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _look(home: Path, report: Path) -> None:
    os.environ["EIBENCH_HOME"] = str(home)
    found: dict[str, Any] = {"files": sorted(path.name for path in home.iterdir())}
    try:
        data = load_prepared()
        found["digest"] = data.manifest.digest
        found["rows"] = sum(map(len, datasets.load_from_disk(str(data.arrow)).values()))
    except EIBenchError as error:
        found["error"] = str(error)
    report.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
