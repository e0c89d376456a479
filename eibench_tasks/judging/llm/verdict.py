"""The verdict protocol: one call a sample, one verdict for each reference trigger, each "present" with its quote.

The list of reference triggers is the denominator, whatever a reply says. What a reply leaves out or says twice, and
quotes that are not in the answer, are asked again; only what was wrong is asked again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eibench_tasks.engines.engine import Ask, Reply, Sampling
from eibench_tasks.judging.answer import final_answer
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.judging.llm.quotes import find_quote
from eibench_tasks.judging.llm.untrusted import neutral

RULES = 1
"""Counts changes of the rules by which replies are read; a test fails where they change and this does not."""
ROUNDS = 4
"""How often a judge is asked about one sample at most."""
MAX_REPLY = 100_000
"""Characters; a longer reply is not read."""
_FOLDER = Path(__file__).parent / "prompts"
_PROMPTS = {
    name: (_FOLDER / f"verdict_{name}_v1.txt").read_text(encoding="utf-8") for name in ("system", "user", "again")
}


class _Unusable(ValueError):
    """What a reply says does not count; the message says why."""


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
        content = json.dumps([RULES, ROUNDS, _PROMPTS, schema([1, 2])], sort_keys=True)
        self.version = f"{RULES}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

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
        self._verdicts: dict[int, Verdict] = {}
        self._problems: Mapping[int, str] = dict.fromkeys(range(len(reference.triggers)), "")

    def next(self, attempt: int) -> Ask | None:
        """What to ask now; None when every verdict is there."""
        if not self._problems:
            return None
        return ask(self._version, self._reference, self._answer, self._problems, attempt)

    def take(self, reply: Reply) -> None:
        """Takes over what a reply says of the triggers that were asked for."""
        reading = read(reply, self._reference.triggers, self._answer, list(self._problems))
        self._verdicts.update(reading.verdicts)
        self._problems = reading.problems

    def judgement(self) -> Judgement:
        """All verdicts, or why the sample is unscored."""
        if self._problems:
            missing = "; ".join(f"trigger {index + 1}: {why}" for index, why in self._problems.items())
            return Judgement(unscored=f"the judge gave no usable verdict ({missing})"[:400])
        return Judgement(verdicts=[self._verdicts[index] for index in range(len(self._reference.triggers))])


def schema(numbers: Sequence[int]) -> dict[str, Any]:
    """JSON schema of a reply about the triggers of these numbers."""
    entry = {
        "type": "object",
        "properties": {
            "index": {"type": "integer", "enum": list(numbers)},
            "quote": {"type": "string"},
            "present": {"type": "boolean"},
        },
        "required": ["index", "quote", "present"],
        "additionalProperties": False,
    }
    verdicts = {"type": "array", "items": entry, "minItems": len(numbers), "maxItems": len(numbers)}
    return {
        "type": "object",
        "properties": {"verdicts": verdicts},
        "required": ["verdicts"],
        "additionalProperties": False,
    }


def ask(version: str, reference: Reference, answer: str, open_: Mapping[int, str], attempt: int) -> Ask:
    """Asks about the triggers at the positions ``open_``, which tells why each is asked again, or nothing.

    The answer stands between two lines that it cannot contain: they are made of its own hash.
    """
    mark = hashlib.sha256(answer.encode()).hexdigest()[:16]
    reasons = sorted({why for why in open_.values() if why})
    fields = {
        "question": " ".join(reference.question.split()) or "Why does this emotion arise?",
        "causes": "\n".join(f"{index + 1}. {' '.join(reference.triggers[index].split())}" for index in open_),
        "open": f"<<<text {mark}",
        "answer": answer,
        "close": f"text {mark}>>>",
        "again": _PROMPTS["again"].format(reasons="; ".join(reasons)) if reasons else "",
    }
    messages = (
        {"role": "system", "content": _PROMPTS["system"]},
        {"role": "user", "content": _PROMPTS["user"].format_map(fields).strip()},
    )
    sampling = Sampling(max_tokens=256 + 128 * len(open_))
    return Ask(
        messages, sampling, schema([index + 1 for index in open_]), purpose=f"verdict {version}", attempt=attempt
    )


def read(reply: Reply, triggers: Sequence[str], answer: str, wanted: Sequence[int]) -> Reading:
    """Reads the verdicts on the triggers at the positions ``wanted``; other positions in the reply are ignored."""
    try:
        entries = parse(reply)
    except _Unusable as error:
        return Reading({}, dict.fromkeys(wanted, str(error)))
    verdicts: dict[int, Verdict] = {}
    problems: dict[int, str] = {}
    for position in wanted:
        found = [entry for entry in entries if _is(entry, position)]
        try:
            verdicts[position] = _verdict(position, triggers[position], found, answer)
        except _Unusable as error:
            problems[position] = str(error)
    return Reading(verdicts, problems)


def _is(entry: Mapping[str, Any], position: int) -> bool:
    index = entry.get("index")
    return isinstance(index, int) and not isinstance(index, bool) and index == position + 1


def _verdict(position: int, trigger: str, found: list[dict[str, Any]], answer: str) -> Verdict:
    if len(found) != 1:
        raise _Unusable("it has no entry" if not found else "it has more than one entry")
    present, quote = found[0].get("present"), found[0].get("quote")
    if not isinstance(present, bool) or not isinstance(quote, str | None):
        raise _Unusable("its entry has fields of a wrong type")
    if not present:
        return Verdict(index=position, trigger=trigger, present=False)
    if not quote or not quote.strip():
        raise _Unusable("it is said to be present without a quote")
    span = find_quote(quote, answer)
    if span is None:
        raise _Unusable("its quote does not occur in the text")
    return Verdict(index=position, trigger=trigger, present=True, quote=span)


def parse(reply: Reply) -> list[dict[str, Any]]:
    """The entries of a reply: JSON and nothing else, but for reasoning before it and one code fence around it.

    Raises:
        _Unusable: it is no such JSON.
    """
    if len(reply.text) > MAX_REPLY:
        raise _Unusable("the reply is too long")
    text = final_answer(reply.text)
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    if not text.strip():
        raise _Unusable("the reply is empty")
    try:
        data = json.loads(text, strict=False, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        cut = " and was cut off" if reply.finish == "length" else ""
        raise _Unusable(f"the reply is not the JSON asked for{cut}") from None
    entries = data.get("verdicts") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise _Unusable("the reply is not the JSON asked for")
    return [entry for entry in entries if isinstance(entry, dict)]


def _no_number(name: str) -> float:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: which of two counts would be a guess."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)
