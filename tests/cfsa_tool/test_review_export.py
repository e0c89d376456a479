"""`cfsa export --reviewed`: the split as people want it, and what its card says of that."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.built_runs import a_sample, basic_run

from cfsa_tool.cli import main
from cfsa_tool.export.write import export as write
from cfsa_tool.records import Outcome
from cfsa_tool.review.marks import Decision, Mark
from cfsa_tool.review.reviewer import Reviewer
from cfsa_tool.review.store import Review
from cfsa_tool.run_folder import RunFolder
from eibench_tasks.data.exported import load_exported


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four samples, happy two, angry and fear one each."""
    return basic_run(tmp_path).folder


def marked(folder: Path, rater: str, said: Mapping[str, str], **more: Any) -> None:
    """A rater keeps (k) and removes (r) the triggers of the samples that hold a word, in order; - leaves one out."""
    review = Review(RunFolder(folder))
    review.take_in()
    while name := review.next(rater):
        sample = review.sample(name)
        states = next((states for word, states in said.items() if any(word in text for text in sample.triggers)), None)
        mark = Mark.untouched(sample.built)
        if states is None or states == "-":
            mark = mark.model_copy(update={"flagged": True})
        else:
            names = {"k": "kept", "r": "removed"}
            pairs = zip(mark.triggers, states, strict=True)
            triggers = [one.model_copy(update={"state": names[state]}) for one, state in pairs]
            extra = [Decision(source=None, text="music", state="kept")] if "cake" in sample.triggers[0] else []
            mark = mark.model_copy(update={"triggers": triggers + extra, "quality": 4, **more})
        review.save(rater, sample, mark, 0)
    review.close()


def export(folder: Path, *options: str) -> Any:
    split = str(folder.parent / "split")
    return CliRunner().invoke(main, ["export", str(folder), "-o", split, "--name", "my_split", *options])


ANN = {"cake": "kkr", "dog": "kk", "coffee": "-", "clouds": "krrk"}
BEN = {"cake": "krr", "dog": "kk", "coffee": "kk", "clouds": "kkrk"}
CID = {"cake": "krk", "dog": "rk", "coffee": "-", "clouds": "krrk"}


@pytest.fixture
def reviewed(folder: Path) -> Path:
    for rater, said in (("ann", ANN), ("ben", BEN), ("cid", CID)):
        marked(folder, rater, said)
    return folder


def triggers(folder: Path) -> dict[str, list[str]]:
    return {
        row["emotion"] + row["triggers"][0]: row["triggers"] for row in load_exported(folder.parent / "split").samples()
    }


def test_the_majority_decides(reviewed: Path) -> None:
    """Cake: 2 of 3 against friends, 2 against candles. Dog: 1 against. Coffee: 2 of 3 leave it out."""
    done = export(reviewed, "--reviewed")
    assert done.exit_code == 0, done.output
    assert triggers(reviewed) == {
        "happya birthday cake": ["a birthday cake", "music"],
        "happya dog that fetches a ball": ["a dog that fetches a ball", "a sunny meadow"],
        "feardark clouds": ["dark clouds", "no shelter"],
    }
    card = (reviewed.parent / "split" / "README.md").read_text()
    assert "yes, 3 raters: 4 triggers removed, 1 added, 0 put in other words" in card
    assert "People have reviewed every sample. Rule: majority" in card and "is marked so in `provenance.jsonl`" in card
    assert "reviewed by nobody" not in card
    left_out = [json.loads(line) for line in (reviewed.parent / "split" / "left_out.jsonl").read_text().splitlines()]
    assert [one["reason"] for one in left_out if one["what"] == "sample"] == ["left out by raters"]


def test_one_voice_is_enough_where_all_must_agree(reviewed: Path) -> None:
    assert export(reviewed, "--reviewed", "--rule", "unanimous").exit_code == 0
    assert sorted(triggers(reviewed).values()) == [
        ["a birthday cake", "music"], ["a sunny meadow"], ["dark clouds", "no shelter"],
    ]  # fmt: skip


def test_the_adjudicator_decides(reviewed: Path) -> None:
    assert export(reviewed, "--reviewed", "--rule", "adjudicated", "--adjudicator", "ben").exit_code == 0
    assert ["spilled coffee on a shirt", "a crowded train"] in triggers(reviewed).values()
    assert "adjudicator: ben" in (reviewed.parent / "split" / "README.md").read_text()


def test_an_answer_that_saw_nothing_names_no_trigger_that_people_removed(reviewed: Path) -> None:
    export(reviewed, "--reviewed")
    floors = " ".join(row["floor_answer"] for row in load_exported(reviewed.parent / "split").samples())
    assert "dog that fetches" in floors and "friends who clap" not in floors and "spilled coffee" not in floors


