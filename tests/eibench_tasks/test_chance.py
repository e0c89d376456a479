"""Chance-corrected recall, and where it is shown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_table import results_file

from eibench_tasks.cli import main
from eibench_tasks.metrics.chance import corrected
from eibench_tasks.report.table import read_results, render


@pytest.mark.parametrize(
    ("recall", "chance", "expected"),
    [
        (55, 10, 50),  # (55 - 10) / (100 - 10) = 45 / 90
        (60, 0, 60),  # nothing is named by chance
        (20, 20, 0),  # no better than chance: 0 / 80
        (10, 60, -125),  # worse: -50 / 40
        (100, 30, 100),  # whatever chance is, all is all: 70 / 70
    ],
)
def test_recall_above_chance_over_the_most_above_chance(recall: float, chance: float, expected: float) -> None:
    assert corrected(recall, chance) == pytest.approx(expected)


def test_where_chance_names_everything_there_is_nothing_to_correct() -> None:
    assert corrected(100, 100) is None


@given(st.floats(0, 100), st.floats(0, 99))
def test_it_is_never_above_recall(recall: float, chance: float) -> None:
    found = corrected(recall, chance)
    assert found is not None and found <= recall + 1e-9


def _with_chance(folder: Path) -> Path:
    file = results_file(folder)
    data = json.loads(file.read_text(encoding="utf-8"))
    numbers = {"chance_recall,none": 6.0, "chance_low,none": 4.0, "chance_high,none": 8.0, "specific_recall,none": 39.1}
    data["results"]["eibench_complex"] |= numbers
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def test_the_table_shows_it_with_the_interval_of_chance(tmp_path: Path) -> None:
    text = render(read_results([_with_chance(tmp_path)]))
    # (41.25 - 6) / (100 - 6) = 35.25 / 94 = 0.375
    assert " 37.5 " in text and " 39.1 " in text
    assert "chance 6.0 (95 %: 4.0 – 8.0) for qwen2_5_vl(pretrained=X), eibench_complex, offline" in text


def test_json_holds_it_too(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["results", str(_with_chance(tmp_path)), "--json"])
    (result,) = json.loads(done.output)
    assert result["corrected"] == pytest.approx(37.5)
    assert (result["chance"], result["specific"]) == (6.0, 39.1)
