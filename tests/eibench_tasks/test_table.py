"""`eibench results`: what is read from results files, and what the table says."""

import json
from pathlib import Path
from typing import Any

import pytest

from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.table import read_results, render, to_json


def results_file(folder: Path, **run: Any) -> Path:
    """A results file as lmms-eval writes it, cut to what the table reads."""
    file = folder / "20260101_000000_results.json"
    facts = {"judge": "offline", "protocol": "verdict", "judge_version": "1-abc", "comparable_with_published": False}
    file.write_text(
        json.dumps(
            {
                "results": {
                    "eibench_complex": {
                        "alias": "eibench_complex",
                        "recall_overall,none": 41.25,
                        "ci95_low,none": 30.5,
                        "ci95_high,none": 52.0,
                        "floor_recall,none": 17.5,
                        "coverage,none": 90.0,
                        "bound_low,none": 37.0,
                        "bound_high,none": 47.0,
                        "answer_words,none": 80.4,
                        "recall_happy,none": float("nan"),
                        "recall_overall_stderr,none": "N/A",
                    },
                    "mmmu_val": {"mmmu_acc,none": 0.5},
                },
                "configs": {
                    "eibench_complex": {"metadata": {"version": 1, "setting": "user", "run": facts | run}},
                    "mmmu_val": {},
                },
                "config": {"model": "qwen2_5_vl", "model_args": "pretrained=X"},
                "n-samples": {"eibench_complex": {"original": 50, "effective": 20}},
            }
        ),
        encoding="utf-8",
    )
    return file


def test_a_result_is_read_with_what_is_needed_to_trust_it(tmp_path: Path) -> None:
    (result,) = read_results([results_file(tmp_path)])
    assert (result.recall, result.low, result.high, result.floor) == (41.25, 30.5, 52.0, 17.5)
    assert result.samples == "20 of 50"
    assert result.emotions == {}  # NaN is no number
    assert not result.comparable


def test_the_table_names_judge_floor_and_comparability(tmp_path: Path) -> None:
    text = render(read_results([results_file(tmp_path)]))
    for expected in (
        "qwen2_5_vl(pretrained=X)",
        "eibench_complex v1",
        "41.2",
        "30.5 – 52.0",
        "17.5",
        "90.0 %",
        "37.0 – 47.0",
    ):
        assert expected in text
    assert "offline 1-abc (verdict)" in text
    assert "not comparable with published" in text
    assert "another image of the same emotion" in text


def test_a_comparable_judge_gets_no_warning(tmp_path: Path) -> None:
    text = render(read_results([results_file(tmp_path, comparable_with_published=True)]))
    assert "not comparable" not in text


def test_another_persona_is_named(tmp_path: Path) -> None:
    assert "persona 'an architect'" in render(read_results([results_file(tmp_path, persona="an architect")]))


def test_a_folder_is_searched_and_json_comes_out(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    results_file(tmp_path / "model")
    (entry,) = json.loads(to_json(read_results([tmp_path])))
    assert entry["task"] == "eibench_complex"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"results": 3, "configs": {"x": 1}}', "not json"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(content)
    with pytest.raises(EIBenchError):
        read_results([file])


def test_how_answers_were_generated_is_read_without_keys(tmp_path: Path) -> None:
    """Numbers are no keys, whatever their names hold; what is empty says nothing."""
    file = results_file(tmp_path)
    content = json.loads(file.read_text())
    given = {"max_new_tokens": 512, "temperature": 0.0, "until": [], "api_key": "sk-123"}
    content["configs"]["eibench_complex"]["generation_kwargs"] = given
    file.write_text(json.dumps(content | {"system_instruction_sha": "0123456789abcdef"}))
    (result,) = read_results([file])
    assert result.generation == "api_key=***, max_new_tokens=512, temperature=0.0, system_instruction=01234567"


def test_keys_and_passwords_are_not_shown(tmp_path: Path) -> None:
    file = results_file(tmp_path)
    content = file.read_text().replace("pretrained=X", "model=X,api_key=sk-123,base_url=http://me:hunter2@host/v1")
    file.write_text(content)
    shown = render(read_results([file])) + to_json(read_results([file]))
    assert "sk-123" not in shown and "hunter2" not in shown
    assert "api_key=***" in shown


def test_other_files_of_such_a_name_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    results_file(tmp_path)
    (tmp_path / "my_results.json").write_text("[1, 2]")
    assert len(read_results([tmp_path])) == 1


def test_missing_images_show_in_the_number_of_samples(tmp_path: Path) -> None:
    data = {"samples": {"basic": "1600 of 1615", "complex": "20 of 50"}}
    (result,) = read_results([results_file(tmp_path, data=data)])
    assert result.samples == "20 of 50"


@pytest.mark.parametrize(("task", "expected"), [("eibench_lite", "20 of 200"), ("eibench_text", "20 of 1615")])
def test_every_task_says_of_how_many(tmp_path: Path, task: str, expected: str) -> None:
    data = {"samples": {"basic": "1600 of 1615", "complex": "50 of 50"}}
    file = results_file(tmp_path, data=data)
    file.write_text(file.read_text().replace("eibench_complex", task))
    (result,) = read_results([file])
    assert result.samples == expected
