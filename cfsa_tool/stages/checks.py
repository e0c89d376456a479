"""Stage 5: what of the summary's triggers stays. Rules of wording first, then the image, then labels.

What is taken out is kept with its reason. Rules read English; in other languages only the image and labels decide.
"""

import asyncio
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from cfsa_tool.records import Dropped, Trigger
from cfsa_tool.stages.conversation import Conversation, Failed
from eibench_tasks.engines.structured import Unusable, list_schema, object_schema
from eibench_tasks.judging.llm.dialogue import fenced
from eibench_tasks.judging.llm.labels import Label, label_fields, label_in, meaning
from eibench_tasks.judging.offline.language import denied, words
from eibench_tasks.judging.untrusted import neutral
from eibench_tasks.self_ask.stages import Form
from eibench_tasks.self_ask.wording import numbered
from eibench_tasks.settings.prompt_files import PromptFiles

RULES = 1
"""Counts changes of the rules of this module."""
SAME = 0.6
"""Share of common among all content words from which two triggers are near-identical."""
prompt = PromptFiles(Path(__file__).parent / "prompts")
_YES, _NO = CHOICES = ("yes", "no")
_NAMES_A_FEELING = frozenset(
    "feel feeling feelings felt emotion emotions emotional emotionally state sense mood overall general generally"
    " clear clearly deep deeply strong strongly great intense pure sheer overwhelming visible evident expressed"
    " expression expressing expresses express experience experiencing being".split()
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions?|prompts?|rules?|above|previous|everything you)\b"
    r"|(?:^|[.!?:;,]\s*|\b(?:please|always|just|now)\s+)"  # where an order begins: "they return home only" is none
    r"(?:reply|respond|answer|output|return|print|say|write)\b.{0,30}\b(?:json|yes|no|only|exactly|following)\b"
    r"|\b(?:system|developer|assistant) (?:prompt|message)\b|\byou (?:must|should|are (?:now|an? ai))\b"
    r"|https?://|<[a-z/!]|[{}\[\]]{1}.*[:=]",
    re.IGNORECASE,
)


def by_wording(triggers: list[Trigger], emotion: str) -> tuple[list[Trigger], list[Dropped]]:
    """Takes out triggers that are orders or only name the emotion, and takes near-identical ones together.

    Of near-identical triggers the first stays, with the notes of all.
    """
    kept: list[Trigger] = []
    dropped: list[Dropped] = []
    for trigger in triggers:
        same = next((other for other in kept if near_identical(trigger.text, other.text)), None)
        if is_order(trigger.text):
            dropped.append(Dropped(text=trigger.text, reason="it reads as an instruction, not as a cause"))
        elif only_names(trigger.text, emotion):
            dropped.append(Dropped(text=trigger.text, reason="it only names the emotion"))
        elif same:
            kept[kept.index(same)] = same.model_copy(
                update={
                    "notes": sorted({*same.notes, *trigger.notes}),
                    "merged": [*same.merged, trigger.text],
                }
            )
        else:
            kept.append(trigger)
    return kept, dropped


def is_order(text: str) -> bool:
    """Whether a trigger is written to whoever reads it, or holds control text.

    No list of orders is complete; the vision model's check stands behind it.
    """
    return neutral(text) != text or bool(_ORDER.search(text))


def only_names(text: str, emotion: str) -> bool:
    """Whether a trigger says nothing but that the emotion is there."""
    if _other_script(text):
        return False
    named = _family(emotion)
    stems = [word.stem for word in words(text) if word.content and word.stem not in _feelings()]
    return all(stem in named for stem in stems)


def near_identical(one: str, other: str) -> bool:
    """Whether two triggers say the same in other words of the same stems; a denied one is another."""
    if _other_script(one) or _other_script(other):
        return one.casefold() == other.casefold()
    a, b = _content(one), _content(other)
    return len(a & b) >= SAME * len(a | b) and bool(denied(one).any()) == bool(denied(other).any())


def _other_script(text: str) -> bool:
    """Whether most of a text is in letters that English words cannot be made of."""
    letters = [letter.isascii() for letter in text if letter.isalpha()]
    return sum(letters) < 0.5 * len(letters)


@lru_cache(maxsize=10_000)
def _content(text: str) -> frozenset[str]:
    found = words(text)
    return frozenset(word.stem for word in found if word.content) or frozenset(word.stem for word in found)


