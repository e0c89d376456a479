"""Whether answers follow the causes, worked by hand."""

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.metrics.causal import (
    Pair,
    causal_high,
    causal_low,
    causal_sensitivity,
    distraction,
    pairs,
    precision,
)


def first(pair: str, *named: str) -> dict[str, Any]:
    """The answer to the first image of a pair, and which of its triggers it names."""
    return {"pair": pair, "named": list(named)}


def changed(pair: str, *named: str, removed: str = "cake", still: bool = False) -> dict[str, Any]:
    """The answer to the changed image, in which `removed` is gone."""
    return {"pair": pair, "named": list(named), "removed": removed, "still": still}


# Pairs


def test_a_pair_is_sensitive_if_the_cause_is_named_then_dropped_and_the_rest_kept() -> None:
    assert causal_sensitivity([first("a", "cake", "dog"), changed("a", "dog")]) == 100


def test_a_cause_that_was_never_named_cannot_be_dropped() -> None:
    assert causal_sensitivity([first("a", "dog"), changed("a", "dog")]) == 0


def test_a_cause_that_is_still_named_was_not_seen() -> None:
    assert causal_sensitivity([first("a", "cake", "dog"), changed("a", "dog", still=True)]) == 0


def test_an_answer_that_drops_another_cause_too_is_not_sensitive() -> None:
    # else an answer that fell silent would be
    assert causal_sensitivity([first("a", "cake", "dog"), changed("a")]) == 0


def test_what_the_first_answer_missed_the_second_may_name_or_not() -> None:
    # of cake, dog and rainbow the first answer named two
    for also in ([], ["rainbow"]):
        assert causal_sensitivity([first("a", "cake", "dog"), changed("a", "dog", *also)]) == 100


def test_the_cause_that_stands_in_its_place_need_not_be_named() -> None:
    for also in ([], ["ring"]):
        assert causal_sensitivity([first("a", "cake"), changed("a", *also)]) == 100


def test_the_interval_is_wilsons() -> None:
    """Two of four pairs: z = 1.96, centre 0.5, half width z / (1 + z²/4) · sqrt(0.5 · 0.5 / 4 + z² / 64) = 0.350."""
    rows = [row for name in "abcd" for row in (first(name, "cake"), changed(name, still=name in "ab"))]
    assert causal_sensitivity(rows) == 50
    assert (causal_low(rows), causal_high(rows)) == (pytest.approx(15.0, abs=0.05), pytest.approx(85.0, abs=0.05))
    assert math.isnan(causal_low([])) and math.isnan(causal_high([]))


def test_sensitivity_is_the_share_of_pairs_in_percent() -> None:
    # a is sensitive; b names the cause still; c never named it; d drops the dog: 1 of 4
    rows = [
        *(first("a", "cake", "dog"), changed("a", "dog")),
        *(first("b", "cake", "dog"), changed("b", "dog", still=True)),
        *(first("c", "dog"), changed("c", "dog")),
        *(first("d", "cake", "dog"), changed("d")),
    ]
    assert causal_sensitivity(rows) == 25
    assert [pair.sensitive for pair in pairs(rows)] == [True, False, False, False]


def test_a_pair_holds_what_both_answers_name() -> None:
    assert pairs([first("a", "cake", "dog"), changed("a", "dog", removed="cake", still=True)]) == [
        Pair(frozenset({"cake", "dog"}), frozenset({"dog"}), "cake", True)
    ]


def test_each_pair_has_a_cause_of_its_own_that_is_gone() -> None:
    rows = [first("a", "cake"), first("b", "cake", "ring"), changed("a"), changed("b", "cake", removed="ring")]
    assert [pair.removed for pair in pairs(rows)] == ["cake", "ring"]
    assert causal_sensitivity(rows) == 100


# What is incomplete


def test_a_pair_without_one_of_its_answers_does_not_count() -> None:
    # b has no first answer, c no second; of the one pair that is left all are sensitive
    rows = [first("a", "cake"), changed("a"), changed("b"), first("c", "cake")]
    assert causal_sensitivity(rows) == 100 and len(pairs(rows)) == 1


def test_rows_of_samples_that_are_unscored_or_of_no_pair_are_passed_over() -> None:
    assert causal_sensitivity([None, first("a", "cake"), None, changed("a"), None]) == 100


def test_of_no_complete_pair_there_is_no_share() -> None:
    for rows in ([], [None], [first("a", "cake")], [changed("a")], [first("a", "cake"), changed("b")]):
        assert math.isnan(causal_sensitivity(rows))


def test_rows_may_come_once_only() -> None:
    assert causal_sensitivity(iter([first("a", "cake"), changed("a")])) == 100


# Any rows in any order

names = st.lists(st.sampled_from(["cake", "dog", "ring"]), unique=True)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any] | None]:
    rows: list[dict[str, Any] | None] = []
    for pair in draw(st.lists(st.sampled_from("abcdefg"), unique=True)):
        rows.append(draw(st.none() | st.builds(lambda named, pair=pair: first(pair, *named), names)))
        after = st.builds(
            lambda named, still, pair=pair: changed(pair, *(name for name in named if name != "cake"), still=still),
            names,
            st.booleans(),
        )
        rows.append(draw(st.none() | after))
    return rows


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any] | None], shuffle: random.Random) -> None:
    mixed = list(rows)
    shuffle.shuffle(mixed)
    assert causal_sensitivity(mixed) == pytest.approx(causal_sensitivity(rows), nan_ok=True)


@given(tables())
def test_sensitivity_is_a_share_of_the_complete_pairs(rows: list[dict[str, Any] | None]) -> None:
    complete = sum(one is not None and other is not None for one, other in zip(rows[::2], rows[1::2], strict=True))
    assert len(pairs(rows)) == complete
    assert math.isnan(causal_sensitivity(rows)) if not complete else 0 <= causal_sensitivity(rows) <= 100


# Precision and distraction


def test_precision_by_hand() -> None:
    assert precision(named=3, invented=1) == 75  # 3 of 4 named causes are in the image
    assert precision(named=2, invented=0) == 100
    assert precision(named=0, invented=2) == 0


def test_an_answer_that_names_no_cause_has_no_precision() -> None:
    assert precision(named=0, invented=0) is None


def test_distraction_by_hand() -> None:
    assert distraction([True, False, False, True]) == 50
    assert distraction([False, False, False]) == 0
    assert distraction([True]) == 100


def test_where_nothing_could_distract_there_is_no_distraction() -> None:
    assert distraction([]) is None
