"""Answers that were given before: logs of lmms-eval, plain lines, the published format, and what is none of these."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eibench_tasks.data.answers import log_files, read_answers
from eibench_tasks.errors import EIBenchError

TASK = "eibench_basic"
DOC: dict[str, Any] = {"id": "basic-happy-0001", "image_id": "SomeSet/train/Happy/0001.png", "split": "basic"}


def log(folder: Path, *lines: object, task: str = TASK, stamp: str = "20250101_120000") -> Path:
    """A file named as lmms-eval names its sample logs."""
    folder.mkdir(parents=True, exist_ok=True)
    return written(folder / f"{stamp}_samples_{task}.jsonl", *lines)


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def logged(output: Any, sample: str = DOC["id"], doc_id: int = 0) -> dict[str, Any]:
    """One line of a log: responses by request and repeat, and the row of the metric."""
    return {
        "doc_id": doc_id,
        "target": "…",
        "resps": [[output]],
        "filtered_resps": [output],
        "recall_overall": {"image_id": DOC["image_id"], "sample_id": sample, "answer": "…"},
    }


def predicted(output: Any, doc_id: int) -> dict[str, Any]:
    """One line of a log of a run with ``--predict_only``: no metric, so no sample id."""
    return {"doc_id": doc_id, "resps": [[output]], "filtered_resps": [output], "bypass": 999}


# Logs of lmms-eval


def test_a_logged_answer_is_found_by_its_sample(tmp_path: Path) -> None:
    answers = read_answers([log(tmp_path, logged("Because of the dog.", doc_id=5))])
    assert answers.get(TASK, 0, DOC) == "Because of the dog."


def test_a_log_gives_the_output_as_it_was_reasoning_included(tmp_path: Path) -> None:
    output = "<think>\nA dog…\n</think>\nBecause of the dog.\u2028 🐕"
    assert read_answers([log(tmp_path, logged(output))]).get(TASK, 0, DOC) == output


def test_a_log_that_names_the_output_only_once_is_read_too(tmp_path: Path) -> None:
    """lmms-eval leaves ``resps`` out where they are the same as the filtered ones."""
    line = logged("Because of the dog.")
    del line["resps"]
    assert read_answers([log(tmp_path, line)]).get(TASK, 0, DOC) == "Because of the dog."


def test_the_output_counts_not_what_a_filter_left_of_it(tmp_path: Path) -> None:
    line = logged("<think>hm</think>The dog.") | {"filtered_resps": ["The dog."]}
    assert read_answers([log(tmp_path, line)]).get(TASK, 0, DOC) == "<think>hm</think>The dog."


def test_a_sample_that_was_not_logged_has_no_answer(tmp_path: Path) -> None:
    answers = read_answers([log(tmp_path, logged("…", doc_id=0))])
    assert answers.get(TASK, 0, DOC | {"id": "basic-happy-0002"}) is None


def test_what_another_task_logged_is_no_answer_to_this_one(tmp_path: Path) -> None:
    answers = read_answers([log(tmp_path, logged("step by step"), task="eibench_basic_cot")])
    assert answers.get(TASK, 0, DOC) is None
    assert answers.get("eibench_basic_cot", 0, DOC) == "step by step"


def test_a_predict_only_log_is_read_by_position(tmp_path: Path) -> None:
    answers = read_answers([log(tmp_path, predicted("first", 0), predicted("eighth", 7))])
    assert answers.get(TASK, 7, DOC) == "eighth"
    assert answers.get(TASK, 1, DOC) is None
    assert answers.get("eibench_complex", 7, DOC | {"split": "complex"}) is None


def test_a_folder_is_searched_for_logs_and_for_nothing_else(tmp_path: Path) -> None:
    log(tmp_path / "runs" / "Some__Model", logged("basic"))
    log(tmp_path / "runs" / "Some__Model", {"doc_id": 0, "nothing": "of ours"}, task="mme")
    written(tmp_path / "runs" / "notes.jsonl", ["no answers"])
    answers = read_answers([tmp_path / "runs"])
    assert len(answers) == 1
    assert answers.get(TASK, 0, DOC) == "basic"


def test_of_two_logs_of_a_task_the_later_counts(tmp_path: Path) -> None:
    log(tmp_path, logged("new"), stamp="20250202_120000")
    log(tmp_path, logged("old"), stamp="20250101_120000")
    assert read_answers([tmp_path]).get(TASK, 0, DOC) == "new"


def test_responses_may_be_nested_deeper(tmp_path: Path) -> None:
    assert read_answers([log(tmp_path, logged(["deep"]))]).get(TASK, 0, DOC) == "deep"


# Plain lines and the published format


def test_plain_lines_answer_every_task(tmp_path: Path) -> None:
    answers = read_answers([written(tmp_path / "a.jsonl", {"id": DOC["id"], "answer": "The dog."})])
    assert answers.get(TASK, 0, DOC) == answers.get("eibench_basic_cot", 3, DOC) == "The dog."


def test_a_log_of_the_task_counts_more_than_a_plain_line(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.jsonl", {"id": DOC["id"], "answer": "plain"})
    answers = read_answers([log(tmp_path, logged("logged")), plain])
    assert answers.get(TASK, 0, DOC) == "logged"
    assert answers.get("eibench_basic_cot", 0, DOC) == "plain"


def test_the_published_format_is_by_image_and_only_for_the_basic_split(tmp_path: Path) -> None:
    answers = read_answers([written(tmp_path / "a.jsonl", {DOC["image_id"]: "The dog."})])
    assert answers.get(TASK, 0, DOC) == "The dog."
    assert answers.get("eibench_complex", 0, DOC | {"split": "complex"}) is None


@pytest.mark.parametrize("line", [{"id": DOC["id"], "answer": None}, logged(None)], ids=["plain", "logged"])
def test_an_answer_of_null_is_an_empty_answer_not_the_word_none(tmp_path: Path, line: dict[str, Any]) -> None:
    assert read_answers([log(tmp_path, line)]).get(TASK, 0, DOC) == ""


def test_several_files_are_read_together(tmp_path: Path) -> None:
    first = written(tmp_path / "a.jsonl", {"id": "a", "answer": "1"}, {"id": "b", "answer": "2"})
    assert len(read_answers([first, log(tmp_path, logged("3"))])) == 3


# What cannot be read


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        "null",
        '"the answer"',
        '{"id": "x", "image": 7}',
        '{"answer": "without a sample"}',
        '{"id": ["x"], "answer": "unhashable"}',
        '{"id": "x", "answer": {"text": "The dog."}}',
        '{"resps": []}',
        '{"resps": [[]], "doc_id": 0}',
        '{"resps": [["text"]]}',
        '{"resps": [["text"]], "doc_id": "x"}',
        '{"resps": [[7]], "doc_id": 0}',
        '{"resps": [["text"]], "recall_overall": {}}',
        '{"a": ' + "1" * 5000 + "}",
        "[" * 200_000,
    ],
    ids=lambda line: line[:40],
)
def test_a_line_of_something_else_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"id": "x", "answer": "y"}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(EIBenchError, match=r"a\.jsonl line 3 holds no answer") as caught:
        read_answers([file])
    assert "--log_samples" in caught.value.mend


def test_a_file_of_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(EIBenchError, match=r"cannot read .*/a\.jsonl"):
        read_answers([tmp_path / "a.jsonl"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match=r"cannot read .*nowhere"):
        read_answers([tmp_path / "nowhere.jsonl"])


def test_an_empty_file_holds_no_answers(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="there are no answers to replay"):
        read_answers([written(tmp_path / "a.jsonl")])


def test_a_folder_without_logs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="no file of answers was given"):
        read_answers([tmp_path])


_KEYS = st.sampled_from(["id", "answer", "resps", "doc_id", "recall_overall", "SomeSet/a.png"])
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("sample_id"), inner),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.lists(st.dictionaries(_KEYS, _VALUES)).map(lambda x: "\n".join(map(json.dumps, x)).encode()))
def test_whatever_a_file_holds_reading_ends_in_text_or_our_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / f"1_samples_{TASK}.jsonl"
    file.write_bytes(content)
    try:
        answers = read_answers([file])
    except EIBenchError:
        return
    assert len(answers) > 0
    for doc_id in range(3):
        assert isinstance(answers.get(TASK, doc_id, DOC), str | None)


def test_logs_of_two_models_in_one_folder_are_not_mixed(tmp_path: Path) -> None:
    for model in ("model_a", "model_b"):
        (tmp_path / model).mkdir()
        (tmp_path / model / "20260101_000000_samples_eibench_complex.jsonl").write_text("{}\n")
    with pytest.raises(EIBenchError, match=r"in model_a and in model_b.*one model at a time"):
        read_answers([tmp_path])


def test_of_several_runs_of_one_model_the_newest_counts(tmp_path: Path) -> None:
    for stamp in ("20260101_000000", "20260102_000000"):
        (tmp_path / f"{stamp}_samples_eibench_complex.jsonl").write_text("{}\n")
    assert [file.name[:8] for file in log_files(tmp_path)] == ["20260102"]
