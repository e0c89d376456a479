"""From marks to one sample: what each rule keeps, changes, adds and leaves out, worked by hand."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.built_runs import a_sample

from cfsa_tool.review.marks import Decision, Mark
from cfsa_tool.review.rules import RULES, Reviewed, Rule, apply

BUILT = a_sample("happy", "a cake", "a dog", "the sun")


def mark(states: str, *added: str, order: str = "012", texts: Mapping[int, str] | None = None, **more: Any) -> Mark:
    """A mark that keeps (k) and removes (r) cake, dog and sun, in an order of its own."""
    words = [(texts or {}).get(place, trigger.text) for place, trigger in enumerate(BUILT.triggers)]
    names = {"k": "kept", "r": "removed"}
    own = [Decision(source=place, text=words[place], state=names[states[place]]) for place in map(int, order)]
    own += [Decision(source=None, text=text, state="kept") for text in added]
    return Mark(triggers=own, quality=3, **more)


def texts(found: Reviewed) -> list[str]:
    assert found.sample is not None, found.reason
    return [trigger.text for trigger in found.sample.triggers]


@pytest.mark.parametrize(
    ("rule", "states", "stays"),
    [
        ("unanimous", ["kkk", "kkr", "krk"], ["a cake"]),  # one against is enough
        ("majority", ["kkk", "kkr", "krr"], ["a cake", "a dog"]),  # sun: 2 of 3 against; dog: 1 of 3
        ("majority", ["kkr", "krk"], ["a cake", "a dog", "the sun"]),  # 1 of 2 is not more than half
        ("adjudicated", ["kkk", "kkk"], ["a cake", "a dog", "the sun"]),  # all agree, no adjudicator is needed
    ],
)
def test_what_stays(rule: Rule, states: list[str], stays: list[str]) -> None:
    found = apply(BUILT, {f"rater {place}": mark(one) for place, one in enumerate(states)}, rule)
    assert texts(found) == stays and found.removed == 3 - len(stays)


@pytest.mark.parametrize(("rule", "flags", "in_split"), [
    ("unanimous", 1, False), ("majority", 1, True), ("majority", 2, False),
])  # fmt: skip
def test_a_sample_is_left_out_by_one_or_by_most(rule: Rule, flags: int, in_split: bool) -> None:
    marks = {f"{place}": mark("kkk", flagged=place < flags) for place in range(3)}
    assert (apply(BUILT, marks, rule).sample is not None) == in_split


def test_other_words_and_more_triggers_count_where_enough_raters_want_them() -> None:
    ann = mark("kkk", "a brass band", texts={0: "a birthday cake", 1: "a puppy"})
    ben = mark("kkk", "A Brass Band", "confetti", texts={0: "a birthday cake"})
    cid = mark("kkk", texts={0: "a tart"})
    most = apply(BUILT, {"ann": ann, "ben": ben, "cid": cid}, "majority")
    assert texts(most) == ["a birthday cake", "a dog", "the sun", "a brass band"]
    assert (most.changed, most.added, most.removed) == (1, 1, 0)
    every = apply(BUILT, {"ann": ann, "ben": ben}, "unanimous")
    assert texts(every) == ["a birthday cake", "a dog", "the sun", "a brass band"]
    assert texts(apply(BUILT, {"ann": ann, "ben": ben, "cid": cid}, "unanimous")) == ["a cake", "a dog", "the sun"]


def test_the_order_is_the_mean_of_the_orders() -> None:
    """Cake is at 0, 2, 1: mean 1; dog at 1, 0, 0: 1/3; sun at 2, 1, 2: 5/3."""
    marks = {str(place): mark("kkk", order=order) for place, order in enumerate(["012", "120", "102"])}
    assert texts(apply(BUILT, marks, "majority")) == ["a dog", "a cake", "the sun"]


def test_the_adjudicator_decides_alone() -> None:
    marks = {"ann": mark("kkk"), "ben": mark("rkk"), "judge": mark("krk")}
    assert texts(apply(BUILT, marks, "adjudicated", adjudicator="judge")) == ["a cake", "the sun"]
    del marks["judge"]
    assert "nobody has adjudicated" in apply(BUILT, marks, "adjudicated", adjudicator="judge").reason


def test_what_too_few_have_done_is_left_out() -> None:
    undone = Mark.untouched(BUILT)
    assert apply(BUILT, {"ann": mark("kkk"), "ben": undone}, "majority", least=2).reason == "reviewed by fewer than 2"
    assert apply(BUILT, {"ben": undone}, "majority").reason == "reviewed by fewer than 1"
    assert apply(BUILT, {"ann": mark("rrr", flagged=False)}, "majority").sample is None


STATES = st.lists(
    st.tuples(st.sampled_from(["kkk", "kkr", "krk", "rkk", "rrk", "krr"]), st.booleans()), min_size=1, max_size=5
)


@given(states=STATES, rule=st.sampled_from(sorted(RULES)))
def test_the_raters_names_do_not_matter(states: list[tuple[str, bool]], rule: Rule) -> None:
    marks = [mark(one, flagged=flagged) for one, flagged in states]
    there, back = (apply(BUILT, {f"{n}": one for n, one in enumerate(order)}, rule) for order in (marks, marks[::-1]))
    assert (there.sample, there.reason) == (back.sample, back.reason)


@given(states=STATES)
def test_what_all_want_most_want(states: list[tuple[str, bool]]) -> None:
    """Whatever stays by all voices stays by most of them."""
    marks = {f"{n}": mark(one, flagged=flagged) for n, (one, flagged) in enumerate(states)}
    every, most = apply(BUILT, marks, "unanimous"), apply(BUILT, marks, "majority")
    if every.sample:
        assert set(texts(every)) <= set(texts(most))
