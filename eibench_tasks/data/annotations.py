"""Reads EIBench's own annotation files, strictly, and checks them against the published ones."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from eibench_tasks.data.schema import Annotation
from eibench_tasks.errors import AnnotationError

COMMIT = "aff98d088367e60ac412905dd534f0cf062386b7"
"""The commit of github.com/Lum1104/EIBench (Apache-2.0) that this benchmark is pinned to."""

SHA256 = {
    "user.jsonl": "04cb1145f124e261c0146470316f2d91e03fe7f87169f51396363eec3347b76b",
    "basic_ground_truth.json": "17ba97385a6de152e8ed432b8a38eb899c970a10431a4f33ec3fa1a8c6478f8b",
    "ec_complex.jsonl": "09eccd5112de2c03c191196ab8481ed072c0b7b7b133bea273ecdf2751d94d42",
}
"""sha256 of the annotation files at `COMMIT`."""

PUBLISHED_COUNTS = {"excitement": 720, "sadness": 462, "angry": 342, "happy": 91}
PUBLISHED_COMPLEX = (50, 23)
"""Questions and images of the complex split."""

_NUMBERED = re.compile(r"\s*\d+\.\s*(.*)")

# The complex split names no emotion; its questions do. The first word found in a question decides.
_EMOTION_WORDS = {
    "angry": r"ang(?:er|ry)|annoy|displeas|hostile|outrag",
    "happy": r"happ|smile|enjoy|pleas",
    "sadness": r"sad|upset|unhapp",
    "excitement": r"excit|rouse",
    "fear": r"fear|scared|frighten|worr",
    "confusion": r"confus",
    "surprise": r"surpris",
}
_EMOTION_PATTERN = re.compile(
    "|".join(f"(?P<{name}>\\b(?:{words}))" for name, words in _EMOTION_WORDS.items()), re.IGNORECASE
)


def read_basic(questions: bytes, ground_truth: bytes) -> list[Annotation]:
    """Joins ``user.jsonl`` with ``basic_ground_truth.json`` by image key, in the order of the questions.

    Raises:
        AnnotationError: a line is cut or malformed, a key occurs twice or leaves the image folder,
            or the two files do not name the same images.
    """
    asked: dict[str, str] = {}
    for number, entry in _json_lines("user.jsonl", questions):
        for key, question in entry.items():
            _check_key("user.jsonl", key)
            if key in asked:
                raise AnnotationError(f"user.jsonl line {number}: duplicate key {key!r}")
            asked[key] = _text("user.jsonl", key, question)
    truth = _json_object("basic_ground_truth.json", ground_truth)
    for key in truth:
        _check_key("basic_ground_truth.json", key)
    if odd := sorted(set(asked) ^ set(truth)):
        raise AnnotationError(
            f"user.jsonl and basic_ground_truth.json do not name the same images: {odd[0]!r}"
            + (f" and {len(odd) - 1} more are" if len(odd) > 1 else " is")
            + " in only one of them"
        )
    return [_basic_annotation(key, question, truth[key]) for key, question in asked.items()]


def read_complex(content: bytes) -> list[Annotation]:
    """Reads ``ec_complex.jsonl``: several questions about one image are told apart by their order.

    Raises:
        AnnotationError: a line is cut or malformed, or a question occurs twice for one image.
    """
    samples: list[Annotation] = []
    asked: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for number, entry in _json_lines("ec_complex.jsonl", content):
        for key, questions in entry.items():
            _check_key("ec_complex.jsonl", key)
            if not isinstance(questions, dict):
                raise AnnotationError(f"ec_complex.jsonl line {number}: expected questions with their triggers")
            for question, triggers in questions.items():
                if (key, question) in seen:
                    raise AnnotationError(f"ec_complex.jsonl line {number}: duplicate question for {key!r}")
                seen.add((key, question))
                asked[key] += 1
                samples.append(_complex_annotation(key, asked[key], question, triggers))
    return samples


def read_published(files: dict[str, bytes]) -> list[Annotation]:
    """Reads the three annotation files and checks that they are the published ones.

    Args:
        files: content by file name, the names of `SHA256`.

    Raises:
        AnnotationError: a file differs from the published one; the message says how, where that can be seen.
    """
    for name, expected in SHA256.items():
        if name not in files:
            raise AnnotationError(f"{name} is missing", _REFETCH)
        if (actual := hashlib.sha256(files[name]).hexdigest()) != expected:
            raise AnnotationError(
                f"{name} is not the published file: {_what_differs(files, name)}"
                f" (sha256 {actual[:12]}…, published {expected[:12]}…)",
                _REFETCH,
            )
    basic = read_basic(files["user.jsonl"], files["basic_ground_truth.json"])
    complex_ = read_complex(files["ec_complex.jsonl"])
    _check_counts(basic, complex_)
    return basic + complex_


_REFETCH = "Fetch a fresh copy: `eibench prepare --images DIR` downloads it, `--eibench DIR` takes a checkout"


def split_triggers(block: str) -> list[str]:
    """Turns ``"1. a\\n2. b"`` into ``["a", "b"]``; numbers without text are dropped (two are published)."""
    lines = (_NUMBERED.fullmatch(line) for line in block.split("\n"))
    return [text for match in lines if match and (text := match.group(1).strip())]


def emotion_of_question(question: str) -> str:
    """The emotion that a question asks about, by its first emotion word; ``other`` where there is none."""
    match = _EMOTION_PATTERN.search(question)
    return match.lastgroup if match and match.lastgroup else "other"


def _basic_annotation(key: str, question: str, block: Any) -> Annotation:
    path = PurePosixPath(key)
    emotion = path.parent.name.lower()
    name = path.stem if path.stem.lower().startswith(emotion) else f"{emotion}_{path.stem}"
    return Annotation(
        id=f"basic-{name.replace('_', '-')}",
        split="basic",
        emotion=emotion,
        image_key=key,
        question=question,
        triggers=_triggers("basic_ground_truth.json", key, block),
        triggers_text=block,
    )


def _complex_annotation(key: str, number: int, question: str, block: Any) -> Annotation:
    return Annotation(
        id=f"complex-{PurePosixPath(key).stem.replace('_', '-')}-{number}",
        split="complex",
        emotion=emotion_of_question(question),
        image_key=key,
        question=question,
        triggers=_triggers("ec_complex.jsonl", key, block),
        triggers_text=block,
    )


def _triggers(file: str, key: str, block: Any) -> list[str]:
    if triggers := split_triggers(_text(file, key, block)):
        return triggers
    raise AnnotationError(f"{file}: {key!r} has no numbered triggers")


def _text(file: str, key: str, value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise AnnotationError(f"{file}: {key!r} holds {type(value).__name__ if value else 'nothing'}, not text")


def _check_key(file: str, key: str) -> None:
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or "\\" in key or "\0" in key or len(path.parts) < 2:
        raise AnnotationError(f"{file}: the path {key!r} leaves the images folder")


def _check_counts(basic: list[Annotation], complex_: list[Annotation]) -> None:
    emotions = Counter(sample.emotion for sample in basic)
    found = (len(complex_), len({sample.image_key for sample in complex_}))
    if dict(emotions) != PUBLISHED_COUNTS or found != PUBLISHED_COMPLEX:
        raise AnnotationError(f"the annotations hold {dict(emotions)} and {found} complex samples and images")


def _what_differs(files: dict[str, bytes], name: str) -> str:
    try:
        if name == "ec_complex.jsonl":
            return f"it parses, with {len(read_complex(files[name]))} samples"
        if name == "user.jsonl":
            return f"it parses, with {sum(1 for _ in _json_lines(name, files[name]))} lines"
        read_basic(files["user.jsonl"], files[name])
        return "its text was changed"
    except AnnotationError as error:
        return error.what
    except KeyError:
        return "it does not match"


def _json_lines(file: str, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, _json_object(f"{file} line {number}", line)


def _json_object(where: str, content: bytes) -> dict[str, Any]:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        if twice := [key for key, count in counts.items() if count > 1]:
            raise AnnotationError(f"{where}: duplicate key {twice[0]!r}")
        return dict(pairs)

    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{where}: not valid JSON, cut short or damaged ({error})") from None
    if not isinstance(value, dict):
        raise AnnotationError(f"{where}: expected an object, found {type(value).__name__}")
    return value
