"""`eibench agreement`: judges on the same answers and human raters, against values worked by hand."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.judged_logs import JUDGE, line, write_log

from eibench_tasks.cli import main
from eibench_tasks.errors import EIBenchError
from eibench_tasks.metrics.agreement import (
    JudgeAgreement,
    RatingAgreement,
    agreement,
    krippendorff_alpha,
    rating_agreement,
)

OTHER = JUDGE | {"name": "openai:x"}
THIRD = JUDGE | {"name": "paper:y", "protocol": "paper:chatgpt"}


def judges(*paths: Path) -> JudgeAgreement:
    found = agreement(paths)
    assert isinstance(found, JudgeAgreement)
    return found


def test_two_judges_by_hand(tmp_path: Path) -> None:
    verdicts = {"s1": ([1, 1, 0, 0], [1, 0, 0, 0]), "s2": ([1, 1], [1, 1]), "s3": ([0, 0], [0, 1])}
    for place, judge in enumerate((JUDGE, OTHER)):
        lines = [line(name, [bool(value) for value in both[place]], judge=judge) for name, both in verdicts.items()]
        write_log(tmp_path / f"m{place}", *lines)
    found = judges(tmp_path)
    assert found.judges == ["offline verdict 1-abc", "openai:x verdict 1-abc"]
    (pair,) = found.pairs
    assert (pair.samples, pair.verdicts) == (3, 8)
    # 3 both present, 3 both absent, 1 only A, 1 only B: observed 6/8; each says present in 4 of 8, so by chance
    # 1/2; kappa = (3/4 - 1/2) / (1 - 1/2) = 0.5
    assert pair.kappa == pytest.approx(0.5)
    # scores A 50, 100, 0; B 25, 100, 50: mean difference (-25 + 0 + 50) / 3
    assert pair.difference == pytest.approx(25 / 3)
    # ranks A 2, 3, 1; B 1, 3, 2: 1 - 6 * (1 + 0 + 1) / (3 * 8) = 0.5
    assert pair.spearman == pytest.approx(0.5)
    # nominal alpha: 8 units of two, 16 values of which 8 present; observed disagreement 2/8,
    # expected 2 * 8 * 8 / (16 * 15) = 8/15; 1 - (1/4) / (8/15) = 17/32
    assert found.alpha_verdicts == pytest.approx(17 / 32)
    # interval alpha: values 50, 25, 100, 100, 0, 50; observed: mean squared difference within units
    # (625 + 0 + 2500) / 3 = 1041.67; expected: over all 15 pairs of the six values, sum of squares =
    # 6 * 25625 - 325^2 = 48125, / 15 = 3208.33; 1 - 1041.67 / 3208.33
    assert found.alpha_scores == pytest.approx(1 - (3125 / 3) / (48125 / 15))
    assert found.ranks == []  # one model has no rank


def test_only_the_same_answer_to_the_same_sample_is_compared(tmp_path: Path) -> None:
    write_log(tmp_path / "a", line("s1", [True]), line("s2", [True]), line("s3"), line("s4", [True]))
    lines = [line("s1", [False]), line("s2", [True], answer="Another."), line("s3", [True]), line("s5", [True])]
    for item in lines:
        item["recall_overall"]["judge"] = OTHER
    write_log(tmp_path / "b", *lines)
    (pair,) = judges(tmp_path).pairs
    assert (pair.samples, pair.verdicts, pair.difference) == (1, 1, -100)
    assert pair.spearman is None  # of one sample


def test_a_judge_without_verdicts_agrees_on_scores_only(tmp_path: Path) -> None:
    write_log(tmp_path / "a", line("s1", [True, False]), line("s2", [True, True]))
    write_log(tmp_path / "b", line("s1", score=40.0, judge=THIRD), line("s2", score=80.0, judge=THIRD))
    found = judges(tmp_path)
    assert (found.pairs[0].samples, found.pairs[0].verdicts, found.pairs[0].kappa) == (2, 0, None)
    assert found.pairs[0].difference == -15 and found.pairs[0].spearman == pytest.approx(1)
    assert found.alpha_verdicts is None and found.alpha_scores is not None


def test_verdicts_that_are_all_the_same_have_no_kappa(tmp_path: Path) -> None:
    for name, judge in (("a", JUDGE), ("b", OTHER)):
        write_log(tmp_path / name, line("s1", [True, True], judge=judge))
    found = judges(tmp_path)
    assert found.pairs[0].kappa is None and found.alpha_verdicts is None and found.alpha_scores is None


def test_verdicts_on_reference_lists_of_different_length_are_not_compared(tmp_path: Path) -> None:
    write_log(tmp_path / "a", line("s1", [True, False]))
    write_log(tmp_path / "b", line("s1", [True, False, False], judge=OTHER))
    assert judges(tmp_path).pairs[0].verdicts == 0


def test_models_are_ranked_by_each_judge_whatever_their_folders_are_called(tmp_path: Path) -> None:
    recalls = {"x": (10.0, 20.0), "y": (50.0, 90.0), "z": (70.0, 60.0), "w": (80.0, 95.0)}
    for model, scores in recalls.items():
        for judge, score in zip((JUDGE, OTHER), scores, strict=True):
            lines = [line(f"s{i}", score=score, answer=f"{model}{i}", judge=judge) for i in range(3)]
            lines.append(line("s9", score=score, answer="", judge=judge))  # an answer that all models share
            write_log(tmp_path / judge["name"] / f"{model} by {judge['name']}", *lines)
    (ranks,) = judges(tmp_path).ranks
    assert (ranks.task, ranks.models) == ("eibench_basic_user", 4)
    # orders x y z w against x z y w: of 6 pairs of models 5 agree and 1 does not
    assert ranks.kendall == pytest.approx((5 - 1) / 6)
    # rank differences 0, 1, 1, 0: 1 - 6 * 2 / (4 * 15)
    assert ranks.spearman == pytest.approx(0.8)


def test_one_judge_agrees_with_nobody(tmp_path: Path) -> None:
    write_log(tmp_path / "a", line("s1", [True]))
    with pytest.raises(EIBenchError, match="one judge only: offline verdict 1-abc"):
        agreement([tmp_path])
    write_log(tmp_path / "b", line("s2", [True], judge=OTHER))
    with pytest.raises(EIBenchError, match="no answer was scored by two judges"):
        agreement([tmp_path])


# Krippendorff's alpha


def test_alpha_leaves_out_what_is_missing_as_in_the_literature() -> None:
    # Krippendorff, 2011, "Computing Krippendorff's Alpha-Reliability": four observers, 12 units, missing values;
    # nominal 0.743, interval 0.849
    table = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    observers = [{unit: float(mark) for unit, mark in enumerate(row) if mark != "."} for row in table]
    assert krippendorff_alpha(observers, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(observers, "interval") == pytest.approx(0.849, abs=5e-4)


def test_alpha_of_full_agreement_is_one_and_of_nothing_none() -> None:
    assert krippendorff_alpha([{"a": 1, "b": 2}, {"a": 1, "b": 2}], "interval") == 1
    assert krippendorff_alpha([{"a": 1}, {"b": 2}], "interval") is None
    assert krippendorff_alpha([{"a": 1}, {"a": 1}], "nominal") is None


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5)), min_size=2, max_size=4))
def test_alpha_is_never_above_one_and_never_not_a_number(ratings: list[dict[str, int]]) -> None:
    alpha = krippendorff_alpha(ratings, "interval")
    assert alpha is None or alpha <= 1 + 1e-12


# Human raters


def write_ratings(file: Path, *ratings: object) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({f"i{place}.jpg": value}) + "\n" for place, value in enumerate(ratings)))
    return file


def test_the_published_human_ratings(published: Path) -> None:
    found = agreement([published / "human_eval"])
    assert isinstance(found, RatingAgreement)
    assert [rater.name for rater in found.raters] == ["score_7861", "score_7862", "score_7866"]
    assert found.mean == pytest.approx(4.42, abs=0.005)
    assert found.alpha == pytest.approx(0.12, abs=0.005)
    assert [round(pair.spearman or 0, 2) for pair in found.pairs] == [0.22, 0.11, 0.24]


def test_two_raters_by_hand() -> None:
    # ratings 0, 1, 5 and 1, 0, 5: squared differences 1, 1, 0, mean 2/3; by chance over all 9 combinations:
    # (1 + 0 + 25 + 0 + 1 + 16 + 16 + 25 + 0) / 9 = 84/9; kappa = 1 - (2/3) / (84/9) = 13/14
    # (were 0, 1 and 5 taken for neighbours, it would be 1 - (2/3) / (12/9) = 1/2)
    found = rating_agreement({"x": {"a": 0, "b": 1, "c": 5}, "y": {"a": 1, "b": 0, "c": 5}})
    (pair,) = found.pairs
    assert pair.kappa == pytest.approx(13 / 14)
    # ranks 1, 2, 3 and 2, 1, 3: 1 - 6 * 2 / (3 * 8)
    assert pair.spearman == pytest.approx(0.5)
    assert found.mean == 2


def test_numbers_are_ratings_as_well_as_their_text(tmp_path: Path) -> None:
    files = [write_ratings(tmp_path / "x.jsonl", 1, "5", 3), write_ratings(tmp_path / "y.jsonl", "1", 5, 4)]
    found = agreement(files)
    assert isinstance(found, RatingAgreement) and found.pairs[0].ratings == 3
    assert [rater.top_share for rater in found.raters] == pytest.approx([100 / 3, 100 / 3])  # a 4 is not the top


@pytest.mark.parametrize("value", ["6", -1, "4.5", "٥", True, None, "", [5], "5 "])
def test_what_is_no_rating_is_refused_with_its_line(tmp_path: Path, value: object) -> None:
    files = [write_ratings(tmp_path / "x.jsonl", 1, value), write_ratings(tmp_path / "y.jsonl", 1, 5)]
    with pytest.raises(EIBenchError, match="line 2 holds no rating from 0 to 5"):
        agreement(files)


def test_raters_must_be_two_and_share_something(tmp_path: Path) -> None:
    x = write_ratings(tmp_path / "x.jsonl", 1)
    with pytest.raises(EIBenchError, match="one rater only: x"):
        agreement([x])
    y = tmp_path / "y.jsonl"
    y.write_text('{"other.jpg": "3"}')
    with pytest.raises(EIBenchError, match="no image has two ratings"):
        agreement([x, y])
    with pytest.raises(EIBenchError, match="two files are named x"):
        agreement([x, write_ratings(tmp_path / "z" / "x.jsonl", 1)])
    y.write_text('{"i.jpg": "3"}\n{"i.jpg": "4"}')
    with pytest.raises(EIBenchError, match=r"line 2 rates .* again"):
        agreement([x, y])


def test_ratings_and_judged_samples_are_not_mixed(tmp_path: Path) -> None:
    paths = [write_ratings(tmp_path / "x.jsonl", 1), write_log(tmp_path / "a", line("s1", [True]))]
    with pytest.raises(EIBenchError, match="one kind at a time"):
        agreement(paths)


# The command


def test_the_command_prints_tables_or_json(tmp_path: Path) -> None:
    for name, judge, present in (("a", JUDGE, [True, False]), ("b", OTHER, [True, True])):
        write_log(tmp_path / name, line("s1", present, judge=judge))
    result = CliRunner().invoke(main, ["agreement", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "1 and 2" in result.output and "+50.0" in result.output and "openai:x verdict 1-abc" in result.output
    data = json.loads(CliRunner().invoke(main, ["agreement", str(tmp_path), "--json"]).output)
    assert data["pairs"][0]["difference"] == 50 and data["pairs"][0]["spearman"] is None


def test_a_users_mistake_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text("{")
    result = CliRunner().invoke(main, ["agreement", str(tmp_path / "broken.jsonl")])
    assert result.exit_code == 1 and "line 1 is not JSON" in result.output
