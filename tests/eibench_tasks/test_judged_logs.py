"""Sample logs of judged runs: what is read, which logs count, and what is refused."""

import json
from pathlib import Path

import pytest
from support.judged_logs import JUDGE, line, write_log

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import read_samples
from eibench_tasks.report.text import columns

OTHER = JUDGE | {"version": "2-def"}
PREDICTED = {"doc_id": 0, "filtered_resps": "An answer.", "bypass": 999}


def test_a_judged_sample_is_read(tmp_path: Path) -> None:
    file = write_log(tmp_path / "qwen", line("s1", [True, False], image="i", answer="Because."))
    (row,) = read_samples([file])
    assert (row.file, row.task, row.model) == (file, "eibench_basic_user", "qwen")
    assert (row.sample_id, row.image_id, row.emotion, row.answer) == ("s1", "i", "happy", "Because.")
    assert (row.score, row.present, row.judge) == (50, [True, False], "offline verdict 1-abc")


def test_the_paper_protocol_has_a_score_without_verdicts_and_an_unscored_sample_neither(tmp_path: Path) -> None:
    paper, unscored = read_samples([write_log(tmp_path, line("s1", score=40.0), line("s2"))])
    assert (paper.score, paper.present) == (40, None)
    assert (unscored.score, unscored.present) == (None, None)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("20260101_000000_samples_eibench_complex.jsonl", "eibench_complex"),
        ("samples_eibench_text_2026-01-01T00-00-00.000000.jsonl", "eibench_text"),  # lm-eval's way
        ("20260101_000000_samples_my_split.jsonl", "my_split"),  # an exported split's
        ("renamed.jsonl", "samples"),
    ],
)
def test_the_name_of_a_log_says_the_task(tmp_path: Path, name: str, task: str) -> None:
    file = write_log(tmp_path, line("s1", [True])).rename(tmp_path / name)
    assert [row.task for row in read_samples([file])] == [task]


def test_in_a_folder_logs_of_exported_splits_are_known_by_the_judge_that_they_name(tmp_path: Path) -> None:
    write_log(tmp_path, line("s1", [True]), task="my_split")
    write_log(tmp_path, {"doc_id": 0, "filtered_resps": "B", "mmmu_acc": 1}, task="mmmu_val")
    write_log(tmp_path, {"doc_id": 0, "recall_overall": {"score": 1}}, task="of_somebody_else")
    (tmp_path / "x_samples_empty.jsonl").touch()
    (tmp_path / "x_samples_bytes.jsonl").write_bytes(b"\xff[[[")
    assert [row.task for row in read_samples([tmp_path])] == ["my_split"]


def test_of_several_logs_of_one_task_and_judge_in_a_folder_the_newest_counts(tmp_path: Path) -> None:
    write_log(tmp_path / "m", line("s1", [True]), time="20260102_000000")
    write_log(tmp_path / "m", line("s1", [False]), time="20260101_000000")
    write_log(tmp_path / "m", line("s1", [False], judge=OTHER), time="20260101_000001")
    write_log(tmp_path / "n", line("s1", [False]), time="20260101_000002")
    found = {(row.model, row.judge): row.score for row in read_samples([tmp_path])}
    assert found == {
        ("m", "offline verdict 1-abc"): 100,
        ("m", "offline verdict 2-def"): 0,
        ("n", "offline verdict 1-abc"): 0,
    }


def test_renamed_logs_of_one_folder_all_count(tmp_path: Path) -> None:
    files = [write_log(tmp_path, line("s1", [True])).rename(tmp_path / f"{name}.jsonl") for name in "ab"]
    assert [row.file for row in read_samples(files)] == files


def test_a_run_that_was_not_judged_says_how_to_judge_it(tmp_path: Path) -> None:
    file = write_log(tmp_path, PREDICTED)
    for path in (file, tmp_path):
        with pytest.raises(EIBenchError, match=r"not judged. Run `eibench judge .*samples_eibench"):
            read_samples([path])
    write_log(tmp_path, line("s1", [True]), time="20260102_000000")  # beside a judged log it is passed over
    assert len(read_samples([tmp_path])) == 1


def changed(**fields: object) -> str:
    row = line("s1", [True])
    row["recall_overall"] |= fields
    return json.dumps(row)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "holds no samples"),
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 is no JSON object"),
        ("[" * 100_000, "line 1 is not JSON"),
        ('{"a": "{score: 1/2}"}', "line 1 is no judged sample"),
        ('{"recall_overall": 3}', "line 1 is no judged sample"),
        (changed(sample_id=None), "line 1 is no judged sample"),
        (changed(score=float("nan")), "line 1 is no judged sample"),
        (changed(score=101), "line 1 is no judged sample"),
        (changed(score="50"), "line 1 is no judged sample"),
        (changed(unscored="a reason, and yet a score"), "line 1 is no judged sample"),
        (changed(verdicts=[{"present": "yes"}]), "line 1 is no judged sample"),
        (changed(judge="offline"), "line 1 is no judged sample"),
        (changed() + "\n" + changed(), "line 2 repeats the sample 's1'"),
        (changed() + "\n" + changed(sample_id="s2", judge=OTHER), "of several judges"),
        (changed() + "\n" + json.dumps(PREDICTED), "1 samples that were not judged, among others"),
    ],
)
def test_a_damaged_log_is_one_line_that_says_where(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "samples_eibench_basic_user.jsonl"
    file.write_text(content)
    with pytest.raises(EIBenchError) as error:
        read_samples([file])
    assert expected in str(error.value)


def test_names_that_a_terminal_cannot_show_are_made_harmless(tmp_path: Path) -> None:
    judge = {"name": "\x1b[2J", "protocol": "\ud83d", "version": "1"}
    (row,) = read_samples([write_log(tmp_path / "m\nn", line("s1", [True], judge=judge))])
    assert (row.judge, row.model) == ("?[2J ? 1", "m?n")


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="no log of judged samples"):
        read_samples([tmp_path])


def test_columns_are_as_wide_as_their_cells_and_show_no_control_characters() -> None:
    assert columns(("a", "bc"), [("long", "1"), ("\x1b[2J\ud83d", "2")]) == [
        "a      bc",
        "─────  ──",
        "long   1",
        "?[2J?  2",
    ]
