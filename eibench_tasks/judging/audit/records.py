"""What `eibench audit` writes."""

from eibench_tasks.data.schema import Record


class Measure(Record):
    """One line of the table.

    Attributes:
        group, name: what is measured.
        value: None where nothing was scored.
        unit: ``%``, ``points`` of recall, or ``points per 100 words``.
        through: percent of samples whose recall rose; of attempts to raise it only.
        n, unscored: how many samples (for flips: verdicts) the value is of, and how many samples are missing in it.
        good: what a good judge shows.
        ok: whether this one does.
    """

    group: str
    name: str
    value: float | None
    unit: str
    through: float | None = None
    n: int
    unscored: int
    good: str
    ok: bool


class Effect(Record):
    """What one attempt does: mean of recall with it minus recall without it, in points; see `Measure`."""

    id: str
    family: str
    tries: str
    effect: float | None
    through: float | None
    n: int
    unscored: int


class Pairs(Record):
    """A judge on one file of labelled pairs; see `pairs.Quality`. None where it is not defined."""

    file: str
    pairs: int
    unscored: int
    accuracy: float | None
    auc: float | None
    recall_error: float | None


class Audit(Record):
    """All that was measured, of which judge and on what."""

    judge: str
    protocol: str
    judge_version: str
    version: str
    split: str
    samples: list[str]
    seed: int
    measures: list[Measure]
    attempts: list[Effect]
    pairs: list[Pairs]
