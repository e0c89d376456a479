"""Finds the judge that the user asked for."""

import os
from collections.abc import Callable
from functools import lru_cache

from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judge

DEFAULT = "offline"


def _offline(argument: str) -> Judge:
    from eibench_tasks.judging.offline.judge import OfflineJudge

    if argument:
        raise JudgeError("the offline judge takes no argument", "Say `EIBENCH_JUDGE=offline`")
    return OfflineJudge.load()


_KINDS: dict[str, Callable[[str], Judge]] = {"offline": _offline}
"""What a judge's name begins with, and what loads it. Judges that ask a language model get their place here."""


def judge_name() -> str:
    """The judge asked for: ``$EIBENCH_JUDGE``, else ``offline``."""
    return os.environ.get("EIBENCH_JUDGE", "").strip() or DEFAULT


def check_judge(name: str) -> None:
    """Says at once whether a judge of this name exists, without loading it.

    Raises:
        JudgeError: the name is unknown.
    """
    kind = name.partition(":")[0]
    if kind not in _KINDS:
        raise JudgeError(f"unknown judge {kind!r}", f"Set EIBENCH_JUDGE to one of: {', '.join(sorted(_KINDS))}")


def load_judge(name: str | None = None) -> Judge:
    """The judge, loaded once a process.

    Args:
        name: for example ``offline``; None for the one of the environment.

    Raises:
        JudgeError: it is unknown or cannot be loaded.
    """
    name = name or judge_name()
    check_judge(name)
    return _load(name)


@lru_cache(maxsize=4)
def _load(name: str) -> Judge:
    kind, _, argument = name.partition(":")
    return _KINDS[kind](argument)
