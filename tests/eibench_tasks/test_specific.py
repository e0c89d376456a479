"""Specific recall, worked by hand; and its weights, counted again with the judge itself, pair by pair."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.data import annotations, source
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.data.schema import Annotation, Sample
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.metrics.specific import FILE, Weights, load_weights, specific_recall


@pytest.fixture(scope="module")
def weights() -> Weights:
    """The shipped ones."""
    found = load_weights(annotations.SHA256)
    assert found
    return found


# What it is


def test_a_specific_trigger_counts_more_than_a_generic_one() -> None:
    # "sad expression" is named for 6 of 8 other images: p = (6 + 1) / (8 + 2) = 0.7, weight 0.3
    # "torn letter" for none:                            p = (0 + 1) / (8 + 2) = 0.1, weight 0.9
    # plain recall is 1/2 either way; specific recall 0.3 / 1.2 = 0.25 and 0.9 / 1.2 = 0.75
    assert specific_recall([True, False], [0.3, 0.9]) == pytest.approx(0.25)
    assert specific_recall([False, True], [0.3, 0.9]) == pytest.approx(0.75)


def test_all_and_none_are_one_and_zero() -> None:
    assert specific_recall([True, True], [0.3, 0.9]) == 1
    assert specific_recall([False, False], [0.3, 0.9]) == 0


def test_verdicts_and_weights_of_different_samples_do_not_pass() -> None:
    with pytest.raises(ValueError):
        specific_recall([True], [0.3, 0.9])
    with pytest.raises(ValueError):
        specific_recall([], [])


a_weight = st.floats(0.0001, 0.9999)
judged = st.lists(st.tuples(st.booleans(), a_weight), min_size=1, max_size=12)


@given(present=st.lists(st.booleans(), min_size=1, max_size=12), weight=a_weight)
def test_equal_weights_give_plain_recall(present: list[bool], weight: float) -> None:
    assert specific_recall(present, [weight] * len(present)) == pytest.approx(sum(present) / len(present))


@given(judged)
def test_it_is_between_0_and_1(pairs: list[tuple[bool, float]]) -> None:
    present, weights = zip(*pairs, strict=True)
    assert 0 <= specific_recall(present, weights) <= 1


@given(judged, st.data())
def test_naming_one_more_trigger_raises_it_by_its_share(pairs: list[tuple[bool, float]], data: st.DataObject) -> None:
    present, weights = map(list, zip(*pairs, strict=True))
    at = data.draw(st.integers(0, len(pairs) - 1))
    without, with_it = ([*present[:at], there, *present[at + 1 :]] for there in (False, True))
    gain = specific_recall(with_it, weights) - specific_recall(without, weights)
    assert gain > 0
    assert gain == pytest.approx(weights[at] / sum(weights))


# One sample


def some_weights(**weights: list[float]) -> Weights:
    """Weights of a few samples."""
    judge = {"name": "offline", "version": "1"}
    return Weights.model_validate(
        {"format": 1, "annotations_sha256": {}, "judge": judge, "others": "all", "weights": weights}
    )


def test_the_weights_of_a_sample_are_found_by_its_id() -> None:
    # 0.2 / (0.2 + 0.6)
    assert some_weights(a=[0.2, 0.6], b=[0.5, 0.5]).recall("a", [True, False]) == pytest.approx(0.25)


@pytest.mark.parametrize(("sample_id", "present"), [("a", [True]), ("a", [True] * 3), ("unknown", [True]), ("a", [])])
def test_samples_of_other_data_end_in_one_line(sample_id: str, present: list[bool]) -> None:
    with pytest.raises(EIBenchError, match="its triggers are weighed"):
        some_weights(a=[0.2, 0.6]).recall(sample_id, present)


# The file


def test_other_annotations_have_no_weights() -> None:
    assert load_weights(annotations.SHA256 | {"user.jsonl": "0" * 64}) is None
    assert load_weights({}) is None


CONTENT = FILE.read_text(encoding="utf-8")
DAMAGED = {
    "empty": b"",
    "binary": b"\xff\x00\xfe",
    "no object": b"[]",
    "deep": b"[" * 100_000,
    "cut": CONTENT[:-40].encode(),
    "another format": CONTENT.replace('"format": 1', '"format": 2').encode(),
    "without weights": CONTENT.replace('"weights": ', '"weight": ').encode(),
    **{f"a weight of {it}": CONTENT.replace("[", f"[{it}, ", 1).encode() for it in ("NaN", 1, 0, -0.5, '"a"', "null")},
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_ends_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.json"
    file.write_bytes(content)
    with pytest.raises(EIBenchError, match=r"weights\.json cannot be read.*pip install"):
        load_weights(annotations.SHA256, file)


def test_a_missing_file_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match=r"weights\.json cannot be read.*pip install"):
        load_weights(annotations.SHA256, tmp_path / "weights.json")


def test_the_file_holds_numbers_and_no_text_of_the_annotations() -> None:
    record = json.loads(CONTENT)
    assert set(record) == {"format", "annotations_sha256", "judge", "others", "weights"}
    assert all(type(weight) is float for values in record["weights"].values() for weight in values)


def test_the_weights_are_of_the_judge_that_is_shipped(weights: Weights) -> None:
    """Where this fails, the judge has changed: run tools/weigh_triggers.py again."""
    judge = OfflineJudge.load()
    assert (weights.judge.name, weights.judge.version) == (judge.name, judge.version)


def test_every_published_trigger_and_every_one_of_the_demo_has_a_weight(weights: Weights, published: Path) -> None:
    items = [*source.load(published)[0], *demo_samples()]
    assert {item.id: len(item.triggers) for item in items} == {id_: len(w) for id_, w in weights.weights.items()}


# The weights, counted again


def expected(item: Annotation | Sample, others: dict[str, list[str]], judge: OfflineJudge) -> list[float]:
    """1 - (named + 1) / (others + 2) for each trigger, asking the judge about each other image.

    Args:
        item: the sample.
        others: the reference triggers of the other images.
        judge: who is asked.
    """
    named = [0] * len(item.triggers)
    for triggers in others.values():
        for verdict in judge.judge(Reference(item.triggers), "\n".join(triggers)).verdicts:
            named[verdict.index] += verdict.present
    return [round(1 - (count + 1) / (len(others) + 2), 4) for count in named]


def other_images(items: Sequence[tuple[str, list[str]]], own: str) -> dict[str, list[str]]:
    """The triggers of all images but one's own, those of one image together, from (image, triggers)."""
    found: dict[str, list[str]] = defaultdict(list)
    for image, triggers in items:
        found[image] += triggers
    del found[own]
    return found


