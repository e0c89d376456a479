"""The verdict protocol: one call a sample, one verdict for each reference trigger, each "present" with its quote.

The list of reference triggers is the denominator, whatever a reply says. What a reply leaves out or says twice, and
quotes that are not in the answer, are asked again; only what was wrong is asked again.

Among the triggers stand `DECOYS` causes that the answer cannot name: no word of theirs is in it. A judge that finds one
was talked into finding everything, or guesses; nothing of that reply counts.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from eibench_tasks.engines.engine import Ask, Reply, Sampling
from eibench_tasks.engines.structured import Unusable
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.judging.llm.dialogue import (
    ROUNDS,
    entries,
    entries_schema,
    fenced,
    is_about,
    only,
    prompts,
    version,
)
from eibench_tasks.judging.llm.quotes import find_quote
from eibench_tasks.judging.untrusted import REMOVED, neutral

RULES = 2
"""Counts changes of the rules by which replies are read; a test fails where they change and this does not."""
DECOYS = 2
"""How many causes that the answer cannot name stand among the triggers of each question."""
_DECOYS = (Path(__file__).parent / "decoys.txt").read_text("utf-8").splitlines()
_WORD = re.compile(r"(?!(?:from|into|last|that|under|with|without|which|still)\b)\w{4,}")
_WORDS_OF = {text: _WORD.findall(text.casefold()) for text in _DECOYS}


@dataclass(frozen=True)
class Reading:
    """What one reply says: verdicts by the trigger's position, and why the others are missing."""

    verdicts: Mapping[int, Verdict]
    problems: Mapping[int, str]


class VerdictProtocol:
    """Asks for verdicts and reads them; see the module."""

    name = "verdict"
    rounds = ROUNDS

    def __init__(self) -> None:
        self.version = version(RULES, ROUNDS, DECOYS, _DECOYS, prompts("verdict"), schema([1, 2]))

    def about(self, reference: Reference, answer: str) -> "Verdicts":
        """The dialogue with a judge about one answer."""
        return Verdicts(self.version, reference, neutral(answer))


class Verdicts:
    """The verdicts on one answer as they come in.

    Args:
        version: of the protocol.
        reference: what the answer is judged against.
        answer: as the judge gets to see it.
    """

    def __init__(self, version: str, reference: Reference, answer: str) -> None:
        self._version = version
        self._reference = reference
        self._answer = answer
        self._causes = with_decoys(reference.triggers, answer)
        self._no_decoys = len(self._causes) < len(reference.triggers) + DECOYS
        self._verdicts: dict[int, Verdict] = {}
        self._problems: Mapping[int, str] = dict.fromkeys(range(len(reference.triggers)), "")

    def next(self, attempt: int) -> Ask | None:
        """What to ask now; None when every verdict is there, or none can be trusted."""
        if not self._problems or self._no_decoys:
            return None
        causes = {
            number: text
            for number, (position, text) in enumerate(self._causes, start=1)
            if position is None or position in self._problems
        }
        reasons = {why for why in self._problems.values() if why}
        return ask(self._version, self._reference.question, causes, self._answer, reasons, attempt)

    def take(self, reply: Reply) -> None:
        """Takes over what a reply says of the triggers that were asked for."""
        reading = read(reply, self._causes, self._answer, list(self._problems))
        self._verdicts.update(reading.verdicts)
        self._problems = reading.problems

    def result(self, trouble: str = "") -> Judgement:
        """All verdicts, or why the sample is unscored."""
        if trouble:
            return Judgement(unscored=trouble[:400])
        if self._no_decoys:
            return Judgement(unscored="the answer holds the words of the causes by which a judge is checked")
        if self._problems:
            missing = "; ".join(f"trigger {index + 1}: {why}" for index, why in self._problems.items())
            return Judgement(unscored=f"the judge gave no usable verdict ({missing})"[:400])
        return Judgement(verdicts=[self._verdicts[index] for index in range(len(self._reference.triggers))])


Cause = tuple[int | None, str]
"""The position of a trigger in the reference list, or None of a decoy; and its text."""


