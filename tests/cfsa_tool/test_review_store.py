"""What raters say of samples: kept at once, undone step by step, never seen by one another, and shown in good order."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.built_runs import a_sample, a_trigger, finish, new_run, picture_file

from cfsa_tool.errors import RunError
from cfsa_tool.export.samples import Sample
from cfsa_tool.review.marks import Decision, Mark, disagreement
from cfsa_tool.review.store import Conflict, Review
from cfsa_tool.run_folder import RunFolder


def built(folder: Path, lows: list[float] | None = None) -> RunFolder:
    """A run of one sample for each probability, which is that of its second trigger."""
    run = new_run(folder / "run")
    for number, low in enumerate([0.9, 0.4, 0.7] if lows is None else lows):
        sample = a_sample("happy", a_trigger("a cake", probability=0.95), a_trigger(f"guest {number}", probability=low))
        finish(run, picture_file(folder / "photos" / f"{number}.png", number), sample)
    return run


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    found = Review(built(tmp_path))
    assert found.take_in() == 3
    yield found
    found.close()


def decided(sample: Sample, states: str = "kk", quality: int = 4, **more: object) -> Mark:
    """A mark that keeps (k) and removes (r) triggers in order."""
    names = {"k": "kept", "r": "removed", "o": "open"}
    mark = Mark.untouched(sample.built)
    triggers = [
        one.model_copy(update={"state": names[state]}) for one, state in zip(mark.triggers, states, strict=True)
    ]
    return mark.model_copy(update={"triggers": triggers, "quality": quality, **more})


def by_low(review: Review, rater: str = "ann") -> list[Sample]:
    """All samples in the order in which they are shown, each done before the next."""
    found = []
    while name := review.next(rater):
        sample = review.sample(name)
        review.save(rater, sample, decided(sample), 0)
        found.append(sample)
    return found


# One mark


def test_nothing_is_said_before_a_rater_says_it() -> None:
    """In EIBench's own form the rating stood at 5 from the start."""
    mark = Mark.untouched(a_sample("happy", "a cake", "a dog"))
    assert mark.quality is None and not mark.flagged and not mark.done
    assert [one.state for one in mark.triggers] == ["open", "open"]


@pytest.mark.parametrize(
    ("states", "quality", "flagged", "done"),
    [("kk", 4, False, True), ("kr", 0, False, True), ("ko", 4, False, False), ("kk", None, False, False),
     ("rr", 4, False, False), ("oo", None, True, True)],
)  # fmt: skip
def test_a_sample_is_done_when_nothing_is_left_to_say(
    review: Review, states: str, quality: int, flagged: bool, done: bool
) -> None:
    """A sample of which no trigger stays can only be left out."""
    sample = review.sample(review.next("ann") or "")
    assert decided(sample, states, quality, flagged=flagged).done == done


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 501])
def test_a_trigger_needs_words_and_not_too_many(text: str) -> None:
    with pytest.raises(ValidationError):
        Decision(source=None, text=text)


@pytest.mark.parametrize(
    "sources",
    [[0], [0, 0, 1], [0, 2], [0, 1, *[None] * 51]],
    ids=["one lost", "one twice", "unknown", "too many added"],
)
def test_a_mark_must_be_of_the_sample(review: Review, sources: list[int | None]) -> None:
    sample = review.sample(review.next("ann") or "")
    mark = Mark(triggers=[Decision(source=one, text="a cake") for one in sources])
    with pytest.raises(ValueError, match="triggers"):
        review.save("ann", sample, mark, 0)


def test_disagreement_worked_by_hand(review: Review) -> None:
    """Ann keeps both triggers, Ben one: 1/2 apart. Quality 5 and 2: 3/5. No flag: 0. (1/2 + 3/5 + 0) / 3 = 0.3667.
    Cid flags and says nothing else: against either 1. The mean of three pairs: (0.3667 + 1 + 1) / 3 = 0.7889."""
    sample = review.sample(review.next("ann") or "")
    ann, ben = decided(sample, "kk", 5), decided(sample, "kr", 2)
    cid = Mark.untouched(sample.built).model_copy(update={"flagged": True})
    assert disagreement([ann]) == 0
    assert disagreement([ann, ben]) == pytest.approx(0.36667, abs=1e-5)
    assert disagreement([ann, ben, cid]) == pytest.approx(0.78889, abs=1e-5)


# On disk


