"""Judges the answers of logs: what has to be asked, in which order, and what becomes of it."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eibench_tasks.data.lines import printable
from eibench_tasks.engines.answer import final_answer
from eibench_tasks.errors import JudgeError
from eibench_tasks.harness import rows
from eibench_tasks.judging.judgement import Judge, Judgement, Reference
from eibench_tasks.judging.llm.judge import LLMJudge
from eibench_tasks.judging.many import Item, judge_many
from eibench_tasks.rejudging.logs import Log, Logged


@dataclass(frozen=True)
class Plan:
    """What a judge is to be asked about one log.

    Attributes:
        log: the answers.
        items: what to judge, by the position of the answer in the log and what it is judged against.
    """

    log: Log
    items: dict["Key", Item]


Key = tuple[int, Literal["triggers", "chance", "wrong"]]
"""Position of an answer, and whether it is judged against the triggers of its image, those of another image, or what is
wrong to name of it."""


def plan(log: Log, judge: Judge, chance_samples: int | None) -> Plan:
    """Everything about a log that a judge must be asked.

    Args:
        log: the answers.
        judge: who will be asked.
        chance_samples: how many of them are judged against the triggers of another image too, drawn by a generator
            seeded with their number; None for all.
    """
    items: dict[Key, Item] = {}
    by_chance = _drawn(log.answers, chance_samples)
    for position, logged in enumerate(log.answers):
        if rows.without_judge(logged.doc, logged.output) is None:
            answer = final_answer(logged.output)
            items[position, "triggers"] = (Reference.of(logged.doc), answer)
            if position in by_chance:
                items[position, "chance"] = (rows.chance_reference(logged.doc), answer)
            if wrong := rows.wrong_reference(logged.doc, judge):
                items[position, "wrong"] = (wrong, answer)
    return Plan(log, items)


def _drawn(answers: Sequence[Logged], size: int | None) -> set[int]:
    """Positions of a seeded sample that depends on the samples' ids only, not on their order."""
    order = sorted(range(len(answers)), key=lambda position: str(answers[position].doc["id"]))
    if size is None or size >= len(order):
        return set(order)
    return set(random.Random(size).sample(order, size))


def to_ask(judge: Judge, plans: Sequence[Plan]) -> list[Any]:
    """The first question about each answer whose reply is not kept yet; empty for judges that ask no model."""
    if not isinstance(judge, LLMJudge):
        return []
    items = [item for one in plans for item in one.items.values()]
    return [ask for item in items if (ask := judge.estimate(*item))]


def judge_plans(judge: Judge, plans: Sequence[Plan], progress: Callable[[], object]) -> list[list[dict[str, Any]]]:
    """Judges everything that is planned.

    Returns:
        For each plan the metrics of each answer, as `harness.rows.measured` gives them.

    Raises:
        JudgeError: the judge can no longer be asked; what it has replied is kept.
    """
    items = [item for one in plans for item in one.items.values()]
    judgements = iter(judge_many(judge, items, progress))
    if reason := getattr(judge, "stopped", None):
        raise JudgeError(f"the judge {judge.name} stopped: {reason}", _GOES_ON)
    return [_measured(judge, one, {key: next(judgements) for key in one.items}) for one in plans]


_GOES_ON = (
    "What it has said is kept, and the same command goes on from there; if --judge, --judge-url, --judge-key-file or"
    " the budget is the cause, change it"
)


def _measured(judge: Judge, one: Plan, found: dict[Key, Judgement]) -> list[dict[str, Any]]:
    metrics = []
    for position, logged in enumerate(one.log.answers):
        known = rows.without_judge(logged.doc, logged.output)
        judgement = known or found[position, "triggers"]
        others = rows.wrong_reference(logged.doc, judge)
        unasked = rows.without_judge(logged.doc, logged.output, others) if others else None
        wrong = found.get((position, "wrong"), unasked)
        chance = found.get((position, "chance"))
        metrics.append(rows.measured(logged.doc, logged.output, judge, judgement, chance, wrong, logged.turns))
    return metrics


def unscored(metrics: Sequence[list[dict[str, Any]]]) -> Counter[str]:
    """Why samples are unscored, with how many each."""
    reasons = (row["recall_overall"]["unscored"] for found in metrics for row in found)
    return Counter(printable(reason) for reason in reasons if reason)
