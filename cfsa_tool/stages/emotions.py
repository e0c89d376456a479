"""Whose causes are sought: the source's emotions, or those that the vision model names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cfsa_tool.stages.checks import prompt
from cfsa_tool.stages.conversation import Conversation
from eibench_tasks.engines.structured import Unusable, list_schema, object_schema
from eibench_tasks.self_ask.stages import Form
from eibench_tasks.self_ask.wording import Wording, lines

MOST = 4
"""Emotions of one image in complex runs."""


@dataclass(frozen=True)
class Named:
    """An emotion of an image, who named it, and in complex runs who feels it."""

    emotion: str
    by: Literal["source", "model"]
    whom: str = ""


async def of_source_or_model(
    talk: Conversation, given: Sequence[str], several: bool, known: Sequence[str], wording: Wording
) -> list[Named]:
    """The emotions to annotate.

    Args:
        talk: about the image; goes on where the model is asked.
        given: those of the source; the model is asked where there are none.
        several: whether the model may name more than one.
        known: of which the model chooses.
        wording: of its replies.

    Raises:
        Failed, EngineError: as `Conversation.ask`.
    """
    if given:
        return [Named(emotion, "source") for emotion in given]
    if not several:
        text = prompt("emotion_v1", emotions=", ".join(known))
        return [Named(await talk.ask("emotion", text, _one(known)), "model")]
    text = prompt("emotions_v1", emotions=", ".join(known))
    return [Named(emotion, "model", whom) for emotion, whom in await talk.ask("emotions", text, _some(known, wording))]


def _one(known: Sequence[str]) -> Form[str]:
    schema = object_schema({"emotion": {"type": "string", "enum": list(known)}})
    return Form(schema, lambda said: _known(said.get("emotion"), known), lambda text: text, 32)


def _some(known: Sequence[str], wording: Wording) -> Form[list[tuple[str, str]]]:
    short = Wording(min(80, wording.longest), wording.foreign)
    entry = {"emotion": {"type": "string", "enum": list(known)}, "whom": short.schema()}

    def read(said: dict[str, Any]) -> list[tuple[str, str]]:
        listed = said.get("emotions")
        if not isinstance(listed, list) or not listed or not all(isinstance(entry, dict) for entry in listed):
            raise Unusable("the list of emotions is missing")
        found: dict[str, str] = {}
        for entry in listed:
            found.setdefault(_known(entry.get("emotion"), known), short.text(entry.get("whom")))
        return list(found.items())[:MOST]

    schema = object_schema({"emotions": list_schema(object_schema(entry), 1, MOST)})
    return Form(schema, read, lambda text: [(line, "") for line in lines(text)], short.tokens(MOST) + 64)


def _known(value: Any, known: Sequence[str]) -> str:
    emotion = str(value).strip().lower()
    if emotion not in known:
        raise Unusable("the emotion is none of those listed")
    return emotion
