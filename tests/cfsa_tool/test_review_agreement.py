"""How far raters agree, worked by hand."""

import pytest
from click.testing import CliRunner
from support.built_runs import a_sample, basic_run

from cfsa_tool.cli import main
from cfsa_tool.errors import RunError
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


def test_drift_by_hand() -> None:
    """Ann gives 5, 3, 1 in that order: rank correlation -1. Ben, in his order, 1, 4, 5: +1."""
    ann, ben = agreement(MARKS, ORDER).raters
    assert (ann.drift, ben.drift) == (pytest.approx(-1), pytest.approx(1))
    assert (ann.kept, ann.quality, ann.top) == (pytest.approx(100 * (1 + 0.5 + 0.5) / 3), 3, pytest.approx(100 / 3))


def test_what_is_not_done_does_not_count() -> None:
    undone = {"s1": {"ann": Mark.untouched(BUILT)}}
    with pytest.raises(RunError, match="no sample of the run was marked to its end"):
        agreement(undone, {})
    found = agreement(MARKS | {"s4": {"ann": Mark.untouched(BUILT)}}, ORDER)
    assert [one.samples for one in found.raters] == [3, 3]


def test_the_tables_say_everything() -> None:
    text = render(agreement(MARKS, ORDER))
    assert "0.571" in text and "0.593" in text and "-1.00" in text and "kappa" in text


def test_a_run_that_nobody_reviewed_is_an_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = basic_run(tmp_path_factory.mktemp("run")).folder
    done = CliRunner().invoke(main, ["agreement", str(folder)])
    assert done.exit_code == 1 and "cfsa review" in done.output and "Traceback" not in done.output
