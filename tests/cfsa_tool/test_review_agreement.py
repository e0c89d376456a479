"""How far raters agree, worked by hand."""

import pytest
from click.testing import CliRunner
from support.built_runs import a_sample, basic_run

from cfsa_tool.cli import main
from cfsa_tool.errors import RunError
from cfsa_tool.records import BuiltSample
from cfsa_tool.review.agreement import agreement, render
from cfsa_tool.review.marks import Mark

BUILT = a_sample("happy", "a cake", "a dog")


def mark(states: str, quality: int) -> Mark:
    """Keeps (k) or removes (r) the two triggers."""
    names = {"k": "kept", "r": "removed"}
    whole = Mark.untouched(BUILT)
    triggers = [
        one.model_copy(update={"state": names[state]}) for one, state in zip(whole.triggers, states, strict=True)
    ]
    return whole.model_copy(update={"triggers": triggers, "quality": quality})


ANN = {"s1": mark("kk", 5), "s2": mark("kr", 3), "s3": mark("rk", 1)}
BEN = {"s1": mark("kk", 5), "s2": mark("kk", 4), "s3": mark("rk", 1)}
MARKS = {name: {"ann": ANN[name], "ben": BEN[name]} for name in ANN}
ORDER = {"ann": ["s1", "s2", "s3"], "ben": ["s3", "s2", "s1"]}


def test_kappa_and_alpha_by_hand() -> None:
    """Ann keeps k k k r r k, Ben k k k k r k: 5 of 6 agree. Chance: kept 4/6 * 5/6 + removed 2/6 * 1/6 = 22/36.
    kappa = (5/6 - 22/36) / (1 - 22/36) = (30 - 22) / (36 - 22) = 0.5714.

    Krippendorff's alpha of 12 values, 9 kept and 3 removed: disagreement observed 2/12, expected 2 * 9 * 3 / (12 * 11):
    1 - (1/6) / (54/132) = 0.5926.
    """
    found = agreement(MARKS, ORDER)
    (pair,) = found.pairs
    assert (pair.samples, pair.triggers) == (3, 6)
    assert pair.kappa == pytest.approx(8 / 14, abs=1e-6)
    assert found.alpha_triggers == pytest.approx(1 - (1 / 6) / (54 / 132), abs=1e-6)
    assert found.alpha_flags is None  # nobody has flagged anything


def test_what_each_rater_does_by_hand() -> None:
    """Ann keeps 4 of 6 triggers; 5, 3 and 1 are 3 on average, and one of three is the best."""
    ann, ben = agreement(MARKS, ORDER).raters
    assert (ann.kept, ann.quality, ann.top) == (pytest.approx(100 * 4 / 6), 3, pytest.approx(100 / 3))
    assert ben.kept == pytest.approx(100 * 5 / 6)


def test_the_share_of_kept_triggers_is_of_all_triggers_whatever_their_samples() -> None:
    """1 of 1 and 1 of 9 are 2 of 10: 20 %."""
    built = [a_sample("happy", *(f"guest {number}" for number in range(count))) for count in (1, 9)]
    marks = {f"s{number}": {"ann": _one_kept(sample)} for number, sample in enumerate(built)}
    (ann,) = agreement(marks, {"ann": ["s0", "s1"]}).raters
    assert ann.kept == pytest.approx(20)


def _one_kept(built: BuiltSample) -> Mark:
    whole = Mark.untouched(built)
    triggers = [
        one.model_copy(update={"state": "removed" if place else "kept"}) for place, one in enumerate(whole.triggers)
    ]
    return whole.model_copy(update={"triggers": triggers, "quality": 3})


def test_drift_by_hand() -> None:
    """Four samples in the order in which Ann does them. Her quality: 1 2 4 4; of Ben and Cid on average: 2 2 3 2.
    Above theirs by -1 0 1 2: rank correlation with the order 1. Ben gives 2 2 3 2, Ann and Cid 1.5 2 3.5 3: above by
    0.5 0 -0.5 -1 in Ann's order, and his is the same: -1. Cid, in the opposite order, gives 2 2 3 2, too: +1.
    """
    ann, others = (1, 2, 4, 4), (2, 2, 3, 2)
    names = ["s1", "s2", "s3", "s4"]
    marks = {
        name: {"ann": mark("kk", own), "ben": mark("kk", theirs), "cid": mark("kk", theirs)}
        for name, own, theirs in zip(names, ann, others, strict=True)
    }
    order = {"ann": names, "ben": names, "cid": names[::-1]}
    assert [one.drift for one in agreement(marks, order).raters] == [
        pytest.approx(1),
        pytest.approx(-1),
        pytest.approx(1),
    ]
    assert agreement(marks, order).raters[0].kept_drift is None  # all keep everything


def test_samples_that_grow_better_are_no_drift() -> None:
    """The least sure come first, so that whoever judges alike all the time gives more and more: 1 1 2 3 4 5."""
    better = {f"s{number}": quality for number, quality in enumerate((1, 1, 2, 3, 4, 5))}
    marks = {
        name: {"ann": mark("kk", quality), "ben": mark("kk", max(quality - 1, 0))} for name, quality in better.items()
    }
    found = agreement(marks, {"ann": list(better), "ben": list(better)})
    assert [one.drift for one in found.raters] == [None, None]  # she is above him by 1 from first to last
    alone = {name: {"ann": own["ann"]} for name, own in marks.items()}
    assert agreement(alone, {"ann": list(better)}).raters[0].drift is None  # with whom could she be compared?


def test_what_is_not_done_does_not_count() -> None:
    undone = {"s1": {"ann": Mark.untouched(BUILT)}}
    with pytest.raises(RunError, match="no sample of the run was marked to its end"):
        agreement(undone, {})
    found = agreement(MARKS | {"s4": {"ann": Mark.untouched(BUILT)}}, ORDER)
    assert [one.samples for one in found.raters] == [3, 3]


def test_the_tables_say_everything() -> None:
    text = render(agreement(MARKS, ORDER, outdated=2))
    assert "0.571" in text and "0.593" in text and "66.7" in text and "kappa" in text
    assert "2 samples were built anew" in text and "--comments" not in text


def test_comments_are_printed_in_one_line_each_where_they_are_wanted() -> None:
    said = ANN["s1"].model_copy(update={"comment": "who is\nthis?\x1b[2J"})
    found = agreement(MARKS | {"s1": {"ann": said}}, ORDER)
    assert "Comments: 1" in render(found) and "who is" not in render(found)
    assert render(found, comments=True).splitlines()[-1] == "s1 (ann): who is this??[2J"
    assert [one.text for one in found.comments] == [said.comment]


def test_a_run_that_nobody_reviewed_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = basic_run(tmp_path_factory.mktemp("run")).folder
    done = CliRunner().invoke(main, ["agreement", str(folder)])
    assert done.exit_code == 1 and "cfsa review" in done.output and "Traceback" not in done.output
