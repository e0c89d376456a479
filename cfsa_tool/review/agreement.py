"""`cfsa agreement`: how far the raters of a run agree, and whether one of them changes while working."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from pydantic import BaseModel

from cfsa_tool.errors import RunError
from cfsa_tool.review.marks import TOP, Mark
from eibench_tasks.metrics.agreement import cohen_kappa, krippendorff_alpha, rank_correlation
from eibench_tasks.report.text import columns, number

Marks = Mapping[str, Mapping[str, Mark]]
"""The marks by sample, then by rater."""


class Rater(BaseModel):
    """What one rater does.

    Attributes:
        samples: done.
        kept: share of CFSA's triggers that the rater keeps, in percent; None where none was decided.
        quality: mean, 0 to 5; None where none was given.
        top: share of the best quality among those given, in percent.
        drift: rank correlation of quality with the order of marking: above 0, the rater gets milder. None where it is
            not defined.
        kept_drift: the same of the share of kept triggers.
    """

    name: str
    samples: int
    kept: float | None
    quality: float | None
    top: float | None
    drift: float | None
    kept_drift: float | None


class Pair(BaseModel):
    """Two raters on what both have done: Cohen's kappa of kept and removed triggers, and, weighted, of quality."""

    a: str
    b: str
    samples: int
    triggers: int
    kappa: float | None
    quality_kappa: float | None


class Agreement(BaseModel):
    """Of all raters; ``alpha_…`` is Krippendorff's: 1 full agreement, 0 chance, None where it is not defined."""

    raters: list[Rater]
    alpha_triggers: float | None
    alpha_quality: float | None
    alpha_flags: float | None
    pairs: list[Pair]


def agreement(marks: Marks, order: Mapping[str, Sequence[str]]) -> Agreement:
    """Agreement on the samples that raters have done.

    Args:
        marks: of the run.
        order: by rater, the samples in the order in which they were done.

    Raises:
        RunError: nobody has done a sample.
    """
    done: dict[str, dict[str, Mark]] = {}
    for sample, by_rater in marks.items():
        for rater, mark in by_rater.items():
            if mark.done:
                done.setdefault(rater, {})[sample] = mark
    if not done:
        raise RunError("no sample of the run was marked to its end", "Run: `cfsa review RUN`")
    triggers = [_states(done[rater]) for rater in sorted(done)]
    quality = [_qualities(done[rater]) for rater in sorted(done)]
    flags = [{sample: float(mark.flagged) for sample, mark in done[rater].items()} for rater in sorted(done)]
    return Agreement(
        raters=[_rater(name, _in_order(done[name], order.get(name, ()))) for name in sorted(done)],
        alpha_triggers=krippendorff_alpha(triggers, "nominal"),
        alpha_quality=krippendorff_alpha(quality, "interval"),
        alpha_flags=krippendorff_alpha(flags, "nominal"),
        pairs=[_pair(a, b, done[a], done[b]) for a, b in combinations(sorted(done), 2)],
    )  # fmt: skip


def _in_order(marks: Mapping[str, Mark], order: Sequence[str]) -> list[Mark]:
    return [marks[sample] for sample in order if sample in marks] or [*marks.values()]


def _states(marks: Mapping[str, Mark]) -> dict[tuple[str, int], float]:
    """1 for every trigger of CFSA that is kept, 0 for one that is removed; of flagged samples only what was decided."""
    return {
        (sample, one.source): float(one.state == "kept")
        for sample, mark in marks.items()
        for one in mark.triggers
        if one.source is not None and one.state != "open"
    }


def _qualities(marks: Mapping[str, Mark]) -> dict[str, float]:
    return {sample: float(mark.quality) for sample, mark in marks.items() if mark.quality is not None}


def _rater(name: str, marks: Sequence[Mark]) -> Rater:
    kept = [_kept_share(mark) for mark in marks]
    qualities = [mark.quality for mark in marks if mark.quality is not None]
    return Rater(
        name=name,
        samples=len(marks),
        kept=_mean([100 * share for share in kept if share is not None]),
        quality=_mean(qualities),
        top=100 * qualities.count(TOP) / len(qualities) if qualities else None,
        drift=_over_time([mark.quality for mark in marks]),
        kept_drift=_over_time(kept),
    )


def _kept_share(mark: Mark) -> float | None:
    decided = [one.state == "kept" for one in mark.triggers if one.source is not None and one.state != "open"]
    return sum(decided) / len(decided) if decided else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _over_time(values: Sequence[float | None]) -> float | None:
    known = [(float(place), float(value)) for place, value in enumerate(values) if value is not None]
    return rank_correlation("spearmanr", *zip(*known, strict=True)) if len(known) > 2 else None


def _pair(a: str, b: str, by_a: Mapping[str, Mark], by_b: Mapping[str, Mark]) -> Pair:
    states_a, states_b = _states(by_a), _states(by_b)
    units = [unit for unit in states_a if unit in states_b]
    quality_a, quality_b = _qualities(by_a), _qualities(by_b)
    rated = [sample for sample in quality_a if sample in quality_b]
    return Pair(
        a=a,
        b=b,
        samples=len(by_a.keys() & by_b.keys()),
        triggers=len(units),
        kappa=cohen_kappa([int(states_a[unit]) for unit in units], [int(states_b[unit]) for unit in units]),
        quality_kappa=cohen_kappa(
            [int(quality_a[one]) for one in rated], [int(quality_b[one]) for one in rated], "quadratic", range(TOP + 1)
        ),
    )


def render(found: Agreement) -> str:
    """The tables as text, with notes below them."""
    raters = [
        (one.name, str(one.samples), number(one.kept), number(one.quality, 2), number(one.top),
         number(one.drift, 2, "+"), number(one.kept_drift, 2, "+"))
        for one in found.raters
    ]  # fmt: skip
    pairs = [
        (one.a, one.b, str(one.samples), str(one.triggers), number(one.kappa, 3), number(one.quality_kappa, 3))
        for one in found.pairs
    ]
    lines = columns(("rater", "samples", "kept %", "quality", "best %", "drift", "drift of kept"), raters)
    if pairs:
        lines += ["", *columns(("rater", "rater", "samples", "triggers", "kappa", "kappa of quality"), pairs)]
    return "\n".join(
        [
            *lines,
            "",
            f"Krippendorff's alpha over all raters: {number(found.alpha_triggers, 3)} on kept and removed triggers and"
            f" {number(found.alpha_flags, 3)} on flags (nominal),"
            f" {number(found.alpha_quality, 3)} on quality (interval).",
            "kappa: Cohen's, of quality with quadratic weights. 1 is full agreement, 0 what chance gives.",
            "drift: rank correlation of what a rater says with the order of marking; + grows milder, - stricter.",
        ]
    )
