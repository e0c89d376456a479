"""Measures a judge on labelled (trigger, answer) pairs."""

import json
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judgement import Judge, Reference


@dataclass(frozen=True)
class LabelledAnswer:
    """An answer with triggers, and for each whether a careful reader finds it named."""

    answer: str
    triggers: list[str]
    present: list[bool]


@dataclass(frozen=True)
class Quality:
    """How a judge does on pairs.

    Attributes:
        pairs, unscored: how many there are, and how many of them the judge left unscored.
        accuracy: share of right verdicts among the scored, 0 to 1.
        auc: chance that a named trigger gets a higher probability than one that is not, 0 to 1.
        recall_error: mean over answers of (judged recall - labelled recall), in points.
    """

    pairs: int
    unscored: int
    accuracy: float
    auc: float
    recall_error: float

    def __str__(self) -> str:
        return (
            f"{self.pairs} pairs, {self.unscored} unscored, AUC {self.auc:.3f}, accuracy {self.accuracy:.3f},"
            f" recall off by {self.recall_error:+.1f} points"
        )


def read_pairs(file: Path) -> list[LabelledAnswer]:
    """Reads lines ``{"answer": TEXT, "triggers": [{"text": TEXT, "present": true}, …]}``.

    Raises:
        EIBenchError: a line holds something else.
    """
    mend = 'Write {"answer": TEXT, "triggers": [{"text": TEXT, "present": true}]} on each line'
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EIBenchError(f"cannot read {file} ({type(error).__name__})", mend) from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            answer = str(entry["answer"])
            triggers = [(item["text"], item["present"]) for item in entry["triggers"]]
            if not triggers or not all(isinstance(text, str) and isinstance(label, bool) for text, label in triggers):
                raise ValueError(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise EIBenchError(f"{file} line {number} holds no labelled pairs", mend) from None
        texts, labels = zip(*triggers, strict=True)
        found.append(LabelledAnswer(answer, list(texts), list(labels)))
    return found


def measure(judge: Judge, answers: list[LabelledAnswer]) -> Quality:
    """Judges all answers and compares with the labels."""
    judge.prefetch([item.answer for item in answers], [text for item in answers for text in item.triggers])
    named: list[float] = []
    other: list[float] = []
    right = unscored = 0
    errors = []
    for item in answers:
        judgement = judge.judge(Reference(item.triggers), item.answer)
        if judgement.recall is None:
            unscored += len(item.triggers)
            continue
        errors.append(100 * (judgement.recall - sum(item.present) / len(item.present)))
        for verdict, present in zip(judgement.verdicts, item.present, strict=True):
            sure = verdict.probability if verdict.probability is not None else float(verdict.present)
            (named if present else other).append(sure)
            right += verdict.present == present
    scored = len(named) + len(other)
    return Quality(
        pairs=scored + unscored,
        unscored=unscored,
        accuracy=right / scored if scored else float("nan"),
        auc=auc(named, other),
        recall_error=sum(errors) / len(errors) if errors else float("nan"),
    )


def auc(positive: list[float], negative: list[float]) -> float:
    """Chance that a positive's score is above a negative's; ties count half. NaN if either is empty.

    The Mann-Whitney statistic over the number of pairs: auc([3, 1], [2]) is 1/2.
    """
    if not positive or not negative:
        return float("nan")
    from scipy.stats import rankdata

    ranks = rankdata([*positive, *negative])[: len(positive)]
    return float((ranks.sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative)))
