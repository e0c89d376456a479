"""Precision and F1 against values worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.judging.llm.claims import Claim, Claims
from eibench_tasks.metrics.precision import SampleClaims, f1, measure, precision, precision_with_image


def claims(marks: str) -> Claims:
    """One claim a letter: m names a trigger, s is supported by the image, n is not, and ? was not looked at."""
    supported = {"m": None, "s": True, "n": False, "?": None}
    return Claims(
        claims=[Claim(quote=mark, trigger=0 if mark == "m" else None, supported=supported[mark]) for mark in marks]
    )


@pytest.mark.parametrize(
    ("marks", "matched", "with_image"),
    [
        ("mmsn", 2 / 4, 3 / 4),
        ("mm??", 2 / 4, None),  # nobody looked
        ("ms?", 1 / 3, None),  # one was not looked at: the share is not known
        ("mm", 1, 1),  # nothing to look at
        ("nn", 0, 0),
        ("", None, None),  # no claim
    ],
)
def test_precision_is_the_share_of_claims_that_hold(
    marks: str, matched: float | None, with_image: float | None
) -> None:
    assert precision(claims(marks)) == matched
    assert precision_with_image(claims(marks)) == with_image


def test_an_unscored_answer_has_no_precision() -> None:
    unscored = Claims(unscored="the judge gave no usable claims")
    assert precision(unscored) is None and precision_with_image(unscored) is None


@pytest.mark.parametrize(
    ("precision", "recall", "expected"),
    [
        (0.5, 0.25, 1 / 3),  # 2 * 0.5 * 0.25 / 0.75 = 0.25 / 0.75
        (1, 1, 1),
        (0, 0.5, 0),
        (0, 0, 0),
        (None, 0.5, None),
        (0.5, None, None),
    ],
)
def test_f1_by_hand(precision: float | None, recall: float | None, expected: float | None) -> None:
    assert f1(precision, recall) == (None if expected is None else pytest.approx(expected))


SAMPLES = [
    SampleClaims("a", claims("mmsn"), 0.5),
    SampleClaims("a", claims("msss"), 0.25),
    SampleClaims("b", claims("m"), 0.5),
    SampleClaims("b", claims(""), 0.0),  # names no cause
    SampleClaims("c", Claims(unscored="why"), 0.5),
    SampleClaims("d", claims("mn"), None),  # no verdicts
]


def test_means_over_samples_by_hand() -> None:
    found = measure(SAMPLES, with_image=True)
    # precision 50, 25 (a), 100 (b), 50 (d); mean 225 / 4 = 56.25
    assert found["precision"].value == pytest.approx(56.25)
    assert (found["precision"].samples, found["precision"].of) == (4, 6)
    # with image 75, 100, 100, 50: mean 81.25
    assert found["precision_with_image"].value == pytest.approx(81.25)
    # F1 of (50, 50) = 50, of (25, 25) = 25, of (100, 50) = 2 * 5000 / 150 = 66.667; the others lack one of the two
    assert found["f1"].value == pytest.approx((50 + 25 + 200 / 3) / 3)
    assert found["f1"].samples == 3
    # with image: (75, 50) = 7500 / 125 = 60; (100, 25) = 5000 / 125 = 40; (100, 50) = 66.667
    assert found["f1_with_image"].value == pytest.approx((60 + 40 + 200 / 3) / 3)


def test_the_interval_is_clustered_by_image_by_hand() -> None:
    # precision 40, 40 on image a and 60, 60 on image b: mean 50, residuals of the images -20 and 20
    # error = sqrt(2/1 * 800) / 4 = 10, t(0.975; 1) = 12.706: half width 127.06, cut to 0..100
    samples = [
        SampleClaims("a", claims("mm???"), 1),
        SampleClaims("a", claims("mm???"), 1),
        SampleClaims("b", claims("mmm??"), 1),
        SampleClaims("b", claims("mmm??"), 1),
    ]
    assert (measure(samples)["precision"].low, measure(samples)["precision"].high) == (0, 100)
    # on three images, one sample each, 40, 50, 60: error = sqrt(3/2 * 200) / 3 = 5.7735, t(0.975; 2) = 4.30265
    three = [SampleClaims(name, claims(marks), 1) for name, marks in (("a", "mm???"), ("b", "m?"), ("c", "mmm??"))]
    found = measure(three)["precision"]
    assert found.low == pytest.approx(50 - 24.841, abs=1e-3)
    assert found.high == pytest.approx(50 + 24.841, abs=1e-3)


def test_without_a_vision_judge_the_image_is_not_spoken_of() -> None:
    assert set(measure(SAMPLES)) == {"precision", "f1"}


def test_nothing_measured_is_none_and_not_a_number() -> None:
    for samples in ([], [SampleClaims("a", claims(""), 0.5)]):
        for found in measure(samples, with_image=True).values():
            assert (found.value, found.low, found.high, found.samples) == (None, None, None, 0)
            assert found.of == len(samples)
    one = measure([SampleClaims("a", claims("m"), 0.5)])["precision"]
    assert (one.value, one.low, one.high) == (100, None, None)  # one image gives no interval


marks = st.text("msn?", max_size=12)
share = st.none() | st.floats(0, 1)


@given(marks)
def test_the_image_can_only_raise_precision(letters: str) -> None:
    low, high = precision(claims(letters)), precision_with_image(claims(letters))
    assert low is None or 0 <= low <= 1
    assert high is None or (low is not None and low <= high <= 1)


@given(share, share)
def test_f1_lies_between_precision_and_recall(one: float | None, other: float | None) -> None:
    found = f1(one, other)
    assert found == f1(other, one)
    if one is None or other is None:
        assert found is None
    else:
        assert found is not None and min(one, other) - 1e-9 <= found <= max(one, other) + 1e-9


@given(st.lists(st.tuples(st.sampled_from("abc"), marks, share), max_size=12))
def test_means_lie_in_their_intervals(rows: list[tuple[str, str, float | None]]) -> None:
    found = measure([SampleClaims(image, claims(letters), recall) for image, letters, recall in rows], with_image=True)
    for item in found.values():
        assert (item.value is None) == (item.samples == 0)
        if item.value is not None and item.low is not None and item.high is not None:
            assert 0 <= item.low <= item.value + 1e-9 and item.value - 1e-9 <= item.high <= 100
