"""Recall, its interval, its bounds and coverage, against values worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.metrics import recall


def rows(*pairs: tuple[str, float | None]) -> list[dict[str, object]]:
    """Rows of (image, score); a score of None is an unscored sample."""
    return [{"image_id": image} | ({} if score is None else {"score": score}) for image, score in pairs]


def test_recall_is_the_plain_mean_over_scored_samples() -> None:
    # (50 + 100) / 2; the unscored sample is left out, not counted as 0
    assert recall.recall(rows(("a", 50), ("b", 100), ("c", None))) == 75


def test_recall_of_nothing_is_not_a_number() -> None:
    assert math.isnan(recall.recall(rows(("a", None))))
    assert math.isnan(recall.recall([]))


def test_the_interval_by_hand_when_every_image_has_one_sample() -> None:
    # scores 0, 50, 100: mean 50, residuals -50, 0, 50, squares 2500 + 0 + 2500 = 5000
    # error = sqrt(3/2 * 5000) / 3 = 28.8675; t(0.975; 2) = 4.30265; half width 124.2 -> cut to 0..100
    low, high = recall.interval(rows(("a", 0), ("b", 50), ("c", 100)))
    assert (low, high) == (0, 100)
    # narrower: 40, 50, 60 -> squares 100 + 0 + 100 = 200, error = sqrt(1.5 * 200) / 3 = 5.7735, half 24.841
    low, high = recall.interval(rows(("a", 40), ("b", 50), ("c", 60)))
    assert low == pytest.approx(50 - 24.841, abs=1e-3)
    assert high == pytest.approx(50 + 24.841, abs=1e-3)


def test_samples_of_one_image_count_as_one_cluster() -> None:
    # images a (40, 40), b (60, 60): mean 50, cluster residuals -20 and +20, squares 800
    # error = sqrt(2/1 * 800) / 4 = 10; t(0.975; 1) = 12.7062 -> half 127.06, cut
    assert recall.interval(rows(("a", 40), ("a", 40), ("b", 60), ("b", 60))) == (0, 100)
    # at 50 % confidence t(0.75; 1) = 1, so the half width is the error itself
    low, high = recall.interval(rows(("a", 40), ("a", 40), ("b", 60), ("b", 60)), confidence=0.5)
    assert (low, high) == (pytest.approx(40), pytest.approx(60))
    # the same four scores on four images: squares 400, error = sqrt(4/3 * 400) / 4 = 5.7735, clearly smaller
    low, high = recall.interval(rows(("a", 40), ("b", 40), ("c", 60), ("d", 60)), confidence=0.5)
    assert high - low < 20


def test_unscored_samples_do_not_move_the_interval() -> None:
    scored = [("a", 40.0), ("b", 50.0), ("c", 60.0)]
    assert recall.interval(rows(*scored, ("d", None), ("a", None))) == recall.interval(rows(*scored))


def test_one_image_gives_no_interval() -> None:
    assert all(map(math.isnan, recall.interval(rows(("a", 40), ("a", 60)))))


def test_bounds_leave_room_for_what_is_unscored() -> None:
    # two scored (50, 100), two unscored: at least 150 / 4, at most (150 + 200) / 4
    assert recall.bounds(rows(("a", 50), ("b", 100), ("c", None), ("d", None))) == (37.5, 87.5)


def test_coverage_counts_scored_samples() -> None:
    assert recall.coverage(rows(("a", 0), ("b", None))) == 50


score = st.floats(0, 100)
sample = st.tuples(st.sampled_from("abcdef"), st.none() | score)


@given(st.lists(sample, min_size=1, max_size=40))
def test_recall_lies_within_its_bounds_and_its_interval(samples: list[tuple[str, float | None]]) -> None:
    table = rows(*samples)
    low, high = recall.bounds(table)
    center = recall.recall(table)
    if not math.isnan(center):
        assert low - 1e-9 <= center <= high + 1e-9
        below, above = recall.interval(table)
        assert math.isnan(below) or below - 1e-9 <= center <= above + 1e-9


@given(st.lists(sample, min_size=1, max_size=20), st.randoms())
def test_the_order_of_samples_does_not_matter(samples: list[tuple[str, float | None]], random: object) -> None:
    table = rows(*samples)
    shuffled = list(table)
    random.shuffle(shuffled)
    assert recall.recall(table) == pytest.approx(recall.recall(shuffled), nan_ok=True)
    assert recall.interval(table) == pytest.approx(recall.interval(shuffled), nan_ok=True)


def test_the_interval_holds_its_promise() -> None:
    """Of many simulated benchmarks with correlated samples per image, 95 % intervals cover the truth."""
    import random

    generator = random.Random(5)
    hits = 0
    for _ in range(400):
        table = []
        for image in range(30):
            level = generator.uniform(30, 70)  # what the samples of one image share
            table += [(str(image), level + generator.uniform(-10, 10)) for _ in range(generator.randint(1, 4))]
        low, high = recall.interval(rows(*table))
        hits += low <= 50 <= high
    assert 0.92 <= hits / 400 <= 0.98
