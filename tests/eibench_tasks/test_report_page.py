"""What a report says, before a browser shows it: which numbers are of which run, and what is told where some lack."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.finished_runs import answered, finished_run
from support.judged_logs import line

from eibench_tasks.cli import main
from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.page import figures, plots, samples
from eibench_tasks.report.page.page import Settings, render
from eibench_tasks.report.page.published import published
from eibench_tasks.report.page.runs import Run, names_of, read_runs
from eibench_tasks.report.table import Result, read_results

PAPER = {"name": "openai:gpt", "protocol": "paper:chatgpt", "version": "1-p"}


def one_run(folder: Path, *lines: dict[str, Any], **how: Any) -> Run:
    finished_run(folder, lines, **how)
    ((run,), _) = read_runs([folder])
    return run


def result(model: str, judge: str = "offline", version: str = "1") -> Result:
    given = dict.fromkeys(Result.model_fields) | {"emotions": {}, "setting": "user", "generation": ""}
    known = {"model": model, "judge": judge, "judge_version": version, "protocol": "verdict", "task": "t", "file": "f"}
    return Result.model_validate(given | known | {"comparable": False, "samples": "1 of 1"})


# Which run is which


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a #1"]), st.sampled_from(["1", "2"])), max_size=6))
def test_every_run_has_a_name_of_its_own(models: list[tuple[str, str]]) -> None:
    names = names_of([result(model, version=version) for model, version in models])
    assert len(set(names)) == len(models)


def test_a_name_holds_what_tells_runs_apart_and_no_more() -> None:
    assert names_of([result("a"), result("b")]) == ["a", "b"]
    assert names_of([result("a"), result("a", "nli")]) == ["a · offline (verdict)", "a · nli (verdict)"]
    two_versions = names_of([result("a", version="1"), result("a", version="2")])
    assert two_versions == ["a · offline verdict 1", "a · offline verdict 2"]


def test_a_file_that_is_named_is_shown_and_of_a_folder_the_newest_is(tmp_path: Path) -> None:
    old = finished_run(tmp_path, recall=40, time="20260101_000000")
    new = finished_run(tmp_path, recall=60, time="20260201_000000")
    by_name, nothing = read_runs([old, new])
    assert sorted(run.result.recall or 0 for run in by_name) == [40, 60] and nothing == []
    (newest,), told = read_runs([tmp_path])
    assert newest.result.recall == 60 and len(told) == 1 and old.name in told[0]


def test_runs_of_other_models_and_of_other_generation_in_one_folder_are_all_shown(tmp_path: Path) -> None:
    for number, how in enumerate(({"model": "a"}, {"model": "b"}, {"generation": {"temperature": 1}})):
        finished_run(tmp_path, time=f"2026010{number}_000000", **how)  # type: ignore[arg-type]
    runs, told = read_runs([tmp_path])
    assert len(runs) == 3 and told == []


def test_a_mark_in_a_plot_is_that_of_the_legend_though_a_run_has_no_log(tmp_path: Path) -> None:
    """The first run logged nothing, so that the plot over length shows the second one alone."""
    finished_run(tmp_path / "silent", model="silent", recall=90)
    finished_run(tmp_path / "logged", [line("a", [True]), line("b", [False])], model="logged", recall=50)
    runs, _ = read_runs([tmp_path])
    assert [run.name for run in runs] == ["silent", "logged"]
    svg = figures.by_length([runs[1]]).plot
    assert "var(--series-2)" in svg and "var(--series-1)" not in svg
    assert "var(--series-2)" in plots.marker(1)
    alone = plots.dots(["a row"], {1: [plots.Point(50.0)]}, "recall", "title")
    assert "var(--series-2)" in alone and "var(--series-1)" not in alone


@given(st.text(min_size=1, max_size=40))
def test_a_label_of_any_text_stays_text(label: str) -> None:
    svg = plots.dots([label], {0: [plots.Point(50.0)]}, "recall", label)
    assert svg.count("</text>") == svg.count("<text") and "<script" not in svg


def test_labels_are_not_taken_for_colours_and_names_of_the_drawing() -> None:
    svg = plots.dots(["#010101 font-family: x; url(#p)"], {0: [plots.Point(50.0)]}, "recall", "title")
    assert ">#010101 font-family: x; url(#p)</text>" in svg


# Numbers


def test_equally_long_answers_share_a_fifth(tmp_path: Path) -> None:
    """Ten answers of two words, named in the first five: one point at 50 %, not a curve that falls from 100 to 0.

    Its interval: 50 ± t(9) · sqrt(10 · 50² / (10 · 9)) = 50 ± 2.262 · 16.67.
    """
    run = one_run(tmp_path, *(line(f"s{number}", [number < 5]) for number in range(10)))
    (row,) = figures.by_length([run]).rows
    assert row[2:] == ("–", "–", "2: 50.0 (12.3 – 87.7) | 10", "–", "–")


def test_fifths_by_length(tmp_path: Path) -> None:
    """Ten answers of 1 to 10 words, of which the two longest name their trigger."""
    lines = [line(f"s{n}", [n > 8], answer="word " * n) for n in range(1, 11)]
    (row,) = figures.by_length([one_run(tmp_path, *lines)]).rows
    assert [cell.split(" ")[:2] for cell in row[2:]] == [
        ["2:", "0.0"],
        ["4:", "0.0"],
        ["6:", "0.0"],
        ["8:", "0.0"],
        ["10:", "100.0"],
    ]


def test_two_lengths_are_two_points(tmp_path: Path) -> None:
    """Middle ranks 2.5 and 7.5 of ten lie in the second and the fourth fifth."""
    lines = [line(f"s{n}", [True], answer="word " * (1 if n < 5 else 9)) for n in range(10)]
    (row,) = figures.by_length([one_run(tmp_path, *lines)]).rows
    assert [cell.partition(":")[0] for cell in row[2:]] == ["–", "1", "–", "9", "–"]


def test_kinds_are_those_of_the_labels_and_each_task_without_labels_says_so(tmp_path: Path) -> None:
    from eibench_tasks.scenes.fixed import docs_of, scenes_of_run

    scene = docs_of(scenes_of_run())[0]
    told = answered(scene, f"I see {scene['triggers'][0]}", {0: scene["triggers"][0]})
    finished_run(tmp_path / "scenes", [told], task="eibench_scenes", samples=(1, 1))
    finished_run(tmp_path / "basic", [line("a", [True])])
    finished_run(tmp_path / "own", [line("a", [True])], task="my_split")
    runs, _ = read_runs([tmp_path])
    (kinds, categories), troubles = figures.by_label(runs, (), "offline")
    assert {row[0] for row in kinds.rows} <= {"explicit", "implicit"} and "Labels by" in kinds.text
    assert sum(int(row[1].rpartition("| ")[2]) for row in categories.rows) == len(scene["triggers"])
    assert len(troubles) == 2
    assert any("my_split" in one and "--exported" in one for one in troubles)
    assert any("eibench_basic_user" in one and "eibench label" in one for one in troubles)


# Published results


def test_published_rows_stand_beside_runs_that_were_judged_as_they_were(tmp_path: Path) -> None:
    run = one_run(tmp_path, judge=PAPER, comparable_with_published=True)
    found = published([run])
    assert {row[2:5] for row in found.rows} == {("basic", "user", "ChatGPT")} and "Not comparable" not in found.text


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "judged by offline"),
        ({"judge": PAPER, "comparable_with_published": True, "samples": (5, 1615)}, "5 of 1615 samples"),
        ({"judge": PAPER, "comparable_with_published": True, "persona": "an architect"}, "another persona"),
        ({"judge": PAPER, "comparable_with_published": True, "task": "eibench_demo"}, "no published split"),
    ],
)
def test_why_published_rows_are_not_shown(tmp_path: Path, how: dict[str, Any], why: str) -> None:
    found = published([one_run(tmp_path, **how)])
    assert not found.rows and why in found.text


# Samples


def test_a_scene_and_its_twin_have_an_image_each(tmp_path: Path) -> None:
    """They have one image_id, for the intervals' sake, and two pictures."""
    docs = {
        ("t", name): {"id": name, "question": "Why?", "triggers": [name], "image": str(tmp_path / f"{name}.png")}
        for name in ("scene", "scene-twin")
    }
    lines = [
        answered({"id": name, "image_id": "scene", "emotion": "happy", "triggers": [name]}, "An answer.", {})
        for name in ("scene", "scene-twin")
    ]
    run = one_run(tmp_path / "run", *lines, task="t")
    found, images = samples.entries([run], docs)
    assert [images[entry["image"]].name for entry in found] == ["scene.png", "scene-twin.png"]


