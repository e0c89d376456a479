"""From the marks of several raters to one sample, by a rule that is stated in the data-set card."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cfsa_tool.records import BuiltSample, Trigger
from cfsa_tool.review.marks import Decision, Mark

Rule = Literal["unanimous", "majority", "adjudicated"]
_NOBODYS = "; CFSA's words stand where at least one rater leaves them, else the trigger goes"
RULES: Mapping[Rule, str] = {
    "unanimous": (
        "a sample stays where no rater leaves it out; a trigger stays, gets other words or is added where all raters"
        f" want that{_NOBODYS}"
    ),
    "majority": (
        "a sample and a trigger stay unless more than half of the raters take them out; a trigger gets other words or"
        f" is added where more than half want that{_NOBODYS}"
    ),
    "adjudicated": (
        "what the adjudicator says stands; of samples that the adjudicator has not done, those stay on which all raters"
        " agree"
    ),
}


class Written(Trigger):
    """A trigger in a person's words: what models have found out about other words does not hold for it.

    Attributes:
        instead_of: CFSA's words; "" of a trigger that was added.
    """

    written_by: Literal["person"] = "person"
    instead_of: str = ""


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
_Key = int | str
"""One trigger among those of all raters: its place in the sample as built, or the words of one that was added."""


def _all_of(votes: int, raters: int) -> bool:
    return votes == raters


def _most_of(votes: int, raters: int) -> bool:
    return 2 * votes > raters


def _taken(built: BuiltSample, marks: Sequence[Mark], enough: _Enough, raters: Sequence[str]) -> Reviewed:
    """The sample as so many raters want it. To leave something out takes one of them less than to bring it in.

    Whoever leaves the sample out has a voice on its triggers, too: what they have decided counts as anybody's does, and
    what they have not is left as CFSA has built it.
    """
    if not _stays(sum(mark.flagged for mark in marks), len(marks), enough):
        return Reviewed(None, "left out by raters", raters)
    stay: dict[_Key, Trigger] = {
        place: trigger
        for place in range(len(built.triggers))
        if (trigger := _wanted(built.triggers[place], [_of(mark, place) for mark in marks], enough))
    }
    stay = _without_doubles(stay | _added(marks, enough))
    if not stay:
        return Reviewed(None, "no trigger stayed", raters, len(built.triggers))
    by_people = [trigger for trigger in stay.values() if isinstance(trigger, Written)]
    changed = sum(bool(trigger.instead_of) for trigger in by_people)
    removed = len(built.triggers) - sum(isinstance(key, int) for key in stay)
    triggers = [stay[key] for key in _ordered(stay, marks)]
    sample = built.model_copy(update={"triggers": triggers})
    return Reviewed(sample, "", raters, removed, len(by_people) - changed, changed)


def _stays(against: int, raters: int, enough: _Enough) -> bool:
    """Whether something that CFSA has built stays: under ``unanimous`` one voice is enough against it."""
    return against == 0 if enough is _all_of else not enough(against, raters)


def _of(mark: Mark, place: int) -> Decision:
    return next(one for one in mark.triggers if one.source == place)


def _wanted(trigger: Trigger, said: Sequence[Decision], enough: _Enough) -> Trigger | None:
    """A trigger of CFSA's as raters want it; None where it goes."""
    if not _stays(sum(one.state == "removed" for one in said), len(said), enough):
        return None
    words = " ".join(trigger.text.split())
    ((text, votes),) = Counter(one.text for one in said if one.state != "removed").most_common(1)
    if text != words and enough(votes, len(said)):
        return Written(text=text, notes=trigger.notes, merged=trigger.merged, instead_of=words)
    return trigger if any(one.text == words for one in said if one.state != "removed") else None


def _added(marks: Sequence[Mark], enough: _Enough) -> dict[_Key, Trigger]:
    """Of words that differ in case, the most frequent."""
    said: dict[str, list[str]] = {}
    for mark in marks:
        for key, text in {one.text.casefold(): one.text for one in mark.kept if one.source is None}.items():
            said.setdefault(key, []).append(text)
    return {
        key: Written(text=min(texts, key=lambda text: (-texts.count(text), text)))
        for key, texts in said.items()
        if enough(len(texts), len(marks))
    }


def _without_doubles(stay: Mapping[_Key, Trigger]) -> dict[_Key, Trigger]:
    """Of triggers with the same words but for their case, CFSA's own before one that people have written."""
    first: dict[str, _Key] = {}
    for key in sorted(stay, key=lambda key: isinstance(stay[key], Written)):
        first.setdefault(" ".join(stay[key].text.split()).casefold(), key)
    return {key: stay[key] for key in stay if key in first.values()}


def _ordered(stay: Mapping[_Key, Trigger], marks: Sequence[Mark]) -> list[_Key]:
    """By the mean rank that those give who keep a trigger, among what stays; equal ones as built, additions last."""
    ranks: dict[_Key, list[int]] = {key: [] for key in stay}
    for mark in marks:
        for rank, key in enumerate(key for key in _keys(mark) if key in stay):
            ranks[key].append(rank)
    return sorted(stay, key=lambda key: (sum(ranks[key]) / len(ranks[key]), isinstance(key, str), key))


def _keys(mark: Mark) -> Iterator[_Key]:
    """What a rater has not removed, in the rater's order, each once."""
    left = [one for one in mark.triggers if one.state != "removed"]
    yield from dict.fromkeys(one.text.casefold() if one.source is None else one.source for one in left)


def _same(marks: Sequence[Mark]) -> bool:
    """Whether raters say the same of everything that the split holds."""
    said = [
        None if mark.flagged else frozenset((one.source, one.text.casefold()) for one in mark.kept) for mark in marks
    ]
    return len(set(said)) == 1
