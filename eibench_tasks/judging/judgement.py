"""What a judge returns: one verdict per reference trigger, or why a sample is unscored."""

from collections.abc import Sequence
from typing import Protocol as Interface

from pydantic import BaseModel, ConfigDict, Field, model_validator


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


class Judgement(BaseModel):
    """All verdicts of one sample; or none, and the reason why it is unscored.

    A failure is never a score: where ``unscored`` is set there are no verdicts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdicts: list[Verdict] = []
    unscored: str | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "Judgement":
        if bool(self.verdicts) == bool(self.unscored):
            raise ValueError("a judgement holds verdicts or a reason, not both and not neither")
        if [verdict.index for verdict in self.verdicts] != list(range(len(self.verdicts))):
            raise ValueError("verdicts must follow the reference list")
        return self

    @property
    def recall(self) -> float | None:
        """Named triggers over all reference triggers, 0 to 1; None where unscored."""
        if self.unscored:
            return None
        return sum(verdict.present for verdict in self.verdicts) / len(self.verdicts)

    @classmethod
    def none_named(cls, triggers: Sequence[str]) -> "Judgement":
        """The judgement of an empty answer."""
        return cls(verdicts=[Verdict(index=i, trigger=text, present=False) for i, text in enumerate(triggers)])


class Judge(Interface):
    """Decides which triggers an answer names. Must be safe to use from several threads.

    Attributes:
        name: as chosen by ``EIBENCH_JUDGE``, for example ``offline``.
        protocol: ``verdict`` or ``paper``.
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

    def judge(self, question: str, answer: str, triggers: Sequence[str]) -> Judgement:
        """Judges one answer. Does not raise: what goes wrong is an unscored judgement with its reason."""
