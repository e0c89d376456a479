"""Verification is worth its calls: what a model makes up does not stay, and little that is true goes with it.

The model is simulated: it knows what is in each drawn scene, makes up every fifth trigger that it sums up, and errs
now and then when it is asked about a trigger again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cfsa_tool.config import Config, Model
from cfsa_tool.records import BuiltSample, Item
from cfsa_tool.stages.annotate import Plan, annotate
from cfsa_tool.stages.conversation import Crew
from eibench_tasks.engines.engine import Picture
from eibench_tasks.scenes.catalogue import EMOTIONS, causes
from eibench_tasks.scenes.scene import Scene, compose
from eibench_tasks.scenes.words import triggers
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS
from tools.scene_model.truth import Truth, fenced_in

MADE_UP = 0.2
BELIEVED, MISSED = 0.1, 0.03
"""How often it finds in the image what it made up, and does not find what is there."""
COUNT = 150


class NoisyTruth(Truth):
    """Says what is true, but for mistakes drawn by lot from what it is asked."""

    def summary(self, scene: Scene, text: str) -> dict[str, Any]:
        """The true triggers, and others of the same emotion, so that one in five is made up."""
        said = super().summary(scene, text)
        draw = Random(f"summary {text}")
        known = [cause.trigger for cause in causes().values() if cause.emotion == scene.figures[0].person.emotion]
        others = [one for one in known if one not in {entry["text"] for entry in said["triggers"]}]
        expected = len(said["triggers"]) * MADE_UP / (1 - MADE_UP)
        count = int(expected) + (draw.random() < expected % 1)
        said["triggers"] += [{"text": one, "notes": []} for one in draw.sample(others, min(count, len(others)))]
        draw.shuffle(said["triggers"])
        return said

    def holds(self, scene: Scene, trigger: str) -> bool:
        """Mostly right."""
        true = super().holds(scene, trigger)
        lot = Random(f"{trigger} {[one.name for one in scene.placed]}").random()
        return lot >= MISSED if true else lot < BELIEVED


@dataclass(frozen=True)
class Quality:
    """Of built triggers against the truth, from 0 to 1."""

    precision: float
    recall: float


def quality(scenes: Sequence[Scene], verify: bool) -> Quality:
    """Annotates every scene and compares trigger by trigger."""
    engine = NoisyTruth({str(number): scene for number, scene in enumerate(scenes)})
    config = Config(vision=Model(model="simulated"), general="paper", verify=verify, label=False)
    plan = Plan(config, PAPER_QUESTIONS, EMOTIONS)

    async def built(number: int, scene: Scene) -> list[BuiltSample]:
        item = Item(
            id=str(number), name="", path=Path(), sha256="", size=0, width=560, height=448,
            emotions=(scene.figures[0].person.emotion,),
        )  # fmt: skip
        outcome = await annotate(item, Picture(b"", "image/png", str(number)), Crew(engine), plan)
        return list(outcome.samples)

    async def all_built() -> list[list[BuiltSample]]:
        return [await built(number, scene) for number, scene in enumerate(scenes)]

    good = named = wanted = 0
    for scene, samples in zip(scenes, asyncio.run(all_built()), strict=True):
        true = set(triggers(scene.figures[0]))
        found = {trigger.text for sample in samples for trigger in sample.triggers}
        good, named, wanted = good + len(true & found), named + len(found), wanted + len(true)
    return Quality(good / named, good / wanted)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [compose("verification", number, two=False) for number in range(COUNT)]


def test_without_verification_every_fifth_trigger_is_made_up(scenes: list[Scene]) -> None:
    before = quality(scenes, verify=False)
    assert before.precision == pytest.approx(1 - MADE_UP, abs=0.03)
    assert before.recall == 1


def test_verification_takes_out_what_was_made_up_and_little_else(scenes: list[Scene]) -> None:
    """Expected precision: 0.8 × 0.97 / (0.8 × 0.97 + 0.2 × 0.1) = 0.975; recall falls by the 0.03 that is missed."""
    before, after = quality(scenes, verify=False), quality(scenes, verify=True)
    assert after.precision >= 0.95
    assert before.recall - after.recall <= 0.05


def test_the_fenced_trigger_is_what_is_asked_about() -> None:
    assert fenced_in("Look.\n\n<<<text 12ab\nLetter torn to pieces\ntext 12ab>>>") == "Letter torn to pieces"
