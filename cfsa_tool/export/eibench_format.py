"""Writes the split in EIBench's own file format, beside its images, for everything that reads EIBench."""

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from cfsa_tool.export.samples import Sample, numbered
from eibench_tasks.data.exported import IMAGES

QUESTIONS, TRUTH, COMPLEX = "user.jsonl", "basic_ground_truth.json", "ec_complex.jsonl"


class EIBenchFiles:
    """``user.jsonl`` and ``basic_ground_truth.json`` of a basic split, ``ec_complex.jsonl`` of a complex one.

    Images are named ``images/EMOTION/ID.jpg``; those of a complex split ``images/complex/ID.jpg``, since samples of
    several emotions share them.

    Args:
        folder: of the split.
        kind: of the split.
        with_images: whether the image files are written too.
    """

    def __init__(self, folder: Path, kind: str, with_images: bool) -> None:
        self._folder = folder
        self._kind = kind
        self._with_images = with_images
        self._open = ExitStack()
        self._truths = 0
        if kind == "basic":
            self._questions, self._truth = self._file(QUESTIONS), self._file(TRUTH)
            self._truth.write("{")
        else:
            self._complex = self._file(COMPLEX)

    def add(self, samples: Sequence[Sample], image: bytes, suffix: str) -> str:
        """The samples of one image, with its file.

        Returns:
            Where the image lies in the split's folder; "" where image files are left out.
        """
        key = f"{IMAGES}/{_as_folder(samples[0].built.emotion, self._kind)}/{samples[0].item.id}.{suffix}"
        if self._kind == "basic":
            for sample in samples:
                self._questions.write(_json({key: sample.question}) + "\n")
                self._truth.write(",\n" if self._truths else "\n")
                self._truth.write(f"{_json(key)}: {_json(numbered(sample.triggers))}")
                self._truths += 1
        else:
            self._complex.write(_json({key: _by_question(samples)}) + "\n")
        if not self._with_images:
            return ""
        file = self._folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image)
        return key

    def finish(self) -> None:
        """Ends the files."""
        if self._kind == "basic":
            self._truth.write("\n}\n")
        self.abandon()

    def abandon(self) -> None:
        """Closes the files, whatever is in them."""
        self._open.close()

    def _file(self, name: str) -> IO[str]:
        return self._open.enter_context((self._folder / name).open("w", encoding="utf-8", newline="\n"))


def _as_folder(emotion: str, kind: str) -> str:
    """The name of an emotion's folder: the emotion itself where a folder can be called that."""
    if kind == "complex":
        return kind
    return re.sub(r"[^\w -]+", "_", emotion.lower()).strip(" .") or "emotion"


def _by_question(samples: Sequence[Sample]) -> dict[str, str]:
    """Numbered triggers by question; equal questions are told apart by emotion, person and number."""
    found: dict[str, str] = {}
    for sample in samples:
        about = ", ".join(part for part in (sample.built.emotion, sample.built.whom) if part)
        question, number = sample.question, 1
        while question in found:
            question = f"{sample.question} ({about if number == 1 else f'{about}, {number}'})"
            number += 1
        found[question] = numbered(sample.triggers)
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
