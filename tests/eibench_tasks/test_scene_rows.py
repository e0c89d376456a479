"""From an answer about a drawn scene to its metrics: what it names, what it invents, what it falls for."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from eibench_tasks.data.schema import Sample
from eibench_tasks.harness import rows
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.metrics.causal import causal_sensitivity
from eibench_tasks.scenes.catalogue import causes
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.fixed import docs_of

SEED, COUNT = "seven", 7
FAILED = "[LMMS_EVAL_REQUEST_FAILED after 5 retries] 500"
OF_SCENES = {"causal_sensitivity", "causal_low", "causal_high", "precision", "distraction"}
Doc = dict[str, Any]


class WordJudge:
    """Names a trigger if the answer holds it verbatim; costs something, and remembers what it was asked."""

    name, protocol, version, comparable, measures_floor = "word", "verdict", "1", False, False

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing to prepare."""

    def judge(self, reference: Reference, answer: str) -> Judgement:
        self.asked.append(list(reference.triggers))
        return Judgement(
            verdicts=[
                Verdict(index=i, trigger=text, present=text in answer, quote=text if text in answer else None)
                for i, text in enumerate(reference.triggers)
            ]
        )


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> list[Doc]:
    return docs_of(write_scenes(tmp_path_factory.mktemp("scenes") / "seven", SEED, COUNT))


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge.load()


@pytest.fixture(scope="module")
def doc(docs: list[Doc]) -> Doc:
    """A scene with four causes and two things that cause nothing."""
    (found,) = (doc for doc in docs if doc["emotion"] == "angry" and not doc["removed"])
    assert len(found["triggers"]) == 4 and found["distractors"] == ["a bird in flight", "a white cloud"]
    return found


@pytest.fixture(scope="module")
def twin(docs: list[Doc], doc: Doc) -> Doc:
    """The twin of `doc`."""
    (found,) = (other for other in docs if other["removed"] and other["pair"] == doc["id"])
    return found


Score = Callable[[Doc, str], dict[str, Any]]


@pytest.fixture(scope="module")
def score(judge: OfflineJudge) -> Score:
    return lambda doc, answer: rows.answer_rows(doc, answer, judge)


def naming(*things: str) -> str:
    return "\n".join(things)


# What is known of a scene


def test_every_sample_can_be_asked_like_one_of_eibench(docs: list[Doc]) -> None:
    assert len(docs) == 6 + 2 + 7
    for doc in docs:
        Sample.model_validate({name: doc[name] for name in Sample.model_fields})
        assert doc["question"] in doc["prompt_user"] and doc["prompt_cot"].startswith(doc["prompt_user"])
        assert doc["triggers_text"].split("\n")[0] == f"1. {doc['triggers'][0]}"
        assert doc["recall_metric"] == f"recall_{doc['emotion']}"


def test_a_scene_and_its_twin_are_one_pair_and_one_cluster(docs: list[Doc]) -> None:
    by_id = {doc["id"]: doc for doc in docs}
    twins = [doc for doc in docs if doc["removed"]]
    assert len(twins) == COUNT
    for twin in twins:
        scene = by_id[twin["pair"]]
        assert scene["pair"] == scene["id"] == twin["pair"] and not scene["removed"]
        assert twin["image_id"] == scene["image_id"] and twin["image"] != scene["image"]


def test_of_two_people_only_one_has_a_twin(docs: list[Doc]) -> None:
    pairs = [doc["pair"] for doc in docs if doc["split"] == "complex" and not doc["removed"]]
    assert sorted(bool(pair) for pair in pairs) == [False, True]


def test_absent_is_every_cause_that_the_image_does_not_show(docs: list[Doc]) -> None:
    everything = {cause.trigger for cause in causes().values()}
    for doc in docs:
        if doc["split"] == "basic":
            assert set(doc["wrong"]) == everything - set(doc["triggers"])
            assert len(doc["wrong"]) == len(everything) - len(doc["triggers"])


def test_what_was_removed_is_absent_from_the_twin_and_from_nothing_else(docs: list[Doc]) -> None:
    by_id = {doc["id"]: doc for doc in docs}
    for twin in (doc for doc in docs if doc["removed"]):
        assert twin["removed"] in twin["wrong"] and twin["removed"] not in twin["triggers"]
        assert twin["removed"] in by_id[twin["pair"]]["triggers"]


def test_every_cause_of_the_catalogue_is_right_or_wrong(docs: list[Doc]) -> None:
    """That of the other person too: it explains another feeling."""
    for doc in docs:
        assert sorted([*doc["triggers"], *doc["wrong"]]) == sorted(cause.trigger for cause in causes().values())
    one, other = (doc for doc in docs if doc["split"] == "complex" and not doc["removed"])
    assert set(other["triggers"]) <= set(one["wrong"]) and set(one["triggers"]) <= set(other["wrong"])


