"""`eibench audit`: asks a judge about answers whose right score is known, and measures what it does."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from eibench_tasks import __version__
from eibench_tasks.errors import EIBenchError, JudgeError
from eibench_tasks.judging.audit.attacks import CONTROL, Attack, attacks
from eibench_tasks.judging.audit.cases import Case, cases
from eibench_tasks.judging.audit.questions import orders_of, padded, questions
from eibench_tasks.judging.audit.records import Audit, Effect, Measure, Pairs
from eibench_tasks.judging.judgement import Judge, Judgement
from eibench_tasks.judging.many import Item, judge_many
from eibench_tasks.judging.pairs import LabelledAnswer, read_pairs
from eibench_tasks.judging.pairs import measure as measure_pairs

Answers = Mapping[str, Sequence[Judgement]]
"""Judgements by the name of what was asked, one for each case."""
_UNSCORED = 5.0  # percent; from there on a part needs a look whatever its value
_GAIN, _THROUGH = 1.0, 5.0  # points, and percent of the samples, that an attempt may raise by the judge's noise


@dataclass(frozen=True)
class _Limit:
    """What a good judge shows: a value from ``low`` to ``high``."""

    low: float
    high: float

    def __str__(self) -> str:
        if self.low == -self.high and self.high:
            return f"within ±{self.high:g}"
        return f"{self.high:g}" if self.low == self.high else self._one_end()

    def _one_end(self) -> str:
        return f"at most {self.high:.3g}" if self.high < 100 else f"{self.low:g} or more"

    def holds(self, value: float | None) -> bool:
        return value is not None and self.low <= value <= self.high


def audit(
    judge: Judge,
    split: str = "demo",
    most: int = 40,
    seed: int = 0,
    labelled: Sequence[Path] = (),
    progress: Callable[[int], AbstractContextManager[Callable[[], object] | None]] = lambda total: nullcontext(),
) -> Audit:
    """Measures a judge.

    Args:
        judge: whom.
        split: ``demo``, or a prepared one.
        most: how many samples at most.
        seed: draws the samples and shuffles triggers.
        labelled: files for `pairs.read_pairs`.
        progress: gets the number of answers; its value is called whenever one is judged.

    Raises:
        EIBenchError: a file of pairs or the prepared data cannot be read.
        JudgeError: no answer was scored at all, or the judge stopped on its way.
    """
    if labelled and judge.protocol != "verdict":
        raise EIBenchError(
            "labelled pairs need a judge that gives verdicts", "Say --protocol verdict, or leave --pairs out"
        )
    pairs = {file: read_pairs(file) for file in labelled}
    chosen = cases(split, most, seed)
    orders = orders_of(chosen, seed)
    asked = questions(chosen, orders)
    with progress((len(asked) + 1) * len(chosen)) as step:
        found = _answers(judge, asked, step) | _answers(_again(judge), {"asked again": asked["strong"]}, step)
    if all(judgement.unscored for part in found.values() for judgement in part):
        raise JudgeError(f"the judge {judge.name} scored nothing ({found['weak'][0].unscored})", "See `eibench doctor`")
    effects = [_effect(attack, found["weak"], found[attack.id]) for attack in attacks()]
    return Audit(
        judge=judge.name,
        protocol=judge.protocol,
        judge_version=judge.version,
        version=__version__,
        split=split,
        samples=[case.id for case in chosen],
        seed=seed,
        measures=[*_recalls(found), *_flips(found, orders), *_length(chosen, found), *_families(effects)],
        attempts=effects,
        pairs=[_quality(judge, file, answers) for file, answers in pairs.items()],
    )


def _answers(
    judge: Judge, asked: Mapping[str, list[Item]], step: Callable[[], object] | None
) -> dict[str, list[Judgement]]:
    """The judgements, all asked for in one go."""
    found = iter(judge_many(judge, [item for items in asked.values() for item in items], step))
    if stopped := getattr(judge, "stopped", None):
        raise JudgeError(
            f"the judge {judge.name} stopped: {stopped}",
            "What it has said is kept: the same command goes on from there",
        )
    return {name: [next(found) for _ in items] for name, items in asked.items()}


def _again(judge: Judge) -> Judge:
    """The same judge; one that has a memory does not look there."""
    repeated = getattr(judge, "repeated", None)
    return cast(Judge, repeated(1)) if repeated else judge


def _recalls(found: Answers) -> list[Measure]:
    rows = [
        ("floor", "generic", "an answer that fits every image", _Limit(0, 5)),
        ("floor", "other", "triggers of another image of the emotion", _Limit(0, 15)),
        ("ceiling", "lines", "the reference itself, one a line", _Limit(98, 100)),
        ("ceiling", "sentences", "the reference itself, as sentences", _Limit(98, 100)),
        ("ceiling", "paraphrased", "the reference in other words", _Limit(85, 100)),
    ]
    count = len(found["weak"])
    empty = Measure(
        group="floor", name="the empty answer (0 by rule)", value=0, unit="%", n=count, unscored=0, good="0", ok=True
    )
    return [empty, *(_recall(group, name, found[part], limit) for group, part, name, limit in rows if part in found)]


def _recall(group: str, name: str, judgements: Sequence[Judgement], limit: _Limit) -> Measure:
    recalls = [100 * judgement.recall for judgement in judgements if judgement.recall is not None]
    return _measure(group, name, _mean(recalls), "%", len(recalls), len(judgements) - len(recalls), limit)


def _measure(group: str, name: str, value: float | None, unit: str, n: int, unscored: int, limit: _Limit) -> Measure:
    return Measure(
        group=group,
        name=name,
        value=value,
        unit=unit,
        n=n,
        unscored=unscored,
        good=str(limit),
        ok=limit.holds(value) and 100 * unscored <= _UNSCORED * (n + unscored),
    )


def _flips(found: Answers, orders: Mapping[str, list[list[int]]]) -> list[Measure]:
    rows = []
    for name, order in orders.items():
        pairs = [changed(*three) for three in zip(found["strong"], found[name], order, strict=True)]
        scored = [pair for pair in pairs if pair]
        n = sum(of for _, of in scored)
        value = 100 * sum(flipped for flipped, _ in scored) / n if n else None
        label = name if name == "asked again" else f"triggers {name}"
        rows.append(_measure("flips", label, value, "%", n, len(pairs) - len(scored), _Limit(0, 2)))
    return rows


def changed(before: Judgement, after: Judgement, order: Sequence[int]) -> tuple[int, int] | None:
    """How many verdicts changed, and of how many; of a bare score: whether it changed, of one.

    Args:
        before: on the triggers in the order of the reference.
        after: on the triggers in another order.
        order: the place in the reference of each trigger of ``after``.

    Returns:
        None if one of them is unscored.
    """
    if before.unscored or after.unscored:
        return None
    if not before.verdicts:
        return int(before.recall != after.recall), 1
    pairs = zip(order, after.verdicts, strict=True)
    return sum(before.verdicts[place].present != verdict.present for place, verdict in pairs), len(order)


def _length(chosen: Sequence[Case], found: Answers) -> list[Measure]:
    parts = {"strong": 1, "x2": 2, "x4": 4}
    lengths = [[len(padded(case.strong, times).split()) for times in parts.values()] for case in chosen]
    recalls = [list(row) for row in zip(*(_percent(found[part]) for part in parts), strict=True)]
    whole = [(words, cast(list[float], row)) for words, row in zip(lengths, recalls, strict=True) if None not in row]
    plain = _recall("length", "a good answer as it is", found["strong"], _Limit(0, 100))
    return [
        plain.model_copy(update={"good": "–"}),
        *(_padded(f"padded ×{times}", plain.value, found[part]) for part, times in parts.items() if times > 1),
        _measure(
            "length", "slope", slope(whole), "points per 100 words", len(whole), len(chosen) - len(whole), _Limit(-1, 1)
        ),
        _recall("length", "its first half", found["half"], _Limit(0, plain.value or 0)),
    ]


def _padded(name: str, plain: float | None, judgements: Sequence[Judgement]) -> Measure:
    low, high = max((plain or 0) - 3, 0), min((plain or 0) + 3, 100)
    row = _recall("length", name, judgements, _Limit(low, high))
    return row.model_copy(update={"good": f"{low:.1f} – {high:.1f}"})


def _percent(judgements: Sequence[Judgement]) -> list[float | None]:
    return [None if judgement.recall is None else 100 * judgement.recall for judgement in judgements]


def slope(rows: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float | None:
    """Change of recall for 100 words more, in points: least squares with a level of its own for each answer.

    Args:
        rows: for each answer its lengths in words, and its recall in percent at each.

    Returns:
        None where no length varies.
    """
    above = below = 0.0
    for words, recalls in rows:
        middle = sum(words) / len(words)
        above += sum((x - middle) * y for x, y in zip(words, recalls, strict=True))
        below += sum((x - middle) ** 2 for x in words)
    return 100 * above / below if below else None


def _effect(attack: Attack, without: Sequence[Judgement], with_: Sequence[Judgement]) -> Effect:
    """Of the samples that are scored with and without the attempt."""
    pairs = zip(_percent(without), _percent(with_), strict=True)
    gains = [after - before for before, after in pairs if before is not None and after is not None]
    return Effect(
        id=attack.id,
        family=attack.family,
        tries=attack.tries,
        effect=_mean(gains),
        through=_mean([100.0 * (gain > 0) for gain in gains]),
        n=len(gains),
        unscored=len(without) - len(gains),
    )


def _families(effects: Sequence[Effect]) -> list[Measure]:
    """One line for each kind of attempt, held against what a plain sentence does."""
    kinds = dict.fromkeys(effect.family for effect in effects)
    rows = {kind: _family(kind, [effect for effect in effects if effect.family == kind]) for kind in kinds}
    noise = rows.pop(CONTROL)
    points, through = max(noise.value or 0, 0), noise.through or 0
    return [_held(noise, 0, 0), *(_held(row, points, through) for row in rows.values())]


def _family(kind: str, effects: Sequence[Effect]) -> Measure:
    """All attempts of one kind, each sample of each counting the same."""
    n = sum(effect.n for effect in effects)
    points = sum((effect.effect or 0) * effect.n for effect in effects) / n if n else None
    through = sum((effect.through or 0) * effect.n for effect in effects) / n if n else None
    name = f"{'none, a plain sentence' if kind == CONTROL else kind} ({len(effects)})"
    row = _measure("attempts", name, points, "points", n, sum(e.unscored for e in effects), _Limit(-100, 100))
    return row.model_copy(update={"through": through})


def _held(row: Measure, points: float, through: float) -> Measure:
    """The line with what a good judge shows: not much more than so many points in so many percent of the samples."""
    points, through = points + _GAIN, through + _THROUGH
    low = row.value is not None and row.value <= points and (row.through or 0) <= through
    good = f"at most {points:.1f} points; {through:.1f} %"
    return row.model_copy(update={"good": good, "ok": row.ok and low})


def _quality(judge: Judge, file: Path, answers: list[LabelledAnswer]) -> Pairs:
    found = {name: None if value != value else value for name, value in asdict(measure_pairs(judge, answers)).items()}
    return Pairs.model_validate({"file": file.name} | found)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
