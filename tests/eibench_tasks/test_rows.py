"""From a model's output to the row that is logged and aggregated."""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from eibench_tasks.harness import rows
from eibench_tasks.home import task_configs
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict

DOC = {
    "id": "basic-angry-0001",
    "image_id": "CAER-S/train/Angry/0001.png",
    "emotion": "angry",
    "question": "Why?",
    "triggers": ["spilled coffee", "late hour"],
    "triggers_text": "1. spilled coffee\n2. late hour",
    "split": "basic",
    "floor_answer": "a lost ball",
}


class WordJudge:
    """Names a trigger if the answer holds it verbatim. A small real judge: enough to see what rows do with one."""

    name, protocol, version, comparable, measures_floor = "word", "verdict", "1", False, False

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing to prepare."""

    def judge(self, reference: Reference, answer: str) -> Judgement:
        if "unjudgeable" in answer:
            return Judgement(unscored="asked for it")
        return Judgement(
            verdicts=[
                Verdict(index=i, trigger=text, present=text in answer, quote=text if text in answer else None)
                for i, text in enumerate(reference.triggers)
            ]
        )


def metrics(output: str) -> dict[str, object]:
    return rows.answer_rows(DOC, output, WordJudge())


def test_a_row_tells_who_was_judged_how_and_by_whom() -> None:
    row = metrics("the spilled coffee")["recall_overall"]
    assert isinstance(row, dict)
    assert row["sample_id"] == "basic-angry-0001"
    assert row["score"] == 50
    assert [verdict["present"] for verdict in row["verdicts"]] == [True, False]
    assert row["verdicts"][0]["quote"] == "spilled coffee"
    assert row["judge"] == {"name": "word", "protocol": "verdict", "version": "1"}
    assert row["unscored"] is None


def test_only_the_samples_own_emotion_counts_it() -> None:
    found = metrics("late hour")
    assert found["recall_angry"] == {"image_id": DOC["image_id"], "score": 50}
    assert found["recall_happy"] is found["recall_sadness"] is found["recall_excitement"] is None


def test_a_sample_of_an_exported_split_says_how_recall_of_its_emotion_is_called() -> None:
    found = rows.answer_rows({**DOC, "emotion": "fear", "recall_metric": "recall_2_fear"}, "late hour", WordJudge())
    assert found["recall_2_fear"] == {"image_id": DOC["image_id"], "score": 50}
    assert {name for name in found if name.startswith("recall_")} == {"recall_overall", "recall_2_fear"}


def test_a_failed_request_is_unscored_and_says_why() -> None:
    found = metrics("[LMMS_EVAL_REQUEST_FAILED after 5 retries] 500 spilled coffee")
    row = found["recall_overall"]
    assert isinstance(row, dict) and "score" not in row
    assert "request to the model failed" in row["unscored"]
    assert found["answer_words"] is None and found["empty_share"] is None


def test_an_unscored_judgement_has_no_score() -> None:
    row = metrics("unjudgeable")["recall_overall"]
    assert isinstance(row, dict) and "score" not in row and row["unscored"] == "asked for it"


def test_reasoning_is_not_judged() -> None:
    row = metrics("<think>spilled coffee, late hour</think>I do not know.")["recall_overall"]
    assert isinstance(row, dict) and row["score"] == 0 and row["answer"] == "I do not know."


def test_an_empty_answer_scores_zero_and_is_counted() -> None:
    found = metrics("  ")
    assert isinstance(found["recall_overall"], dict) and found["recall_overall"]["score"] == 0
    assert found["empty_share"] == 100


def test_aggregations_skip_rows_of_other_emotions() -> None:
    assert rows.recall_percent([None, {"image_id": "a", "score": 50.0}, None]) == 50
    assert math.isnan(rows.recall_percent([None, None]))
    assert rows.mean([None, 2.0, 4.0]) == 3


def _metric_names(folder: Path, without: str = "") -> set[str]:
    class Loader(yaml.SafeLoader):
        """Reads `!function` as text."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    names = set()
    for file in {*folder.glob("*.yaml"), *folder.glob("_*")} - {folder / without}:
        config = yaml.load(file.read_text(encoding="utf-8"), Loader)
        names |= {entry["metric"] for entry in config.get("metric_list", [])}
    return names


@pytest.mark.parametrize("harness", ["lmms_eval", "lm_eval"])
def test_no_metric_name_is_part_of_another(harness: str) -> None:
    """lmms-eval's groups match metric names by substring."""
    for one, other in combinations(sorted(_metric_names(task_configs(harness))), 2):
        assert one not in other and other not in one


def test_both_harnesses_report_the_same_metrics() -> None:
    """But for what only drawn scenes can tell, which text alone cannot show."""
    ours = _metric_names(task_configs("lmms_eval"), without="eibench_scenes.yaml") - {"described"}
    assert ours == _metric_names(task_configs("lm_eval"))