def test_the_floor_answer_names_nothing_that_the_image_shows(docs: list[Doc]) -> None:
    """With eight causes to an emotion, another sample of it, drawn freely, would be right by a third."""
    shown: dict[str, set[str]] = {}
    for doc in docs:
        shown.setdefault(doc["image"], set()).update(doc["triggers"])
    for doc in docs:
        assert doc["floor_answer"] and shown[doc["image"]].isdisjoint(doc["floor_answer"].split("\n"))


# Recall, precision, distraction, by the offline judge


def test_an_answer_that_lists_the_causes_is_right_throughout(docs: list[Doc], score: Score) -> None:
    for doc in docs:
        found = score(doc, naming(*doc["triggers"]))
        assert found["recall_overall"]["score"] == 100
        assert found["precision"] == 100
        assert found["distraction"] == (0 if doc["distractors"] else None)


def test_half_of_the_causes_are_half_the_recall_and_all_the_precision(doc: Doc, score: Score) -> None:
    found = score(doc, naming(*doc["triggers"][:2]))
    assert found["recall_overall"]["score"] == found["recall_angry"]["score"] == 50
    assert found["precision"] == 100


def test_a_cause_that_is_not_there_costs_precision_and_no_recall(doc: Doc, score: Score) -> None:
    # 4 of 5 named causes are in the image; then 4 of 6
    assert {"Diamond ring that promises a wedding", "Newborn baby in the cradle"} <= set(doc["wrong"])
    one = score(doc, naming(*doc["triggers"], "Diamond ring that promises a wedding"))
    assert (one["recall_overall"]["score"], one["precision"]) == (100, 80)
    two = score(doc, naming(*doc["triggers"], "Diamond ring that promises a wedding", "Newborn baby in the cradle"))
    assert (two["recall_overall"]["score"], two["precision"]) == (100, pytest.approx(100 * 4 / 6))


def test_only_causes_that_are_not_there_are_no_precision_at_all(doc: Doc, score: Score) -> None:
    found = score(doc, "Newborn baby in the cradle")
    assert (found["recall_overall"]["score"], found["precision"]) == (0, 0)


def test_a_thing_that_causes_nothing_distracts_and_costs_no_precision(doc: Doc, score: Score) -> None:
    # one of two such things is named
    found = score(doc, naming(*doc["triggers"], "There is a white cloud."))
    assert (found["precision"], found["distraction"]) == (100, 50)
    found = score(doc, naming(*doc["triggers"], "There is a white cloud.", "There is a bird in flight."))
    assert (found["precision"], found["distraction"]) == (100, 100)


def test_the_causes_of_the_other_person_are_wrong(docs: list[Doc], score: Score) -> None:
    one, other = (doc for doc in docs if doc["split"] == "complex" and not doc["removed"])
    found = score(one, naming(*other["triggers"]))
    assert (found["recall_overall"]["score"], found["precision"]) == (0, 0)
    found = score(one, naming(*one["triggers"], *other["triggers"]))
    both = len(one["triggers"]) + len(other["triggers"])
    assert found["recall_overall"]["score"] == 100
    assert found["precision"] == pytest.approx(100 * len(one["triggers"]) / both)


def test_an_empty_answer_names_nothing_and_falls_for_nothing(doc: Doc, score: Score) -> None:
    found = score(doc, "")
    assert found["recall_overall"]["score"] == 0
    assert (found["precision"], found["distraction"]) == (None, 0)
    assert found["causal_sensitivity"] == {"pair": doc["id"], "named": []}


def test_reasoning_invents_nothing(doc: Doc, score: Score) -> None:
    answer = naming("<think>Newborn baby in the cradle. A white cloud.</think>", *doc["triggers"])
    found = score(doc, answer)
    assert (found["precision"], found["distraction"]) == (100, 0)


def test_scenes_have_no_weights_by_which_recall_could_be_specific(doc: Doc, score: Score) -> None:
    assert "specific_recall" not in score(doc, naming(*doc["triggers"]))


# A scene and its twin


def test_the_row_of_a_scene_says_which_of_its_causes_are_named(doc: Doc, score: Score) -> None:
    found = score(doc, naming(*doc["triggers"][:2]))
    assert found["causal_sensitivity"] == {"pair": doc["id"], "named": doc["triggers"][:2]}


