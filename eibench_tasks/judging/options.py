"""How the judge is reached and how much it may be asked: from the environment, or from the command line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from eibench_tasks.data.schema import Protocol
from eibench_tasks.engines.budget import Prices
from eibench_tasks.engines.openai_chat import OPENAI_URL, Limits
from eibench_tasks.errors import JudgeError

PROTOCOLS = ("verdict", "paper", "paper:chatgpt", "paper:llama3")


@dataclass(frozen=True)
class JudgeOptions:
    """Everything but the judge's name.

    Attributes:
        protocol: one of `PROTOCOLS`; ``paper`` takes the published prompt that goes with the model's name.
        urls: of the servers of an ``openai:`` judge.
        key: their API key; never shown.
        limits, max_requests, max_cost, prices: see `engines`.
        published: the published protocol strings; None for those of the prepared data.
    """

    protocol: str = "verdict"
    urls: tuple[str, ...] = field(default=(OPENAI_URL,), repr=False)  # may hold a login
    key: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)
    max_requests: int | None = None
    max_cost: float | None = None
    prices: Prices = field(default_factory=Prices)
    published: Protocol | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise JudgeError(f"unknown protocol {self.protocol!r}", f"Choose one of: {', '.join(PROTOCOLS)}")
        if self.limits.concurrency < 1:
            raise JudgeError("a judge's concurrency must be 1 or more", "Set EIBENCH_JUDGE_CONCURRENCY=64")


def from_environment(given: Mapping[str, str | None] | None = None) -> JudgeOptions:
    """The options that ``EIBENCH_JUDGE_PROTOCOL``, ``…_URL``, ``…_KEY`` and ``…_CONCURRENCY`` ask for.

    ``OPENAI_API_KEY`` is used for OpenAI's own address only, so that it goes nowhere else.

    Args:
        given: settings that stand in the place of the environment's, by the last word of their names.

    Raises:
        JudgeError: one of them has no meaning.
    """
    names = ("PROTOCOL", "URL", "KEY", "CONCURRENCY")
    said = {name: os.environ.get(f"EIBENCH_JUDGE_{name}", "").strip() for name in names}
    said |= {name: text for name, text in (given or {}).items() if text is not None}
    concurrency = said["CONCURRENCY"] or "64"
    if not concurrency.isdecimal() or len(concurrency) > 6:
        raise JudgeError(f"EIBENCH_JUDGE_CONCURRENCY is {concurrency[:20]!r}, which is no such number", "Set it to 64")
    urls = tuple(url.strip() for url in said["URL"].split(",") if url.strip()) or (OPENAI_URL,)
    key = said["KEY"] or (os.environ.get("OPENAI_API_KEY", "") if urls == (OPENAI_URL,) else "")
    return JudgeOptions(said["PROTOCOL"] or "verdict", urls, key, Limits(concurrency=int(concurrency)))
