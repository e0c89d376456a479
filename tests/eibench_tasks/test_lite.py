"""`eibench_lite`: the shipped list is what the rule makes of the published annotations."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.data import source
from eibench_tasks.data.lite import SIZE, lite_ids, select


@pytest.fixture(scope="module")
def ids_by_emotion(published: Path) -> dict[str, list[str]]:
    samples, _ = source.load(published)
    ids: dict[str, list[str]] = {}
    for sample in samples:
        if sample.split == "basic":
            ids.setdefault(sample.emotion, []).append(sample.id)
    return ids


def test_the_shipped_list_is_what_the_rule_selects(ids_by_emotion: dict[str, list[str]]) -> None:
    assert set(select(ids_by_emotion)) == lite_ids()


def test_each_emotion_has_its_share_of_200(ids_by_emotion: dict[str, list[str]]) -> None:
    # 200 · 720 / 1615 = 89.16, 200 · 462 / 1615 = 57.21, 200 · 342 / 1615 = 42.35, 200 · 91 / 1615 = 11.27.
    # Whole parts: 89 + 57 + 42 + 11 = 199; the one left goes to the largest remainder, angry's 0.35.
    emotion = {id_: name for name, ids in ids_by_emotion.items() for id_ in ids}
    counts = Counter(emotion[id_] for id_ in lite_ids())
    assert counts == {"excitement": 89, "sadness": 57, "angry": 43, "happy": 11}
    assert counts.total() == SIZE == 200


def test_within_an_emotion_the_smallest_hashes_are_taken() -> None:
    # sha256 of "a" begins with ca97, of "b" with 3e23, of "c" with 2e7d, of "d" with 18ac.
    assert select({"x": ["a", "b", "c", "d"]}, size=2) == ["c", "d"]


def test_remainders_are_shared_out_from_the_largest() -> None:
    # 4 of 10: shares 4 · 5 / 10 = 2.0, 4 · 3 / 10 = 1.2, 4 · 2 / 10 = 0.8; whole parts 2 + 1 + 0; the one left to z.
    ids = {"x": ["x1", "x2", "x3", "x4", "x5"], "y": ["y1", "y2", "y3"], "z": ["z1", "z2"]}
    assert Counter(id_[0] for id_ in select(ids, size=4)) == {"x": 2, "y": 1, "z": 1}


_IDS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 30), min_size=1).map(
    lambda sizes: {emotion: [f"{emotion}-{number}" for number in range(size)] for emotion, size in sizes.items()}
)


@given(_IDS, st.data())
def test_a_selection_has_the_size_asked_for_and_every_share_within_one(
    ids: dict[str, list[str]], data: st.DataObject
) -> None:
    total = sum(map(len, ids.values()))
    size = data.draw(st.integers(0, total))
    chosen = select(ids, size)
    assert len(chosen) == len(set(chosen)) == size
    for emotion, names in ids.items():
        assert abs(len(set(names) & set(chosen)) - size * len(names) / total) < 1, emotion


@given(_IDS, st.data())
def test_a_selection_does_not_depend_on_the_order_of_the_samples(
    ids: dict[str, list[str]], data: st.DataObject
) -> None:
    size = data.draw(st.integers(0, sum(map(len, ids.values()))))
    turned = {emotion: list(reversed(names)) for emotion, names in reversed(ids.items())}
    assert select(turned, size) == select(ids, size)