def test_the_row_of_a_twin_says_also_whether_what_is_gone_is_named_still(doc: Doc, twin: Doc, score: Score) -> None:
    row = {"pair": doc["id"], "named": twin["triggers"], "removed": twin["removed"]}
    right = score(twin, naming(*twin["triggers"]))
    assert right["causal_sensitivity"] == row | {"still": False}
    wrong = score(twin, naming(*twin["triggers"], twin["removed"]))
    assert wrong["causal_sensitivity"] == row | {"still": True}
    # it is one of the causes that are not there
    assert wrong["precision"] == pytest.approx(100 * len(twin["triggers"]) / (len(twin["triggers"]) + 1))


def test_answers_that_see_are_sensitive_and_answers_that_guess_are_not(docs: list[Doc], score: Score) -> None:
    seeing = [score(doc, naming(*doc["triggers"])).get("causal_sensitivity") for doc in docs]
    assert causal_sensitivity(seeing) == 100
    # the same answer to both images of a pair
    told = {doc["id"]: naming(*doc["triggers"]) for doc in docs}
    guessing = [score(doc, told[doc["pair"] or doc["id"]]).get("causal_sensitivity") for doc in docs]
    assert causal_sensitivity(guessing) == 0
    assert sum(row is not None for row in guessing) == 2 * COUNT


def test_a_person_without_a_twin_is_in_no_pair(docs: list[Doc], score: Score) -> None:
    (alone,) = (doc for doc in docs if not doc["pair"])
    found = score(alone, naming(*alone["triggers"]))
    assert "causal_sensitivity" not in found and found["precision"] == 100


# What is not scored


def test_a_failed_request_has_none_of_these_metrics(doc: Doc, twin: Doc, score: Score) -> None:
    for one in (doc, twin):
        found = score(one, FAILED)
        assert not OF_SCENES & set(found)
        assert "score" not in found["recall_overall"]


def test_an_answer_that_cannot_be_judged_has_none_of_these_metrics(doc: Doc, twin: Doc, score: Score) -> None:
    for one in (doc, twin):
        found = score(one, "Она плачет, потому что письмо порвано и никто её не утешает." * 2)
        assert not OF_SCENES & set(found)
        assert "not English" in found["recall_overall"]["unscored"]


def test_if_only_what_is_absent_could_not_be_judged_recall_remains(twin: Doc) -> None:
    judge, answer = WordJudge(), naming(*twin["triggers"])
    judged = judge.judge(Reference.of(twin), answer)
    found = rows.measured(twin, answer, judge, judged, wrong=Judgement(unscored="no reply"))
    assert found["recall_overall"]["score"] == 100 and not OF_SCENES & set(found)


def test_a_pair_with_a_failed_request_does_not_count(doc: Doc, twin: Doc, score: Score) -> None:
    seen = [score(doc, naming(*doc["triggers"])), score(twin, FAILED)]
    assert math.isnan(causal_sensitivity(row.get("causal_sensitivity") for row in seen))


def test_photographs_have_none_of_these_metrics(doc: Doc, score: Score) -> None:
    photograph = {name: doc[name] for name in Sample.model_fields}
    assert not OF_SCENES & set(score(photograph, naming(*doc["triggers"])))


# A judge that costs something


def test_a_judge_that_costs_is_asked_about_the_scene_once(doc: Doc) -> None:
    judge = WordJudge()
    found = rows.answer_rows(doc, naming(*doc["triggers"]), judge)
    assert judge.asked == [doc["triggers"]]
    assert found["causal_sensitivity"] == {"pair": doc["id"], "named": doc["triggers"]}
    assert not {"precision", "distraction"} & set(found)


def test_of_a_twin_it_is_asked_only_about_the_cause_that_is_gone_beside(doc: Doc, twin: Doc) -> None:
    judge = WordJudge()
    found = rows.answer_rows(twin, naming(*twin["triggers"], twin["removed"]), judge)
    assert judge.asked == [twin["triggers"], [twin["removed"]]]
    assert found["causal_sensitivity"] == {
        "pair": doc["id"],
        "named": twin["triggers"],
        "removed": twin["removed"],
        "still": True,
    }
    assert not {"precision", "distraction"} & set(found)


@pytest.mark.parametrize("answer", ["", "  \n", FAILED, "<think>a white cloud</think>"])
def test_it_is_not_asked_where_there_is_no_answer(doc: Doc, twin: Doc, answer: str) -> None:
    judge = WordJudge()
    for one in (doc, twin):
        rows.answer_rows(one, answer, judge)
    assert judge.asked == []


def test_it_finds_the_same_pairs_sensitive(docs: list[Doc]) -> None:
    judge = WordJudge()
    found = [rows.answer_rows(doc, naming(*doc["triggers"]), judge).get("causal_sensitivity") for doc in docs]
    assert causal_sensitivity(found) == 100
