"""Judges many answers with any judge: those that wait for a model work on several at once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from eibench_tasks.judging.judgement import Judge, Judgement, Reference

T = TypeVar("T")
Item = tuple[Reference, str]
CONCURRENCY = 16
"""Of a judge that does not say how much it takes at once."""


@runtime_checkable
class AsyncJudge(Protocol):
    """A judge that can wait for many judgements at once, in an event loop of its own."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the judge's loop; a caller that is interrupted cancels it."""

    async def judge_async(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer. Does not raise, unless it is cancelled."""


def judge_many(judge: Judge, items: Sequence[Item], progress: Callable[[], object] | None = None) -> list[Judgement]:
    """The judgements in the order of the items. Equal items are judged once.

    Of an `AsyncJudge` at most twice its ``concurrency`` are under way at once, so that memory stays bounded. An
    interrupt (Ctrl-C) cancels what is under way and is raised again; replies that came are kept by the judge.

    Args:
        judge: any.
        items: what is to be judged: reference and answer.
        progress: called once for each item when it is judged, by one thread at a time.
    """
    different = {_key(item): item for item in items}
    judging = _at_once if isinstance(judge, AsyncJudge) else _one_by_one
    progress = progress or _silent
    for _ in range(len(items) - len(different)):
        progress()
    found = dict(zip(different, judging(judge, list(different.values()), progress), strict=True))
    return [found[_key(item)] for item in items]


def _key(item: Item) -> tuple[object, ...]:
    reference, answer = item
    return tuple(reference.triggers), reference.question, reference.block, reference.split, answer


def _one_by_one(judge: Judge, items: list[Item], progress: Callable[[], object]) -> list[Judgement]:
    judge.prefetch([answer for _, answer in items], [text for reference, _ in items for text in reference.triggers])
    found = []
    for item in items:
        found.append(judge.judge(*item))
        progress()
    return found


def _at_once(judge: Any, items: list[Item], progress: Callable[[], object]) -> list[Judgement]:
    found: dict[int, Judgement] = {}
    open_ = iter(enumerate(items))
    at_once = 2 * getattr(judge, "concurrency", CONCURRENCY)

    async def everything() -> None:
        await asyncio.gather(*(_work(judge, open_, found, progress) for _ in range(min(at_once, len(items)))))

    judge.run(everything())
    return [found[position] for position in range(len(items))]


async def _work(
    judge: AsyncJudge, open_: Iterator[tuple[int, Item]], found: dict[int, Judgement], progress: Callable[[], object]
) -> None:
    for position, item in open_:
        found[position] = await judge.judge_async(*item)
        progress()


def _silent() -> None:
    pass
