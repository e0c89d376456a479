"""From the marks of several raters to one sample, by a rule that is stated in the data-set card."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cfsa_tool.records import BuiltSample, Trigger
from cfsa_tool.review.marks import Decision, Mark

Rule = Literal["unanimous", "majority", "adjudicated"]
RULES: Mapping[Rule, str] = {
    "unanimous": (
        "a sample stays where no rater leaves it out; a trigger stays, gets other words or is added where all raters"
        " want that"
    ),
    "majority": (
        "a sample and a trigger stay unless more than half of the raters take them out; a trigger gets other words or"
        " is added where more than half want that"
    ),
    "adjudicated": (
        "what the adjudicator says stands; of samples that the adjudicator has not done, those stay on which all raters"
        " agree"
    ),
}


@dataclass(frozen=True)
class Reviewed:
    """What people made of one sample.

    Attributes:
        sample: as it goes into the split; None where it does not.
        reason: why it does not; "" where it does.
        raters: who have done it.
        removed, added, changed: triggers that were taken out, put in, and put in other words.
    """

    sample: BuiltSample | None
    reason: str
    raters: Sequence[str]
    removed: int = 0
    added: int = 0
    changed: int = 0


def apply(built: BuiltSample, marks: Mapping[str, Mark], rule: Rule, adjudicator: str = "", least: int = 1) -> Reviewed:
    """One sample by a rule.

    Args:
        built: as CFSA has built it.
        marks: by rater; those that are not done do not count.
        rule: see `RULES`.
        adjudicator: whose word stands, for ``adjudicated``; is none of the raters otherwise.
        least: how many raters must have done a sample. The adjudicator alone is enough.
    """
    done = {rater: mark for rater, mark in sorted(marks.items()) if mark.done}
    raters = list(done)
    if rule == "adjudicated":
        if adjudicator in done:
            return _taken(built, [done[adjudicator]], _all_of, raters)
        if len(done) >= least and done and not _same(list(done.values())):
            return Reviewed(None, "raters disagree, and nobody has adjudicated", raters)
    if len(done) < max(1, least):
        return Reviewed(None, f"reviewed by fewer than {max(1, least)}", raters)
    return _taken(built, list(done.values()), _most_of if rule == "majority" else _all_of, raters)


_Enough = Callable[[int, int], bool]


def _all_of(votes: int, raters: int) -> bool:
    return votes == raters


def _most_of(votes: int, raters: int) -> bool:
    return 2 * votes > raters


def _taken(built: BuiltSample, marks: Sequence[Mark], enough: _Enough, raters: Sequence[str]) -> Reviewed:
    """The sample as so many raters want it. To leave something out takes one of them less than to bring it in."""
    number = len(marks)
    if not _stays(sum(mark.flagged for mark in marks), number, enough):
        return Reviewed(None, "left out by raters", raters)
    decisions = [
        {one.source: one for one in mark.triggers if one.source is not None} for mark in marks if not mark.flagged
    ]
    kept: list[tuple[float, Trigger]] = []
    changed = 0
    for place, trigger in enumerate(built.triggers):
        said = [own[place] for own in decisions]
        if not _stays(sum(one.state == "removed" for one in said), len(said), enough):
            continue
        text = _agreed([one.text for one in said if one.state == "kept"], len(said), enough) or trigger.text
        changed += text != " ".join(trigger.text.split())
        ranks = [mark.triggers.index(own[place]) for mark, own in zip(_unflagged(marks), decisions, strict=True)]
        kept.append((sum(ranks) / len(ranks), trigger.model_copy(update={"text": text})))
    added = _added(_unflagged(marks), enough)
    triggers = [trigger for _, trigger in sorted(kept, key=lambda pair: pair[0])] + added
    removed = len(built.triggers) - len(kept)
    if not triggers:
        return Reviewed(None, "no trigger stayed", raters, removed)
    return Reviewed(built.model_copy(update={"triggers": triggers}), "", raters, removed, len(added), changed)


def _unflagged(marks: Sequence[Mark]) -> list[Mark]:
    return [mark for mark in marks if not mark.flagged]


def _stays(against: int, raters: int, enough: _Enough) -> bool:
    """Whether something that CFSA has built stays: under ``unanimous`` one voice is enough against it."""
    return against == 0 if enough is _all_of else not enough(against, raters)


def _agreed(texts: Sequence[str], raters: int, enough: _Enough) -> str | None:
    ((text, votes),) = Counter(texts).most_common(1) or [("", 0)]
    return text if enough(votes, raters) else None


def _added(marks: Sequence[Mark], enough: _Enough) -> list[Trigger]:
    texts: dict[str, list[Decision]] = {}
    for mark in marks:
        own = {one.text.casefold(): one for one in mark.triggers if one.source is None and one.state == "kept"}
        for key, one in own.items():
            texts.setdefault(key, []).append(one)
    return [Trigger(text=said[0].text) for said in texts.values() if enough(len(said), len(marks))]


def _same(marks: Sequence[Mark]) -> bool:
    """Whether raters say the same of everything that the split holds."""
    said = [
        (mark.flagged, not mark.flagged and frozenset((one.source, one.text, one.state) for one in mark.triggers))
        for mark in marks
    ]
    return len(set(said)) == 1
