"""The data-set card: what it counts, what it admits, and that nothing in it can be more than text."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.annotated import add, item_of
from support.built_runs import (
    QUESTIONS,
    a_sample,
    a_trigger,
    basic_run,
    complex_run,
    configuration,
    finish,
    leave_out,
    new_run,
    picture_file,
)

from cfsa_tool.export.origin import without_folder
from cfsa_tool.export.write import export
from cfsa_tool.records import Dropped
from cfsa_tool.run_folder import RunFolder


def card(run: RunFolder, tmp_path: Path, **options: Any) -> str:
    split = export(run, tmp_path / "out", "my_split", **options)
    return (split.folder / "README.md").read_text(encoding="utf-8")


def front(text: str) -> dict[str, Any]:
    """The front matter."""
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def row(text: str, first: str) -> list[str]:
    """The cells of the one row of a table that begins like this."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_front_matter_tells_the_hub_where_the_data_are_and_under_which_licence(tmp_path: Path) -> None:
    found = front(card(basic_run(tmp_path), tmp_path))
    assert found["license"] == "cc0-1.0"
    assert found["configs"][0]["data_files"] == [{"split": "test", "path": "data/*.parquet"}]
    assert (found["pretty_name"], found["size_categories"], found["language"]) == ("my_split", ["n<1K"], ["en"])


def test_a_licence_that_the_hub_does_not_know_is_told_in_words(tmp_path: Path) -> None:
    run = basic_run(tmp_path, license="only: for us")
    text = card(run, tmp_path)
    assert (front(text)["license"], front(text)["license_name"]) == ("other", "only: for us")
    assert "Of the images: only: for us." in text
    assert front(card(run, tmp_path, license="mit"))["license"] == "mit"


def test_counts_are_those_of_the_samples(tmp_path: Path) -> None:
    # 3 + 2 + 2 + 4 = 11 triggers of 4 samples: 2.75 on average; two of two triggers, one of three, one of four
    text = card(basic_run(tmp_path), tmp_path)
    assert "| triggers | 11; 2.8 for each sample, 2 to 4 |" in text
    assert row(text, "emotions")[1] == "3: angry, fear, happy"
    assert row(text, "happy") == ["happy", "2", "██████████ 50 %", "2.5"]
    assert row(text, "fear") == ["fear", "1", "█████ 25 %", "4.0"]
    assert [row(text, str(number))[1] for number in (2, 3, 4)] == ["2", "1", "1"]
    assert "The vision model was at least 90 % sure of 11 of 11 triggers." in text


