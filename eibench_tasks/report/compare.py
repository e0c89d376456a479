"""`eibench compare`: paired differences as a table."""

from eibench_tasks.metrics.compare import Comparison
from eibench_tasks.report.text import columns, number, short, span


def render(found: list[Comparison]) -> str:
    """The table as text, with notes below it."""
    head = ("task", "samples", "images", "recall A", "recall B", "B - A", "95 % interval", "p", "judge")
    rows = [
        (
            item.task,
            str(item.samples),
            str(item.images),
            number(item.recall_a),
            number(item.recall_b),
            number(item.difference, sign="+"),
            span(item.low, item.high, sign="+"),
            "< 0.001" if item.p_value is not None and item.p_value < 0.001 else number(item.p_value, 3),
            item.judge,
        )
        for item in found
    ]
    models = {"A": [item.a for item in found], "B": [item.b for item in found]}
    names = columns(("run", "model"), [(run, short(", ".join(dict.fromkeys(of)), 80)) for run, of in models.items()])
    return "\n".join([*names, "", *columns(head, rows), "", *_notes(found)])


def _notes(found: list[Comparison]) -> list[str]:
    notes = ["Recall in percent over the samples scored in both runs; the interval and p are paired, by image."]
    for item in found:
        if item.only_a or item.only_b:
            notes.append(f"{item.task}: left out, as scored in only one run: {item.only_a} of A, {item.only_b} of B.")
        if item.p_value is None:
            notes.append(f"{item.task}: one image alone gives no interval.")
    return notes
