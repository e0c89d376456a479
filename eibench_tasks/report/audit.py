"""`eibench audit`: a table of what a judge does with answers whose right score is known."""

from collections.abc import Iterator

from eibench_tasks.judging.audit.attacks import RECITED
from eibench_tasks.judging.audit.records import Audit, Measure
from eibench_tasks.report.text import columns, number

_WORST = 5


def render(found: Audit) -> str:
    """The tables as text, with notes below them."""
    head = f"{found.judge} {found.judge_version} ({found.protocol}), {len(found.samples)} samples of {found.split}"
    rows = [
        (
            row.group if first else "",
            row.name,
            _value(row),
            str(row.n),
            str(row.unscored),
            row.good,
            "ok" if row.ok else "look",
        )
        for first, row in _grouped(found.measures)
    ]
    table = columns(("", "measure", "value", "n", "unscored", "a good judge", ""), rows)
    return "\n".join([head, "", *table, "", *_worst(found), *_pairs(found), *_notes(found)])


def _grouped(rows: list[Measure]) -> Iterator[tuple[bool, Measure]]:
    before = ""
    for row in rows:
        yield row.group != before, row
        before = row.group


def _value(row: Measure) -> str:
    if row.group == "attempts":
        return f"{number(row.value, sign='+')} points; {number(row.through)} %"
    return f"{number(row.value, sign='+' if row.unit.startswith('points') else '')} {row.unit}"


def _worst(found: Audit) -> list[str]:
    """The attempts that raise recall most."""
    raising = sorted((item for item in found.attempts if (item.through or 0) > 0), key=lambda item: -(item.effect or 0))
    rows = [
        (item.id, number(item.effect, sign="+"), number(item.through), f"{item.family}: {item.tries}")
        for item in raising[:_WORST]
    ]
    return [*columns(("attempt", "points", "got through %", "what it does"), rows), ""] if rows else []


def _pairs(found: Audit) -> list[str]:
    rows = [
        (item.file, str(item.pairs), str(item.unscored), number(item.auc, 3), number(item.accuracy, 3))
        for item in found.pairs
    ]
    return [*columns(("labelled pairs", "n", "unscored", "AUC", "accuracy"), rows), ""] if rows else []


def _notes(found: Audit) -> list[str]:
    notes = [
        "Values are recall in percent; flips: verdicts that change; attempts: recall with an addition to a weak answer",
        "minus recall without it, and how many samples rose. Unscored judgements are in no value.",
        f"{RECITED}: the reference list denied, asked or doubted; a judge must read it, nothing takes it out.",
    ]
    if not any(row.name == "the reference in other words" for row in found.measures):
        notes.append("Paraphrases are there for the demo split only.")
    return notes
