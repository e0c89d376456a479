"""An engine that knows what is in every scene, and says so in the form that each stage of CFSA asks for.

It is no model. The model learns from what it says, and tests of CFSA make mistakes on purpose with it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eibench_tasks.engines.engine import Ask, Message, Reply
from eibench_tasks.scenes.catalogue import EMOTIONS, Cause, causes, things
from eibench_tasks.scenes.people import Person
from eibench_tasks.scenes.places import PLACES
from eibench_tasks.scenes.scene import Figure, Scene
from eibench_tasks.scenes.words import FACES, FEELING, POSTURES, caption, listed, stranger, triggers

ABOUT_PEOPLE, ABOUT_DOING = "How many people are in the image, and who are they?", "What do the people do?"
ABOUT_FACES, ABOUT_BODIES = "What do the faces show?", "What does the posture tell?"
PROPOSED = (ABOUT_PEOPLE, ABOUT_DOING, ABOUT_FACES, ABOUT_BODIES, "Where does the scene take place?")
"""The general questions that are proposed for a data set of scenes."""
LOW, HIGH = "What stands or lies on the ground?", "What hangs on the wall or is in the sky?"
"""What is asked about one scene."""


class Truth:
    """See `eibench_tasks.engines.engine.Engine`.

    Args:
        scenes: by the digest of their pictures.
    """

    name = "truth"

    def __init__(self, scenes: Mapping[str, Scene]) -> None:
        self._scenes = scenes

    async def reply(self, ask: Ask) -> Reply:
        """What is true, as JSON."""
        stage = ask.purpose.split()[1]
        text, digest = _words(ask.messages[-1]), _picture(ask.messages)
        before = [_words(message) for message in ask.messages[:-1]]
        scene = self._scenes[digest] if digest else None
        return Reply(text=json.dumps(self.said(stage, text, before, scene)))

    async def close(self) -> None:
        """Nothing is held."""

    def said(self, stage: str, text: str, before: Sequence[str], scene: Scene | None) -> dict[str, Any]:
        """The reply to a prompt of a stage, as an object.

        Args:
            stage: as the conversation calls it.
            text: the prompt.
            before: what was said before.
            scene: that the prompt is about; None where no image was sent.
        """
        if scene is None:
            return _BLIND[stage](text)
        return {
            "rebuild": lambda: {"question": asked(meant(scene, text))},
            "general": lambda: {"answers": [_general(scene, one) for one in numbered(text)]},
            "scenario_ask": lambda: {"questions": _next_questions(text, before)},
            "scenario_answer": lambda: {"answers": [_what_is(scene, one) for one in numbered(text)]},
            "summary": lambda: self.summary(scene, text),
            "verify": lambda: {"answer": "yes" if self.holds(scene, fenced_in(text)) else "no"},
            "emotion": lambda: {"emotion": scene.figures[0].person.emotion},
            "emotions": lambda: {"emotions": [_who_feels(figure) for figure in scene.figures]},
            "describe": lambda: {"description": caption(scene)},
        }[stage]()

    def summary(self, scene: Scene, text: str) -> dict[str, Any]:
        """Question and triggers, each with the note that names it."""
        figure = meant(scene, text.partition("These notes")[0])
        most, notes = int(re.findall(r"at most (\d+)", text)[-1]), numbered(text)
        told = [
            {"text": trigger, "notes": _support(causes()[cause.name], notes)}
            for trigger, cause in zip(triggers(figure), figure.causes, strict=True)
        ]
        return {"question": asked(figure), "triggers": told[:most]}

    def holds(self, scene: Scene, trigger: str) -> bool:
        """Whether a trigger is one of somebody in the scene."""
        return trigger in {text for figure in scene.figures for text in triggers(figure)}


def meant(scene: Scene, text: str) -> Figure:
    """Whom a text is about, by the emotion that it names; the first where it names none that is there."""
    low = text.lower()
    for figure in scene.figures:
        emotion = figure.person.emotion
        if re.search(rf"\b(?:{emotion}|{FEELING[emotion]})\b", low):
            return figure
    return scene.figures[0]


def asked(figure: Figure) -> str:
    """The question about somebody, in one wording."""
    return f"Why does the {figure.person.words} feel {FEELING[figure.person.emotion]}?"


def numbered(text: str) -> list[str]:
    """The numbered lines of a prompt."""
    return re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)


def fenced_in(text: str) -> str:
    """What stands between the two marks at the end of a prompt."""
    return text.rstrip().splitlines()[-2]


def _general(scene: Scene, question: str) -> str:
    """The answer to a general question, ours or the paper's."""
    low = question.lower()
    if "how many" in low or "who are they" in low:
        people = [stranger(figure) for figure in scene.figures]
        return f"There {'is one person' if len(people) == 1 else 'are two people'}: {listed(people)}."
    if "face" in low:
        return _of_each(scene, lambda person: f"has {FACES[person.emotion]}")
    if "posture" in low:
        return _of_each(scene, lambda person: POSTURES[person.emotion])
    return _of_each(scene, lambda person: f"stands {PLACES[scene.place].words}")


def _of_each(scene: Scene, does: Callable[[Person], str]) -> str:
    people = [figure.person for figure in scene.figures]
    return " ".join(f"The {person.kind} {does(person)}." for person in people)


def _next_questions(text: str, before: Sequence[str]) -> list[str]:
    """Both questions, or what is left of them."""
    count = int(re.findall(r"up to (\d+) questions", text)[-1])
    known = "\n".join(before)
    return [one for one in (LOW, HIGH) if f". {one}" not in known][:count]


def _what_is(scene: Scene, question: str) -> str:
    high = question == HIGH
    there = [things()[one.name] for one in scene.placed]
    found = [thing.words for thing in things().values() if thing in there and thing.high is high]
    place = "Above" if high else "On the ground"
    return f"{place} there is {listed(found)}." if found else f"{place} there is nothing."


def _support(cause: Cause, notes: Sequence[str]) -> list[int]:
    return [number for number, note in enumerate(notes, start=1) if cause.words in note]


def _who_feels(figure: Figure) -> dict[str, str]:
    return {"emotion": figure.person.emotion, "whom": figure.person.words}


def _enriched(text: str) -> dict[str, Any]:
    line = text.split("\n")[1]
    emotion = next((one for one in EMOTIONS if re.search(rf"\b(?:{one}|{FEELING[one]})\b", line.lower())), "")
    return {
        "question": f"Which causes explain why the person feels {FEELING.get(emotion, 'like this')}? Look at"
        " people, faces, bodies, objects and the place, and at what can only be inferred."
    }


def _labelled(text: str) -> dict[str, Any]:
    known = {cause.trigger: cause for cause in causes().values()}
    found = [known.get(one) for one in numbered(text.partition("Causes:")[2])]
    return {
        "labels": [
            {"kind": one.kind if one else "explicit", "category": one.category if one else "objects"} for one in found
        ]
    }


_BLIND: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "enrich": _enriched,
    "labels": _labelled,
    "propose": lambda text: {"questions": list(PROPOSED)},
}


def _words(message: Message) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _picture(messages: Sequence[Message]) -> str:
    """The digest of the picture in a conversation; "" where there is none."""
    for message in messages:
        if not isinstance(message["content"], str):
            for part in message["content"]:
                if part.get("type") == "image_url":
                    digest: str = part["image_url"]["url"].digest
                    return digest
    return ""
