"""A vision model for CFSA whose replies a test gives, stage by stage; what is not given is told of one birthday."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cfsa_tool.config import Config
from cfsa_tool.records import Item
from cfsa_tool.stages.annotate import Plan
from cfsa_tool.stages.conversation import ATTEMPTS, Conversation, Crew, Watch
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Picture, Reply
from support.annotated import configured

Said = dict[str, Any] | str | Reply | EngineError
"""What a model says: an object as JSON, a text as it is, or an error in place of a reply."""

QUESTIONS = ("Who is there?", "What do they do?")
PICTURE = Picture(b"a picture", "image/jpeg", "d1")

BIRTHDAY: dict[str, Said] = {
    "emotion": {"emotion": "happy"},
    "emotions": {"emotions": [{"emotion": "happy", "whom": "the girl"}, {"emotion": "awe", "whom": "her brother"}]},
    "enrich": {"question": "Look for what makes her glad."},
    "rebuild": {"question": "Why is the girl beside the cake glad?"},
    "general": {"answers": ["Two children.", "They blow out candles."]},
    "scenario_ask": {"questions": ["Whose birthday is it?"]},
    "scenario_answer": {"answers": ["The girl's, it seems."]},
    "summary": {
        "question": "Why is the girl glad?",
        "triggers": [{"text": "A cake with candles", "notes": [2]}, {"text": "It is her birthday", "notes": [3]}],
    },
    "verify": {"answer": "yes"},
}


class Model:
    """An engine; see `engine.Engine`.

    Args:
        name: of the engine.
        said: by stage: one reply for every time; several, one a time, of which the last stays; or a function of the
            question.

    Attributes:
        asks: all questions so far.
    """

    def __init__(self, name: str = "model", /, **said: Said | Sequence[Said] | Callable[[Ask], Said]) -> None:
        self.name = name
        self.asks: list[Ask] = []
        self.closed = False
        self._said = {"labels": labels, **BIRTHDAY, **said}

    async def reply(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        said = self._said[stage_of(ask)]
        if callable(said):
            said = said(ask)
        if isinstance(said, list):
            said = said[min(len(self.of(stage_of(ask))), len(said)) - 1]
        if isinstance(said, EngineError):
            raise said
        if isinstance(said, Reply):
            return said
        return Reply(text=said if isinstance(said, str) else json.dumps(said))

    async def close(self) -> None:
        self.closed = True

    @property
    def stages(self) -> list[str]:
        """Of all questions, in order."""
        return [stage_of(ask) for ask in self.asks]

    def of(self, stage: str) -> list[Ask]:
        """The questions of a stage."""
        return [ask for ask in self.asks if stage_of(ask) == stage]


def stage_of(ask: Ask) -> str:
    """The stage that a question belongs to."""
    return ask.purpose.removeprefix("cfsa ").partition(" ")[0]


def text_of(ask: Ask) -> str:
    """The words of a question's last message."""
    content = ask.messages[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def labels(ask: Ask) -> dict[str, Any]:
    """Labels for all causes that are asked about: objects that can be seen."""
    numbers = re.findall(r"^(\d+)\. ", text_of(ask).partition("Causes:")[2], re.MULTILINE)
    return {"labels": [{"index": int(number), "kind": "explicit", "category": "objects"} for number in numbers]}


def talk_with(
    model: Engine, text: Engine | None = None, attempts: int = ATTEMPTS, watch: Watch | None = None
) -> Conversation:
    """A conversation about `PICTURE` that has not begun."""
    return Conversation(Crew(model, text), PICTURE, attempts, watch=watch)


def an_item(*emotions: str, question: str = "") -> Item:
    """An image that no stage opens."""
    return Item("d1", "happy/1.jpg", Path("/nowhere/1.jpg"), "d1", 9, 64, 64, emotions, question)


def a_plan(config: Config | None = None, **fields: Any) -> Plan:
    """What holds for a run with two general questions."""
    return Plan(config or configured(**fields), QUESTIONS, ("happy", "angry", "awe"))
