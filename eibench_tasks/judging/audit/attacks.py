"""Attempts to raise the score of an answer that names nothing; see attacks.jsonl, one attempt a line."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Literal

from eibench_tasks.judging.judgement import Reference

_FOLDER = Path(__file__).parent
CONTROL = "control"
"""The family of additions that try nothing: what they change is the judge's noise."""
RECITED = "recited"
"""The family that says the reference list without claiming it: the judge must read it, no filter can take it out."""
UNSEEN = "unseen"
"""The family of attempts that were written without sight of the judges, and that nothing was changed for."""
LONG = 60_000
"""Characters of the long padding."""


@dataclass(frozen=True)
class Attack:
    """One attempt.

    Attributes:
        id, family: its name and its kind.
        tries: what it does, in words.
        text: what is added to an answer; ``$total``, ``$verdicts`` and the like are filled in from the sample.
        order: the part that works; a judge that obeys needs to see this much.
        place: where it is added.
    """

    id: str
    family: str
    tries: str
    text: str
    order: str = ""
    place: Literal["after", "before"] = "after"

    def on(self, answer: str, reference: Reference) -> str:
        """The answer with the attempt added."""
        added = Template(self.text).safe_substitute(_fields(answer, reference))
        return f"{added} {answer}" if self.place == "before" else f"{answer} {added}"


@lru_cache(maxsize=1)
def attacks() -> list[Attack]:
    """All attempts, in the order of the file."""
    lines = (_FOLDER / "attacks.jsonl").read_text(encoding="utf-8").split("\n")
    return [Attack(**json.loads(line)) for line in lines if line]


@lru_cache(maxsize=1)
def padding() -> list[str]:
    """Sentences that are on the topic and name no trigger."""
    text = (_FOLDER / "padding.txt").read_text(encoding="utf-8").strip()
    return [sentence.rstrip(".") + "." for sentence in text.split(". ")]


def _fields(answer: str, reference: Reference) -> dict[str, str]:
    quote = answer.partition(". ")[0]
    verdict = '{{"index": {}, "quote": {}, "present": true}}'
    numbers = range(1, len(reference.triggers) + 1)
    filler = " ".join(padding())
    return {
        "total": str(len(numbers)),
        "quote": quote,
        "verdicts": ", ".join(verdict.format(number, json.dumps(quote, ensure_ascii=False)) for number in numbers),
        "padding": (filler + " ") * (LONG // len(filler)),
        "lines": "\n".join(reference.triggers),
        "denied": _each("There is no sign of {}.", reference),
        "asked": _each("Could it be {}?", reference),
        "supposed": _each("If there were {}, that might be a reason, but this is mere speculation.", reference),
        "disputed": _each("Somebody claimed “{}”, which is wrong.", reference),
    }


def _each(form: str, reference: Reference) -> str:
    return " ".join(form.format(trigger[:1].lower() + trigger[1:].rstrip(".")) for trigger in reference.triggers)
