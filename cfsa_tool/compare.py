"""`cfsa compare`: how many triggers of a reference a run has found, and how many of its own the reference names."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cfsa_tool.export.samples import numbered
from cfsa_tool.matched import Matched, Pair
from eibench_tasks.data.lines import printable
from eibench_tasks.data.schema import Record
from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judge, Judgement, Reference
from eibench_tasks.judging.many import Item, judge_many
from eibench_tasks.metrics import recall as means
from eibench_tasks.metrics.precision import f1
from eibench_tasks.metrics.recall import finite
from eibench_tasks.report.text import columns, number, span

OVERALL = "overall"
_SHOWN = 5  # names of what is unmatched


class Share(Record):
    """A mean over samples, in percent.

    Attributes:
        value: None where no sample is scored.
        low, high: 95 % interval, clustered by image; None for fewer than two images.
        scored: how many samples have a score.
        unscored: how many the judge could not judge; they are no score.
    """

    value: float | None
    low: float | None
    high: float | None
    scored: int
    unscored: int


class Line(Record):
    """The comparison for one emotion, or overall.

    Attributes:
        emotion: as the run has it; `OVERALL` for all.
        images: that are in both.
        recall: reference triggers that the built ones name, over all reference triggers, by reference sample.
        precision: built triggers that the reference names, over all built triggers, by built sample.
        f1: harmonic mean of both.
        built, reference: triggers of an image, on average.
    """

    emotion: str
    images: int
    recall: Share
    precision: Share
    f1: float | None
    built: float
    reference: float


class Comparison(Record):
    """A run held against a reference.

    Attributes:
        judge, protocol, version: who decided what is named.
        lines: overall first, then by emotion.
        built_images, reference_images: how many each side has.
        matched_images: that are in both, whatever the emotion.
        other_emotion: reference samples about an image of the run for whose emotion it has no sample.
        reference_only: images of the reference that the run does not have, as far as they can be told.
        built_only: images of the run that the reference does not have.
        reasons: of unscored samples, with counts.
    """

    judge: str
    protocol: str
    version: str
    lines: list[Line]
    built_images: int
    reference_images: int
    matched_images: int
    other_emotion: list[str]
    reference_only: list[str]
    built_only: list[str]
    reasons: dict[str, int]


def compare(found: Matched, judge: Judge, progress: Callable[[], object] | None = None) -> Comparison:
    """Asks a judge, in both directions.

    Args:
        found: of `matched`.
        judge: any of `eibench_tasks`.
        progress: called for each judgement.

    Raises:
        JudgeError: the judge can no longer be asked; what it has replied is kept.
    """
    asked = [*_asked(found.pairs, "recall"), *_asked(found.pairs, "precision")]
    judgements = judge_many(judge, [item for _, _, item in asked], progress)
    if reason := getattr(judge, "stopped", None):
        mend = "What it has said is kept, and the same command goes on from there"
        raise JudgeError(f"the judge {judge.name} stopped: {reason}", mend)
    scores = [(which, pair, said) for (which, pair, _), said in zip(asked, judgements, strict=True)]
    emotions = sorted({pair.emotion for pair in found.pairs})
    return Comparison(
        judge=judge.name,
        protocol=judge.protocol,
        version=judge.version,
        lines=[_line(name, found.pairs, scores) for name in (OVERALL, *emotions)],
        built_images=len(found.built_images),
        reference_images=found.reference_images,
        matched_images=found.matched_images,
        other_emotion=list(found.other_emotion),
        reference_only=list(found.reference_only),
        built_only=list(found.built_only),
        reasons=dict(Counter(said.unscored for said in judgements if said.unscored).most_common()),
    )


_Asked = tuple[str, Pair, Item]
_Score = tuple[str, Pair, Judgement]


def _asked(pairs: Sequence[Pair], which: str) -> Iterator[_Asked]:
    """What a judge gets: the triggers of one side as the reference, those of the other, one a line, as the answer."""
    for pair in pairs:
        sides: tuple[Sequence[Any], Sequence[Any]] = (pair.references, pair.built)
        named, naming = sides if which == "recall" else sides[::-1]
        answer = "\n".join(dict.fromkeys(text for one in naming for text in one.triggers))
        for one in named:
            triggers = list(one.triggers)
            yield which, pair, (Reference(triggers, one.question, numbered(triggers)), answer)


def _line(name: str, pairs: Sequence[Pair], scores: Sequence[_Score]) -> Line:
    ours = [pair for pair in pairs if name in (OVERALL, pair.emotion)]
    recall, precision = (
        _share([(p.image, said) for of, p, said in scores if of == which and name in (OVERALL, p.emotion)])
        for which in ("recall", "precision")
    )
    images = len({pair.image for pair in ours})
    return Line(
        emotion=name,
        images=images,
        recall=recall,
        precision=precision,
        f1=f1(precision.value, recall.value),
        built=sum(len(one.triggers) for pair in ours for one in pair.built) / images,
        reference=sum(len(one.triggers) for pair in ours for one in pair.references) / images,
    )


def _share(said: Sequence[tuple[str, Judgement]]) -> Share:
    rows = [{"image_id": image, "score": 100 * one.recall} for image, one in said if one.recall is not None]
    low, high = means.interval(rows)
    value = finite(means.recall(rows))
    return Share(value=value, low=finite(low), high=finite(high), scored=len(rows), unscored=len(said) - len(rows))


def render(found: Comparison) -> str:
    """The table as text, with what is unmatched and unscored below it."""
    head = ("emotion", "images", "recall", "95 % interval", "precision", "95 % interval", "F1", "triggers", "reference")
    rows = [
        (
            line.emotion,
            str(line.images),
            number(line.recall.value),
            span(line.recall.low, line.recall.high),
            number(line.precision.value),
            span(line.precision.low, line.precision.high),
            number(line.f1),
            number(line.built),
            number(line.reference),
        )
        for line in found.lines
    ]
    return "\n".join([*columns(head, rows), "", *_notes(found)])


def _notes(found: Comparison) -> Iterator[str]:
    sides = f"{found.built_images} of the run, {found.reference_images} of the reference"
    yield f"Images in both: {found.matched_images}; {sides}."
    yield "recall: reference triggers that the built ones name; precision: built triggers that the reference names."
    yield "In percent, means over samples; intervals clustered by image. triggers, reference: of an image, on average."
    yield "References are incomplete: a built trigger that is not in them may be true, so precision reads too low."
    yield f"Judged by {printable(f'{found.judge} {found.version} ({found.protocol})')}."
    overall = found.lines[0]
    if unscored := overall.recall.unscored + overall.precision.unscored:
        reasons = "; ".join(f"{count}: {printable(reason)}" for reason, count in list(found.reasons.items())[:_SHOWN])
        every = unscored + overall.recall.scored + overall.precision.scored
        yield f"Unscored, and no score: {unscored} of {every} judgements ({reasons})."
    yield from _unmatched("Images of the reference that are not, or not clearly, in the run", found.reference_only)
    yield from _unmatched("Images of the run that the reference does not have", found.built_only)
    yield from _unmatched("Left out, since the run has no sample for the emotion", found.other_emotion)


def _unmatched(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        shown = ", ".join(printable(name) for name in names[:_SHOWN])
        yield f"{what}: {len(names)} ({shown}{', …' if len(names) > _SHOWN else ''})."
