"""Samples as people have decided, for `cfsa export --reviewed`."""

from dataclasses import dataclass, field, replace

from cfsa_tool.errors import ReviewError, quoted
from cfsa_tool.export.samples import Sample
from cfsa_tool.review.rules import RULES, Reviewed, Rule, apply
from cfsa_tool.review.store import Review, has_review
from cfsa_tool.run_folder import RunFolder


@dataclass
class Tally:
    """What a review has done to a split so far.

    Attributes:
        samples: that stay.
        raters: who have done at least one sample.
        removed, added, changed: triggers, in the samples that stay.
    """

    samples: int = 0
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
        if not has_review(run.folder):
            raise ReviewError(f"nobody has reviewed {run.folder}", f"Run: `cfsa review {quoted(run.folder)}`")
        self._review = Review(run)
        known = [one.rater for one in self._review.progress()]
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

    def of(self, sample: Sample) -> Reviewed:
        """What people made of a sample."""
        return apply(sample.built, self._review.marks_of(sample.id), self.rule, self.adjudicator, self.least)

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
