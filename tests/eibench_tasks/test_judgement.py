"""Verdicts and judgements: a failure is never a score."""

import pytest
from pydantic import ValidationError

from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judgement, Verdict
from eibench_tasks.judging.registry import check_judge, judge_name, load_judge


def verdict(index: int, present: bool) -> Verdict:
    return Verdict(index=index, trigger=f"trigger {index}", present=present)


def test_recall_is_named_over_all_reference_triggers() -> None:
    assert Judgement(verdicts=[verdict(0, True), verdict(1, False), verdict(2, True)]).recall == pytest.approx(2 / 3)


def test_an_unscored_sample_has_no_recall() -> None:
    assert Judgement(unscored="the judge did not answer").recall is None


def test_an_empty_answer_names_nothing_and_is_scored() -> None:
    assert Judgement.none_named(["a", "b"]).recall == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"verdicts": [verdict(0, True)], "unscored": "both"},
        {"verdicts": [verdict(1, True)]},
        {"verdicts": [verdict(0, True), verdict(0, True)]},
        {"verdicts": [verdict(0, True), verdict(2, True)]},
    ],
)
def test_verdicts_must_follow_the_reference_list(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Judgement.model_validate(wrong)


def test_the_offline_judge_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_name() == "offline"
    monkeypatch.setenv("EIBENCH_JUDGE", " ")
    assert judge_name() == "offline"


def test_an_unknown_judge_is_refused_with_the_known_ones() -> None:
    with pytest.raises(JudgeError, match=r"unknown judge 'oracle'.*EIBENCH_JUDGE.*offline"):
        check_judge("oracle:7b")


def test_the_offline_judge_takes_no_argument() -> None:
    with pytest.raises(JudgeError, match="takes no argument"):
        load_judge("offline:large")
