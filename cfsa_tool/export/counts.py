"""Counts what is exported while it passes by, for the data-set card."""

import re
from collections import Counter
from dataclasses import dataclass, field

from cfsa_tool.export.samples import Sample

NOT_LABELLED = "not labelled"
_OTHER = "other reasons"
_NAMED = re.compile(r"^((?:is )?(?:near-identical to|the same image as)) .*", re.DOTALL)
_MOST = 1000  # different reasons that are told apart


@dataclass
class Counts:
    """Of a split.

    Attributes:
        images: that have samples.
        emotions: samples by emotion.
        named_by: samples by who named the emotion, ``source`` or ``model``.
        triggers: samples by their number of triggers.
        by_emotion: triggers by emotion.
        kinds, categories: triggers by label.
        merged: triggers that were taken into others.
        dropped: triggers by the reason for which they were taken out.
        sure: triggers for which the vision model gave a probability.
        likely: of these, those with 0.9 and more.
        failed, skipped, left_out: images, emotions of images and entries of the source, by reason.
    """

    images: int = 0
    emotions: Counter[str] = field(default_factory=Counter)
    named_by: Counter[str] = field(default_factory=Counter)
    triggers: Counter[int] = field(default_factory=Counter)
    by_emotion: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    merged: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    sure: int = 0
    likely: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.emotions.total()

    @property
    def all_triggers(self) -> int:
        """How many there are."""
        return self.by_emotion.total()

    def add(self, sample: Sample) -> None:
        """One sample."""
        built = sample.built
        self.emotions[built.emotion] += 1
        self.named_by[built.emotion_by] += 1
        self.triggers[len(built.triggers)] += 1
        self.by_emotion[built.emotion] += len(built.triggers)
        for trigger in built.triggers:
            self.kinds[trigger.kind or NOT_LABELLED] += 1
            self.categories[trigger.category or NOT_LABELLED] += 1
            self.merged += len(trigger.merged)
            self.sure += trigger.probability is not None
            self.likely += (trigger.probability or 0) >= 0.9
        self.dropped.update(dropped.reason for dropped in built.dropped)

    def fail(self, stage: str | None, reason: str) -> None:
        """One image that has no sample."""
        _count(self.failed, f"{stage}: {_general(reason)}" if stage else _general(reason))

    def skip(self, reason: str) -> None:
        """One emotion of an image that has samples of others."""
        _count(self.skipped, _general(reason))

    def leave_out(self, reason: str) -> None:
        """One entry of the source."""
        _count(self.left_out, _general(reason))


def _general(reason: str) -> str:
    """A reason without what it says of one image only: another's name, and what stands behind a colon."""
    return _NAMED.sub(r"\1 another image", reason).partition(": ")[0][:100]


def _count(reasons: Counter[str], reason: str) -> None:
    reasons[reason if reason in reasons or len(reasons) < _MOST else _OTHER] += 1
