"""What a judge is asked in an audit: answers whose right score is known, and answers that try to get a better one."""

import random
from collections.abc import Callable, Mapping, Sequence

from eibench_tasks.judging.audit.attacks import attacks, padding
from eibench_tasks.judging.audit.cases import GENERIC, Case, sentences
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.many import Item


def orders_of(chosen: Sequence[Case], seed: int) -> dict[str, list[list[int]]]:
    """For each order in which the triggers are asked: the place in the reference list of each asked trigger."""
    drawn = random.Random(seed)
    plain = [list(range(len(case.reference.triggers))) for case in chosen]
    return {
        "reversed": [order[::-1] for order in plain],
        "shuffled": [drawn.sample(order, len(order)) for order in plain],
        "asked again": plain,
    }


def questions(chosen: Sequence[Case], orders: Mapping[str, list[list[int]]]) -> dict[str, list[Item]]:
    """What the judge is asked, by name; one question for each case."""

    def about(answer: Callable[[Case], str]) -> list[Item]:
        return [(case.reference, answer(case)) for case in chosen]

    asked = {
        "weak": about(lambda case: case.weak),
        "strong": about(lambda case: case.strong),
        "generic": about(lambda case: GENERIC),
        "other": about(lambda case: case.other),
        "lines": about(lambda case: "\n".join(case.reference.triggers)),
        "sentences": about(lambda case: sentences(case.reference.triggers)),
        "x2": about(lambda case: padded(case.strong, 2)),
        "x4": about(lambda case: padded(case.strong, 4)),
        "half": about(lambda case: halved(case.strong)),
    }
    if all(case.paraphrased for case in chosen):
        asked["paraphrased"] = about(lambda case: sentences(case.paraphrased or ()))
    for name in ("reversed", "shuffled"):
        asked[name] = [
            (reordered(case.reference, order), case.strong) for case, order in zip(chosen, orders[name], strict=True)
        ]
    for attack in attacks():
        asked[attack.id] = [(case.reference, attack.on(case.weak, case.reference)) for case in chosen]
    return asked


def reordered(reference: Reference, order: Sequence[int]) -> Reference:
    """The same reference with its triggers in another order, in the numbered block too."""
    triggers = [reference.triggers[place] for place in order]
    block = "\n".join(f"{number}. {text}" for number, text in enumerate(triggers, start=1))
    return Reference(triggers, reference.question, block, reference.split)


def padded(answer: str, times: int) -> str:
    """The answer, followed by sentences that name nothing, until it is at least so many times as long in words."""
    wanted = times * len(answer.split())
    found = answer.split()
    place = 0
    while len(found) < wanted:
        found += padding()[place % len(padding())].split()
        place += 1
    return " ".join(found)


def halved(answer: str) -> str:
    """The first half of the answer's words."""
    words = answer.split()
    return " ".join(words[: (len(words) + 1) // 2])
