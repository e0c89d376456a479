"""Reads what built triggers are compared with: EIBench's annotations, or a list of images with known triggers."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cfsa_tool.errors import ExportError
from eibench_tasks.data.annotations import read_basic, read_complex
from eibench_tasks.data.lines import json_lines
from eibench_tasks.data.schema import Annotation
from eibench_tasks.errors import EIBenchError

FILES = ("basic_ground_truth.json", "ec_complex.jsonl")
"""What is read of a folder."""
_MEND = (
    'Give basic_ground_truth.json or ec_complex.jsonl of EIBench, or lines {"image": PATH OR ID, "triggers": [TEXT]}'
    ' with "emotion" where it is known'
)


@dataclass(frozen=True)
class ReferenceSample:
    """What a reference says of one image.

    Attributes:
        image: path, id or sha256 of the image, as the reference has it.
        emotion: lower case; "" where it names none.
        question: "" where it has none.
        triggers: at least one.
    """

    image: str
    emotion: str
    question: str
    triggers: Sequence[str]


def read_references(paths: Iterable[Path]) -> list[ReferenceSample]:
    """The samples of reference files; of a folder those of the files in it that are called as EIBench's are.

    Raises:
        ExportError: one cannot be read, is damaged, or none holds a sample.
    """
    found = [sample for path in paths for file in _files(path) for sample in _read(file)]
    if not found:
        raise ExportError("the reference holds no sample", _MEND)
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    folders = (path, path / "EI_Basic", path / "EI_Complex")
    files = [folder / name for folder in folders for name in FILES if (folder / name).is_file()]
    if not files:
        raise ExportError(f"{path} holds neither {FILES[0]} nor {FILES[1]}", _MEND)
    return files


def _read(file: Path) -> list[ReferenceSample]:
    try:
        if file.suffix == ".json":
            return [_of(sample) for sample in _basic(file.read_bytes())]
        lines = json_lines(file, _MEND)
        first = next(lines, None)
        if first and not {"image", "triggers"} & set(first[1]):
            return [_of(sample) for sample in read_complex(file.read_bytes())]
        return [_known(entry, f"{file} line {number}") for number, entry in ([first, *lines] if first else [])]
    except OSError as error:
        raise ExportError(f"cannot read {file}: {error.strerror}", _MEND) from None
    except EIBenchError as error:
        raise ExportError(error.what if str(file) in error.what else f"{file}: {error.what}", _MEND) from None


def _basic(truth: bytes) -> list[Annotation]:
    """The ground truth alone: its questions are in another file and do not matter here."""
    try:
        keys = json.loads(truth)
    except (ValueError, RecursionError):
        keys = {}  # what is wrong with it is said by whoever reads it next
    questions = "".join(json.dumps({key: "Why?"}) + "\n" for key in keys) if isinstance(keys, dict) else ""
    return read_basic(questions.encode(), truth)


def _of(sample: Annotation) -> ReferenceSample:
    emotion = "" if sample.emotion == "other" else sample.emotion
    question = sample.question if sample.split == "complex" else ""
    return ReferenceSample(sample.image_key, emotion, question, sample.triggers)


def _known(entry: dict[str, Any], where: str) -> ReferenceSample:
    image, triggers, emotion = entry.get("image"), entry.get("triggers"), entry.get("emotion") or ""
    if not isinstance(image, str) or not image.strip():
        raise ExportError(f"{where} names no image", _MEND)
    if not isinstance(triggers, list) or not all(isinstance(text, str) and text.strip() for text in triggers):
        raise ExportError(f"{where} has no list of triggers", _MEND)
    if not triggers:
        raise ExportError(f"{where} has no trigger", _MEND)
    if not isinstance(emotion, str):
        raise ExportError(f"{where} has an emotion that is no text", _MEND)
    texts = [" ".join(text.split()) for text in triggers]
    return ReferenceSample(image.strip(), emotion.strip().lower(), "", texts)


class Images:
    """Finds the image of a run that a reference means: by id, by sha256, or by the end of its path.

    Args:
        images: id, name in the source and sha256 of each.
    """

    def __init__(self, images: Iterable[tuple[str, str, str]]) -> None:
        self._exact: dict[str, str] = {}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._by_file: dict[str, list[str]] = defaultdict(list)
        for id_, name, sha256 in images:
            self._exact |= {id_: id_, sha256: id_}
            self._parts[id_] = _parts(name)
            self._by_file[self._parts[id_][-1] if self._parts[id_] else ""].append(id_)

    def meant_by(self, names: Iterable[str]) -> dict[str, str]:
        """For each name of a reference the id of its image; names that mean none, or not one alone, are not in it.

        Of several names that end like one image's, the one with the most parts in common means it.
        """
        found: dict[str, str] = {}
        claims: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for name in dict.fromkeys(names):
            if exact := self._exactly(name):
                found[name] = exact
            elif best := self._longest(_parts(name)):
                claims[best[1]].append((best[0], name))
        for id_, claimed in claims.items():
            most = max(common for common, _ in claimed)
            first = [name for common, name in claimed if common == most]
            if len(first) == 1:
                found[first[0]] = id_
        return found

    def _exactly(self, name: str) -> str | None:
        stem = PurePosixPath(name).stem  # exported files are called after their ids
        return next((self._exact[key] for key in (name, stem) if key in self._exact), None)

    def _longest(self, parts: tuple[str, ...]) -> tuple[int, str] | None:
        """The image whose path has the longest end in common, with its number of parts; None where two have."""
        if not parts:
            return None
        scored = sorted(((_common(parts, self._parts[id_]), id_) for id_ in self._by_file[parts[-1]]), reverse=True)
        if not scored or (len(scored) > 1 and scored[0][0] == scored[1][0]):
            return None
        return scored[0]


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[/\\]", path) if part not in ("", "."))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts at the end are the same."""
    pairs: Iterator[tuple[str, str]] = zip(reversed(one), reversed(other), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