def test_a_mark_is_there_for_whoever_opens_the_run_next(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    added = Decision(source=None, text="a  brass\nband", state="kept")
    mark = decided(sample, "rk", 3, comment="nice")
    mark = mark.model_copy(update={"triggers": [*reversed(mark.triggers), added]})
    seq = review.save("ann", sample, mark, 0)
    again = Review(RunFolder(review.run.folder))
    kept = again.kept("ann", sample)
    assert (kept.seq, kept.mark) == (seq, mark)
    assert kept.mark.triggers[-1].text == "a brass band"
    assert again.kept("ben", sample).mark == Mark.untouched(sample.built)  # nobody else's


def test_of_two_tabs_the_later_one_does_not_overwrite_what_it_has_not_seen(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    seq = review.save("ann", sample, decided(sample, "kk"), 0)
    with pytest.raises(Conflict):
        review.save("ann", sample, decided(sample, "rk"), 0)
    assert review.kept("ann", sample).mark == decided(sample, "kk")
    review.save("ann", sample, decided(sample, "rk"), seq)


def test_undo_goes_back_step_by_step_over_samples_and_only_over_ones_own(review: Review) -> None:
    first, second = (review.sample(name) for name in ("happy-" + one.id for one in review.run.items()[:2]))
    one = review.save("ann", first, decided(first, "ko"), 0)
    review.save("ann", first, decided(first, "kr"), one)
    review.save("ben", first, decided(first, "rr"), 0)
    review.save("ann", second, decided(second, "kk"), 0)
    assert review.undo("ann") == second.id
    assert review.kept("ann", second).mark == Mark.untouched(second.built)
    assert review.undo("ann") == first.id
    assert review.kept("ann", first).mark == decided(first, "ko")
    assert review.undo("ann") == first.id
    assert review.kept("ann", first).seq == 0
    assert review.undo("ann") is None
    assert review.kept("ben", first).mark == decided(first, "rr")
    review.save("ann", first, decided(first, "kk"), 0)  # and on from there


@settings(deadline=None, max_examples=30)
@given(steps=st.lists(st.sampled_from(["kk", "kr", "rk", "rr", "ok", "undo"]), max_size=12))
def test_undo_is_a_stack(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    review = Review(built(tmp_path_factory.mktemp("undo"), [0.5]))
    review.take_in()
    sample = review.sample(review.next("ann") or "")
    stack = [Mark.untouched(sample.built)]
    for step in steps:
        if step == "undo":
            review.undo("ann")
            stack = stack[:-1] or stack
        else:
            stack.append(decided(sample, step))
            review.save("ann", sample, stack[-1], review.kept("ann", sample).seq)
        assert review.kept("ann", sample).mark == stack[-1]
    review.close()


def test_no_action_is_ever_taken_away(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    review.save("ann", sample, decided(sample, "kk"), 0)
    review.undo("ann")
    with sqlite3.connect(review.run.folder / "review.sqlite") as db:
        assert db.execute("SELECT rater, undone FROM actions").fetchall() == [("ann", 1)]


def test_samples_that_were_built_anew_are_not_taken_for_the_old_ones(tmp_path: Path) -> None:
    run = built(tmp_path, [0.5])
    Review(run).take_in()
    finish(run, tmp_path / "photos" / "0.png", a_sample("happy", "another cake"))
    with pytest.raises(RunError, match="was built anew"):
        Review(run).take_in()


# What comes next


def test_the_least_sure_sample_comes_first(review: Review) -> None:
    lows = [sample.built.triggers[1].probability for sample in by_low(review)]
    assert lows == [0.4, 0.7, 0.9]
    assert review.next("ann") is None


def test_where_others_disagree_comes_before_that(review: Review) -> None:
    sure = next(sample for sample in by_low(review) if sample.built.triggers[1].probability == 0.9)
    review.save("ben", sure, decided(sure, "rr", 0, flagged=True), 0)
    assert review.next("cid") == sure.id


def test_a_sample_that_was_begun_still_needs_its_rater(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    review.save("ann", sample, decided(sample, "ko"), 0)
    assert review.next("ann") == sample.id
    assert review.next("ann", besides=sample.id) != sample.id


def test_what_is_not_shared_is_shown_to_one_rater(tmp_path: Path) -> None:
    review = Review(built(tmp_path, [0.1 * number for number in range(1, 10)]), overlap=0)
    review.take_in()
    seen: dict[str, list[str]] = {"ann": [], "ben": []}
    for turn in range(9):
        rater = ("ann", "ben")[turn % 2]
        name = review.next(rater)
        assert name is not None
        seen[rater].append(name)
        sample = review.sample(name)
        review.save(rater, sample, decided(sample), 0)
    assert len(set(seen["ann"] + seen["ben"])) == 9
    assert review.next("ann") is None is review.next("ben")


def test_two_raters_are_not_shown_the_same_single_sample_at_once(tmp_path: Path) -> None:
    review = Review(built(tmp_path), overlap=0)
    review.take_in()
    assert len({review.next("ann"), review.next("ben"), review.next("cid")}) == 3


def test_the_overlap_stays_what_it_was_and_means_that_share(tmp_path: Path) -> None:
    run = built(tmp_path, [0.5] * 40)
    review = Review(run, overlap=0.5)
    review.take_in()
    assert Review(RunFolder(run.folder)).overlap == 0.5
    for sample in by_low(review, "ann"):
        assert sample
    left = 0
    while name := review.next("ben"):  # ann has done everything; what she was not alone with is left for ben
        sample = review.sample(name)
        review.save("ben", sample, decided(sample), 0)
        left += 1
    assert 10 <= left <= 30


def test_progress_of_everybody(review: Review) -> None:
    first = review.sample(review.next("ann") or "")
    review.save("ann", first, decided(first), 0)
    second = review.sample(review.next("ann") or "")
    review.save("ann", second, decided(second, "ko"), 0)
    review.save("ben", first, decided(first), 0)
    assert [(one.rater, one.done, one.begun, one.left) for one in review.progress()] == [
        ("ann", 1, 1, 2),
        ("ben", 1, 0, 2),
    ]