def test_an_unscored_answer_stands_beside_the_scored_one_though_the_data_is_not_at_hand(tmp_path: Path) -> None:
    finished_run(tmp_path / "unscored", [line("s", None)], model="a", recall=9)
    finished_run(tmp_path / "scored", [line("s", [True, False])], model="b", recall=8)
    runs, _ = read_runs([tmp_path])
    ((entry,), images) = samples.entries(runs, {})
    assert [answer["score"] for answer in entry["answers"]] == [None, 50.0]
    assert entry["triggers"] == ["t0", "t1"] and images == []


def test_samples_of_two_splits_that_share_an_id_have_keys_of_their_own(tmp_path: Path) -> None:
    docs = {
        (task, "s"): {"id": "s", "question": task, "triggers": ["t0"], "image": str(tmp_path / task)}
        for task in ("one", "two")
    }
    for task in ("one", "two"):
        finished_run(tmp_path / task, [line("s", [True])], task=task)
    found, _ = samples.entries(read_runs([tmp_path])[0], docs)
    assert [(entry["key"], entry["question"]) for entry in found] == [("s", "one"), ("s~2", "two")]


@pytest.mark.parametrize(
    ("answer", "quote", "place"),
    [
        ("The woman hugs a man", "man", [17, 20]),  # not the end of "woman"
        ("🎂🎂 a cake", "a cake", [5, 11]),  # scripts count a cake twice
        ("a ca\u200bke", "a cake", [0, 7]),
        ("a cake", "a dog", []),
    ],
)
def test_the_words_that_are_marked_are_those_that_the_judge_quoted(
    tmp_path: Path, answer: str, quote: str, place: list[int]
) -> None:
    sample = {"id": "s", "image_id": "i", "emotion": "happy", "triggers": ["t"]}
    ((entry,), _) = samples.entries([one_run(tmp_path, answered(sample, answer, {0: quote}))], {})
    assert entry["answers"][0]["verdicts"][0][3:] == place


