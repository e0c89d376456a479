"""Label Studio: its tasks, its labelling interface, and what comes back from it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from support.built_runs import basic_run

from cfsa_tool.cli import main
from cfsa_tool.review.label_studio import LABELS
from cfsa_tool.review.marks import MOST_ADDED, Mark
from cfsa_tool.review.store import Review
from cfsa_tool.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return basic_run(tmp_path).folder


def exported(folder: Path) -> list[dict[str, Any]]:
    file = folder.parent / "tasks.json"
    done = CliRunner().invoke(main, ["label-studio", "export", str(folder), "-o", str(file), "--images", "/data/?d="])
    assert done.exit_code == 0 and "4 tasks" in done.output, done.output
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def annotated(task: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A task as Label Studio exports it, with one annotation; choices are given as tuples, texts as lists."""
    results = []
    for name, value in said.items():
        kind = "choices" if isinstance(value, tuple) else "textarea"
        results.append({"from_name": name, "to_name": "x", "type": kind,
                        "value": {"choices" if kind == "choices" else "text": list(value)}})  # fmt: skip
    return task | {"id": 7, "annotations": [{"completed_by": {"email": "ann@lab"}, "result": results}]}


def brought_in(folder: Path, *tasks: Any) -> Any:
    file = folder.parent / "annotations.json"
    file.write_text(json.dumps(list(tasks)), encoding="utf-8")
    return CliRunner().invoke(main, ["label-studio", "import", str(folder), str(file)])


def marks_of(folder: Path, task: Mapping[str, Any]) -> dict[str, Mark]:
    return dict(Review(RunFolder(folder)).marks())[task["data"]["sample"]]


def test_a_task_holds_what_a_person_needs(folder: Path) -> None:
    task = next(one["data"] for one in exported(folder) if one["data"]["emotion"] == "fear")
    item = next(item for item in RunFolder(folder).items() if item.path.name == "storm.jpg")
    assert task["image"] == f"/data/?d={item.name}"
    assert [one["text"] for one in task["triggers"]] == [
        "dark clouds",
        "a bending tree",
        "a broken window",
        "no shelter",
    ]
    names = {part.get("name") for part in ElementTree.fromstring(LABELS).iter() if part.get("name")}
    assert {"state_{{idx}}", "words_{{idx}}", "added", "quality", "flagged", "comment"} <= names


def test_annotations_become_marks(folder: Path) -> None:
    task = exported(folder)[0]
    count = len(task["data"]["triggers"])
    states = {f"state_{place}": ("kept",) for place in range(count)} | {"state_1": ("removed",)}
    done = brought_in(
        folder, annotated(task, **states, words_0=["better"], added=["music", " "], quality=("0",), comment=["a", "b"])
    )
    assert done.exit_code == 0 and "1 annotations of 1 raters: ann@lab" in done.output, done.output
    mark = marks_of(folder, task)["ann@lab"]
    assert [one.state for one in mark.triggers[:2]] == ["kept", "removed"]
    assert mark.triggers[0].text == "better" and mark.triggers[-1].text == "music" and mark.triggers[-1].source is None
    assert (mark.quality, mark.comment, mark.flagged, mark.done) == (0, "a\nb", False, True)


def test_what_nobody_said_is_not_decided(folder: Path) -> None:
    task = exported(folder)[0]
    brought_in(folder, annotated(task) | {})
    mark = marks_of(folder, task)["ann@lab"]
    assert mark.quality is None and {one.state for one in mark.triggers} == {"open"} and not mark.done


def test_a_cancelled_annotation_does_not_count_and_a_number_is_a_rater(folder: Path) -> None:
    task = annotated(exported(folder)[0], flagged=("leave out",))
    task["annotations"][0]["completed_by"] = 3
    task["annotations"].append({"completed_by": 4, "was_cancelled": True, "result": []})
    assert brought_in(folder, task).exit_code == 0
    assert list(marks_of(folder, task)) == ["label-studio 3"]


def said(name: str, **value: Any) -> dict[str, Any]:
    """An annotation that says one thing."""
    return {"annotations": [{"completed_by": 1, "result": [{"from_name": name, "value": value}]}]}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"data": {"sample": "nobody", "triggers": []}}, "no sample of the run"),
        ({"data": None}, "no task"), ({"annotations": [{"completed_by": 1}]}, "no task"),
        ({"annotations": [{"result": []}]}, "does not say who"),
        (said("quality", choices=["9"]), "no task"), (said("words_0", text=["x" * 900]), "at most"),
        (said("added", text=[f"one more, {number}" for number in range(MOST_ADDED + 1)]), "were added"),
    ],
)  # fmt: skip
def test_what_is_no_annotation_is_an_error_and_nothing_is_taken(
    folder: Path, change: dict[str, Any], word: str
) -> None:
    first, second, *_ = exported(folder)
    done = brought_in(folder, annotated(first, quality=("3",)), annotated(second) | change)
    assert done.exit_code == 1 and word in done.output and "Traceback" not in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "review.sqlite").exists()


def test_what_was_said_in_the_page_since_stays_and_is_named(folder: Path) -> None:
    task = exported(folder)[0]
    brought_in(folder, annotated(task, quality=("3",)))
    review = Review(RunFolder(folder))
    sample = review.sample(task["data"]["sample"])
    kept = review.kept("ann@lab", sample)
    review.save("ann@lab", sample, kept.mark.model_copy(update={"quality": 5}), kept.seq)
    done = brought_in(folder, annotated(task, quality=("1",)))
    assert done.exit_code == 0 and "1 of them were passed over" in done.output and sample.id in done.output
    assert review.kept("ann@lab", sample).mark.quality == 5


def test_tasks_alone_are_no_review(folder: Path) -> None:
    exported(folder)
    assert not (folder / "review.sqlite").exists()
    done = CliRunner().invoke(main, ["agreement", str(folder)])
    assert done.exit_code == 1 and "nobody has reviewed" in done.output


def test_annotations_of_another_version_of_the_triggers_are_refused(folder: Path) -> None:
    task = annotated(exported(folder)[0])
    task["data"]["triggers"][0]["text"] = "something else"
    assert "are not those of the run" in brought_in(folder, task).output


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '"x"'])
def test_a_file_that_is_no_export_is_an_error(folder: Path, text: str) -> None:
    file = folder.parent / "bad.json"
    file.write_text(text)
    done = CliRunner().invoke(main, ["label-studio", "import", str(folder), str(file)])
    assert done.exit_code == 1 and done.output.startswith("Error: ") and "Traceback" not in done.output
