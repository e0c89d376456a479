"""`eibench leaderboard`: which runs may stand beside one another, and in which order."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.finished_runs import answered, finished_run

from eibench_tasks.cli import main
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.leaderboard import as_csv, boards, markdown

PAPER = {"name": "openai:gpt", "protocol": "paper:chatgpt", "version": "1-p"}


def ranks(folder: Path) -> dict[str, int]:
    (board,) = boards([folder])[0]
    return {entry.result.model.partition("=")[2].rstrip(")"): entry.rank for entry in board.entries}


def test_a_rank_counts_the_runs_that_are_better_for_certain(tmp_path: Path) -> None:
    """70 ± 4 and 66 ± 4 overlap; 61 ± 4 (up to 65) lies below 70 ± 4 (from 66), not below 66 ± 4 (from 62)."""
    for name, recall in (("best", 70), ("near", 66), ("third", 61), ("last", 40)):
        finished_run(tmp_path / name, model=name, recall=recall)
    assert ranks(tmp_path) == {"best": 1, "near": 1, "third": 2, "last": 4}


def test_runs_that_cannot_be_compared_have_tables_of_their_own(tmp_path: Path) -> None:
    finished_run(tmp_path / "plain")
    finished_run(tmp_path / "other judge", judge=PAPER)
    finished_run(tmp_path / "other setting", task="eibench_basic_cot", setting="cot")
    finished_run(tmp_path / "other data", data={"digest": "e" * 64})
    finished_run(tmp_path / "other persona", persona="an architect")
    found, _ = boards([tmp_path])
    assert [len(board.entries) for board in found] == [1] * 5
    assert len({board.title for board in found}) == 5


@pytest.mark.parametrize(
    ("fact", "word"), [("eibench", "version of eibench"), ("data", "data"), ("judge_version", "judge")]
)
def test_a_run_enters_only_with_its_provenance(tmp_path: Path, fact: str, word: str) -> None:
    finished_run(tmp_path / "whole", model="whole")
    finished_run(tmp_path / "bare", model="bare", **{fact: None})
    (board,), left_out = boards([tmp_path])
    assert [entry.result.model for entry in board.entries] == ["qwen2_5_vl(pretrained=whole)"]
    ((what, why),) = left_out.items()
    assert "bare" in what and word in why


def test_a_partial_run_is_marked(tmp_path: Path) -> None:
    finished_run(tmp_path / "some", model="some", samples=(200, 1615))
    finished_run(tmp_path / "unscored", model="unscored", numbers={"coverage": 90.0, "bound_low": 45, "bound_high": 55})
    text = markdown(boards([tmp_path])[0])
    assert "some: 200 of 1615 samples" in text
    assert "unscored: 10.0 % unscored, bounds 45.0 – 55.0" in text
    assert text.count("| 1\\* |") == 2


def test_of_a_model_that_was_run_again_the_newer_run_counts(tmp_path: Path) -> None:
    finished_run(tmp_path / "run", recall=40, time="20260101_000000")
    finished_run(tmp_path / "run", recall=60, time="20260201_000000")
    (board,), _ = boards([tmp_path])
    assert [entry.result.recall for entry in board.entries] == [60]


def test_the_three_files_hold_every_run_and_nothing_of_a_name_is_executed(tmp_path: Path) -> None:
    finished_run(tmp_path / "one", model="=cmd()|<script>alert(1)</script>|[x](javascript:y)")
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    for suffix in ("md", "csv", "html"):
        text = (tmp_path / "out" / f"leaderboard.{suffix}").read_text()
        assert "qwen2" in text and "50.0" in text
        assert suffix == "csv" or "<script>" not in text
    assert "\\[x](javascript" in (tmp_path / "out" / "leaderboard.md").read_text()


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    finished_run(tmp_path / "one", judge={"name": "=HYPERLINK(1)", "protocol": "verdict", "version": "1"})
    (row,) = csv.DictReader(io.StringIO(as_csv(boards([tmp_path])[0])))
    assert row["judge"] == "'=HYPERLINK(1)" and row["recall"] == "50.0"


def test_a_folder_without_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="no result of an EIBench task"):
        boards([tmp_path])


def test_a_run_that_was_judged_again_enters_too_and_no_path_of_this_machine_does(tmp_path: Path) -> None:
    """`eibench judge` writes results of its own beside the run; by the real command."""
    samples = [sample.model_dump() for sample in demo_samples()]
    lines = [answered(one, one["triggers"][0], {}) for one in samples]
    finished_run(tmp_path / "run", lines, task="eibench_demo", samples=(len(lines), len(lines)))
    done = CliRunner().invoke(main, ["judge", str(tmp_path / "run"), "--judge", "offline"])
    assert done.exit_code == 0, done.output
    found, left_out = boards([tmp_path])
    assert left_out == {} and sum(len(board.entries) for board in found) == 2
    assert str(tmp_path) not in markdown(found) + as_csv(found)
