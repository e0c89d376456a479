"""EIBench's annotation files: read strictly, checked against the published ones, refused with the place."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eibench_tasks.data import annotations
from eibench_tasks.data.annotations import (
    emotion_of_question,
    read_basic,
    read_complex,
    read_published,
    split_triggers,
)
from eibench_tasks.data.schema import Annotation
from eibench_tasks.errors import AnnotationError

KEY = "SomeSet/train/Angry/0001.png"


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in annotations.SHA256}


@pytest.fixture(scope="module")
def samples(published: Path) -> list[Annotation]:
    return read_published(files_of(published))


def lines(*entries: object) -> bytes:
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


def basic(questions: bytes, triggers: object = "1. a cause") -> list[Annotation]:
    return read_basic(questions, json.dumps({KEY: triggers}).encode())


# The published files


def test_the_published_files_hold_1615_basic_and_50_complex_samples(samples: list[Annotation]) -> None:
    basic_, complex_ = samples[:1615], samples[1615:]
    assert {sample.split for sample in basic_} == {"basic"}
    assert [sample.split for sample in complex_] == ["complex"] * 50
    assert len({sample.image_key for sample in basic_}) == 1615
    assert len({sample.image_key for sample in complex_}) == 23


def test_the_published_emotions_are_720_462_342_91(samples: list[Annotation]) -> None:
    counts = Counter(sample.emotion for sample in samples if sample.split == "basic")
    assert counts == {"excitement": 720, "sadness": 462, "angry": 342, "happy": 91}


def test_every_published_sample_has_a_name_of_its_own(samples: list[Annotation]) -> None:
    assert len({sample.id for sample in samples}) == 1665


def test_questions_and_triggers_stay_verbatim(samples: list[Annotation], published: Path) -> None:
    asked: dict[str, str] = {}
    for line in (published / "user.jsonl").read_text(encoding="utf-8").splitlines():
        asked |= json.loads(line)
    truth = json.loads((published / "basic_ground_truth.json").read_text(encoding="utf-8"))
    for sample in samples[:1615]:
        assert sample.question == asked[sample.image_key]
        assert sample.triggers_text == truth[sample.image_key]


def test_no_published_trigger_is_lost_or_empty(samples: list[Annotation]) -> None:
    for sample in samples:
        written = [line for line in sample.triggers_text.split("\n") if line.strip(" .0123456789")]
        assert len(sample.triggers) == len(written)
        assert all(trigger in line for trigger, line in zip(sample.triggers, written, strict=True))


def test_every_published_complex_question_has_an_emotion(samples: list[Annotation]) -> None:
    assert "other" not in {sample.emotion for sample in samples if sample.split == "complex"}


# Files that are not the published ones


def test_a_missing_annotation_file_is_named(published: Path) -> None:
    files = files_of(published)
    del files["ec_complex.jsonl"]
    with pytest.raises(AnnotationError, match=r"ec_complex\.jsonl is missing"):
        read_published(files)


def test_a_cut_annotation_file_is_refused_with_the_line(published: Path) -> None:
    files = files_of(published)
    whole = files["user.jsonl"].split(b"\n")
    files["user.jsonl"] = b"\n".join(whole[:99]) + b"\n" + whole[99][:20]
    with pytest.raises(AnnotationError, match=r"user\.jsonl line 100: not valid JSON, cut short"):
        read_published(files)


def test_a_file_cut_between_lines_is_refused_with_the_number_of_lines(published: Path) -> None:
    files = files_of(published)
    files["user.jsonl"] = b"\n".join(files["user.jsonl"].split(b"\n")[:100])
    with pytest.raises(AnnotationError, match="it parses, with 100 lines"):
        read_published(files)


def test_a_reworded_trigger_is_refused(published: Path) -> None:
    files = files_of(published)
    files["basic_ground_truth.json"] = files["basic_ground_truth.json"].replace(b"1. ", b"1. very ", 1)
    with pytest.raises(AnnotationError, match="its text was changed") as caught:
        read_published(files)
    assert "eibench prepare" in caught.value.mend


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_no_single_changed_byte_goes_unnoticed(published: Path, data: st.DataObject) -> None:
    files = files_of(published)
    name = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[name])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AnnotationError, match="is not the published file"):
        read_published(files | {name: bytes(changed)})


# Malformed entries


@pytest.mark.parametrize("key", ["/etc/passwd", "A/../../b.png", "A\\b/c.png", "A/b\0.png", "b.png", ""])
def test_a_path_that_leaves_the_images_folder_is_refused(key: str) -> None:
    with pytest.raises(AnnotationError, match="leaves the images folder"):
        read_basic(lines({key: "Why?"}), json.dumps({key: "1. a"}).encode())
    with pytest.raises(AnnotationError, match="leaves the images folder"):
        read_complex(lines({key: {"Why?": "1. a"}}))


def test_an_image_asked_twice_is_refused_with_the_line() -> None:
    with pytest.raises(AnnotationError, match=r"user\.jsonl line 3: duplicate key"):
        basic(lines({KEY: "Why?"}) + b"\n" + lines({KEY: "How?"}))


def test_a_key_twice_in_one_object_is_refused() -> None:
    with pytest.raises(AnnotationError, match=r"line 1: duplicate key"):
        basic(f'{{"{KEY}": "Why?", "{KEY}": "How?"}}'.encode())


def test_a_question_asked_twice_about_one_image_is_refused() -> None:
    with pytest.raises(AnnotationError, match=r"line 2: duplicate question"):
        read_complex(lines({KEY: {"Why?": "1. a"}}, {KEY: {"Why?": "1. b"}}))


def test_files_that_name_different_images_are_refused_with_an_example() -> None:
    other = {"SomeSet/train/Angry/0002.png": "Why?", "SomeSet/train/Angry/0003.png": "Why?"}
    with pytest.raises(AnnotationError, match=r"0002\.png' and 1 more are in only one of them"):
        basic(lines({KEY: "Why?"}, other))


@pytest.mark.parametrize("value", [None, "", "  ", 7, ["1. a"], {"a": "b"}, float("nan")])
def test_triggers_that_are_no_text_are_refused(value: object) -> None:
    with pytest.raises(AnnotationError, match="not text"):
        basic(lines({KEY: "Why?"}), value)


def test_triggers_without_numbers_are_refused() -> None:
    with pytest.raises(AnnotationError, match="has no numbered triggers"):
        basic(lines({KEY: "Why?"}), "a cause\nanother")


@pytest.mark.parametrize("line", [b"[1]", b'"text"', b"null", b"\xff\xfe", b"{", b'{"a/b": ' + b"1" * 5000 + b"}"])
def test_a_line_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(AnnotationError, match=r"line 1"):
        basic(line)
    with pytest.raises(AnnotationError, match=r"line 1"):
        read_complex(line)


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    with pytest.raises(AnnotationError):
        read_complex(b"[" * 200_000)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()), _JSON)
def test_whatever_the_files_hold_reading_ends_in_samples_or_our_error(content: bytes, triggers: object) -> None:
    for read in (lambda: basic(content, triggers), lambda: read_complex(content)):
        with suppress(AnnotationError):
            assert all(sample.triggers for sample in read())


# Names, triggers and emotions


def test_a_basic_sample_is_named_after_emotion_and_file() -> None:
    (sample,) = basic(lines({KEY: "Why?"}))
    assert (sample.id, sample.emotion) == ("basic-angry-0001", "angry")


def test_an_emotion_that_the_file_name_already_says_is_not_said_twice() -> None:
    key = "OtherSet/image/sadness/sadness_00042.jpg"
    (sample,) = read_basic(lines({key: "Why?"}), json.dumps({key: "1. a"}).encode())
    assert sample.id == "basic-sadness-00042"


def test_questions_about_one_image_are_numbered_in_their_order() -> None:
    other = "S/image/fear/fear_2.jpg"
    samples = read_complex(
        lines(
            {"S/image/fear/fear_1.jpg": {"Why sad?": "1. a"}},
            {other: {"Why happy?": "1. b"}},
            {"S/image/fear/fear_1.jpg": {"Why angry?": "1. c"}},
        )
    )
    assert [sample.id for sample in samples] == ["complex-fear-1-1", "complex-fear-2-1", "complex-fear-1-2"]
    assert [sample.emotion for sample in samples] == ["sadness", "happy", "angry"]


def test_numbers_are_taken_off_the_triggers_and_empty_ones_dropped() -> None:
    assert split_triggers("1. A dog.\n2.\n3.  \n 4.Two words\n12. 3. left alone") == [
        "A dog.",
        "Two words",
        "3. left alone",
    ]


_TRIGGER = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1).map(str.strip)


@given(st.lists(_TRIGGER.filter(bool)))
def test_numbered_triggers_come_back_as_they_were(triggers: list[str]) -> None:
    block = "\n".join(f"{number}. {text}" for number, text in enumerate(triggers, start=1))
    assert split_triggers(block) == triggers


@pytest.mark.parametrize(
    ("question", "emotion"),
    [
        ("Why is the man angry, not happy?", "angry"),
        ("Why is the man happy, not angry?", "happy"),
        ("What UPSET her?", "sadness"),
        ("Why is she unhappy?", "sadness"),
        ("Why does he look displeased?", "angry"),
        ("What frightened them?", "fear"),
        ("What surprised them?", "surprise"),
        ("What confuses them?", "confusion"),
        ("What aroused or excited them?", "excitement"),
        ("Why do they stand there?", "other"),
    ],
)
def test_the_first_emotion_word_of_a_question_decides(question: str, emotion: str) -> None:
    assert emotion_of_question(question) == emotion