def test_labels_are_shared_out_and_their_absence_is_said(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    triggers = [
        a_trigger("a"),
        a_trigger("b", kind="implicit", category="atmosphere", probability=0.6),
        a_trigger("c", kind=None, category=None, probability=None),
        a_trigger("d"),
    ]
    finish(run, picture_file(tmp_path / "a.jpg"), a_sample("happy", *triggers))
    text = card(run, tmp_path)
    assert row(text, "*explicit*")[1:] == ["2", "██████████ 50 %"]
    assert row(text, "*implicit*")[1:] == ["1", "█████ 25 %"]
    assert row(text, "objects")[1] == "2" and row(text, "atmosphere")[1] == "1"
    assert row(text, "not labelled")[1] == "1"
    assert "at least 90 % sure of 2 of 3 triggers" in text
    bare = new_run(tmp_path / "bare", configuration(label=False, verify=False))
    nothing = a_trigger("a", kind=None, category=None, probability=None)
    finish(bare, picture_file(tmp_path / "b.jpg", 1), a_sample("happy", nothing))
    text = card(bare, tmp_path)
    assert "carry no labels" in text and "is not on record" in text
    assert "**Triggers were not held against the image.**" in text


def test_what_was_dropped_merged_failed_and_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    unseen, named = "the vision model does not find it in the image", "it only names the emotion"
    dropped = [Dropped(text="x", reason=unseen, probability=0.1), Dropped(text="y", reason=unseen)]
    merged = a_trigger("a cake", merged=["the cake", "one cake"])
    finish(run, picture_file(tmp_path / "a.jpg", 1), a_sample("happy", merged, dropped=dropped))
    finish(
        run,
        picture_file(tmp_path / "b.jpg", 2),
        a_sample("happy", "b", dropped=[Dropped(text="joy", reason=named)]),
        skipped={"awe": "none of 2 triggers stood the checks: too vague"},
    )
    finish(run, picture_file(tmp_path / "c.jpg", 3), stage="summary", failure="no usable reply: line 3")
    finish(run, picture_file(tmp_path / "d.jpg", 4), stage="summary", failure="no usable reply: line 9")
    leave_out(
        run, {"d": "near-identical to a.jpg", "e": "near-identical to b.jpg, whose emotion is fear", "f": "is empty"}
    )
    text = card(run, tmp_path)
    assert "2 near-identical triggers merged into others." in text
    assert row(text, unseen)[1] == "2" and row(text, named)[1] == "1"
    assert row(text, "none of 2 triggers stood the checks")[1] == "1"
    assert row(text, "summary: no usable reply")[1] == "2"
    assert row(text, "near-identical to another image")[1] == "2" and row(text, "is empty")[1] == "1"
    assert "What of the source was left out: 3." in text


def test_many_reasons_are_cut_to_the_most_frequent(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    leave_out(run, {f"{number}.jpg": f"reason {number % 20:02}" for number in range(100, 140)} | {"x": "reason 07"})
    text = card(run, tmp_path)
    assert row(text, "reason 07")[1] == "3"
    # 22 reasons (two of the run's own) of 43 entries; 12 are shown: one of 3, eleven of 2
    assert row(text, "10 other reasons")[1] == str(43 - 3 - 11 * 2)


def test_an_unfinished_run_says_how_much_of_it_there_is(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    add(
        run, [item_of(picture_file(tmp_path / "photos" / "late" / f"{number}.jpg", 70 + number)) for number in range(3)]
    )
    text = card(run, tmp_path)
    assert row(text, "state")[1] == "**unfinished**: 5 of 8 images are annotated"
    assert "3 images are not annotated yet" in text


def test_a_limit_is_not_an_unfinished_run(tmp_path: Path) -> None:
    run = basic_run(tmp_path, limit=5)
    add(run, [item_of(picture_file(tmp_path / "photos" / "late.jpg", 70))])
    assert "unfinished" not in card(run, tmp_path)


def test_who_named_the_emotions_is_said(tmp_path: Path) -> None:
    assert "Every emotion was named by the source" in card(basic_run(tmp_path / "a"), tmp_path / "a")
    text = card(complex_run(tmp_path / "b"), tmp_path / "b")
    assert "by the source of the images for 2 samples, **by the model for 2**" in text
    run = new_run(tmp_path / "c" / "run")
    finish(run, picture_file(tmp_path / "c.jpg"), a_sample("happy", "a", emotion_by="model"))
    text = card(run, tmp_path / "c")
    assert "**Every emotion was named by the vision model**" in text
    assert "may be another than people would name" in text


def test_models_questions_versions_and_the_method_are_named(tmp_path: Path) -> None:
    text_model = {"engine": "transformers", "model": "/srv/models/tiny|writer"}
    text = card(basic_run(tmp_path, text=text_model, rounds=3, threshold=0.7), tmp_path)
    assert row(text, "vision")[1:4] == ["`Qwen/Qwen2.5-VL-3B-Instruct`", "openai", "abc123"]
    assert row(text, "text")[1:4] == ["`tiny?writer`", "transformers", "not given"]
    assert all(f"- {question}" in text for question in QUESTIONS)
    assert "self_ask `1-ab12`" in text
    assert "3 rounds at most" in text and "a probability of 0.7" in text and "the text model made" in text
    assert "reconstruction" in text and "**No person has reviewed them.**" in text
    assert "also checked it" not in text  # another model wrote


def test_names_and_reasons_of_the_source_are_text_and_nothing_else(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    finish(run, picture_file(tmp_path / "a.jpg"), a_sample("<b>joy</b> | x", "a"))
    leave_out(run, {"f": "![](http://evil/x.png)\n# Head \x1b[2J`"})
    text = card(run, tmp_path)
    assert "<b>" not in re.sub(r"\\.", "", text) and "\x1b" not in text
    assert "![](" not in text and "\n# Head" not in text
    assert r"\<b\>joy\</b\> \| x" in text


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Qwen/Qwen2.5-VL", "Qwen/Qwen2.5-VL"),
        ("/srv/models/qwen", "qwen"),
        ("./qwen", "qwen"),
        ("~/models/qwen", "qwen"),
        ("../qwen", "qwen"),
    ],
)
def test_of_a_model_in_a_folder_only_the_last_part_is_told(model: str, name: str) -> None:
    assert without_folder(model) == name


def test_the_commands_and_files_of_the_card_are_those_of_the_folder(tmp_path: Path) -> None:
    text = card(basic_run(tmp_path), tmp_path)
    named = set(re.findall(r"`([\w.]+\.(?:yaml|py|jsonl?))`", text))
    there = {entry.name for entry in (tmp_path / "out").iterdir() if entry.is_file()} - {"README.md"}
    assert named == there
    assert "--include_path DIR --tasks my_split" in text
    assert "without image files" in card(basic_run(tmp_path / "x"), tmp_path / "x", images=False)
