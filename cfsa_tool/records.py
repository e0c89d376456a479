"""What a run knows of its images, and what becomes of each: a sample for each emotion, or a failure with its reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from eibench_tasks.data.schema import Record
from eibench_tasks.judging.llm.labels import Category, Kind
from eibench_tasks.self_ask.stages import Note


@dataclass(frozen=True)
class Item:
    """One image that was taken in.

    Attributes:
        id: the first 16 hex digits of ``sha256``.
        name: where it is in the source, as printable text; names it to people.
        path: the image file, absolute; any bytes that the file system allows.
        sha256: of the file.
        size: bytes.
        width, height: pixels, after EXIF orientation.
        emotions: as the source names them, lower case; none where it does not. More than one in complex runs only.
        question: the source's own question, or "".
    """

    id: str
    name: str
    path: Path
    sha256: str
    size: int
    width: int
    height: int
    emotions: tuple[str, ...] = ()
    question: str = ""


class Trigger(Record):
    """One emotional trigger of a sample.

    Attributes:
        text: what it says, in one line.
        notes: numbers of the notes that support it.
        merged: near-identical triggers that were taken together with it.
        probability: that the image bears it out, by the vision model, 0 to 1; None where the engine does not say or
            nothing was checked.
        kind, category: see `eibench_tasks.judging.llm.labels`; None where it was not labelled.
    """

    text: str
    notes: list[int] = Field(default=[])
    merged: list[str] = Field(default=[])
    probability: float | None = None
    kind: Kind | None = None
    category: Category | None = None


class Dropped(Record):
    """A trigger that a check took out, and why."""

    text: str
    reason: str
    probability: float | None = None


class BuiltSample(Record):
    """What was built for one emotion of one image.

    Attributes:
        emotion: lower case.
        emotion_by: who named it, ``source`` or ``model``.
        whom: in complex runs, who feels it, as the model put it; else "".
        question: the user question.
        triggers: in order; at least one.
        dropped: triggers that a check took out.
        notes: the questions and answers that it was made of.
    """

    emotion: str
    emotion_by: Literal["source", "model"]
    whom: str = ""
    question: str
    triggers: list[Trigger] = Field(min_length=1)
    dropped: list[Dropped] = Field(default=[])
    notes: list[Note] = Field(default=[])


class Outcome(Record):
    """What became of one image: samples, or why there are none.

    Attributes:
        stage, failure: where and why it failed; None where it did not.
        skipped: in complex runs, emotions that gave no sample, each with its reason.
        calls: replies that it took, those that were at hand included.
        prompt_tokens, completion_tokens: of these replies, where the engine counts.
        cached_tokens: those of the prompts that the engine had computed before.
        retry: how often the image had been tried anew (`cfsa retry`).
    """

    samples: list[BuiltSample] = Field(default=[])
    stage: str | None = None
    failure: str | None = None
    skipped: dict[str, str] = Field(default={})
    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    retry: int = 0
