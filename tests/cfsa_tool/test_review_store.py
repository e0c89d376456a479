"""What raters say of samples: kept at once, undone step by step, never seen by one another, and shown in good order."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.built_runs import a_sample, a_trigger, finish, new_run, picture_file

from cfsa_tool.errors import ReviewError
from cfsa_tool.export.samples import Sample
from cfsa_tool.records import Outcome
from cfsa_tool.review.marks import Decision, Mark, disagreement, rater_name
from cfsa_tool.review.queue import HELD
from cfsa_tool.review.store import Conflict, Review, Said, marked_review
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


def test_a_comment_is_as_a_browser_shows_it() -> None:
    """Else the page would take what it shows for something that was typed."""
    assert Mark(triggers=[], comment="one\r\ntwo\rthree\n").comment == "one\ntwo\nthree\n"


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
        assert db.execute("SELECT rater, undone FROM actions").fetchall() == [(1, 1)]


def test_a_mark_that_is_sent_again_is_the_same_mark(review: Review) -> None:
    """The server may die between the disk and the answer; the page sends the same again, and goes on from there."""
    sample = review.sample(review.next("ann") or "")
    seq = review.save("ann", sample, decided(sample, "ko"), 0)
    assert review.save("ann", sample, decided(sample, "ko"), 0) == seq
    review.save("ann", sample, decided(sample, "kk"), seq)
    with pytest.raises(Conflict):
        review.save("ann", sample, decided(sample, "ko"), 0)  # by now she has said something else


def test_a_sample_that_is_built_anew_is_marked_anew(tmp_path: Path) -> None:
    """Marks are of the triggers that their rater has seen. They are kept, and count again where these come back."""
    run = built(tmp_path, [0.5, 0.6])
    review = Review(run)
    review.take_in()
    before, other = by_low(review)
    old = run.outcome(before.item)
    assert old
    run.finish(before.item, old.model_copy(update={"samples": [a_sample("happy", "another cake", "another guest")]}))
    assert review.take_in() == 2 and review.outdated == 1
    after = review.sample(before.id)
    assert review.kept("ann", after) == review.kept("ben", after)  # nobody has said anything of it
    assert [one.done for one in review.progress()] == [1] and review.next("ann") == before.id
    assert [name for name, _ in review.marks()] == [other.id]
    assert review.was_another(after) and not review.was_another(other)
    assert review.undo("ann") == other.id  # what she said of the other triggers is not undone unseen
    run.finish(before.item, old)
    review.take_in()
    assert review.kept("ann", before).mark == decided(before) and review.outdated == 0


@pytest.mark.parametrize("how", ["built anew", "failed", "gone"])
def test_what_the_run_has_lost_meanwhile_is_not_shown_again(review: Review, how: str) -> None:
    name = review.next("ann") or ""
    item = review.sample(name).item
    if how == "gone":
        with review.run.writing() as db:
            db.execute("DELETE FROM images WHERE id = ?", (item.id,))
    else:
        samples = [a_sample("happy", "another cake")] if how == "built anew" else []
        review.run.finish(item, Outcome(samples=samples, failure=None if samples else "the model refuses"))
    with pytest.raises(KeyError):
        review.sample(name)
    assert name not in [sample.id for sample in by_low(review)]


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    run = built(tmp_path, [0.5])
    with sqlite3.connect(run.folder / "review.sqlite") as db:
        db.execute("CREATE TABLE marks (rater TEXT, sample TEXT)")
    with pytest.raises(ReviewError, match=r"review\.sqlite was made by another version") as caught:
        Review(run)
    assert "mv " in caught.value.mend and "\n" not in str(caught.value)


def test_a_damaged_file_is_named_and_never_to_be_deleted(tmp_path: Path) -> None:
    run = built(tmp_path, [0.5])
    (run.folder / "review.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ReviewError, match=r"review\.sqlite can be neither read nor written") as caught:
        Review(run)
    assert ".recover" in caught.value.mend and "elete" not in str(caught.value)
    assert "run.sqlite" not in str(caught.value)


def test_a_run_is_reviewed_when_somebody_has_marked_something(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    with pytest.raises(ReviewError, match="nobody has reviewed"):
        marked_review(review.run)
    review.save("ann", sample, decided(sample, "ko"), 0)
    marked_review(review.run).close()


def test_whoever_reads_a_snapshot_sees_one_moment(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")
    review.save("ann", sample, decided(sample, "kk"), 0)
    other = Review(RunFolder(review.run.folder))
    with other.snapshot():
        assert list(other.marks_of(sample)) == ["ann"]
        review.save("ben", sample, decided(sample, flagged=True), 0)
        assert list(other.marks_of(sample)) == ["ann"]
    assert list(other.marks_of(sample)) == ["ann", "ben"]


# Marks from elsewhere


def test_marks_from_elsewhere_come_all_or_not_at_all(review: Review) -> None:
    first, second = (review.sample("happy-" + one.id) for one in review.run.items()[:2])
    bad = decided(second).model_copy(update={"triggers": []})
    with pytest.raises(ValueError, match="not those of the sample"):
        review.bring_in([Said("ann", first, decided(first)), Said("ann", second, bad)])
    assert not list(review.marks())


def test_marks_from_elsewhere_replace_one_another_but_nothing_that_was_said_in_the_page(review: Review) -> None:
    sample = review.sample(review.next("ann") or "")

    def bring(mark: Mark) -> bool:
        return not review.bring_in([Said("ann", sample, mark)])

    assert bring(decided(sample, "kk"))
    assert bring(decided(sample, "kr"))
    seq = review.kept("ann", sample).seq
    assert bring(decided(sample, "kr")) and review.kept("ann", sample).seq == seq  # the same is no action
    review.save("ann", sample, decided(sample, "rk"), seq)
    assert not bring(decided(sample, "kk"))
    assert review.kept("ann", sample).mark == decided(sample, "rk")


# Raters


def test_names_that_look_alike_are_one_rater(review: Review) -> None:
    sample = review.sample(review.next("Ann") or "")
    review.save("Ann", sample, decided(sample), 0)
    assert review.known_as("ann") == "Ann" and review.known_as("Ben") == "Ben"
    assert review.kept("ANN", sample).mark == decided(sample)
    with pytest.raises(Conflict):
        review.save("ann", sample, decided(sample, "rk"), 0)
    assert [one.rater for one in review.progress()] == ["Ann"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("ann", "ann"), ("Jo\u0308rg B.", "Jörg B."), ("می\u200cنا", "می\u200cنا"), ("", None), (" ann", None),
     ("a\nb", None), ("x" * 41, None), ("\u200d", None), ("\u202eann", None)],
)  # fmt: skip
def test_what_a_rater_can_be_called(text: str, name: str | None) -> None:
    assert rater_name(text) == name


# What comes next


def test_the_least_sure_sample_comes_first(review: Review) -> None:
    lows = [sample.built.triggers[1].probability for sample in by_low(review)]
    assert lows == [0.4, 0.7, 0.9]
    assert review.next("ann") is None


def test_where_others_disagree_comes_before_that(review: Review) -> None:
    sure = next(sample for sample in by_low(review) if sample.built.triggers[1].probability == 0.9)
    review.save("ben", sure, decided(sure, "rr", 0, flagged=True), 0)
    assert review.next("cid") == sure.id


def test_what_is_passed_over_comes_again_after_all_others(review: Review) -> None:
    """Whoever cannot finish two samples comes to the third all the same."""
    shown = [review.next("ann") or ""]
    sample = review.sample(shown[0])
    review.save("ann", sample, decided(sample, "ko"), 0)  # begun: it still needs her
    for _ in range(5):
        shown.append(review.next("ann", passing=shown[-1]) or "")
    assert len(set(shown[:3])) == 3 and shown[3:] == shown[:3]
    assert review.next("ben") == shown[0]  # he has passed over nothing


def test_the_last_one_left_is_shown_again(tmp_path: Path) -> None:
    review = Review(built(tmp_path, [0.5]))
    review.take_in()
    name = review.next("ann") or ""
    assert review.next("ann", passing=name) == name


def test_nobody_is_sent_to_a_sample_because_another_judged_it_otherwise_than_they(review: Review) -> None:
    """Ben has begun a sample, and Ann disagrees: that it is first among his would tell him so."""
    unsure, *_, sure = by_low(review, "ann")
    assert sure.built.triggers[1].probability == 0.9
    review.save("ben", sure, decided(sure, "ro", 0), 0)
    assert review.next("ben") == unsure.id
    review.save("cid", sure, decided(sure, "kk", 5), 0)
    review.save("cid", sure, decided(sure, "kr", 5), review.kept("cid", sure).seq)
    assert review.next("ben") == sure.id  # Ann and Cid disagree


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
    review = Review(built(tmp_path, [0.2, 0.4, 0.6, 0.8]), overlap=0)
    review.take_in()
    first, *others = [review.next("ann"), review.next("ben"), review.next("cid")]
    assert len({first, *others}) == 3
    last = review.next("ann", passing=first or "")
    assert last not in (first, *others)
    assert review.next("dan") == first  # she has let it go
    assert review.next("eve") is None and review.left("eve") == 4  # others are at what is left


def test_what_is_shown_and_not_marked_for_an_hour_is_for_others(tmp_path: Path, monkeypatch: Any) -> None:
    review = Review(built(tmp_path, [0.5]), overlap=0)
    review.take_in()
    name, now = review.next("ann"), time.time()
    assert review.next("ben") is None
    monkeypatch.setattr(time, "time", lambda: now + HELD + 1)
    assert review.next("ben") == name


def test_what_one_rater_alone_is_to_see_is_left_for_nobody_else_however_it_was_marked(tmp_path: Path) -> None:
    review = Review(built(tmp_path), overlap=0)
    review.take_in()
    samples = [review.sample("happy-" + one.id) for one in review.run.items()]
    review.expect(["ann", "ben"])
    review.bring_in([Said("ann", samples[0], decided(samples[0]))])  # nobody has shown it to her
    review.save("ben", samples[1], decided(samples[1], "ko"), 0)
    assert (review.left("ann"), review.left("ben"), review.left("cid")) == (1, 2, 0)
    assert review.next("cid") == samples[2].id and review.left("cid") == 1
    review.undo("ann")
    assert (review.left("ann"), review.left("ben"), review.left("cid")) == (2, 3, 2)


def test_what_was_marked_before_the_overlap_was_lowered_is_not_shown_again(tmp_path: Path) -> None:
    run = built(tmp_path)
    review = Review(run)
    review.take_in()
    first = by_low(review, "ann")[0]
    assert review.next("ben") == first.id
    assert Review(run, overlap=0).next("ben") is None


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
    review.expect(["zoe"])
    first = review.sample(review.next("ann") or "")
    review.save("ann", first, decided(first), 0)
    second = review.sample(review.next("ann") or "")
    review.save("ann", second, decided(second, "ko"), 0)
    review.save("ben", first, decided(first), 0)
    assert [(one.rater, one.done, one.begun, review.left(one.rater)) for one in review.progress()] == [
        ("ann", 1, 1, 2),
        ("ben", 1, 0, 2),
        ("zoe", 0, 0, 3),
    ]


STEP = st.tuples(st.sampled_from(["ann", "ben", "cid"]), st.integers(0, 3), st.sampled_from(["kk", "ko", "rk", "undo"]))


@settings(deadline=None, max_examples=30)
@given(steps=st.lists(STEP, max_size=15), overlap=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_queues_are_what_they_would_be_if_they_were_made_anew(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str]], overlap: float
) -> None:
    """They are kept mark by mark; here they are compared with those that follow from all marks."""
    review = Review(built(tmp_path_factory.mktemp("queue"), [0.2, 0.4, 0.6, 0.8]), overlap)
    review.take_in()
    samples = [review.sample("happy-" + one.id) for one in review.run.items()]
    for rater, place, step in steps:
        if step == "undo":
            review.undo(rater)
        else:
            review.save(rater, samples[place], decided(samples[place], step), review.kept(rater, samples[place]).seq)
    kept = everything(review)
    Review(review.run, overlap=0.123).close()  # another overlap makes them anew
    Review(review.run, overlap=overlap).close()
    assert everything(review) == kept
    review.close()


def everything(review: Review) -> tuple[object, ...]:
    with sqlite3.connect(review.run.folder / "review.sqlite") as db:
        queue = db.execute("SELECT rater, sample, disagreement, low FROM queue ORDER BY rater, sample").fetchall()
        marks = db.execute("SELECT rater, sum(done), sum(NOT done) FROM marks GROUP BY rater").fetchall()
        raters = db.execute("SELECT number, done, begun FROM raters WHERE done OR begun ORDER BY number").fetchall()
    assert marks == raters
    return queue, raters
