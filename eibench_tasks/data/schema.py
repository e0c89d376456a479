"""What is on disk: samples, protocol strings and the manifest of a prepared data set."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

BASIC_EMOTIONS = ("happy", "angry", "sadness", "excitement")
"""The emotions of the basic split, in the order of the published tables."""


REPLAYED = "as in the replayed run"
"""What a result says of facts that only the run knows whose answers were replayed."""


class Record(BaseModel):
    """Base of everything that is read from or written to disk: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Annotation(Record):
    """One question about one image, as published, before it is joined with the image.

    Attributes:
        id: stable name of the sample, for example ``basic-angry-0006``.
        split: ``basic`` or ``complex``.
        emotion: lower case; for the complex split read from the question's words.
        image_key: path of the image as the annotation names it; samples of one image share it.
        question: verbatim, grammar slips included.
        triggers: the reference triggers without their numbers, in order; none is empty.
        triggers_text: the published numbered block, verbatim (the paper protocol shows it to its judge).
    """

    id: str
    split: Literal["basic", "complex"]
    emotion: str
    image_key: str
    question: str
    triggers: list[str] = Field(min_length=1)
    triggers_text: str


class ImageFacts(Record):
    """What `eibench prepare` saw of one image file.

    Attributes:
        path: absolute path.
        size: bytes.
        sha256: of the file.
        width, height: pixels, after EXIF orientation.
    """

    path: str
    size: int
    sha256: str
    width: int
    height: int


class Sample(Record):
    """One sample as the harnesses read it: annotation, image and the prompt of every setting.

    Attributes:
        image: absolute path of the image file.
        image_id: key for clustering; equal for samples of one image.
        image_size, image_sha256: of the image file when it was verified; size in bytes.
        prompt_user, prompt_cot: the published prompts with the question filled in.
        caption: a caption from a file, or "" where the model writes its own.
        floor_answer: the triggers of another image of the same emotion, one a line.
    """

    id: str
    split: str
    emotion: str
    image: str
    image_id: str
    image_size: int
    image_sha256: str
    question: str
    triggers: list[str] = Field(min_length=1)
    triggers_text: str
    prompt_user: str
    prompt_cot: str
    caption: str = ""
    floor_answer: str


class ModelProtocol(Record):
    """What the model under test is asked. ``user`` holds ``{question}``; ``cot_suffix`` is appended to it."""

    user: str
    cot_suffix: str


class JudgeProtocol(Record):
    """The published prompt and sampling settings of one judge.

    ``basic`` and ``complex`` hold ``{answer}`` and ``{triggers}``; every other brace is literal text.
    """

    model: str
    temperature: float
    top_p: float | None = None
    max_tokens: int
    system: str
    basic: str
    complex: str


class Protocol(Record):
    """The published protocol strings: data that travels with the annotations, never part of the source."""

    model: ModelProtocol
    judges: dict[Literal["chatgpt", "llama3"], JudgeProtocol]


class Captions(Record):
    """Whose captions the prepared data carries, how many, and the sha256 of the file they came from."""

    model: str
    count: int
    sha256: str


class SplitCounts(Record):
    """How many samples of a split are prepared (``n``) out of how many annotations (``of``)."""

    n: int
    of: int


class Manifest(Record):
    """What a prepared data set is made of.

    Attributes:
        format: number of the on-disk format; data of another number must be prepared again.
        digest: sha256 over samples (image contents, not their paths) and protocol strings; names the data
            in every result.
        left_out: image keys that are not in the data, each with the reason.
    """

    format: Literal[1] = 1
    digest: str
    commit: str
    annotations_sha256: dict[str, str]
    protocol_sha256: str
    counts: dict[Literal["basic", "complex"], SplitCounts]
    left_out: dict[str, str]
    captions: Captions | None