def test_the_weights_of_the_demo_are_counted_over_all_its_other_images(weights: Weights) -> None:
    judge, samples = OfflineJudge.load(), demo_samples()
    for item in samples:
        others = other_images([(other.image_id, other.triggers) for other in samples], item.image_id)
        assert len(others) == 14  # of 15: samples of the same image are no others
        assert weights.weights[item.id] == expected(item, others, judge)


@pytest.mark.parametrize(
    ("emotion", "others"), [("happy", 90), ("angry", 341), ("sadness", 461), ("excitement", 719), ("complex", 22)]
)
def test_the_published_weights_are_those_that_the_judge_gives(
    weights: Weights, published: Path, emotion: str, others: int
) -> None:
    """Within an emotion of the basic split; over the whole complex split, where no emotion has 14 images."""
    pool = [item for item in source.load(published)[0] if item.id.startswith((f"basic-{emotion}-", f"{emotion}-"))]
    judge = OfflineJudge.load()
    for item in random.Random(emotion).sample(pool, 2):
        texts = other_images([(other.image_key, other.triggers) for other in pool], item.image_key)
        assert len(texts) == others
        judge.prefetch(["\n".join(triggers) for triggers in texts.values()], item.triggers)
        assert weights.weights[item.id] == expected(item, texts, judge)
