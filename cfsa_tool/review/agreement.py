"""`cfsa agreement`: how far the raters of a run agree, and whether one of them changes while working."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from pydantic import BaseModel

from cfsa_tool.errors import RunError
from cfsa_tool.review.marks import TOP, Mark
from eibench_tasks.data.lines import printable
from eibench_tasks.metrics.agreement import cohen_kappa, krippendorff_alpha, rank_correlation
from eibench_tasks.report.text import columns, number

Marks = Mapping[str, Mapping[str, Mark]]
"""The marks by sample, then by rater."""


class Rater(BaseModel):
    """What one rater does.

    Attributes:
        samples: done.
        kept: of all triggers of CFSA that the rater decided, the share that was kept, in percent; None where none was.
        quality: mean, 0 to 5; None where none was given.
        top: share of the best quality among those given, in percent.
        drift: Spearman's rank correlation of two numbers of each sample that others have done, too: by how much the
            rater's quality is above the mean of theirs, and its place in the order in which the rater came to have done
            them. Above 0 the rater grows milder than the others, below 0 stricter. That samples themselves grow better,
            since the unsure ones come first, cancels out; so does a drift that all raters share. None where it is not
            defined, as of one rater alone.
        kept_drift: the same of each sample's share of kept triggers.
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


class Comment(BaseModel):
    """What a rater has written about a sample."""

    sample: str
    rater: str
    text: str


class Agreement(BaseModel):
    """Of all raters; ``alpha_…`` is Krippendorff's: 1 full agreement, 0 chance, None where it is not defined.

    Attributes:
        comments: of all raters, on samples that they have not done, too.
        outdated: samples that were built anew since they were marked, or are gone; those marks do not count.
    """

    raters: list[Rater]
    alpha_triggers: float | None
    alpha_quality: float | None
    alpha_flags: float | None
    pairs: list[Pair]
    comments: list[Comment]
    outdated: int


def agreement(marks: Marks, order: Mapping[str, Sequence[str]], outdated: int = 0) -> Agreement:
    """Agreement on the samples that raters have done.

    Args:
        marks: of the run.
        order: by rater, the samples in the order in which each was first done.
        outdated: see `Agreement`.

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
    kept = {rater: _kept_shares(own) for rater, own in done.items()}
    rated = {rater: _qualities(own) for rater, own in done.items()}
    flags = [{sample: float(mark.flagged) for sample, mark in done[rater].items()} for rater in sorted(done)]
    return Agreement(
        raters=[
            _rater(name, done[name], _drift(name, rated, order), _drift(name, kept, order)) for name in sorted(done)
        ],
        alpha_triggers=krippendorff_alpha(triggers, "nominal"),
        alpha_quality=krippendorff_alpha([rated[rater] for rater in sorted(done)], "interval"),
        alpha_flags=krippendorff_alpha(flags, "nominal"),
        pairs=[_pair(a, b, done[a], done[b]) for a, b in combinations(sorted(done), 2)],
        comments=[
            Comment(sample=sample, rater=rater, text=mark.comment)
            for sample, by_rater in marks.items()
            for rater, mark in by_rater.items()
            if mark.comment.strip()
        ],
        outdated=outdated,
    )  # fmt: skip


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


def _kept_shares(marks: Mapping[str, Mark]) -> dict[str, float]:
    """By sample, the share of CFSA's triggers that are kept, of those that were decided."""
    states: dict[str, list[float]] = {}
    for (sample, _), state in _states(marks).items():
        states.setdefault(sample, []).append(state)
    return {sample: sum(decided) / len(decided) for sample, decided in states.items()}


def _rater(name: str, marks: Mapping[str, Mark], drift: float | None, kept_drift: float | None) -> Rater:
    kept, qualities = [*_states(marks).values()], [*_qualities(marks).values()]
    return Rater(
        name=name,
        samples=len(marks),
        kept=100 * sum(kept) / len(kept) if kept else None,
        quality=sum(qualities) / len(qualities) if qualities else None,
        top=100 * qualities.count(TOP) / len(qualities) if qualities else None,
        drift=drift,
        kept_drift=kept_drift,
    )


def _drift(rater: str, values: Mapping[str, Mapping[str, float]], order: Mapping[str, Sequence[str]]) -> float | None:
    """See `Rater`; ``values`` are by rater, then by sample."""
    own = values[rater]
    apart = []
    for sample in order.get(rater, ()):
        others = [theirs[sample] for other, theirs in values.items() if other != rater and sample in theirs]
        if sample in own and others:
            apart.append(own[sample] - sum(others) / len(others))
    return rank_correlation("spearmanr", range(len(apart)), apart) if len(apart) > 2 else None


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


def render(found: Agreement, comments: bool = False) -> str:
    """The tables as text, with notes below them, and where they are wanted the comments."""
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
    lines += [
        "",
        f"Krippendorff's alpha over all raters: {number(found.alpha_triggers, 3)} on kept and removed triggers and"
        f" {number(found.alpha_flags, 3)} on flags (nominal),"
        f" {number(found.alpha_quality, 3)} on quality (interval).",
        "kappa: Cohen's, of quality with quadratic weights. 1 is full agreement, 0 what chance gives.",
        "drift: rank correlation of how far a rater is above the others with the order of that rater's work;"
        " + grows milder than they, - stricter.",
    ]
    if found.outdated:
        lines.append(outdated(found.outdated))
    if comments:
        lines += [
            "",
            *(printable(f"{one.sample} ({one.rater}): {' '.join(one.text.split())}") for one in found.comments),
        ]
    elif found.comments:
        lines.append(f"Comments: {len(found.comments):,}; `cfsa agreement RUN --comments` prints them.")
    return "\n".join(lines)


def outdated(samples: int) -> str:
    """What to say of marks that count no more."""
    return f"{samples:,} samples were built anew since they were marked, or are gone: those marks do not count."
