"""Captions from a file: what a run of `eibench_describe` logged, or plain lines; and always whose they are."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.few_images import few_keys, write_few

from eibench_tasks.data.captions import read_captions
from eibench_tasks.data.prepare import add_captions, prepare
from eibench_tasks.data.prepared import Prepared
from eibench_tasks.errors import EIBenchError
from eibench_tasks.harness import tasks
from eibench_tasks.settings.turns import unpack, with_caption

KEY = "SomeSet/train/Happy/0001.png"


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def logged(image: str, caption: str, doc_id: int = 0) -> dict[str, object]:
    """A line as lmms-eval logs it for `eibench_describe`."""
    return {
        "doc_id": doc_id,
        "resps": [[f"<think>well</think>{caption}"]],
        "filtered_resps": [caption],
        "described": {"sample_id": "basic-happy-0001", "image_id": image, "caption": caption},
    }


def test_plain_lines_are_read_with_the_name_that_is_given(tmp_path: Path) -> None:
    file = written(tmp_path / "c.jsonl", {"image": KEY, "caption": " A dog. \n"})
    texts, about = read_captions(file, "a painter")
    assert texts == {KEY: "A dog."}
    assert (about.model, about.count) == ("a painter", 1)
    assert about.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_plain_lines_may_say_whose_captions_they_are(tmp_path: Path) -> None:
    file = written(tmp_path / "c.jsonl", {"image": KEY, "caption": "A dog.", "model": "a painter"})
    assert read_captions(file)[1].model == "a painter"


def test_the_name_that_is_given_counts_more_than_the_one_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path / "c.jsonl", {"image": KEY, "caption": "A dog.", "model": "a painter"})
    assert read_captions(file, "a sculptor")[1].model == "a sculptor"


def test_the_log_of_a_run_is_read_and_the_model_taken_from_the_results_beside_it(tmp_path: Path) -> None:
    file = written(tmp_path / "20250101_120000_samples_eibench_describe.jsonl", logged(KEY, "A dog."))
    results = {"config": {"model": "qwen2_5_vl", "model_args": "pretrained=Some/Model"}, "results": {}}
    written(tmp_path / "20250101_120000_results.json", results)
    texts, about = read_captions(file)
    assert texts == {KEY: "A dog."}
    assert about.model == "qwen2_5_vl,pretrained=Some/Model"


def test_the_results_of_another_run_do_not_name_the_model(tmp_path: Path) -> None:
    file = written(tmp_path / "20250101_120000_samples_eibench_describe.jsonl", logged(KEY, "A dog."))
    written(tmp_path / "20250202_120000_results.json", {"config": {"model": "another"}})
    with pytest.raises(EIBenchError, match=r"does not say whose captions it holds\. Add --captions-by MODEL"):
        read_captions(file)


@pytest.mark.parametrize("results", ["", "[]", "{}", '{"config": null}', '{"config": []}', '{"config": {"model": 7}}'])
def test_results_that_name_no_model_are_passed_over(tmp_path: Path, results: str) -> None:
    file = written(tmp_path / "1_samples_eibench_describe.jsonl", logged(KEY, "A dog."))
    (tmp_path / "1_results.json").write_text(results, encoding="utf-8")
    with pytest.raises(EIBenchError, match="does not say whose captions"):
        read_captions(file)


def test_captions_by_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="does not say whose captions"):
        read_captions(written(tmp_path / "c.jsonl", {"image": KEY, "caption": "A dog."}))


def test_of_two_captions_of_an_image_the_last_counts(tmp_path: Path) -> None:
    file = written(tmp_path / "c.jsonl", {"image": KEY, "caption": "A."}, {"image": KEY, "caption": "B."})
    assert read_captions(file, "x")[0] == {KEY: "B."}


def test_images_without_a_caption_are_passed_over(tmp_path: Path) -> None:
    """`eibench_describe` logs an empty caption where the request failed."""
    without = {"image": "c/d.png", "caption": None}
    file = written(tmp_path / "c.jsonl", logged("a/b.png", ""), logged(KEY, "A dog."), without)
    assert read_captions(file, "x")[0] == {KEY: "A dog."}


def test_a_file_without_a_caption_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="holds no caption"):
        read_captions(written(tmp_path / "c.jsonl", logged(KEY, "")), "x")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match=r"cannot read --captions .*/nowhere: No such file"):
        read_captions(tmp_path / "nowhere", "x")


def test_a_folder_is_no_file_of_captions(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="cannot read --captions"):
        read_captions(tmp_path, "x")


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"7",
        b'"text"',
        b"\xff",
        b'{"image": "a/b.png"}',
        b'{"caption": "A dog."}',
        b'{"image": 7, "caption": "A dog."}',
        b'{"image": "a/b.png", "caption": ["A dog."]}',
        b'{"image": "a/b.png", "caption": "A dog.", "model": 7}',
        b'{"image": "a/b.png", "caption": "half a pair: \\ud83d"}',
        b'{"described": null}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[" * 200_000,
    ],
    ids=lambda line: line[:40].decode("latin-1"),
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "c.jsonl"
    file.write_bytes(b'{"image": "a/b.png", "caption": "A dog."}\n\n' + line + b"\n")
    with pytest.raises(EIBenchError, match="line 3 holds no caption of an image"):
        read_captions(file, "x")


# Captions for some of the images


@pytest.fixture
def some_captioned(published: Path, tmp_path: Path) -> Prepared:
    """Prepared data of a few images; all but the first have a caption."""
    images = write_few(tmp_path / "few", published)
    lines = [{"image": key, "caption": f"What {key} shows."} for key in few_keys(published)[1:]]
    return prepare([images], published, True, written(tmp_path / "c.jsonl", *lines), "a painter")


def test_only_where_every_image_has_a_caption_the_data_counts_as_captioned(
    some_captioned: Prepared, tmp_path: Path
) -> None:
    assert not some_captioned.captioned
    keys = {sample.image_id for sample in some_captioned.samples}
    every = written(tmp_path / "all.jsonl", *({"image": key, "caption": "A."} for key in keys))
    assert add_captions(every, "a painter").captioned


@pytest.mark.slow
def test_where_an_image_has_no_caption_the_model_gets_the_turn_to_write_it(some_captioned: Prepared) -> None:
    """In a single turn it would describe the image, and the description would be scored as its answer."""
    assert tasks.caption_output_type == "generate_until_agentic"


def test_a_sample_with_a_caption_ends_after_one_turn_beside_others_that_take_two(some_captioned: Prepared) -> None:
    with_one = next(sample for sample in some_captioned.split("basic") if sample.caption).model_dump()
    without = next(sample for sample in some_captioned.split("basic") if not sample.caption).model_dump()
    _, following, done, outputs, _ = tasks.caption_turn(with_one, previous_output=["The dog."])
    assert (following, done) == (None, True)
    assert [turn["reply"] for turn in unpack(outputs[0]) or []] == ["The dog."]
    _, following, done, _, _ = tasks.caption_turn(without, previous_output=["A dog in a field."])
    assert not done
    assert following == with_caption(without["prompt_user"], "A dog in a field.")


# Anything


_VALUES = st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
_LINES = st.dictionaries(st.sampled_from(["image", "image_id", "caption", "model", "described", "x"]), _VALUES)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.lists(_LINES).map(lambda lines: "\n".join(map(json.dumps, lines)).encode()))
def test_whatever_a_file_holds_reading_ends_in_captions_or_our_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "c.jsonl"
    file.write_bytes(content)
    try:
        texts, about = read_captions(file, None)
    except EIBenchError:
        return
    assert about.model
    assert about.count == len(texts) > 0
