"""Agreement of judges on the same answers, and of human raters on the same annotations.

1 is full agreement, 0 what chance gives, below 0 is worse than chance. A number is None where it is not defined:
where nothing is rated twice, or where all ratings are the same.
"""

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from eibench_tasks.data.lines import json_lines
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged, read_samples, sample_logs
from eibench_tasks.metrics.recall import finite

TOP = 5
"""The best of the human ratings, which go from 0."""

_MEND = "Give the samples of the same answers under two judges (`eibench judge … --judge NAME` makes them)"
_MEND_RATINGS = 'Give a file for each rater, lines {IMAGE: "RATING"} with ratings from 0 to 5'


class JudgePair(BaseModel):
    """Two judges on the answers that both have scored.

    Attributes:
        samples, verdicts: how many both have given.
        kappa: Cohen's, of the verdicts.
        difference: mean recall by ``b`` - by ``a``, in points.
        spearman: rank correlation of the samples' scores.
    """

    a: str
    b: str
    samples: int
    verdicts: int
    kappa: float | None
    difference: float | None
    spearman: float | None


class ModelRanks(BaseModel):
    """How alike two judges rank the models on one task: rank correlations of the models' recall."""

    task: str
    a: str
    b: str
    models: int
    kendall: float | None
    spearman: float | None


class JudgeAgreement(BaseModel):
    """Agreement of several judges; ``alpha_…`` is Krippendorff's over all of them, with what is missing left out."""

    judges: list[str]
    alpha_verdicts: float | None
    alpha_scores: float | None
    pairs: list[JudgePair]
    ranks: list[ModelRanks]


class Rater(BaseModel):
    """One human rater: how many ratings, their mean, and the share of `TOP` in percent."""

    name: str
    ratings: int
    mean: float
    top_share: float


class RaterPair(BaseModel):
    """Two raters on what both have rated: rank correlation, and Cohen's kappa with quadratic weights."""

    a: str
    b: str
    ratings: int
    spearman: float | None
    kappa: float | None


class RatingAgreement(BaseModel):
    """Agreement of human raters; ``alpha`` is Krippendorff's, of interval data."""

    raters: list[Rater]
    mean: float
    alpha: float | None
    pairs: list[RaterPair]


class _Key(NamedTuple):
    """What two judges must have judged alike: one answer to one sample."""

    task: str
    sample_id: str
    answer: str


_Run = Mapping[_Key, Judged]


def agreement(paths: Iterable[Path]) -> JudgeAgreement | RatingAgreement:
    """Agreement of whoever wrote the files; their content says whether these are judges or human raters.

    Raises:
        EIBenchError: a file cannot be read, both kinds are given, or there are fewer than two judges or raters.
    """
    paths = list(paths)
    ratings = [file for path in paths for file in _rating_files(path)]
    if not ratings:
        return judge_agreement(read_samples(paths))
    if any(sample_logs(path) for path in paths if path not in ratings):
        raise EIBenchError("there are human ratings and judged samples among the files", "Give one kind at a time")
    return rating_agreement(read_ratings(ratings))


def judge_agreement(samples: Sequence[Judged]) -> JudgeAgreement:
    """Agreement of the judges that the samples name.

    Raises:
        EIBenchError: there are fewer than two, or no answer has two judges.
    """
    runs: dict[str, dict[Path, dict[_Key, Judged]]] = defaultdict(lambda: defaultdict(dict))
    for row in samples:
        if row.score is not None:
            runs[row.judge][row.file][_Key(row.task, row.sample_id, row.answer)] = row
    if len(judges := sorted({row.judge for row in samples})) < 2:
        raise EIBenchError(f"there is one judge only: {', '.join(judges)}", _MEND)
    judged = {name: {key: row for run in runs[name].values() for key, row in run.items()} for name in judges}
    pairs = [_judge_pair(a, b, judged[a], judged[b]) for a, b in combinations(judges, 2)]
    if not any(pair.samples for pair in pairs):
        raise EIBenchError("no answer was scored by two judges", _MEND)
    verdicts = [{unit: float(label) for unit, label in _verdicts(judged[name]).items()} for name in judges]
    scores = [{key: _score(row) for key, row in judged[name].items()} for name in judges]
    ranked = [_ranks(a, b, [*runs[a].values()], [*runs[b].values()]) for a, b in combinations(judges, 2)]
    return JudgeAgreement(
        judges=judges,
        alpha_verdicts=krippendorff_alpha(verdicts, "nominal"),
        alpha_scores=krippendorff_alpha(scores, "interval"),
        pairs=pairs,
        ranks=[item for items in ranked for item in items],
    )


