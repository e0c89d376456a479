"""`eibench compare`: the paired difference against values worked by hand, and what may be compared."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.judged_logs import JUDGE, line, write_log

from eibench_tasks.cli import main
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.metrics.compare import Comparison, compare, compare_runs


def run(**scores: float | None) -> list[Judged]:
    """Samples by name; the image is the name's first letter."""
    return [
        Judged(Path("log.jsonl"), "task", "model", name, name[0], "happy", "", score, None, [], "offline")
        for name, score in scores.items()
    ]


def test_the_difference_by_hand_when_every_image_has_one_sample() -> None:
    # differences 10, 20, 60: mean 30, residuals -20, -10, 30, squares 400 + 100 + 900 = 1400
    # error = sqrt(3/2 * 1400) / 3 = 15.2753; t(0.975; 2) = 4.30265; half width 65.724
    # t = 30 / 15.2753 = 1.96396; with 2 degrees of freedom p = 1 - t / sqrt(t^2 + 2) = 1 - 0.811503 = 0.188497
    found = compare(run(a=10, b=20, c=30), run(a=20, b=40, c=90))
    assert (found.samples, found.images, found.recall_a, found.recall_b) == (3, 3, 20, 50)
    assert found.difference == 30
    assert (found.low, found.high) == (pytest.approx(30 - 65.724, abs=1e-3), pytest.approx(30 + 65.724, abs=1e-3))
    assert found.p_value == pytest.approx(0.188497, abs=1e-6)


def test_samples_of_one_image_count_as_one_cluster() -> None:
    # differences a: 10, 10, b: 30, 30: mean 20, cluster residuals -20, +20, squares 800
    # error = sqrt(2/1 * 800) / 4 = 10; t = 2 with 1 degree of freedom: p = 1 - 2/pi * atan(2) = 0.295167
    found = compare(run(a1=0, a2=0, b1=0, b2=0), run(a1=10, a2=10, b1=30, b2=30))
    assert found.images == 2
    assert found.p_value == pytest.approx(1 - 2 / math.pi * math.atan(2))
    # t(0.975; 1) = 12.7062: 20 ± 127.06, and no difference is beyond 100 points
    assert (found.low, found.high) == (-100, 100)


def test_samples_that_only_one_run_has_scored_are_left_out_and_counted() -> None:
    found = compare(run(a=50, b=None, c=0, d=10), run(a=60, b=100, c=10))
    assert (found.samples, found.only_a, found.only_b) == (2, 1, 1)
    assert (found.recall_a, found.recall_b, found.difference) == (25, 35, 10)


def test_a_difference_that_is_the_same_everywhere_is_certain() -> None:
    assert compare(run(a=10, b=20), run(a=15, b=25)).p_value == 0


def test_one_image_gives_no_interval() -> None:
    found = compare(run(a1=10, a2=20), run(a1=20, a2=40))
    assert (found.difference, found.low, found.high, found.p_value) == (15, None, None, None)


names = st.sampled_from(["a1", "a2", "b1", "b2", "c", "d", "e"])
runs = st.dictionaries(names, st.none() | st.floats(0, 100), min_size=1).filter(
    lambda scores: any(score is not None for score in scores.values())
)


@given(runs)
def test_a_run_does_not_differ_from_itself(scores: dict[str, float | None]) -> None:
    found = compare(run(**scores), run(**scores))
    assert found.difference == 0
    assert (found.p_value, found.low, found.high) == ((1, 0, 0) if found.images > 1 else (None, None, None))


@given(st.lists(st.tuples(names, st.floats(0, 100), st.floats(0, 100)), min_size=1, unique_by=lambda item: item[0]))
def test_the_other_way_round_the_difference_changes_its_sign(items: list[tuple[str, float, float]]) -> None:
    a, b = (run(**{item[0]: item[place] for item in items}) for place in (1, 2))
    there, back = compare(a, b), compare(b, a)
    assert there.difference == -back.difference
    assert there.p_value == back.p_value
    if there.low is not None and back.high is not None:
        assert there.low == -back.high


