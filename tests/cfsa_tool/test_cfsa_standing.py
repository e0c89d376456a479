"""How a run stands: sums, rate, time left and estimates, with values worked by hand."""

from pathlib import Path
from typing import Any

import pytest
from support.annotated import EMOTIONS, add, configured, images_of, item_of
from support.built_runs import a_sample

from cfsa_tool.records import Outcome
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import open_run
from cfsa_tool.stages.annotate import Plan
from cfsa_tool.standing import Estimate, measured, reckoned, short, span, standing
from eibench_tasks.engines.budget import CHARACTERS_A_TOKEN, Prices
from eibench_tasks.self_ask import stages


def a_run(tmp_path: Path, count: int) -> RunFolder:
    run = open_run("images", tmp_path / "run", configured())
    add(run, [item_of(file) for file in images_of(tmp_path / "images", count)])
    return run


def finish(run: RunFolder, number: int, **outcome: Any) -> None:
    run.finish(run.items()[number], Outcome(**outcome))


def at(run: RunFolder, *moments: float) -> None:
    """Sets when the images, in the order of their ids, were finished: seconds."""
    with run.writing() as db:
        for item, moment in zip(run.items(), moments, strict=False):
            db.execute("UPDATE outcomes SET finished = ? WHERE id = ?", (moment, item.id))


DONE: dict[str, Any] = {"samples": [a_sample("happy", "A cake")]}


# Sums


def test_a_run_that_has_not_begun_stands_at_nothing(tmp_path: Path) -> None:
    now = standing(a_run(tmp_path, 3))
    assert (now.images, now.done, now.failed, now.samples, now.to_go, now.calls) == (3, 0, 0, 0, 3, 0)
    assert (now.per_hour, now.hours_left, now.reasons) == (None, None, [])
    assert measured(now) is None


def test_sums_are_over_all_images_that_have_an_outcome(tmp_path: Path) -> None:
    run = a_run(tmp_path, 5)
    two = [a_sample("happy", "A cake"), a_sample("awe", "A lake")]
    finish(run, 0, samples=two, calls=10, prompt_tokens=1000, cached_tokens=700, completion_tokens=90)
    finish(run, 1, **DONE, calls=8, prompt_tokens=500, cached_tokens=100, completion_tokens=60)
    finish(run, 2, stage="general", failure="it refuses", calls=4, prompt_tokens=50, completion_tokens=5)
    with run.writing() as db:
        db.execute("INSERT INTO files VALUES (?, 'x.txt', '', NULL, NULL, 'is not an image', NULL, 1)", (b"x.txt",))
    now = standing(run)
    assert (now.images, now.done, now.failed, now.samples, now.to_go, now.left_out) == (5, 2, 1, 3, 2, 1)
    assert (now.calls, now.prompt_tokens, now.cached_tokens, now.completion_tokens) == (22, 1550, 800, 155)


def test_reasons_of_failures_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    run = a_run(tmp_path, 4)
    for number, failure in enumerate(["slow", "it refuses", "it refuses"]):
        finish(run, number, stage="general", failure=failure)
    assert standing(run).reasons == [("general: it refuses", 2), ("general: slow", 1)]


def test_a_limit_leaves_fewer_images_but_not_fewer_than_were_annotated(tmp_path: Path) -> None:
    run = a_run(tmp_path, 5)
    for number in range(3):
        finish(run, number, **DONE)
    run.note("limit", 4)
    assert (standing(run).images, standing(run).to_go) == (4, 1)
    run.note("limit", 2)
    assert (standing(run).images, standing(run).to_go) == (3, 0)
    run.note("limit", 99)
    assert standing(run).images == 5


# Rate


def test_the_rate_is_that_of_the_gaps_between_outcomes(tmp_path: Path) -> None:
    """Six images at 0, 10, … 50 s: 5 gaps of 10 s are 360 images an hour; 6 to go take a minute."""
    run = a_run(tmp_path, 12)
    for number in range(6):
        finish(run, number, **DONE)
    at(run, 30, 10, 50, 0, 20, 40)
    now = standing(run)
    assert now.per_hour == pytest.approx(360)
    assert now.hours_left == pytest.approx(6 / 360)


def test_a_night_between_two_starts_of_a_run_does_not_count(tmp_path: Path) -> None:
    """Gaps of 10 s and one of 10 hours, which is more than 50 of the usual ones."""
    run = a_run(tmp_path, 8)
    for number in range(7):
        finish(run, number, **DONE)
    at(run, 0, 10, 20, 30, 36_030, 36_040, 36_050)
    assert standing(run).per_hour == pytest.approx(360)


