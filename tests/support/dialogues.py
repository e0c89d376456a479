"""Leads a dialogue with a judge whose replies are given."""

from typing import TypeVar

from eibench_tasks.engines.engine import Reply
from eibench_tasks.judging.llm.dialogue import Dialogue

T = TypeVar("T")


def after(dialogue: Dialogue[T], *replies: str) -> T:
    """What comes of these replies, one after the other."""
    for attempt, reply in enumerate(replies):
        assert dialogue.next(attempt), "nothing is left to ask"
        dialogue.take(Reply(text=reply))
    return dialogue.result()