def test_only_what_was_reviewed_is_exported(folder: Path) -> None:
    marked(folder, "ann", {"cake": "kkk", "dog": "kk", "coffee": "kk", "clouds": "kkkk"})
    done = export(folder, "--reviewed", "--least", "2")
    assert done.exit_code == 1 and "no finished sample" not in done.output and "Traceback" not in done.output
    assert "reviewed by fewer than 2 (4)" in done.output and "cfsa review" in done.output


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--rule", "adjudicated"], "needs an adjudicator"), (["--rule", "adjudicated", "--adjudicator", "zoe"], "zoe")],
)
def test_a_rule_that_cannot_be_applied_is_an_error(reviewed: Path, options: list[str], word: str) -> None:
    done = export(reviewed, "--reviewed", *options)
    assert done.exit_code == 1 and word in done.output and "known are ann, ben, cid" in done.output


def test_a_run_that_nobody_reviewed_is_an_error(folder: Path) -> None:
    done = export(folder, "--reviewed")
    assert done.exit_code == 1 and "nobody has reviewed" in done.output
    assert not (folder / "review.sqlite").exists()


def test_marks_of_other_triggers_are_not_applied_to_those_of_today(reviewed: Path) -> None:
    """A sample that was built anew must be reviewed anew; with more triggers or other ones, it is all the same."""
    run = RunFolder(reviewed)
    for name, triggers_now in (("cake.jpg", ["a tart", "a table", "guests"]), ("dog.jpg", ["a cat", "a mat", "a rat"])):
        item = next(item for item in run.items() if item.path.name == name)
        run.finish(item, Outcome(samples=[a_sample("happy", *triggers_now)]))
    assert export(reviewed, "--reviewed").exit_code == 0
    assert sorted(triggers(reviewed)) == ["feardark clouds"]
    left_out = [json.loads(line) for line in (reviewed.parent / "split" / "left_out.jsonl").read_text().splitlines()]
    assert [one["reason"] for one in left_out].count("built anew since it was marked") == 2
    found = CliRunner().invoke(main, ["agreement", str(reviewed)])
    assert found.exit_code == 0 and "2 samples were built anew since they were marked" in found.output


def test_the_split_is_of_one_moment_whoever_goes_on_marking(reviewed: Path) -> None:
    run, there = RunFolder(reviewed), Review(RunFolder(reviewed))

    def progress(total: int) -> Any:  # called once everything was read for the first time
        for name, _ in list(there.marks()):
            kept = there.kept("ben", there.sample(name))
            there.save("ben", there.sample(name), kept.mark.model_copy(update={"flagged": True}), kept.seq)
        return lambda: None

    reviewer = Reviewer(run, "unanimous")
    written = write(run, reviewed.parent / "split", "my_split", reviewer=reviewer, progress=progress)
    assert written.facts.samples == 3
    reviewer.close()


@pytest.mark.parametrize(
    "options",
    [["--rule", "unanimous"], ["--least", "2"], ["--adjudicator", "ann"],
     ["--reviewed", "--rule", "majority", "--adjudicator", "ann"], ["--reviewed", "--adjudicator", "ann"]],
)  # fmt: skip
def test_an_option_that_would_change_nothing_is_wrong_usage(reviewed: Path, options: list[str]) -> None:
    done = export(reviewed, *options)
    assert done.exit_code == 2 and ("give --reviewed" in done.output or "goes with --rule" in done.output)


def test_what_a_person_wrote_is_marked_so_and_has_nothing_that_models_said_of_other_words(folder: Path) -> None:
    review = Review(RunFolder(folder))
    review.take_in()
    sample = review.sample(review.next("ann") or "")
    mark = Mark.untouched(sample.built)
    first, *rest = [one.model_copy(update={"state": "kept"}) for one in mark.triggers]
    new = Decision(source=None, text="music", state="kept")
    said = mark.model_copy(
        update={"triggers": [new, first.model_copy(update={"text": "far better"}), *rest], "quality": 4}
    )
    review.save("ann", sample, said, 0)
    assert export(folder, "--reviewed").exit_code == 0
    split = folder.parent / "split"
    (row,) = load_exported(split).samples()
    assert row["triggers"][:2] == ["music", "far better"] and row["triggers"][2:] == sample.triggers[1:]
    (entry,) = map(json.loads, (split / "provenance.jsonl").read_text().splitlines())
    added, edited, *others = entry["triggers"]
    assert added["written_by"] == edited["written_by"] == "person" and "written_by" not in others[0]
    assert (added["instead_of"], edited["instead_of"]) == ("", sample.triggers[0])
    assert (edited["probability"], edited["kind"], edited["category"]) == (None, None, None)
    assert edited["notes"] and others[0]["probability"] is not None


def test_without_the_option_the_split_is_as_cfsa_has_built_it(reviewed: Path) -> None:
    done = export(reviewed)
    assert done.exit_code == 0 and len(triggers(reviewed)) == 4 and "cfsa review" in done.output
    assert "reviewed by people | no" in (reviewed.parent / "split" / "README.md").read_text()