def test_a_slow_image_counts(tmp_path: Path) -> None:
    """Gaps of 10, 10, 10, 10 and 60 s: 5 in 100 s are 180 an hour."""
    run = a_run(tmp_path, 6)
    for number in range(6):
        finish(run, number, **DONE)
    at(run, 0, 10, 20, 30, 40, 100)
    assert standing(run).per_hour == pytest.approx(180)


def test_too_few_outcomes_have_no_rate(tmp_path: Path) -> None:
    run = a_run(tmp_path, 6)
    for number in range(5):
        finish(run, number, **DONE)
    at(run, 0, 10, 20, 30, 40)
    assert standing(run).per_hour is None


def test_the_rate_is_of_the_last_200_images(tmp_path: Path) -> None:
    """250 images: the first 50 took 30 s each, the last 200 took 1 s each."""
    run = a_run(tmp_path, 1)
    moments = [30.0 * n for n in range(50)] + [1500.0 + n for n in range(200)]
    with run.writing() as db:
        rows = [(f"{number:016}", moment) for number, moment in enumerate(moments)]
        db.executemany("INSERT INTO outcomes VALUES (?, NULL, NULL, 0, 1, 1, 0, 1, ?, '{\"samples\": []}')", rows)
    assert standing(run).per_hour == pytest.approx(3600)


# Estimates


def test_what_was_measured_is_the_mean_of_the_images_so_far(tmp_path: Path) -> None:
    run = a_run(tmp_path, 14)
    for number in range(9):
        finish(run, number, **DONE, calls=10, prompt_tokens=1000, cached_tokens=800, completion_tokens=100)
    assert measured(standing(run)) is None
    finish(run, 9, stage="general", failure="no", calls=0, prompt_tokens=0, completion_tokens=0)
    at(run, *(10.0 * number for number in range(10)))
    found = measured(standing(run))
    assert found
    assert (found.images, found.measured) == (4, 10)
    assert (found.calls, found.prompt_tokens, found.new_tokens, found.completion_tokens) == (9, 900, 180, 90)
    assert found.hours == pytest.approx(4 / 360)


def test_what_is_reckoned_is_the_sum_of_what_each_turn_reads(tmp_path: Path) -> None:
    """Without rounds, checks and labels there are three turns in one conversation about an image of i tokens.

    With prompts of a, b and c tokens and replies of 110, the turns read i + a, i + a + 110 + b and
    i + a + b + 220 + c + 110 (the summary is told the replies to the two before, by half their tokens); what is new
    is i + a + b + c + 110.
    """
    config = configured(rounds=0, verify=False, label=False, image_side=280)
    i = 280 * 280 * 0.75 / (28 * 28)
    a, b, c = (
        len(stages.prompt.texts[f"{name}_v1"]) / CHARACTERS_A_TOKEN for name in ("rebuild", "general", "summary")
    )
    found = reckoned(7, config, Plan(config, [], EMOTIONS))
    assert i == 75
    assert (found.images, found.calls, found.measured, found.hours) == (7, 3, 0, None)
    assert found.prompt_tokens == pytest.approx(3 * i + 3 * a + 2 * b + c + 110 + 220 + 110)
    assert found.new_tokens == pytest.approx(i + a + b + c + 110)
    assert found.completion_tokens == 330


def test_rounds_checks_and_labels_are_calls_and_several_emotions_are_more() -> None:
    """3 turns, 2 a round, 6 triggers, 1 for labels; 2.5 emotions an image."""

    def calls(**fields: Any) -> float:
        config = configured(**fields)
        return reckoned(1, config, Plan(config, [], EMOTIONS)).calls

    assert calls(rounds=2) == 3 + 4 + 6 + 1
    assert calls(rounds=2, verify=False) == 8
    assert calls(rounds=0, label=False) == 9
    assert calls(rounds=2, kind="complex") == 35


def test_the_cost_is_of_all_images_nothing_cached() -> None:
    """10 images of 2,000 tokens at 3 a million and 100 at 10 a million: 0.06 and 0.01."""
    found = Estimate(10, 5, 2000, 200, 100, 0, None)
    assert found.cost(Prices(3.0, 10.0)) == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.001, "1 min"), (0.5, "30 min"), (1, "1.0 hours"), (47.94, "47.9 hours"), (48, "2.0 days"), (240, "10.0 days")],
)
def test_times_are_said_in_words(hours: float, words: str) -> None:
    assert span(hours) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0"), (1204, "1,204"), (999_999, "999,999"), (18_240_000, "18.2 M"), (2e9, "2,000.0 M")]
)
def test_counts_are_said_for_people(count: float, words: str) -> None:
    assert short(count) == words
