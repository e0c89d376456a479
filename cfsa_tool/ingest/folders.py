"""A folder of images: every file below it, with the emotion that its folders name.

EmoSet (``EmoSet-118k/image/<emotion>/…`` beside ``annotation/``) and CAER-S (``CAER-S/<split>/<Emotion>/…``) are
folders like others, whatever part of them the user names.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Candidate
from cfsa_tool.ingest.check import CANNOT_BE_READ, SUFFIXES
from cfsa_tool.ingest.emotions import Emotions
from cfsa_tool.run_folder import MANIFEST, STATE
from eibench_tasks.data.lines import printable

# Types that stand beside images and never are any: data sets hold 100,000 of them, which are reported by number.
_NO_IMAGES = frozenset(
    ".arrow .cfg .csv .doc .docx .gz .h5 .html .ini .ipynb .json .jsonl .log .md .md5 .npy .npz .ods .parquet .pdf"
    " .pickle .pkl .py .rar .rst .sh .sha256 .sqlite .tar .toml .tsv .txt .xls .xlsx .xml .yaml .yml .zip".split()
)
_NO_EMOTION = "its folder names no known emotion"


@dataclass(frozen=True)
class _Entry:
    """Something below the root; ``path`` is relative to it, ``emotion`` that of the nearest folder that names one."""

    path: str
    kind: Literal["folder", "file"]
    emotion: str | None
    left_out: str = ""

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1].lower()  # noqa: PTH122 - Path costs ten times as much, for each file


class FolderSource:
    """See `Source`. Files of folders without an emotion are left out where other folders have one.

    Args:
        folder: the root; its own name counts where none below it names an emotion.
        emotions: that folders may name.

    Raises:
        SourceError: it cannot be read.
    """

    def __init__(self, folder: Path, emotions: Emotions) -> None:
        self._root = folder.resolve()
        self._emotions = emotions
        self.total = self.likely = 0
        self.passed_over: Counter[str] = Counter()
        self._named = False
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise SourceError(
                f"cannot look into {printable(str(folder))}: {error.strerror}", "Mend its permissions"
            ) from None
        for entry in self._entries():
            self.total += 1
            self.likely += entry.suffix in SUFFIXES
            self._named = self._named or entry.emotion is not None
        self.passed_over = self._passed.copy()

    def candidates(self) -> Iterator[Candidate]:
        for entry in self._entries():
            outside = _NO_EMOTION if self._named and entry.emotion is None else ""
            yield Candidate(
                key=os.fsencode(entry.path),
                name=printable(entry.path),
                path=self._root / entry.path,
                emotions=(entry.emotion,) if entry.emotion else (),
                inside=self._root,
                left_out=entry.left_out or outside,
            )

    def _entries(self) -> Iterator[_Entry]:
        """What may be an image, or is to be reported by name; counts the rest. Holds one folder's names at a time."""
        self._passed: Counter[str] = Counter()
        open_folders = [self._inside(_Entry("", "folder", self._emotions.read(self._root.name)))]
        while open_folders:
            entry = next(open_folders[-1], None)
            if entry is None:
                open_folders.pop()
            elif entry.kind == "folder" and not entry.left_out:
                open_folders.append(self._inside(entry))
            elif entry.suffix in _NO_IMAGES and not entry.left_out:
                self._passed[entry.suffix] += 1
            else:
                yield entry

    def _inside(self, folder: _Entry) -> Iterator[_Entry]:
        try:
            with os.scandir(self._root / folder.path) as found:
                names = {entry.name: _kind(entry) for entry in found}
        except OSError as error:
            yield _Entry(folder.path, "folder", folder.emotion, f"{CANNOT_BE_READ}: {error.strerror}")
            return
        if folder.path and MANIFEST in names and STATE in names:
            yield _Entry(folder.path, "folder", folder.emotion, "is the folder of a run")
            return
        for name in sorted(names, key=os.fsencode):
            path = f"{folder.path}/{name}" if folder.path else name
            if names[name] == "link":
                yield _Entry(path, "folder", folder.emotion, "is a link to a folder, which is not followed")
            elif names[name] == "folder":
                yield _Entry(path, "folder", self._emotions.read(name) or folder.emotion)
            else:
                yield _Entry(path, "file", folder.emotion)


def _kind(entry: "os.DirEntry[str]") -> Literal["folder", "link", "file"]:
    """A link to a folder is none: it could lead out, or in a circle."""
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    try:
        return "link" if entry.is_symlink() and entry.is_dir() else "file"
    except OSError:
        return "file"
