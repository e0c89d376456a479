"""Joins what a run has built with a reference: which images are in both, and which samples are about one emotion."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfsa_tool.errors import ExportError
from cfsa_tool.export.samples import samples_of
from cfsa_tool.references import Images, ReferenceSample, read_references
from cfsa_tool.run_folder import MANIFEST, RunFolder
from cfsa_tool.stages.checks import only_names
from eibench_tasks.data.exported import is_exported, load_exported

SEVERAL = "several"
"""Stands for the emotion where a reference without emotions meets an image with samples of several."""


@dataclass(frozen=True)
class Built:
    """One built sample, as far as it is compared."""

    image: str
    name: str
    sha256: str
    emotion: str
    question: str
    triggers: Sequence[str]


@dataclass(frozen=True)
class Pair:
    """The samples of both sides about one emotion of one image; the run's word for the emotion counts."""

    image: str
    emotion: str
    built: Sequence[Built]
    references: Sequence[ReferenceSample]


@dataclass(frozen=True)
class Matched:
    """What is in both, and what is not; see `Comparison`."""

    pairs: Sequence[Pair]
    built_images: Sequence[str]
    reference_images: int
    matched_images: int
    other_emotion: Sequence[str]
    reference_only: Sequence[str]
    built_only: Sequence[str]

    @property
    def judgements(self) -> int:
        """How many answers a judge will get."""
        return sum(len(pair.built) + len(pair.references) for pair in self.pairs)


def matched(run: Path, references: Sequence[Path]) -> Matched:
    """Joins a run with a reference, before a judge is asked.

    Args:
        run: folder of a run, or of an exported split.
        references: files, see `references.read_references`.

    Raises:
        ExportError: one of them cannot be read, or they have no sample in common.
    """
    built, wanted = list(read_built(run)), read_references(references)
    names = dict.fromkeys(sample.image for sample in wanted)
    ids = Images(dict.fromkeys((one.image, one.name, one.sha256) for one in built)).meant_by(names)
    by_image: dict[str, list[Built]] = defaultdict(list)
    for one in built:
        by_image[one.image].append(one)
    about: dict[str, list[ReferenceSample]] = defaultdict(list)
    for sample in wanted:
        if sample.image in ids:
            about[ids[sample.image]].append(sample)
    pairs: list[Pair] = []
    other: list[str] = []
    for image, samples in about.items():
        found, left = _pairs(image, by_image[image], samples)
        pairs += found
        other += left
    if not pairs:
        raise ExportError(
            f"{run} and the reference have no sample in common ({len(by_image)} and {len(names)} images)",
            "Name images in the reference by their paths in the source, their ids or their sha256",
        )
    return Matched(
        pairs=pairs,
        built_images=list(by_image),
        reference_images=len(names),
        matched_images=len(about),
        other_emotion=other,
        reference_only=[name for name in names if name not in ids],
        built_only=[samples[0].name for image, samples in by_image.items() if image not in about],
    )


def read_built(run: Path) -> Iterator[Built]:
    """The samples of a run, or of an exported split.

    Raises:
        EIBenchError: it is neither, or cannot be read.
    """
    if is_exported(run):
        for row in load_exported(run).samples():
            about = (row["image_id"], row["image_name"], row["image_sha256"])
            yield Built(*about, row["emotion"], row["question"], row["triggers"])
    elif (run / MANIFEST).exists():
        folder = RunFolder(run)
        try:
            for item, outcome in folder.outcomes():
                for one in samples_of(item, outcome, ""):
                    yield Built(item.id, item.name, item.sha256, one.built.emotion, one.question, one.triggers)
        finally:
            folder.close()
    else:
        raise ExportError(
            f"{run} is neither a run nor an exported split", "Give RUN of `cfsa run`, or DIR of `cfsa export`"
        )


def _pairs(image: str, built: Sequence[Built], wanted: Sequence[ReferenceSample]) -> tuple[list[Pair], list[str]]:
    """The samples of one image by emotion, and the reference samples for whose emotion nothing was built.

    A reference sample that names no emotion is about all that was built of the image.
    """
    emotions = list(dict.fromkeys(one.emotion for one in built))
    if any(not one.emotion for one in wanted):
        return [Pair(image, emotions[0] if len(emotions) == 1 else SEVERAL, built, wanted)], []
    found: list[Pair] = []
    for emotion in emotions:
        if theirs := [one for one in wanted if same_emotion(one.emotion, emotion)]:
            found.append(Pair(image, emotion, [one for one in built if one.emotion == emotion], theirs))
    used = {id(sample) for pair in found for sample in pair.references}
    return found, [f"{one.image} ({one.emotion})" for one in wanted if id(one) not in used]


def same_emotion(one: str, other: str) -> bool:
    """Whether two words name one emotion: they are the same, or of one family, as anger and angry."""
    return one.lower() == other.lower() or (only_names(one, other) and only_names(other, one))
