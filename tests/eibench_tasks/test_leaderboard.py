"""`eibench leaderboard`: which runs may stand beside one another, and in which order."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.finished_runs import answered, finished_run

from eibench_tasks.cli import main
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.errors import EIBenchError
from eibench_tasks.report.leaderboard import as_csv, boards, markdown

PAPER = {"name": "openai:gpt", "protocol": "paper:chatgpt", "version": "1-p"}


def ranks(folder: Path) -> dict[str, int | None]:
    """In the order of the table."""
    (board,) = boards([folder])[0]
    return {entry.result.model.partition("=")[2].rstrip(")"): entry.rank for entry in board.entries}


def test_a_rank_counts_the_runs_that_are_better_for_certain(tmp_path: Path) -> None:
    """70 ± 4 and 66 ± 4 overlap; 61 ± 4 (up to 65) lies below 70 ± 4 (from 66), not below 66 ± 4 (from 62).

    58 ± 4 (up to 62) touches 66 ± 4, which is not above it wholly.
    """
    for name, recall in (("best", 70), ("near", 66), ("third", 61), ("touching", 58), ("last", 40)):
        finished_run(tmp_path / name, model=name, recall=recall)
    assert ranks(tmp_path) == {"best": 1, "near": 1, "third": 2, "touching": 2, "last": 5}


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
    assert text.count("| –\\* |") == text.count("| 1\\* |") == 1


def test_what_a_run_leaves_out_cannot_lift_it(tmp_path: Path) -> None:
    """Five samples at 100 beat nobody; of 90 (88 to 92) nothing is certain where the bounds are 45 and 95.

    Whole runs: 60 (58 to 62) and 55 (53 to 57), of which the first is better for certain.
    """
    finished_run(tmp_path / "a", model="good", recall=60, half=2)
    finished_run(tmp_path / "b", model="fair", recall=55, half=2)
    finished_run(tmp_path / "c", model="five", recall=100, half=0, samples=(5, 1615))
    gaps = {"coverage": 50.0, "bound_low": 45.0, "bound_high": 95.0}
    finished_run(tmp_path / "d", model="half", recall=90, half=2, numbers=gaps)
    assert list(ranks(tmp_path).items()) == [("half", 1), ("good", 1), ("fair", 2), ("five", None)]


def test_a_shorter_run_made_later_does_not_replace_a_whole_one(tmp_path: Path) -> None:
    finished_run(tmp_path / "run", recall=60, time="20260101_000000")
    finished_run(tmp_path / "run", recall=20, samples=(5, 1615), time="20260201_000000")
    (board,), left_out = boards([tmp_path])
    assert [entry.result.recall for entry in board.entries] == [60]
    ((what, why),) = left_out.items()
    assert "20260201" in what and "another run of the same model counts" in why


def test_one_model_generating_in_two_ways_is_two_runs(tmp_path: Path) -> None:
    for number, temperature in enumerate((0.0, 1.0)):
        finished_run(tmp_path / str(number), recall=40 + number, generation={"temperature": temperature})
    (board,), left_out = boards([tmp_path])
    assert [entry.result.generation for entry in board.entries] == ["temperature=1.0", "temperature=0.0"]
    assert left_out == {} and "temperature=1.0" in as_csv([board])


def test_a_damaged_file_is_told_and_no_table_is_written_over_where_no_run_can_enter(tmp_path: Path) -> None:
    file = finished_run(tmp_path / "whole")
    (tmp_path / "half_results.json").write_text(file.read_text()[:100])
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path)])
    assert done.exit_code == 0 and "Left out:" in done.output and "half_results.json" in done.output
    before = (tmp_path / "leaderboard.md").read_text()
    finished_run(tmp_path / "whole", eibench=None)
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path)])
    assert done.exit_code == 1 and "no run can enter the leaderboard" in done.output
    assert (tmp_path / "leaderboard.md").read_text() == before


def test_a_run_that_does_not_say_how_many_samples_it_has_is_left_out(tmp_path: Path) -> None:
    finished_run(tmp_path / "whole", model="whole")
    file = finished_run(tmp_path / "uncounted", model="uncounted")
    content = json.loads(file.read_text())
    del content["n-samples"], content["configs"]["eibench_basic_user"]["metadata"]["run"]["data"]["samples"]
    file.write_text(json.dumps(content))
    (board,), left_out = boards([tmp_path])
    assert len(board.entries) == 1 and "number of samples" in " ".join(left_out.values())


def test_a_name_breaks_no_line_of_the_table(tmp_path: Path) -> None:
    hostile = "m\n# A heading\n| 1 | x <img src=x onerror=alert(1)>"
    finished_run(tmp_path / "one", model=hostile, samples=(5, 1615))
    lines = markdown(boards([tmp_path])[0]).splitlines()
    assert not any(line.startswith("# A") or "<img" in line for line in lines)
    assert sum(line.startswith("|") for line in lines) == 3  # head, rule, the run


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
