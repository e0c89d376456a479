"""From one model output to the row of metrics that a harness logs and aggregates; shared by both harnesses."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from eibench_tasks.data import annotations
from eibench_tasks.data.schema import BASIC_EMOTIONS
from eibench_tasks.engines.answer import failed_request, final_answer
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judgement import Judge, Judgement, Reference
from eibench_tasks.metrics import causal, coherence, recall
from eibench_tasks.metrics.specific import load_weights
from eibench_tasks.settings.turns import Turn

Doc = Mapping[str, Any]
"""A sample as a harness hands it over: the fields of `data.schema.Sample`, or those of an exported split."""


def answer_rows(doc: Doc, output: str, judge: Judge, turns: Sequence[Turn] | None = None) -> dict[str, Any]:
    """Judges one output and returns a value for each metric. Does not raise.

    Args:
        doc: the sample.
        output: what the model wrote last, reasoning included.
        judge: who decides.
        turns: all turns, where the setting has several; they go into the log.
    """
    answer, known = final_answer(output), without_judge(doc, output)
    judgement = known or judge.judge(Reference.of(doc), answer)
    chance = known or judge.judge(chance_reference(doc), answer) if judge.measures_floor else None
    others = wrong_reference(doc, judge)
    wrong = (without_judge(doc, output, others) or judge.judge(others, answer)) if others else None
    return measured(doc, output, judge, judgement, chance, wrong, turns)


def without_judge(doc: Doc, output: str, reference: Reference | None = None) -> Judgement | None:
    """The judgement of a failed request and of an empty answer, for which no judge is asked; None of any other.

    Args:
        doc: the sample.
        output: what the model wrote last.
        reference: against what it is judged; None for the sample's own triggers.
    """
    if reason := failed_request(output):
        return Judgement(unscored=reason)
    triggers = reference.triggers if reference else doc["triggers"]
    return None if final_answer(output) else Judgement.none_named(triggers)


def chance_reference(doc: Doc) -> Reference:
    """The triggers of another image of the same emotion: what the answer names of them, it names by chance."""
    return Reference(doc["floor_answer"].split("\n"), doc["question"])


def wrong_reference(doc: Doc, judge: Judge) -> Reference | None:
    """What an answer about a scene must not name: all causes that are not the sample's, and what causes nothing.

    A judge that costs something is asked only whether the answer about a twin names the cause that is gone. None where
    there is nothing to ask; of photographs nobody knows all that would be wrong.
    """
    if judge.protocol != "verdict":
        return None
    removed = [doc["removed"]] if doc.get("removed") else []
    listed = [*doc["wrong"], *doc["distractors"]] if judge.measures_floor and "wrong" in doc else removed
    return Reference(listed, doc["question"]) if listed else None


def measured(
    doc: Doc,
    output: str,
    judge: Judge,
    judgement: Judgement,
    chance: Judgement | None = None,
    wrong: Judgement | None = None,
    turns: Sequence[Turn] | None = None,
) -> dict[str, Any]:
    """A value for each metric from what a judge said.

    Args:
        doc, output, judge, turns: as of `answer_rows`.
        judgement: of the answer.
        chance: of the answer against `chance_reference`, where it was judged.
        wrong: of the answer against `wrong_reference`, where it was judged.
    """
    row: dict[str, Any] = {"image_id": doc["image_id"]}
    if (share := judgement.recall) is not None:
        row["score"] = 100 * share
    metrics: dict[str, Any] = {"recall_overall": row | _for_the_log(doc, output, judge, judgement, turns)}
    metrics |= _by_emotion(doc, row)
    metrics |= dict.fromkeys(("ci95_low", "ci95_high", "bound_low", "bound_high", "coverage"), row)
    if chance and chance.recall is not None:
        by_chance = {"image_id": doc["image_id"], "score": 100 * chance.recall}
        metrics |= dict.fromkeys(("chance_recall", "chance_low", "chance_high"), by_chance)
    if "pair" in doc:
        metrics |= _of_scene(doc, judgement, wrong)
    elif judgement.verdicts:
        metrics["specific_recall"] = _specific(doc, judgement)
    return metrics | _about_the_answer(doc, output, judge)


def _by_emotion(doc: Doc, row: dict[str, Any]) -> dict[str, Any]:
    """The row under its emotion. A sample of an exported split says how the recall of its emotion is called."""
    if own := doc.get("recall_metric"):
        return {own: row}
    return {f"recall_{name}": row if doc["emotion"] == name else None for name in BASIC_EMOTIONS}


def _for_the_log(
    doc: Doc, output: str, judge: Judge, judgement: Judgement, turns: Sequence[Turn] | None
) -> dict[str, Any]:
    log: dict[str, Any] = {
        "sample_id": doc["id"],
        "emotion": doc["emotion"],
        "answer": final_answer(output),
        "verdicts": [verdict.model_dump() for verdict in judgement.verdicts],
        "unscored": judgement.unscored,
        "judge": {"name": judge.name, "protocol": judge.protocol, "version": judge.version},
    }
    if judgement.paper:
        log["paper"] = judgement.paper.model_dump()
    return log | ({"turns": list(turns)} if turns else {})


def _of_scene(doc: Doc, judgement: Judgement, wrong: Judgement | None) -> dict[str, Any]:
    """What can be measured only where everything is known that an image shows and does not show."""
    verdicts = wrong.verdicts if wrong else []
    if not judgement.verdicts or (doc["removed"] and not verdicts):
        return {}
    row: dict[str, Any] = {"pair": doc["pair"], "named": [one.trigger for one in judgement.verdicts if one.present]}
    if doc["removed"]:
        still = any(one.present for one in verdicts if one.trigger == doc["removed"])
        row |= {"removed": doc["removed"], "still": still}
    metrics: dict[str, Any] = {}
    if doc["pair"]:
        metrics |= dict.fromkeys(("causal_sensitivity", "causal_low", "causal_high"), row)
    if len(verdicts) == len(doc["wrong"]) + len(doc["distractors"]):
        causes, others = verdicts[: len(doc["wrong"])], verdicts[len(doc["wrong"]) :]
        metrics["precision"] = causal.precision(len(row["named"]), sum(one.present for one in causes))
        metrics["distraction"] = causal.distraction([one.present for one in others])
    return metrics


def _specific(doc: Doc, judgement: Judgement) -> float | None:
    """Recall weighted by how specific each trigger is; None where the data have no weights for the sample."""
    with suppress(EIBenchError):
        if weights := load_weights(annotations.SHA256):
            return 100 * weights.recall(doc["id"], [verdict.present for verdict in judgement.verdicts])
    return None


def _about_the_answer(doc: Doc, output: str, judge: Judge) -> dict[str, float | None]:
    answer, failed = final_answer(output), failed_request(output) is not None
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
    """Aggregation of every ``recall_…`` metric and of chance recall; rows of other emotions are None."""
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


def chance_low(rows: Sequence[Doc]) -> float:
    """Lower end of the 95 % interval of chance recall, clustered by image."""
    return ci95_low(rows)


def chance_high(rows: Sequence[Doc]) -> float:
    """Upper end of the 95 % interval of chance recall, clustered by image."""
    return ci95_high(rows)


def coverage(rows: Sequence[Doc]) -> float:
    """Share of samples that are scored, in percent."""
    return recall.coverage(rows)


def mean(values: Sequence[float | None]) -> float:
    """Mean of a metric that not every sample has."""
    return recall.mean(values)