def with_decoys(triggers: Sequence[str], answer: str) -> list[Cause]:
    """The triggers in their order with decoys between them: which, and where, follows from the texts alone.

    No word of four letters or more of a decoy occurs in the answer or in a trigger; if the answer holds the words of
    nearly all of them, there are fewer than `DECOYS`.
    """
    said = " ".join((answer, *triggers)).casefold()
    draw = hashlib.sha256(said.encode()).digest()
    first = int.from_bytes(draw[:4], "big") % len(_DECOYS)
    fitting = (
        text for text in (*_DECOYS[first:], *_DECOYS[:first]) if not any(map(said.__contains__, _WORDS_OF[text]))
    )
    causes: list[Cause] = list(enumerate(triggers))
    for text, place in zip(islice(fitting, DECOYS), draw[4:], strict=False):
        causes.insert(place % (len(causes) + 1), (None, text))
    return causes


def schema(numbers: Sequence[int]) -> dict[str, Any]:
    """JSON schema of a reply about the triggers of these numbers."""
    fields = {
        "index": {"type": "integer", "enum": list(numbers)},
        "quote": {"type": "string"},
        "present": {"type": "boolean"},
    }
    return entries_schema("verdicts", fields, len(numbers), len(numbers))


def ask(
    protocol: str, question: str, causes: Mapping[int, str], answer: str, reasons: Iterable[str], attempt: int
) -> Ask:
    """Asks about causes by their numbers.

    Args:
        protocol: its version.
        question: about the image.
        causes: triggers and decoys.
        answer: what is judged.
        reasons: why they are asked again, or nothing.
        attempt: how often something was asked about this answer before.
    """
    texts, again = prompts("verdict"), "; ".join(sorted(reasons))
    fields = {
        "question": " ".join(question.split()) or "Why does this emotion arise?",
        "causes": "\n".join(f"{number}. {' '.join(text.split())}" for number, text in causes.items()),
        "answer": answer,
        "again": texts["again"].format(reasons=again) if again else "",
        **fenced(answer),
    }
    messages = (
        {"role": "system", "content": texts["system"]},
        {"role": "user", "content": texts["user"].format_map(fields).strip()},
    )
    sampling = Sampling(max_tokens=256 + 128 * len(causes))
    return Ask(messages, sampling, schema(list(causes)), purpose=f"verdict {protocol}", attempt=attempt)


def read(reply: Reply, causes: Sequence[Cause], answer: str, wanted: Sequence[int]) -> Reading:
    """Reads the verdicts on the triggers at the positions ``wanted``; of the others only decoys are looked at."""
    try:
        said = entries(reply, "verdicts")
        _no_decoy(said, causes)
    except Unusable as error:
        return Reading({}, dict.fromkeys(wanted, str(error)))
    verdicts: dict[int, Verdict] = {}
    problems: dict[int, str] = {}
    for number, (position, text) in enumerate(causes, start=1):
        if position not in wanted or position is None:
            continue
        try:
            verdicts[position] = _verdict(position, text, only(said, number), answer)
        except Unusable as error:
            problems[position] = str(error)
    return Reading(verdicts, problems)


def _no_decoy(said: Iterable[Any], causes: Sequence[Cause]) -> None:
    decoys = [number for number, (position, _) in enumerate(causes, start=1) if position is None]
    if any(is_about(entry, number) and entry.get("present") is not False for entry in said for number in decoys):
        raise Unusable("a cause that is not in the text was said to be present")


def _verdict(position: int, trigger: str, entry: Mapping[str, Any], answer: str) -> Verdict:
    present, quote = entry.get("present"), entry.get("quote")
    if not isinstance(present, bool) or not isinstance(quote, str | None):
        raise Unusable("its entry has fields of a wrong type")
    if not present:
        return Verdict(index=position, trigger=trigger, present=False)
    if not quote or not quote.strip():
        raise Unusable("it is said to be present without a quote")
    span = find_quote(quote, answer)
    if span is None or REMOVED in span:
        raise Unusable("its quote does not occur in the text")
    return Verdict(index=position, trigger=trigger, present=True, quote=span)
