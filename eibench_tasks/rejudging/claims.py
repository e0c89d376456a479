"""`eibench precision`: splits judged answers into claims and says how many of them name a trigger."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eibench_tasks.engines.engine import EngineError
from eibench_tasks.errors import EIBenchError, JudgeError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.judging.judgement import Judge, Reference
from eibench_tasks.judging.llm.claims import Claims, ClaimsProtocol, VisionProtocol
from eibench_tasks.judging.llm.dialogue import hold
from eibench_tasks.judging.llm.judge import LLMJudge
from eibench_tasks.judging.offline.claims import offline_claims
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.metrics.precision import SampleClaims
from eibench_tasks.rejudging.known import Doc

AT_ONCE = 2
"""Answers under way for each request that may be in flight."""


@dataclass(frozen=True)
class Answered:
    """A judged answer and its sample."""

    judged: Judged
    doc: Doc


def claims_of(
    judge: Judge, vision: Judge | None, answers: Sequence[Answered], progress: Callable[[], object]
) -> list[Claims]:
    """The claims of each answer, matched to its triggers; what is unmatched is held against the image if asked for.

    Args:
        judge: splits and matches; ``offline`` or one that asks a language model.
        vision: looks at the image; one that asks a model that sees. None for nobody.
        answers: what to split.
        progress: called for each answer.

    Raises:
        JudgeError: a judge cannot do this, or can no longer be asked; what it has said is kept.
    """
    if isinstance(judge, OfflineJudge):
        found = [_offline(judge, item, progress) for item in answers]
    elif isinstance(judge, LLMJudge):
        found = _asked(judge, answers, progress)
    else:
        raise JudgeError(f"the judge {judge.name} cannot split answers into claims", "Use offline or openai:MODEL")
    if vision is None:
        return found
    if not isinstance(vision, LLMJudge):
        raise JudgeError(f"the judge {vision.name} sees no images", "Use --vision-judge openai:MODEL")
    if not all(item.doc["image"] for item in answers):
        raise EIBenchError("the images are not at hand", "Run: `eibench prepare --images DIR`, without --eibench here")
    return _looked(vision, answers, found)


def _offline(judge: OfflineJudge, item: Answered, progress: Callable[[], object]) -> Claims:
    found = offline_claims(judge, Reference.of(item.doc), item.judged.answer)
    progress()
    return found


def _asked(judge: LLMJudge, answers: Sequence[Answered], progress: Callable[[], object]) -> list[Claims]:
    protocol, room = ClaimsProtocol(), asyncio.Semaphore(AT_ONCE * judge.concurrency)

    async def one(item: Answered) -> Claims:
        if not item.judged.answer.strip():
            return Claims()
        async with room:
            found = await hold(judge, protocol.about(Reference.of(item.doc), item.judged.answer))
        progress()
        return found

    return _all(judge, [one(item) for item in answers])


def _looked(vision: LLMJudge, answers: Sequence[Answered], found: Sequence[Claims]) -> list[Claims]:
    protocol, room = VisionProtocol(), asyncio.Semaphore(AT_ONCE * vision.concurrency)

    async def one(item: Answered, claims: Claims) -> Claims:
        if all(claim.trigger is not None for claim in claims.claims):
            return claims
        async with room:
            return await hold(vision, protocol.about(claims, Path(item.doc["image"])))

    return _all(vision, [one(item, claims) for item, claims in zip(answers, found, strict=True)])


def _all(judge: LLMJudge, work: Sequence[Coroutine[Any, Any, Claims]]) -> list[Claims]:
    async def everything() -> list[Claims]:
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    try:
        return judge.run(everything())
    except EngineError as error:
        mend = "What it has said is kept: the same command goes on from there"
        raise JudgeError(f"the judge {judge.name} stopped: {error.reason}", mend) from None


def sample_claims(item: Answered, claims: Claims) -> SampleClaims:
    """What `metrics.precision` reads."""
    score = item.judged.score
    return SampleClaims(item.judged.image_id, claims, None if score is None else score / 100)


def write_claims(file: Path, answers: Sequence[Answered], found: Sequence[Claims]) -> None:
    """Writes one line for each answer: sample, task, model and claims.

    Raises:
        EIBenchError: the file cannot be written.
    """
    lines = []
    for item, claims in zip(answers, found, strict=True):
        about = {"sample_id": item.judged.sample_id, "task": item.judged.task, "model": item.judged.model}
        lines.append(json.dumps(about | claims.model_dump()) + "\n")
    try:
        file.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise EIBenchError(f"cannot write {file}: {error.strerror}", "Choose another file with -o") from None
