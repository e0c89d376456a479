"""Finds the judge that the user asked for."""

import atexit
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.errors import JudgeError
from eibench_tasks.home import eibench_home
from eibench_tasks.judging.judgement import Judge

if TYPE_CHECKING:
    from eibench_tasks.engines.budget import Budget
    from eibench_tasks.engines.engine import Engine
    from eibench_tasks.judging.llm.judge import Protocol
    from eibench_tasks.judging.options import JudgeOptions

DEFAULT = "offline"


def _offline(argument: str, options: "JudgeOptions") -> Judge:
    from eibench_tasks.judging.offline.judge import OfflineJudge

    return OfflineJudge.load()


def _nli(argument: str, options: "JudgeOptions") -> Judge:
    from eibench_tasks.judging.nli import NliJudge

    return NliJudge.load(argument)


def _openai(argument: str, options: "JudgeOptions") -> Judge:
    from eibench_tasks.engines.budget import Budget
    from eibench_tasks.engines.openai_chat import OpenAIEngine

    budget = Budget(options.max_requests, options.max_cost, options.prices)
    engine = OpenAIEngine(argument, options.urls, options.key, options.limits, budget)
    return _llm(f"openai:{argument}", argument, engine, options, budget)


def _transformers(argument: str, options: "JudgeOptions") -> Judge:
    from eibench_tasks.engines.budget import Budget
    from eibench_tasks.engines.local import LocalEngine

    return _llm(f"transformers:{argument}", argument, LocalEngine(argument), options, Budget())


def _llm(name: str, model: str, engine: "Engine", options: "JudgeOptions", budget: "Budget") -> Judge:
    from eibench_tasks.engines.store import ReplyStore
    from eibench_tasks.judging.llm.judge import LLMJudge

    protocol, published_model = _protocol(options, model)
    comparable = published_model.rpartition("/")[2].lower() == model.rpartition("/")[2].lower()
    store = ReplyStore(reply_store())
    if store.set_aside:
        print(
            f"eibench: the kept replies were damaged; what is whole is used, the rest is in {store.set_aside}",
            file=sys.stderr,
        )
    judge = LLMJudge(name, engine, store, protocol, comparable, budget, options.limits.concurrency)
    atexit.register(judge.close)
    return judge


def _protocol(options: "JudgeOptions", model: str) -> "tuple[Protocol, str]":
    """The protocol, and for the paper's the model of the published judge."""
    from eibench_tasks.judging.llm.paper import PaperProtocol, Whose
    from eibench_tasks.judging.llm.verdict import VerdictProtocol

    if options.protocol == "verdict":
        return VerdictProtocol(), ""
    llama = options.protocol == "paper:llama3" or (options.protocol == "paper" and "llama" in model.lower())
    whose: Whose = "llama3" if llama else "chatgpt"
    published = options.published or load_prepared().protocol
    protocol = PaperProtocol(whose, published.judges[whose])
    return protocol, protocol.model


def reply_store() -> Path:
    """The file in which replies of language models are kept."""
    return eibench_home() / "cache" / "replies.sqlite"


_KINDS: dict[str, Callable[[str, Any], Judge]] = {
    "offline": _offline,
    "nli": _nli,
    "openai": _openai,
    "transformers": _transformers,
}
"""What a judge's name begins with, and what loads it."""

_ARGUMENT = {"nli", "openai", "transformers"}


def judge_name() -> str:
    """The judge asked for: ``$EIBENCH_JUDGE``, else ``offline``."""
    return os.environ.get("EIBENCH_JUDGE", "").strip() or DEFAULT


def check_judge(name: str) -> None:
    """Says at once whether a judge of this name exists, without loading it.

    Raises:
        JudgeError: the name is unknown, or lacks or has a model where it should not.
    """
    kind, _, argument = name.partition(":")
    if kind not in _KINDS:
        known = ", ".join(f"{kind}:MODEL" if kind in _ARGUMENT else kind for kind in sorted(_KINDS))
        raise JudgeError(f"unknown judge {kind!r}", f"Set EIBENCH_JUDGE to one of: {known}")
    if kind in _ARGUMENT and not argument:
        raise JudgeError(f"the judge {kind} needs a model", f"Say `EIBENCH_JUDGE={kind}:MODEL`")
    if kind not in _ARGUMENT and argument:
        raise JudgeError(f"the {kind} judge takes no argument", f"Say `EIBENCH_JUDGE={kind}`")


def reachable_judge() -> Judge:
    """The judge of the environment, after a look whether it can be asked.

    Raises:
        JudgeError: it cannot be loaded, or the model that it asks cannot be reached.
    """
    judge = load_judge()
    if check := getattr(judge, "check", None):
        check()
    return judge


def load_judge(name: str | None = None, options: "JudgeOptions | None" = None) -> Judge:
    """The judge, loaded once a process.

    Args:
        name: for example ``offline``; None for the one of the environment.
        options: None for those of the environment.

    Raises:
        JudgeError: it is unknown or cannot be loaded.
        NotPreparedError: the paper protocol needs the published prompts and they are not there.
    """
    name = name or judge_name()
    check_judge(name)
    if name == DEFAULT:
        return _load(name, None)
    from eibench_tasks.judging.options import from_environment

    return _load(name, options or from_environment())


@lru_cache(maxsize=8)
def _load(name: str, options: "JudgeOptions | None") -> Judge:
    kind, _, argument = name.partition(":")
    return _KINDS[kind](argument, options)