# The whole page and the command


def test_the_page_says_where_its_numbers_come_from_and_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    finished_run(tmp_path / "a", [line("s", [True])], model="a/b,load_in_4bit=True", generation={"temperature": 0.7})
    page = render(read_runs([tmp_path])[0], Settings(images=True))
    assert "load_in_4bit=True" in page and "temperature=0.7" in page and "lmms-eval 0.7.3" in page
    assert str(tmp_path) not in page and "eibench prepare" in page


@pytest.mark.parametrize("output", [".", "/"])
def test_a_folder_is_no_file_for_the_report(tmp_path: Path, output: str) -> None:
    finished_run(tmp_path / "a")
    done = CliRunner().invoke(main, ["report", str(tmp_path), "-o", output])
    assert done.exit_code == 1 and "Is a directory" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize("task", ["eibench_a/b", "eibench_" + "x" * 300, "eibench_\x00"])
def test_a_task_of_any_name_is_shown(tmp_path: Path, task: str) -> None:
    finished_run(tmp_path / "a", task=task)
    runs, _ = read_runs([tmp_path])
    assert runs[0].rows == []


def test_a_number_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = finished_run(tmp_path)
    file.write_text(re.sub(r'"recall_overall,none": 50.0', '"recall_overall,none": 1' + "0" * 400, file.read_text()))
    with pytest.raises(EIBenchError, match="is not a results file"):
        read_results([file])
