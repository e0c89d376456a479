"""Recall by kind and category of the triggers, against values worked by hand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged, LoggedVerdict
from eibench_tasks.judging.llm.labels import CATEGORIES, KINDS, Label, Labels
from eibench_tasks.metrics.breakdown import LabelledSample, breakdown, parts

FACE: Label = ("explicit", "facial expressions")
CAKE: Label = ("explicit", "objects")
PAST: Label = ("implicit", "other")


def sample(image: str, *triggers: tuple[Label, int]) -> LabelledSample:
    """A sample with the label of each trigger and whether it is named."""
    return LabelledSample(image, [bool(there) for _, there in triggers], [label for label, _ in triggers])


ROWS = [
    sample("a", (FACE, 1), (CAKE, 1), (PAST, 0)),
    sample("a", (FACE, 0), (PAST, 1)),
    sample("b", (FACE, 1), (FACE, 1), (CAKE, 0)),
    sample("c", (CAKE, 0)),
]


def test_recall_by_kind_by_hand() -> None:
    # explicit: image a 2 of 3, b 2 of 3, c 0 of 1, in all R = 4/7
    # implicit: image a 1 of 2, R = 1/2; one image gives no interval
    explicit, implicit = parts(ROWS, KINDS)
    assert (explicit.label, explicit.triggers, explicit.samples) == ("explicit", 7, 4)
    assert explicit.recall == pytest.approx(400 / 7)
    assert (implicit.label, implicit.triggers, implicit.samples) == ("implicit", 2, 2)
    assert (implicit.recall, implicit.low, implicit.high) == (50, None, None)


def test_recall_by_category_by_hand_in_the_order_of_the_categories() -> None:
    # faces: 1 + 0 + 2 of 1 + 1 + 2; objects: 1 of 3; other: 1 of 2; no trigger has another category
    found = [(part.label, part.recall, part.triggers, part.samples) for part in parts(ROWS, CATEGORIES)]
    assert found == [
        ("facial expressions", 75, 4, 3),
        ("objects", pytest.approx(100 / 3), 3, 3),
        ("other", 50, 2, 2),
    ]


def test_the_interval_of_the_ratio_by_hand() -> None:
    # image a: 12 of 20 named, b: 9 of 20, c: 9 of 10. R = 30/50 = 0.6
    # y - R x: 12 - 12 = 0, 9 - 12 = -3, 9 - 6 = 3; squares 0 + 9 + 9 = 18
    # variance = 3/2 * 18 / 50^2 = 0.0108, error 0.103923; t(0.975; 2) = 4.302653; half width 0.447146
    rows = [
        sample("a", *[(CAKE, 1)] * 12, *[(CAKE, 0)] * 8),
        sample("b", *[(CAKE, 1)] * 4, *[(CAKE, 0)] * 6, (PAST, 1)),
        sample("b", *[(CAKE, 1)] * 5, *[(CAKE, 0)] * 5),
        sample("c", *[(CAKE, 1)] * 9, *[(CAKE, 0)] * 1),
    ]
    (part,) = parts(rows, ["objects"])
    assert part.recall == pytest.approx(60)
    assert part.low == pytest.approx(60 - 44.7146, abs=1e-3)
    assert part.high == 100  # cut: a recall is no more than that
    # closer together: b 11 of 20, c 7 of 10, still R = 0.6; y - R x = 0, -1, 1; squares 2
    # variance = 3/2 * 2 / 2500 = 0.0012, error 0.034641, half width 0.149048
    rows[1] = sample("b", *[(CAKE, 1)] * 6, *[(CAKE, 0)] * 4)
    rows[3] = sample("c", *[(CAKE, 1)] * 7, *[(CAKE, 0)] * 3)
    (part,) = parts(rows, ["objects"])
    assert (part.low, part.high) == (pytest.approx(60 - 14.9048, abs=1e-3), pytest.approx(60 + 14.9048, abs=1e-3))


def judged(sample_id: str, image: str, present: list[bool] | None) -> Judged:
    return Judged(
        file=Path("log"),
        task="eibench",
        model="m",
        sample_id=sample_id,
        image_id=image,
        emotion="happy",
        answer="",
        score=None if present is None else 50.0,
        unscored=None if present else "the judge failed",
        verdicts=[LoggedVerdict(present=there) for there in present or []],
        judge="offline verdict 1",
    )


LABELS = Labels(
    judge="openai:m", version="1-a", annotations_sha256={}, labels={"one": [CAKE, PAST], "two": [FACE]}, unlabelled={}
)


def test_what_is_left_out_is_counted() -> None:
    found = breakdown(
        [
            judged("one", "a", [True, False]),
            judged("two", "b", None),  # unscored, or judged by the paper protocol, which gives no verdicts
            judged("three", "c", [True]),  # the judge gave no labels
        ],
        LABELS,
    )
    assert (found.samples, found.unscored, found.unlabelled) == (1, 1, 1)
    assert [(part.label, part.recall) for part in found.kinds] == [("explicit", 100), ("implicit", 0)]
    assert [part.label for part in found.categories] == ["objects", "other"]
    assert (found.judge, found.version) == ("openai:m", "1-a")


def test_nothing_to_break_down_is_no_error() -> None:
    found = breakdown([], LABELS)
    assert (found.kinds, found.categories, found.samples) == ([], [], 0)


def test_labels_of_other_data_end_in_one_line() -> None:
    with pytest.raises(EIBenchError, match=r"'one' has 3 verdicts and 2 labels.*`eibench label --judge openai:m`"):
        breakdown([judged("one", "a", [True, False, True])], LABELS)


labels = st.tuples(st.sampled_from(KINDS), st.sampled_from(CATEGORIES))
rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.lists(st.tuples(labels, st.integers(0, 1)), min_size=1, max_size=6)),
    max_size=15,
)


@given(rows)
def test_every_trigger_counts_once_by_kind_and_once_by_category(
    drawn: list[tuple[str, list[tuple[Label, int]]]],
) -> None:
    table = [sample(image, *triggers) for image, triggers in drawn]
    named = sum(there for _, triggers in drawn for _, there in triggers)
    for found in (parts(table, KINDS), parts(table, CATEGORIES)):
        assert sum(part.triggers for part in found) == sum(len(triggers) for _, triggers in drawn)
        assert sum(part.recall / 100 * part.triggers for part in found) == pytest.approx(named)
        for part in found:
            assert 0 <= part.recall <= 100 and 1 <= part.samples <= min(len(drawn), part.triggers)
            assert (part.low is None) == (part.high is None)
            if part.low is not None and part.high is not None:
                assert 0 <= part.low <= part.recall + 1e-9 and part.recall - 1e-9 <= part.high <= 100


def test_the_interval_holds_its_promise() -> None:
    """Of many simulated benchmarks whose images differ in level and in number of triggers, 95 % cover the truth."""
    import random

    generator = random.Random(7)
    hits = 0
    for _ in range(400):
        table = []
        for image in range(40):
            level = generator.uniform(0.3, 0.7)  # what the triggers of one image share
            size = generator.randint(1, 8)
            table.append(sample(str(image), *[(CAKE, generator.random() < level) for _ in range(size)]))
        (part,) = parts(table, ["explicit"])
        assert part.low is not None and part.high is not None
        hits += part.low <= 50 <= part.high
    assert 0.92 <= hits / 400 <= 0.98
