"""What a rater makes of a sample."""

import unicodedata
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from cfsa_tool.records import BuiltSample
from eibench_tasks.data.schema import Record

TOP = 5
"""The best quality; 0 is the worst, as in EIBench's human evaluation."""
MOST_ADDED = 50
State = Literal["open", "kept", "removed"]


_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
"""Marks between letters that Persian, Hindi and other scripts need; they show as nothing of their own."""


def rater_name(text: str) -> str | None:
    """The name of a rater as it is kept, in Unicode's composed form (NFC); None where nobody can be called so.

    A name is printable, of at most 40 characters, and has no blanks at its ends.
    """
    name = unicodedata.normalize("NFC", text)
    shown = name.translate(_JOINERS)
    good = 0 < len(name) <= 40 and shown.isprintable() and shown == shown.strip() != ""
    return name if good else None


def rater_key(name: str) -> str:
    """Equal for names that are one rater: they differ in case, or in what cannot be seen."""
    return unicodedata.normalize("NFC", name.translate(_JOINERS).casefold())


class Decision(Record):
    """One trigger as a rater leaves it.

    Attributes:
        source: its place in the sample as CFSA has built it, from 0; None where the rater has added it.
        text: in one line; other words than CFSA's where the rater has edited it.
        state: ``open`` until the rater decides.
    """

    source: int | None
    text: str = Field(min_length=1, max_length=500)
    state: State = "open"

    @field_validator("text")
    @classmethod
    def _one_line(cls, text: str) -> str:
        text = " ".join(text.split())
        if not text:
            raise ValueError("a trigger needs words")
        return text


class Mark(Record):
    """Everything that a rater says of one sample.

    Attributes:
        triggers: in the order that the rater wants.
        flagged: the sample should not be in the split.
        quality: of the annotation as CFSA has built it, 0 to `TOP`; None until the rater says.
        comment: free text; its lines end in ``\\n``, as browsers have it.
    """

    triggers: list[Decision]
    flagged: bool = False
    quality: int | None = Field(default=None, ge=0, le=TOP)
    comment: str = Field(default="", max_length=5_000)

    @field_validator("comment")
    @classmethod
    def _plain_lines(cls, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @classmethod
    def untouched(cls, built: BuiltSample) -> "Mark":
        """The mark with which everybody begins: nothing is decided, no quality is given."""
        texts = [" ".join(trigger.text.split()) for trigger in built.triggers]
        return cls(triggers=[Decision(source=place, text=text) for place, text in enumerate(texts)])

    @property
    def done(self) -> bool:
        """Whether nothing is left to say: flagged, or every trigger decided with one kept, and a quality given."""
        decided = all(one.state != "open" for one in self.triggers)
        return self.flagged or (decided and bool(self.kept) and self.quality is not None)

    @property
    def kept(self) -> list[Decision]:
        """The triggers that stay."""
        return [one for one in self.triggers if one.state == "kept"]

    def trouble(self, built: BuiltSample) -> str | None:
        """Why it cannot be a mark of this sample; None where it can."""
        sources = sorted(one.source for one in self.triggers if one.source is not None)
        if sources != list(range(len(built.triggers))):
            return "the triggers are not those of the sample"
        if len(self.triggers) - len(sources) > MOST_ADDED:
            return f"more than {MOST_ADDED} triggers were added"
        return None


def disagreement(marks: Sequence[Mark]) -> float:
    """How far raters are apart on one sample, 0 to 1; 0 where fewer than two have marked it.

    The mean over all pairs of raters of: the share of triggers that one keeps and the other removes, the distance of
    their qualities over `TOP`, and whether one of them alone has flagged the sample. What one has not said is left out.
    """
    pairs = [(a, b) for place, a in enumerate(marks) for b in marks[place + 1 :]]
    values = [value for a, b in pairs if (value := _apart(a, b)) is not None]
    return sum(values) / len(values) if values else 0.0


def _apart(a: Mark, b: Mark) -> float | None:
    parts = [float(a.flagged != b.flagged)]
    states_a, states_b = (
        {one.source: one.state for one in mark.triggers if one.source is not None and one.state != "open"}
        for mark in (a, b)
    )
    if both := states_a.keys() & states_b.keys():
        parts.append(sum(states_a[source] != states_b[source] for source in both) / len(both))
    if a.quality is not None and b.quality is not None:
        parts.append(abs(a.quality - b.quality) / TOP)
    return sum(parts) / len(parts)
