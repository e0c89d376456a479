"""The published score of a file of judge replies, with what the published scorer does not say."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from eibench_tasks.data.annotations import PUBLISHED_COMPLEX, PUBLISHED_COUNTS
from eibench_tasks.data.lines import json_lines
from eibench_tasks.data.schema import BASIC_EMOTIONS
from eibench_tasks.errors import EIBenchError, NotPreparedError
from eibench_tasks.judging.judgement import PaperScore
from eibench_tasks.judging.published import UnusableReply, read_reply

Split = Literal["basic", "complex"]

GAVE_UP = "{score: 0/1}"
"""What the reference script writes for a reply that failed five times."""

_SIZES: dict[Split, int] = {"basic": sum(PUBLISHED_COUNTS.values()), "complex": PUBLISHED_COMPLEX[0]}
_MARKS = {"happy": "Happy", "sadness": "sad", "angry": "Angry", "excitement": "excit"}  # the first in a path decides
_MEND = "Give the replies of a judge, lines {IMAGE: REPLY}"

TriggerCounts = Mapping[str, Sequence[int]]
"""How many reference triggers the questions about an image have, in order, by the image's path."""


@dataclass(frozen=True)
class Reply:
    """One reply: its ``score``, or why it is ``unusable``.

    Attributes:
        image: path as the file names it.
        emotion: of the image, by its path, as published; None where the path names none.
        gave_up: it is `GAVE_UP`.
        triggers: how many reference triggers the sample has; None where not known.
    """

    image: str
    emotion: str | None
    score: PaperScore | None
    unusable: str | None
    gave_up: bool
    triggers: int | None


class Share(BaseModel):
    """Mean score of some replies; None where there is none.

    Attributes:
        scored, unusable: how many replies there are of either kind.
        score: as published, 0 to 1.
        recall: the same in percent.
        bound_low, bound_high: recall if the unusable replies had missed, or named, all triggers.
        reference_recall: recall in percent with the number of reference triggers as denominator.
    """

    scored: int
    unusable: int
    score: float | None
    recall: float | None
    bound_low: float | None
    bound_high: float | None
    reference_recall: float | None


class PublishedScore(BaseModel):
    """What a file of judge replies scores.

    Attributes:
        split_size: how many samples the split has.
        overall, emotions: the scores; the complex split is published without emotions.
        reasons: why replies are unusable, with how many.
        gave_up: how many replies are `GAVE_UP`.
        repeated_images: how many replies are about an image that an earlier one is about.
        no_emotion: how many replies are counted in no emotion.
        with_reference: how many scored replies can be held against the reference list.
        other_total: how many of them chose another number of triggers; None where there is no reference.
    """

    file: str
    split: Split
    split_size: int
    overall: Share
    emotions: dict[str, Share]
    reasons: dict[str, int]
    gave_up: int
    repeated_images: int
    no_emotion: int
    with_reference: int
    other_total: int | None


def score_file(file: Path, split: Split, eibench: Path | None = None) -> PublishedScore:
    """Scores a file in the published format: lines ``{IMAGE: REPLY}``.

    Args:
        file: the replies.
        split: which split was judged.
        eibench: a checkout or folder of EIBench's files to hold the replies against; None takes what is
            prepared, or does without.

    Raises:
        EIBenchError: a line is damaged, or no reply gives a score.
        AnnotationError: ``eibench`` does not hold the published annotations.
    """
    replies = read_replies(file, split, trigger_counts(split, eibench))
    reasons = Counter(reply.unusable for reply in replies if reply.unusable)
    if len(replies) == sum(reasons.values()):
        why = f": its first reply {replies[0].unusable}" if replies else ""
        raise EIBenchError(f"{file} holds no score{why}", _MEND)
    emotions = {name: [reply for reply in replies if reply.emotion == name] for name in BASIC_EMOTIONS}
    totals = [reply.score.total == reply.triggers for reply in replies if reply.score and reply.triggers]
    return PublishedScore(
        file=str(file),
        split=split,
        split_size=_SIZES[split],
        overall=_share(replies, split),
        emotions={name: _share(those, split) for name, those in emotions.items()} if split == "basic" else {},
        reasons=dict(reasons.most_common()),
        gave_up=sum(reply.gave_up for reply in replies),
        repeated_images=len(replies) - len({reply.image for reply in replies}),
        no_emotion=sum(reply.emotion is None for reply in replies) if split == "basic" else 0,
        with_reference=len(totals),
        other_total=totals.count(False) if totals else None,
    )


def read_replies(file: Path, split: Split, triggers: TriggerCounts) -> list[Reply]:
    """The replies of a file, in order. The complex split repeats an image's path for each of its questions.

    Raises:
        EIBenchError: a line is damaged.
    """
    entries = [item for _, line in json_lines(file, _MEND) for item in line.items()]
    times = Counter(image for image, _ in entries)
    seen: Counter[str] = Counter()
    replies = []
    for image, text in entries:
        counts = triggers.get(image, ())
        place = seen[image] if split == "complex" else 0
        known = split == "basic" or times[image] == len(counts)  # else no one can tell which question is meant
        seen[image] += 1
        score, unusable = None, None
        try:
            score = read_reply(text)
        except UnusableReply as error:
            unusable = error.reason
        emotion = next((name for name, mark in _MARKS.items() if mark in image), None)
        number = counts[place] if counts and known else None
        replies.append(Reply(image, emotion, score, unusable, text == GAVE_UP, number))
    return replies


def trigger_counts(split: Split, eibench: Path | None = None) -> dict[str, list[int]]:
    """`TriggerCounts` of a split, from EIBench's files or from what is prepared; empty if nothing is."""
    from eibench_tasks.data import prepared, source

    counts: dict[str, list[int]] = defaultdict(list)
    if eibench:
        for annotation in source.load(eibench)[0]:
            if annotation.split == split:
                counts[annotation.image_key].append(len(annotation.triggers))
        return counts
    try:
        samples = prepared.load_prepared().split(split)
    except NotPreparedError:
        return {}
    for sample in samples:
        counts[sample.image_id].append(len(sample.triggers))
    return counts


def _share(replies: Sequence[Reply], split: Split) -> Share:
    scores = [reply.score.recall for reply in replies if reply.score]
    unusable = len(replies) - len(scores)
    by_reference = [
        min(reply.score.correct, reply.triggers) / reply.triggers
        for reply in replies
        if reply.score and reply.triggers and split == "basic"
    ]
    score = _mean(scores)
    return Share(
        scored=len(scores),
        unusable=unusable,
        score=score,
        recall=_percent(score),
        bound_low=_percent(_mean(scores + [0.0] * unusable)),
        bound_high=_percent(_mean(scores + [1.0] * unusable)),
        reference_recall=_percent(_mean(by_reference)),
    )


def _mean(values: Sequence[float]) -> float | None:
    """The published sum, not `math.fsum`, so that the last digit agrees."""
    return sum(values) / len(values) if values else None


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
