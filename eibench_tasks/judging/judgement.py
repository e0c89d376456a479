"""What a judge returns: one verdict per reference trigger, or why a sample is unscored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Interface

from pydantic import BaseModel, ConfigDict, Field, model_validator


@dataclass(frozen=True)
class Reference:
    """What an answer is judged against.

    Attributes:
        triggers: the reference triggers, in order.
        question: what was asked about the image.
        block: the triggers as published, numbered, verbatim; the paper protocol shows it to its judge.
        split: ``basic`` or ``complex``; the paper protocol words its prompts by it.
    """

    triggers: Sequence[str]
    question: str = ""
    block: str = ""
    split: str = "basic"

    @classmethod
    def of(cls, sample: Mapping[str, Any]) -> "Reference":
        """That of a sample, given as a mapping with the fields of `data.schema.Sample`."""
        return cls(sample["triggers"], sample["question"], sample["triggers_text"], sample["split"])


class Verdict(BaseModel):
    """Whether an answer names one trigger.

    Attributes:
        index: position of the trigger in the reference list, from 0.
        trigger: its text.
        present: the answer names it.
        quote: the span of the answer that names it, verbatim; None where absent.
        probability: of ``present``, 0 to 1, where the judge gives one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=0)
    trigger: str
    present: bool
    quote: str | None = None
    probability: float | None = Field(default=None, ge=0, le=1)


class PaperScore(BaseModel):
    """What a judge of the paper protocol says: ``correct`` of ``total`` triggers, the total being its own choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    correct: int = Field(ge=0)
    total: int = Field(ge=1)

    @model_validator(mode="after")
    def _no_more_than_all(self) -> "PaperScore":
        if self.correct > self.total:
            raise ValueError("more triggers are named than there are")
        return self

    @property
    def recall(self) -> float:
        """As published, 0 to 1."""
        return self.correct / self.total


class Judgement(BaseModel):
    """All verdicts of one sample; or the score of the paper protocol; or the reason why it is unscored.

    Exactly one of the three is there: a failure is never a score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdicts: list[Verdict] = []
    paper: PaperScore | None = None
    unscored: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Judgement":
        if [bool(self.verdicts), self.paper is not None, bool(self.unscored)].count(True) != 1:
            raise ValueError("a judgement holds verdicts, a score or a reason, and only one of them")
        if [verdict.index for verdict in self.verdicts] != list(range(len(self.verdicts))):
            raise ValueError("verdicts must follow the reference list")
        return self

    @property
    def recall(self) -> float | None:
        """Named triggers over all reference triggers, 0 to 1; None where unscored."""
        if self.unscored:
            return None
        if self.paper:
            return self.paper.recall
        return sum(verdict.present for verdict in self.verdicts) / len(self.verdicts)

    @classmethod
    def none_named(cls, triggers: Sequence[str]) -> "Judgement":
        """The judgement of an empty answer."""
        return cls(verdicts=[Verdict(index=i, trigger=text, present=False) for i, text in enumerate(triggers)])


class Judge(Interface):
    """Decides which triggers an answer names. Must be safe to use from several threads.

    Attributes:
        name: as chosen by ``EIBENCH_JUDGE``, for example ``offline``.
        protocol: ``verdict``, ``paper:chatgpt`` or ``paper:llama3``.
        version: changes with whatever can change a verdict.
        comparable: whether its numbers may stand beside the published ones.
        measures_floor: whether judging an answer costs so little that the floor is judged along.
    """

    name: str
    protocol: str
    version: str
    comparable: bool
    measures_floor: bool

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Does what can be done for many texts at once; never changes a verdict.

        Args:
            answers: those that are about to be judged.
            references: triggers and floor answers; the same in every run of a task.
        """

    def judge(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer. Does not raise: what goes wrong is an unscored judgement with its reason."""