def rating_agreement(ratings: Mapping[str, Mapping[str, int]]) -> RatingAgreement:
    """Agreement of raters.

    Args:
        ratings: by rater, then by what was rated; 0 to `TOP`.

    Raises:
        EIBenchError: there are fewer than two raters, or none shares anything with another.
    """
    if len(ratings) < 2:
        raise EIBenchError(f"there is one rater only: {', '.join(ratings)}", _MEND_RATINGS)
    pairs = [_rater_pair(a, b, ratings[a], ratings[b]) for a, b in combinations(ratings, 2)]
    if not any(pair.ratings for pair in pairs):
        raise EIBenchError("no image has two ratings", _MEND_RATINGS)
    everything = [value for of in ratings.values() for value in of.values()]
    return RatingAgreement(
        raters=[_rater(name, list(of.values())) for name, of in ratings.items()],
        mean=sum(everything) / len(everything),
        alpha=krippendorff_alpha(list(ratings.values()), "interval"),
        pairs=pairs,
    )


def read_ratings(files: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Human ratings by rater (the file's name without its ending), then by image.

    Raises:
        EIBenchError: a line holds something else, rates an image again, or two files have one name.
    """
    raters: dict[str, dict[str, int]] = {}
    for file in dict.fromkeys(files):
        if file.stem in raters:
            raise EIBenchError(f"two files are named {file.name}, and a rater is known by the name", _MEND_RATINGS)
        raters[file.stem] = {}
        for number, entry in json_lines(file, _MEND_RATINGS):
            for image, value in entry.items():
                if (rating := _rating(value)) is None:
                    raise EIBenchError(f"{file} line {number} holds no rating from 0 to {TOP}", _MEND_RATINGS)
                if image in raters[file.stem]:
                    raise EIBenchError(f"{file} line {number} rates {image!r} again", _MEND_RATINGS)
                raters[file.stem][image] = rating
    return raters


def krippendorff_alpha(raters: Sequence[Mapping[Any, float]], level: Literal["nominal", "interval"]) -> float | None:
    """Krippendorff's alpha over what each rater has rated; what only one has rated does not count.

    Krippendorff, 2004, "Content Analysis", chapter 11.
    """
    import krippendorff

    units: dict[Hashable, list[float]] = defaultdict(lambda: [math.nan] * len(raters))
    for place, of in enumerate(raters):
        for unit, value in of.items():
            units[unit][place] = value
    rated = [values for values in units.values() if sum(not math.isnan(value) for value in values) > 1]
    if len({value for values in rated for value in values if not math.isnan(value)}) < 2:
        return None
    matrix = [list(row) for row in zip(*rated, strict=True)]
    return finite(krippendorff.alpha(reliability_data=matrix, level_of_measurement=level))


def _judge_pair(a: str, b: str, by_a: _Run, by_b: _Run) -> JudgePair:
    keys = [key for key in by_a if key in by_b]
    scores_a, scores_b = ([_score(of[key]) for key in keys] for of in (by_a, by_b))
    verdicts_a, verdicts_b = _verdicts(by_a), _verdicts(by_b)
    units = [unit for unit in verdicts_a if unit in verdicts_b]
    return JudgePair(
        a=a,
        b=b,
        samples=len(keys),
        verdicts=len(units),
        kappa=cohen_kappa([verdicts_a[unit] for unit in units], [verdicts_b[unit] for unit in units]),
        difference=(math.fsum(scores_b) - math.fsum(scores_a)) / len(keys) if keys else None,
        spearman=rank_correlation("spearmanr", scores_a, scores_b),
    )


def _verdicts(run: _Run) -> dict[Hashable, bool]:
    """Every verdict by its answer, its place, and the length of the reference list: other lists are other units."""
    return {
        (key, place, len(row.present)): present
        for key, row in run.items()
        if row.present
        for place, present in enumerate(row.present)
    }


def _ranks(a: str, b: str, runs_a: Sequence[_Run], runs_b: Sequence[_Run]) -> list[ModelRanks]:
    """Model by model, whatever the folders are called: two runs are of one model if they hold the same answers."""
    recalls: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in runs_a:
        other = max(runs_b, key=lambda candidate: len(run.keys() & candidate.keys()), default={})
        shared = run.keys() & other.keys()
        if 2 * len(shared) > min(len(run), len(other)):
            means = [math.fsum(_score(of[key]) for key in shared) / len(shared) for of in (run, other)]
            recalls[next(iter(shared)).task].append((means[0], means[1]))
    return [
        ModelRanks(
            task=task,
            a=a,
            b=b,
            models=len(pairs),
            kendall=rank_correlation("kendalltau", *zip(*pairs, strict=True)),
            spearman=rank_correlation("spearmanr", *zip(*pairs, strict=True)),
        )
        for task, pairs in sorted(recalls.items())
        if len(pairs) > 1
    ]


def _score(row: Judged) -> float:
    assert row.score is not None
    return row.score


def _rater(name: str, ratings: Sequence[int]) -> Rater:
    top = 100 * sum(rating == TOP for rating in ratings) / len(ratings)
    return Rater(name=name, ratings=len(ratings), mean=sum(ratings) / len(ratings), top_share=top)


def _rater_pair(a: str, b: str, by_a: Mapping[str, int], by_b: Mapping[str, int]) -> RaterPair:
    images = [image for image in by_a if image in by_b]
    ratings = [by_a[image] for image in images], [by_b[image] for image in images]
    kappa = cohen_kappa(*ratings, weights="quadratic", labels=range(TOP + 1))
    spearman = rank_correlation("spearmanr", *ratings)
    return RaterPair(a=a, b=b, ratings=len(images), spearman=spearman, kappa=kappa)


def cohen_kappa(
    a: Sequence[int], b: Sequence[int], weights: str | None = None, labels: Sequence[int] = (0, 1)
) -> float | None:
    """Cohen's kappa of two raters' labels for the same things; None where it is not defined.

    Args:
        a, b: the labels, in one order.
        weights: ``linear`` or ``quadratic`` for labels that are ranks.
        labels: all there are, since weights are by place among them.
    """
    if len({*a, *b}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    return finite(cohen_kappa_score(a, b, labels=list(labels), weights=weights))


def rank_correlation(name: Literal["spearmanr", "kendalltau"], a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's or Kendall's, as SciPy calls it; None where one side does not vary."""
    if len(set(a)) < 2 or len(set(b)) < 2:
        return None
    from scipy import stats

    return finite(getattr(stats, name)(a, b).statistic)


def _rating_files(path: Path) -> list[Path]:
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    return [file for file in files if _holds_ratings(file)]


def _holds_ratings(file: Path) -> bool:
    """Whether the first line maps something to numbers, be they ratings or mistaken ones."""
    try:
        _, entry = next(json_lines(file, ""))
    except (EIBenchError, StopIteration):
        return False
    numbers = [isinstance(value, int | float) or re.fullmatch(r"-?[\d.]+", str(value)) for value in entry.values()]
    return bool(numbers) and all(numbers)


def _rating(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch("[0-9]", str(value)):
        return None
    return int(value) if int(value) <= TOP else None