@lru_cache(maxsize=1)
def _feelings() -> frozenset[str]:
    return frozenset(word.stem for word in words(" ".join(sorted(_NAMES_A_FEELING))))


@lru_cache(maxsize=256)
def _family(emotion: str) -> frozenset[str]:
    """Stems of all words for an emotion."""
    own = {word.stem for word in words(emotion)}
    lines = (Path(__file__).parent / "emotion_words.txt").read_text(encoding="utf-8").splitlines()
    families = [{word.stem for word in words(line)} for line in lines]
    return frozenset(own.union(*(family for family in families if family & own)))


async def against_the_image(
    talk: Conversation, triggers: list[Trigger], emotion: str, threshold: float
) -> tuple[list[Trigger], list[Dropped]]:
    """Asks the vision model about each trigger, in a conversation that knows nothing of how it came about.

    Args:
        talk: about the image.
        triggers: all are asked about at once.
        emotion: whose causes they are.
        threshold: probability of yes, among yes and no, from which a trigger stays, where the engine gives it; else
            the word that was chosen decides.

    Raises:
        Failed: no usable reply came about one of them.
        EngineError: no question will be answered any more.
    """
    answers = await all_or_none(*(_verify(talk.afresh(), trigger.text, emotion) for trigger in triggers))
    kept: list[Trigger] = []
    dropped: list[Dropped] = []
    for trigger, answer in zip(triggers, answers, strict=True):
        if isinstance(answer, Failed):
            raise answer
        said, probability = answer
        if probability >= threshold if probability is not None else said == _YES:
            kept.append(trigger.model_copy(update={"probability": probability}))
        else:
            reason = "the vision model does not find it in the image"
            dropped.append(Dropped(text=trigger.text, reason=reason, probability=probability))
    return kept, dropped


async def all_or_none(*work: Any) -> list[Any]:
    """The results of all; where one fails, the others are cancelled before its error is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()  # does nothing to those that are done
        await asyncio.gather(*tasks, return_exceptions=True)


async def _verify(talk: Conversation, trigger: str, emotion: str) -> tuple[str, float | None] | Failed:
    """What was said and how likely yes was. A failure waits for the others: the first by number counts, not by time."""
    marks = fenced(trigger)
    text = prompt("verify_v1", emotion=emotion, trigger=trigger, open=marks["open"], close=marks["close"])
    try:
        said, reply = await talk.choose("verify", text, _yes_or_no(), CHOICES)
    except Failed as failed:
        return failed
    likely = reply.likely or {}
    sure = likely.get(_YES, 0.0) + likely.get(_NO, 0.0)
    return said, round(likely.get(_YES, 0.0) / sure, 4) if sure > 0 else None


def _yes_or_no() -> Form[str]:
    def read(said: dict[str, Any]) -> str:
        answer = str(said.get("answer")).strip().lower()
        if answer not in CHOICES:
            raise Unusable("the answer is neither yes nor no")
        return answer

    schema = object_schema({"answer": {"type": "string", "enum": list(CHOICES)}})
    return Form(schema, read, lambda text: text, 24)


async def labelled(talk: Conversation, question: str, triggers: list[Trigger]) -> list[Trigger]:
    """Kind and category of each trigger, by the text model.

    Raises:
        Failed: no usable labels came.
        EngineError: no question will be answered any more.
    """
    causes = numbered(trigger.text for trigger in triggers)
    text = prompt("labels_v1", question=question, causes=causes, meaning=meaning())
    labels = await talk.ask_text("labels", text, _labels(len(triggers)))
    return [
        trigger.model_copy(update={"kind": kind, "category": category})
        for trigger, (kind, category) in zip(triggers, labels, strict=True)
    ]


def _labels(count: int) -> Form[list[Label]]:
    def read(said: dict[str, Any]) -> list[Label]:
        listed = said.get("labels")
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise Unusable("the list of labels is missing")
        if len(listed) != count:
            raise Unusable(f"it lists {len(listed)} labels, not {count}")
        return [label_in(entry) for entry in listed]

    schema = object_schema({"labels": list_schema(object_schema(label_fields()), count, count)})
    return Form(schema, read, lambda text: [], 64 + 40 * count)
