"""Scenes as samples: what is written of each, with everything that is known of it because it was drawn."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator

from eibench_tasks.data.schema import Record
from eibench_tasks.judging.llm.labels import Category, Kind
from eibench_tasks.scenes.catalogue import EMOTIONS, causes, distractors
from eibench_tasks.scenes.scene import RULES, Combinations, Figure, Scene, compose, twin
from eibench_tasks.scenes.words import question, triggers


class SceneSample(Record):
    """One question about one scene with its truth. All lists about triggers are in the order of the triggers.

    Attributes:
        id: ``sadness-0002-3f2a``, of emotion, number, and four digits that tell seeds apart; in complex scenes
            ``complex-0005-3f2a-1``; a twin's ends with ``-twin``.
        scene: the image without folder and ending; equal for samples of one image.
        image: the file, from the folder of the scenes.
        split: ``basic``, or ``complex`` where two people feel different things.
        emotion: that the question is about.
        whom: who feels it.
        question: gives no cause away.
        triggers, kinds, categories, causes: the causes: in words, as EIBench labels them, and their names.
        objects: everything that is drawn beside people, in words.
        distractors: those of them that cause nothing.
        twin_of: of a twin, the id of the sample from which it differs in one cause; else "".
        removed: of a twin, the trigger that is gone; else "".
        added: of a twin, the trigger that stands in its place; "" where nothing does.
    """

    id: str
    scene: str
    image: str
    split: Literal["basic", "complex"]
    emotion: str
    whom: str
    question: str
    triggers: Annotated[list[str], Field(min_length=1)]
    kinds: list[Kind]
    categories: list[Category]
    causes: list[str]
    objects: list[str]
    distractors: list[str]
    twin_of: str = ""
    removed: str = ""
    added: str = ""

    @field_validator("image")
    @classmethod
    def _within(cls, path: str) -> str:
        """Whoever hands in a folder must not have other files of this machine shown to a model."""
        if not re.fullmatch(r"(?:[a-z0-9][a-z0-9-]*/)+[a-z0-9][a-z0-9-]*\.png", path):
            raise ValueError("the image is not in the folder of the scenes")
        return path

    @field_validator("emotion")
    @classmethod
    def _known(cls, emotion: str) -> str:
        if emotion not in EMOTIONS:
            raise ValueError("the emotion is none of the catalogue's")
        return emotion

    @property
    def block(self) -> str:
        """The triggers as EIBench writes them, numbered."""
        return "\n".join(f"{number}. {text}" for number, text in enumerate(self.triggers, start=1))


@dataclass(frozen=True)
class Drawn:
    """One image to be drawn, and the samples about it."""

    scene: Scene
    samples: list[SceneSample]

    @property
    def image(self) -> str:
        """The file, from the folder of the scenes."""
        return self.samples[0].image


def pairs(seed: str, count: int, combinations: Combinations = "any") -> Iterator[tuple[Drawn, Drawn]]:
    """So many scenes, each with its twin, which has one sample: about the person whose cause was changed."""
    drawn_by = hashlib.sha256(f"{RULES} {seed} {combinations}".encode()).hexdigest()[:4]
    for number in range(count):
        scene = compose(seed, number, combinations)
        changed = twin(scene, seed, number, combinations)
        name = f"{_kind(scene)}-{number:04}-{drawn_by}"
        before = Drawn(scene, [_sample(name, scene, index) for index in range(len(scene.figures))])
        known = causes()
        after = _sample(name, changed.scene, changed.figure).model_copy(
            update={
                "id": f"{before.samples[changed.figure].id}-twin",
                "scene": f"{name}-twin",
                "image": f"twins/{_kind(scene)}/{name}-twin.png",
                "twin_of": before.samples[changed.figure].id,
                "removed": known[changed.removed].trigger,
                "added": known[changed.added].trigger if changed.added else "",
            }
        )
        yield before, Drawn(changed.scene, [after])


def _kind(scene: Scene) -> str:
    return "complex" if len(scene.figures) > 1 else scene.figures[0].person.emotion


def _sample(name: str, scene: Scene, index: int) -> SceneSample:
    figure: Figure = scene.figures[index]
    several = len(scene.figures) > 1
    listed = [causes()[cause.name] for cause in figure.causes]
    return SceneSample(
        id=f"{name}-{index + 1}" if several else name,
        scene=name,
        image=f"images/{_kind(scene)}/{name}.png",
        split="complex" if several else "basic",
        emotion=figure.person.emotion,
        whom=figure.person.words,
        question=question(figure),
        triggers=triggers(figure),
        kinds=[cause.kind for cause in listed],
        categories=[cause.category for cause in listed],
        causes=[cause.name for cause in listed],
        objects=scene.objects,
        distractors=[distractors()[one.name].words for one in scene.others],
    )
