"""Samples as people have decided, for `cfsa export --reviewed`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from cfsa_tool.errors import ReviewError
from cfsa_tool.export.samples import Sample
from cfsa_tool.review.rules import RULES, Reviewed, Rule, apply
from cfsa_tool.review.store import marked_review
from cfsa_tool.run_folder import RunFolder


@dataclass
class Tally:
    """What a review has done to a split so far.

    Attributes:
        samples: that stay.
        left_out: those that do not, by the reason.
        raters: who have done at least one sample.
        removed, added, changed: triggers, in the samples that stay.
    """

    samples: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    raters: set[str] = field(default_factory=set)
    removed: int = 0
    added: int = 0
    changed: int = 0

    def add(self, found: Reviewed) -> None:
        """One sample."""
        self.raters |= set(found.raters)
        if found.sample:
            self.samples += 1
            self.removed += found.removed
            self.added += found.added
            self.changed += found.changed
        else:
            self.left_out[found.reason] += 1


class Reviewer:
    """Applies a rule to the samples of a run.

    Args:
        run: that was reviewed.
        rule: see `rules.RULES`.
        adjudicator: whose word stands, for ``adjudicated``.
        least: how many raters must have done a sample for it to stay.

    Raises:
        ReviewError: nobody has reviewed the run, or the rule needs an adjudicator whom nobody knows.
    """

    def __init__(self, run: RunFolder, rule: Rule, adjudicator: str = "", least: int = 1) -> None:
        self._review = marked_review(run)
        known = [one.rater for one in self._review.progress() if one.done or one.begun]
        adjudicator = self._review.known_as(adjudicator)
        if rule == "adjudicated" and adjudicator not in known:
            raise ReviewError(
                f"the adjudicator {adjudicator!r} has marked nothing"
                if adjudicator
                else "the rule needs an adjudicator",
                f"Give one of the raters: `--adjudicator NAME`; known are {', '.join(known) or 'none'}",
            )
        self.rule = rule
        self.adjudicator = adjudicator
        self.least = least

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Samples meanwhile are as people had decided at one moment, whoever goes on marking."""
        with self._review.snapshot():
            yield

    def of(self, sample: Sample) -> Reviewed:
        """What people made of a sample. Marks that were made before it was built anew are of other triggers."""
        found = apply(sample.built, self._review.marks_of(sample), self.rule, self.adjudicator, self.least)
        if found.sample is None and not found.raters and self._review.was_another(sample):
            return replace(found, reason="built anew since it was marked")
        return found

    def changed(self, sample: Sample) -> Sample | None:
        """The sample as it goes into the split; None where it does not."""
        found = self.of(sample).sample
        return replace(sample, built=found) if found else None

    @property
    def stated(self) -> str:
        """The rule in words."""
        who = f" (adjudicator: {self.adjudicator})" if self.rule == "adjudicated" else ""
        least = f"; at least {self.least} raters a sample" if self.least > 1 else ""
        return f"{self.rule}{who}: {RULES[self.rule]}{least}"

    def close(self) -> None:
        """Closes the marks."""
        self._review.close()
