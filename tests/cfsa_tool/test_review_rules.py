"""From marks to one sample: what each rule keeps, changes, adds and leaves out, worked by hand."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.built_runs import a_sample

from cfsa_tool.review.marks import Decision, Mark
from cfsa_tool.review.rules import RULES, Reviewed, Rule, Written, apply

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
    assert texts(most) == ["a birthday cake", "a dog", "the sun", "A Brass Band"]
    assert (most.changed, most.added, most.removed) == (1, 1, 0)
    every = apply(BUILT, {"ann": ann, "ben": ben}, "unanimous")
    assert texts(every) == ["a birthday cake", "a dog", "the sun", "A Brass Band"]
    assert texts(apply(BUILT, {"ann": ann, "ben": ben, "cid": mark("kkk")}, "unanimous")) == [
        "a cake",
        "a dog",
        "the sun",
    ]


def test_words_that_nobody_wants_are_not_exported() -> None:
    """Ann removes the dog, Ben and Cid write something else each: 1 of 3 against it, no other words have 2."""
    ann, ben, cid = mark("krk"), mark("kkk", texts={1: "a puppy"}), mark("kkk", texts={1: "a hound"})
    found = apply(BUILT, {"ann": ann, "ben": ben, "cid": cid}, "majority")
    assert texts(found) == ["a cake", "the sun"] and (found.removed, found.changed) == (1, 0)
    assert texts(apply(BUILT, {"ann": mark("kkk"), "ben": ben, "cid": cid}, "majority")) == [
        "a cake",
        "a dog",
        "the sun",
    ]


def test_whoever_leaves_a_sample_out_has_a_voice_on_its_triggers() -> None:
    """Ann leaves it out and keeps every trigger; Ben removes the cake and adds music: 1 of 2 voices is not most."""
    marks = {"ann": mark("kkk", flagged=True), "ben": mark("rkk", "music")}
    assert texts(apply(BUILT, marks, "majority")) == ["a cake", "a dog", "the sun"]
    marks = {"ann": mark("rkk", "music", flagged=True), "ben": mark("rkk", "Music"), "cid": mark("kkk")}
    assert texts(apply(BUILT, marks, "majority")) == ["a dog", "the sun", "Music"]


def test_whoever_leaves_a_sample_out_and_says_no_more_leaves_its_triggers_as_they_are() -> None:
    silent = Mark.untouched(BUILT).model_copy(update={"flagged": True})
    marks = {"ann": silent, "ben": mark("rkk", texts={1: "a puppy"})}
    assert texts(apply(BUILT, marks, "majority")) == ["a cake", "a dog", "the sun"]


def test_what_people_have_written_carries_nothing_that_was_found_out_about_other_words() -> None:
    found = apply(BUILT, {"ann": mark("kkk", "music", texts={0: "a tart"})}, "majority")
    assert found.sample
    edited, dog, _, added = found.sample.triggers
    assert isinstance(edited, Written) and isinstance(added, Written) and not isinstance(dog, Written)
    assert (edited.probability, edited.kind, edited.category, edited.instead_of) == (None, None, None, "a cake")
    assert edited.notes == [1] and dog.probability == 0.9 and added.notes == [] and added.instead_of == ""


def test_the_same_words_come_once() -> None:
    """An addition that CFSA has, an edit into another's words, and an addition that another edit has."""
    assert texts(apply(BUILT, {"ann": mark("kkk", "A Dog")}, "majority")) == ["a cake", "a dog", "the sun"]
    edit = apply(BUILT, {"ann": mark("kkk", texts={0: "The Sun"})}, "majority")
    assert texts(edit) == ["a dog", "the sun"] and (edit.removed, edit.changed) == (1, 0)
    both = apply(BUILT, {"ann": mark("kkk", "a tart", texts={0: "A tart"})}, "majority")
    assert texts(both) == ["A tart", "a dog", "the sun"] and (both.added, both.changed) == (0, 1)
    again = apply(BUILT, {"ann": mark("krk", "a dog")}, "majority")
    assert texts(again) == ["a cake", "the sun", "a dog"] and (again.removed, again.added) == (1, 1)


def test_the_order_is_the_mean_of_the_orders() -> None:
    """Cake is at 0, 2, 1: mean 1; dog at 1, 0, 0: 1/3; sun at 2, 1, 2: 5/3."""
    marks = {str(place): mark("kkk", order=order) for place, order in enumerate(["012", "120", "102"])}
    assert texts(apply(BUILT, marks, "majority")) == ["a dog", "a cake", "the sun"]