def test_equal_samples_matter_less_than_their_pairing(tmp_path: Path) -> None:
    """A small gain on every sample is found, though the samples differ far more among themselves."""
    a = run(**{name: 10.0 * place for place, name in enumerate("abcdefgh")})
    b = run(**{name: 10.0 * place + 3 + place % 2 for place, name in enumerate("abcdefgh")})
    p_value = compare(a, b).p_value
    assert p_value is not None and p_value < 0.001


# Files


def test_two_folders_are_compared_task_by_task(tmp_path: Path) -> None:
    for model, present in (("m", [True, False]), ("n", [True, True])):
        write_log(tmp_path / model, line("s1", present), line("s2", present), task="eibench_complex")
        write_log(tmp_path / model, line("s1", present, image="i"), task="eibench_basic_user")
    write_log(tmp_path / "n", line("s1", [True]), task="eibench_basic_cot")
    found = {item.task: item for item in compare_runs(tmp_path / "m", tmp_path / "n")}
    assert found.keys() == {"eibench_complex", "eibench_basic_user"}
    complex_: Comparison = found["eibench_complex"]
    assert (complex_.a, complex_.b, complex_.difference, complex_.judge) == ("m", "n", 50, "offline verdict 1-abc")


def test_runs_of_different_judges_are_refused_with_what_to_do(tmp_path: Path) -> None:
    a = write_log(tmp_path / "m", line("s1", [True]))
    b = write_log(tmp_path / "n", line("s1", [True], judge=JUDGE | {"version": "2-def"}))
    with pytest.raises(EIBenchError) as error:
        compare_runs(a, b)
    assert "by offline verdict 1-abc in" in str(error.value) and "by offline verdict 2-def in" in str(error.value)
    assert f"`eibench judge {a} {b} --judge NAME`" in str(error.value)


def test_a_run_that_several_judges_have_judged_is_compared_by_each(tmp_path: Path) -> None:
    other = JUDGE | {"name": "openai:x"}
    for model, first, second in (("m", [True, False], [True, True]), ("n", [True, True], [False, True])):
        write_log(tmp_path / model, line("s1", first))
        write_log(tmp_path / model / "judged" / "openai-x-verdict", line("s1", second, judge=other))
    found = {item.judge: item for item in compare_runs(tmp_path / "m", tmp_path / "n")}
    assert {judge: item.difference for judge, item in found.items()} == {
        "offline verdict 1-abc": 50,  # 50 against 100
        "openai:x verdict 1-abc": -50,  # 100 against 50
    }
    assert {(item.a, item.b) for item in found.values()} == {("m", "n")}


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    a = write_log(tmp_path / "m", line("s1", [True]))
    other_task = write_log(tmp_path / "n", line("s1", [True]), task="eibench_complex")
    other_sample = write_log(tmp_path / "o", line("s2", [True]))
    for b, expected in (
        (other_task, "no task is in both"),
        (other_sample, "no sample of eibench_basic_user is scored in both"),
        (tmp_path, "holds eibench_basic_user in"),
    ):
        with pytest.raises(EIBenchError, match=expected):
            compare_runs(a, b)


def test_the_command_says_difference_interval_p_and_what_is_left_out(tmp_path: Path) -> None:
    a = write_log(tmp_path / "m", *(line(f"s{i}", score=score) for i, score in enumerate((10, 20, 30))))
    b = write_log(tmp_path / "n", *(line(f"s{i}", score=score) for i, score in enumerate((20, 40, 90, 0))))
    result = CliRunner().invoke(main, ["compare", str(a), str(b)])
    assert result.exit_code == 0, result.output
    for expected in ("20.0", "50.0", "+30.0", "-35.7 – +95.7", "0.188", "0 of A, 1 of B", "offline verdict 1-abc"):
        assert expected in result.output
    (entry,) = json.loads(CliRunner().invoke(main, ["compare", str(a), str(b), "--json"]).output)
    assert entry["difference"] == 30 and entry["only_b"] == 1
