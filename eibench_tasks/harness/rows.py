"""From one model output to the row of metrics that a harness logs and aggregates; shared by both harnesses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eibench_tasks.data.schema import BASIC_EMOTIONS
from eibench_tasks.judging.answer import failed_request, final_answer
from eibench_tasks.judging.judgement import Judge, Judgement, Reference
from eibench_tasks.metrics import coherence, recall
from eibench_tasks.settings.turns import Turn

Doc = Mapping[str, Any]
"""A sample as a harness hands it over: the fields of `data.schema.Sample`."""


def answer_rows(doc: Doc, output: str, judge: Judge, turns: Sequence[Turn] | None = None) -> dict[str, Any]:
    """Judges one output and returns a value for each metric. Does not raise.

    Args:
        doc: the sample.
        output: what the model wrote last, reasoning included.
        judge: who decides.
        turns: all turns, where the setting has several; they go into the log.
    """
    answer = final_answer(output)
    judgement = _judgement(doc, output, answer, judge)
    row: dict[str, Any] = {"image_id": doc["image_id"]}
    if (share := judgement.recall) is not None:
        row["score"] = 100 * share
    log = row | {
        "sample_id": doc["id"],
        "emotion": doc["emotion"],
        "answer": answer,
        "verdicts": [verdict.model_dump() for verdict in judgement.verdicts],
        "unscored": judgement.unscored,
        "judge": {"name": judge.name, "protocol": judge.protocol, "version": judge.version},
    }
    if turns:
        log["turns"] = list(turns)
    metrics: dict[str, Any] = {"recall_overall": log}
    metrics |= {f"recall_{name}": row if doc["emotion"] == name else None for name in BASIC_EMOTIONS}
    metrics |= dict.fromkeys(("ci95_low", "ci95_high", "bound_low", "bound_high", "coverage"), row)
    metrics |= _about_the_answer(doc, answer, judge, failed=failed_request(output) is not None)
    return metrics


def _judgement(doc: Doc, output: str, answer: str, judge: Judge) -> Judgement:
    if reason := failed_request(output):
        return Judgement(unscored=reason)
    if not answer:
        return Judgement.none_named(doc["triggers"])
    return judge.judge(Reference.of(doc), answer)


def _about_the_answer(doc: Doc, answer: str, judge: Judge, failed: bool) -> dict[str, float | None]:
    values: dict[str, float | None] = {
        "answer_words": None if failed else float(len(answer.split())),
        "empty_share": None if failed else 100.0 * (not answer),
    }
    if judge.measures_floor:
        floor = judge.judge(Reference.of(doc), doc["floor_answer"]).recall
        values["floor_recall"] = None if floor is None else 100 * floor
        values["coherence_minilm"] = None if failed else _or_none(coherence.coherence_minilm, answer)
    if coherence.bert_wanted():
        values["coherence_bert"] = None if failed else _or_none(coherence.coherence_bert, answer)
    return values


def _or_none(measure: Callable[[str], float | None], answer: str) -> float | None:
    """A measure of an answer; None where it fails, since the harness would retry and then lose the run."""
    try:
        return measure(answer)
    except Exception:
        return None


def recall_percent(rows: Sequence[Doc | None]) -> float:
    """Aggregation of every ``recall_…`` metric; rows of other emotions are None."""
    return recall.recall([row for row in rows if row is not None])


def ci95_low(rows: Sequence[Doc]) -> float:
    """Lower end of the 95 % interval of overall recall, clustered by image."""
    return recall.interval(rows).low


def ci95_high(rows: Sequence[Doc]) -> float:
    """Upper end of the 95 % interval of overall recall, clustered by image."""
    return recall.interval(rows).high


def bound_low(rows: Sequence[Doc]) -> float:
    """Overall recall if every unscored sample had missed all triggers."""
    return recall.bounds(rows).low


def bound_high(rows: Sequence[Doc]) -> float:
    """Overall recall if every unscored sample had named all triggers."""
    return recall.bounds(rows).high


def coverage(rows: Sequence[Doc]) -> float:
    """Share of samples that are scored, in percent."""
    return recall.coverage(rows)


def mean(values: Sequence[float | None]) -> float:
    """Mean of a metric that not every sample has."""
    return recall.mean(values)
