"""`eibench agreement`: tables of who agrees with whom."""

from eibench_tasks.metrics.agreement import JudgeAgreement, RatingAgreement
from eibench_tasks.report.text import columns, number


def render(found: JudgeAgreement | RatingAgreement) -> str:
    """The tables as text, with notes below them."""
    return "\n".join(_judges(found) if isinstance(found, JudgeAgreement) else _raters(found))


def _judges(found: JudgeAgreement) -> list[str]:
    marks = {name: str(place) for place, name in enumerate(found.judges, start=1)}
    both = {(pair.a, pair.b): f"{marks[pair.a]} and {marks[pair.b]}" for pair in found.pairs}
    pairs = [
        (
            both[pair.a, pair.b],
            str(pair.samples),
            str(pair.verdicts),
            number(pair.kappa, 3),
            number(pair.difference, sign="+"),
            number(pair.spearman, 3),
        )
        for pair in found.pairs
    ]
    ranks = [
        (both[item.a, item.b], item.task, str(item.models), number(item.kendall, 3), number(item.spearman, 3))
        for item in found.ranks
    ]
    return [
        *columns(("", "judge"), [(mark, name) for name, mark in marks.items()]),
        "",
        *columns(("judges", "samples", "verdicts", "kappa", "recall, points", "Spearman"), pairs),
        "",
        *([*columns(("judges", "task", "models", "Kendall", "Spearman"), ranks), ""] if ranks else []),
        f"Krippendorff's alpha over all judges: {number(found.alpha_verdicts, 3)} on verdicts,"
        f" {number(found.alpha_scores, 3)} on the samples' recall.",
        "Compared are answers that both have scored. kappa: Cohen's, on verdicts. recall: second - first.",
        *(["Ranks of models: correlation of their recall by either judge."] if ranks else []),
    ]


def _raters(found: RatingAgreement) -> list[str]:
    raters = [(item.name, str(item.ratings), number(item.mean, 2), number(item.top_share)) for item in found.raters]
    pairs = [
        (pair.a, pair.b, str(pair.ratings), number(pair.spearman, 3), number(pair.kappa, 3)) for pair in found.pairs
    ]
    return [
        *columns(("rater", "ratings", "mean", "top rating %"), raters),
        "",
        *columns(("rater", "rater", "images", "Spearman", "kappa"), pairs),
        "",
        f"Krippendorff's alpha over all raters: {number(found.alpha, 3)} (interval). Mean rating: {found.mean:.2f}.",
        "kappa: Cohen's, with quadratic weights.",
    ]
