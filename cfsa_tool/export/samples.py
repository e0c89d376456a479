"""The samples of a run under the names that they have in the split, each with an answer that saw nothing."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cfsa_tool.records import BuiltSample, Item, Outcome, Trigger
from cfsa_tool.run_folder import RunFolder
from eibench_tasks.data.demo import PROMPT, STEPS


@dataclass(frozen=True)
class Sample:
    """One sample of the split.

    Attributes:
        id: the emotion and the image's id; a number after them where one image has several of one emotion.
        item: its image.
        built: question and triggers.
        kind: ``basic`` or ``complex``.
    """

    id: str
    item: Item
    built: BuiltSample
    kind: str

    @property
    def question(self) -> str:
        """In one line."""
        return " ".join(self.built.question.split())

    @property
    def triggers(self) -> list[str]:
        """In order, each in one line."""
        return _texts(self.built.triggers)

    def row(self, floor_answer: str, image_file: str) -> dict[str, Any]:
        """What the data set holds of it, but for the image itself.

        Args:
            floor_answer: see `Floors`.
            image_file: where the image lies in the split's folder; "" where it does not.
        """
        built, prompt = self.built, PROMPT.replace("{question}", self.question)
        return {
            "id": self.id,
            "split": self.kind,
            "image_id": self.item.id,
            "image_name": self.item.name,
            "image_sha256": self.item.sha256,
            "image_file": image_file,
            "emotion": built.emotion,
            "emotion_by": built.emotion_by,
            "whom": built.whom,
            "question": self.question,
            "triggers": self.triggers,
            "triggers_text": numbered(self.triggers),
            "kinds": [trigger.kind for trigger in built.triggers],
            "categories": [trigger.category for trigger in built.triggers],
            "probabilities": [trigger.probability for trigger in built.triggers],
            "prompt_user": prompt,
            "prompt_cot": prompt + STEPS,
            "caption": "",
            "floor_answer": floor_answer,
        }

    def provenance(self) -> dict[str, Any]:
        """Where each trigger comes from, and which were dropped."""
        notes = {note.number: note.model_dump() for note in self.built.notes}
        used = {number for trigger in self.built.triggers for number in trigger.notes}
        return {
            "id": self.id,
            "image_id": self.item.id,
            "image_name": self.item.name,
            "emotion": self.built.emotion,
            "emotion_by": self.built.emotion_by,
            "whom": self.built.whom,
            "question": self.question,
            "triggers": [
                trigger.model_dump() | {"notes": [notes[number] for number in trigger.notes if number in notes]}
                for trigger in self.built.triggers
            ],
            "dropped": [dropped.model_dump() for dropped in self.built.dropped],
            "other_notes": [note for number, note in notes.items() if number not in used],
        }


def samples_of(item: Item, outcome: Outcome, kind: str) -> list[Sample]:
    """The samples of one image, with ids that no other sample of the run has."""
    found: dict[str, Sample] = {}
    for built in outcome.samples:
        base = f"{re.sub(r'[^a-z0-9]+', '-', built.emotion.lower()).strip('-') or 'emotion'}-{item.id}"
        name, number = base, 1
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found[name] = Sample(name, item, built, kind)
    return list(found.values())


def numbered(triggers: list[str]) -> str:
    """The triggers as EIBench numbers them, one a line."""
    return "\n".join(f"{number}. {text}" for number, text in enumerate(triggers, start=1))


def _texts(triggers: list[Trigger]) -> list[str]:
    return [" ".join(trigger.text.split()) for trigger in triggers]


Change = Callable[["Sample"], "Sample | None"]
"""What becomes of a sample before it is written; None where it is not."""


class Floors:
    """For each sample, the triggers of another image of the same emotion: an answer that saw nothing.

    The other image is drawn by a generator seeded with the sample's id. Where no other image has the emotion, any
    other image of the run is drawn from. Memory holds places in the run, not texts.
    """

    def __init__(self, folder: RunFolder, kind: str, change: Change) -> None:
        self._folder = folder
        self._kind = kind
        self._change = change
        self._pools: dict[str | None, _Pool] = defaultdict(_Pool)
        for item, _, samples in all_samples(folder, kind):
            for place, sample in enumerate(samples):
                if change(sample):
                    self._pools[sample.built.emotion].add(item.id, place)
                    self._pools[None].add(item.id, place)
        self._triggers = lru_cache(maxsize=1024)(self._read)

    def of(self, sample: Sample) -> str:
        """The triggers of another image, one a line; "" where the run has one image only."""
        draw = random.Random(sample.id)
        for emotion in (sample.built.emotion, None):
            if other := self._pools[emotion].other_than(sample.item.id, draw):
                return "\n".join(self._triggers(*other))
        return ""

    def _read(self, image: str, place: int) -> list[str]:
        item = self._folder.item(image)
        outcome = self._folder.outcome(item)
        assert outcome is not None
        changed = self._change(samples_of(item, outcome, self._kind)[place])
        assert changed is not None
        return changed.triggers


class _Pool:
    """Samples by image and place; those of one image come one after another."""

    def __init__(self) -> None:
        self._samples: list[tuple[str, int]] = []
        self._images = 0

    def add(self, image: str, place: int) -> None:
        self._images += not self._samples or self._samples[-1][0] != image
        self._samples.append((image, place))

    def other_than(self, image: str, draw: random.Random) -> tuple[str, int] | None:
        """A sample of another image."""
        if self._images < 2:
            return next((sample for sample in self._samples[:1] if sample[0] != image), None)
        while (found := draw.choice(self._samples))[0] == image:
            pass
        return found


def all_samples(folder: RunFolder, kind: str) -> Iterator[tuple[Item, Outcome, list[Sample]]]:
    """Everything that was annotated, image by image in the order of the ids, failures with no samples."""
    for item, outcome in folder.outcomes():
        yield item, outcome, samples_of(item, outcome, kind)
