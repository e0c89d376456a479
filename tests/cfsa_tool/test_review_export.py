"""`cfsa export --reviewed`: the split as people want it, and what its card says of that."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.built_runs import basic_run

from cfsa_tool.cli import main
from cfsa_tool.review.marks import Decision, Mark
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
    assert "People have reviewed every sample. Rule: majority" in card and "reviewed by nobody" not in card
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
    assert done.exit_code == 1 and "no finished sample" in done.output


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


def test_without_the_option_the_split_is_as_cfsa_has_built_it(reviewed: Path) -> None:
    done = export(reviewed)
    assert done.exit_code == 0 and len(triggers(reviewed)) == 4 and "cfsa review" in done.output
    assert "reviewed by people | no" in (reviewed.parent / "split" / "README.md").read_text()