def test_an_addition_stands_where_its_raters_have_put_it() -> None:
    first = mark("kkk", "music").triggers
    moved = Mark(triggers=[first[-1], *first[:-1]], quality=3)
    assert texts(apply(BUILT, {"judge": moved}, "adjudicated", adjudicator="judge")) == [
        "music",
        "a cake",
        "a dog",
        "the sun",
    ]
    assert texts(apply(BUILT, {"ann": moved, "ben": moved, "cid": mark("kkk")}, "majority"))[0] == "music"


def test_what_does_not_stay_has_no_place_in_the_order() -> None:
    """Ann: sun, cake, after a dog that she removes; Ben and Cid: cake, sun. Mean rank of cake 1/3, of sun 2/3."""
    marks = {"ann": mark("krk", order="120"), "ben": mark("krk", order="102"), "cid": mark("krk")}
    assert texts(apply(BUILT, marks, "majority")) == ["a cake", "the sun"]
    # Places among what Ann has removed, too, would be: cake (2 + 1 + 0) / 3 = 1, sun (1 + 2 + 2) / 3.


def test_the_adjudicator_decides_alone() -> None:
    marks = {"ann": mark("kkk"), "ben": mark("rkk"), "judge": mark("krk")}
    assert texts(apply(BUILT, marks, "adjudicated", adjudicator="judge")) == ["a cake", "the sun"]
    del marks["judge"]
    alike = {"ann": mark("krk", "Music", texts={1: "a puppy"}), "ben": mark("krk", "music", texts={1: "a hound"})}
    assert texts(apply(BUILT, alike, "adjudicated", "judge")) == [
        "a cake",
        "the sun",
        "Music",
    ]  # of what stays, the same
    assert "nobody has adjudicated" in apply(BUILT, marks, "adjudicated", adjudicator="judge").reason


def test_what_too_few_have_done_is_left_out() -> None:
    undone = Mark.untouched(BUILT)
    assert apply(BUILT, {"ann": mark("kkk"), "ben": undone}, "majority", least=2).reason == "reviewed by fewer than 2"
    assert apply(BUILT, {"ben": undone}, "majority").reason == "reviewed by fewer than 1"
    assert apply(BUILT, {"ann": mark("rrr", flagged=False)}, "majority").sample is None


WORDS = st.dictionaries(st.integers(0, 2), st.sampled_from(["a tart", "The sun", "a dog"]), max_size=2)


def marks_with(words: st.SearchStrategy[dict[int, str]]) -> st.SearchStrategy[list[Mark]]:
    """Marks of one to five raters who may leave the sample out, remove, add, order, and write other words."""
    one = st.builds(
        mark,
        st.sampled_from(["kkk", "kkr", "krk", "rkk", "rrk", "krr"]),
        st.sampled_from(["music", "Music", "a dog"]),
        order=st.sampled_from(["012", "120", "210"]),
        texts=words,
        flagged=st.booleans(),
    )
    return st.lists(one, min_size=1, max_size=5)


@given(marks=marks_with(WORDS), rule=st.sampled_from(sorted(RULES)))
def test_the_raters_names_do_not_matter(marks: list[Mark], rule: Rule) -> None:
    there, back = (apply(BUILT, {f"{n}": one for n, one in enumerate(order)}, rule) for order in (marks, marks[::-1]))
    assert (there.sample, there.reason) == (back.sample, back.reason)


@given(marks=marks_with(WORDS), rule=st.sampled_from(sorted(RULES)))
def test_a_split_holds_nothing_twice_and_the_counts_add_up(marks: list[Mark], rule: Rule) -> None:
    found = apply(BUILT, {f"{n}": one for n, one in enumerate(marks)}, rule)
    if found.sample:
        assert len({text.casefold() for text in texts(found)}) == len(texts(found)) == 3 - found.removed + found.added


@given(marks=marks_with(st.just({})))
def test_what_all_want_most_want(marks: list[Mark]) -> None:
    """Whatever stays by all voices stays by most of them."""
    by_rater = {f"{n}": one for n, one in enumerate(marks)}
    every, most = apply(BUILT, by_rater, "unanimous"), apply(BUILT, by_rater, "majority")
    if every.sample:
        assert {text.casefold() for text in texts(every)} <= {text.casefold() for text in texts(most)}
