"""Keeps what was found out about candidates in the run's folder, one transaction for many of them."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfsa_tool.ingest import near
from cfsa_tool.ingest.candidate import Candidate, LeftOut
from cfsa_tool.ingest.check import CANNOT_BE_READ, GONE, Checked
from cfsa_tool.run_folder import RunFolder

IMAGES = "images"
"""The folder below the run's where the images of data sets are written."""

OF_TYPE = "is of a type that is no image"
"""Kind of the lines of the report that stand for many files."""

_ROUND = "round of taking in"


@dataclass(frozen=True)
class Result:
    """What became of a candidate; ``found`` is None where nothing has changed since it was looked at."""

    candidate: Candidate
    stamp: str
    found: Checked | LeftOut | None


@dataclass(frozen=True)
class _Image:
    """An image of the run, and the key of its candidate; None once that is known to be gone."""

    id: str
    key: bytes | None
    name: str
    path: Path
    emotions: tuple[str, ...]
    question: str


class Keeper:
    """Writes the images and the files of a run.

    Attributes:
        new: images that were not in the run before.

    Args:
        folder: of the run.
        distance: bits in which perceptual hashes of one image may differ, 0 to 7; None to compare none.
    """

    def __init__(self, folder: RunFolder, distance: int | None) -> None:
        self.new = 0
        self._folder = folder
        self._distance = distance
        self._round = int(folder.fact(_ROUND) or 0) + 1
        folder.note(_ROUND, self._round)

    def knows(self, candidate: Candidate, stamp: str) -> bool:
        """Whether a candidate was looked at before and has not changed since."""
        found = self._folder.rows(
            "SELECT stamp, path, size FROM files LEFT JOIN images ON images.id = files.image WHERE key = ?",
            candidate.key,
        )
        if not found or found[0][0] != stamp:
            return False
        _, path, size = found[0]
        return not candidate.content or path is None or _size(_path(path)) == size  # ours to write again

    def keep(self, results: Iterable[Result]) -> None:
        """Keeps results, in their order; all of them or none.

        Raises:
            RunError: they cannot be written.
        """
        with self._folder.writing() as db:
            for result in results:
                self._keep(db, result)

    def end(self, passed_over: Mapping[str, int]) -> None:
        """Forgets what was left out in earlier rounds and is there no more, and keeps what was passed over.

        Args:
            passed_over: numbers of files, by the ends of their names.

        Raises:
            RunError: it cannot be written.
        """
        with self._folder.writing() as db:
            for suffix, number in sorted(passed_over.items()):
                reason = f"{number:,} {'file' if number == 1 else 'files'} of this type, which is never an image"
                row = (b"\0" + os.fsencode(suffix), f"*{suffix}", "", OF_TYPE, reason, self._round)
                db.execute("REPLACE INTO files (key, name, stamp, kind, reason, round) VALUES (?, ?, ?, ?, ?, ?)", row)
            db.execute("DELETE FROM files WHERE reason IS NOT NULL AND round < ?", (self._round,))

    def _keep(self, db: sqlite3.Connection, result: Result) -> None:
        candidate, found = result.candidate, result.found
        if found is None:
            db.execute("UPDATE files SET round = ? WHERE key = ? AND reason IS NOT NULL", (self._round, candidate.key))
            return
        before = db.execute("SELECT image, hash FROM files WHERE key = ? AND image IS NOT NULL", (candidate.key,))
        image, hash_ = before.fetchone() or (None, None)
        if isinstance(found, LeftOut) and image and found.kind in (CANNOT_BE_READ, GONE):
            return  # it may come back; until then the run fails at the image, not at its ingest
        if image and not (isinstance(found, Checked) and found.sha256.startswith(image)):
            _drop(db, image, hash_)
        left_out = found if isinstance(found, LeftOut) else self._other(db, candidate, found)
        outcome: tuple[str, str | None, str | None, str | None, int | None]
        if left_out:
            stamp = "" if left_out.kind == CANNOT_BE_READ else result.stamp
            outcome = (stamp, None, left_out.kind, left_out.reason, None)
        else:
            assert isinstance(found, Checked)
            hashed = None if found.hash is None else near.signed(found.hash)
            outcome = (result.stamp, self._take(db, candidate, found), None, None, hashed)
        row = (candidate.key, candidate.name, *outcome, self._round)
        db.execute("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _other(self, db: sqlite3.Connection, candidate: Candidate, found: Checked) -> LeftOut | None:
        """Why a candidate is left out for another image of the run; None where there is none like it."""
        same = _image(db, found.sha256[:16])
        if same:
            if same.key == candidate.key:
                return None
            if _size(same.path) is not None:
                return _duplicate("the same image as", same, candidate)
            db.execute("DELETE FROM files WHERE key = ?", (same.key,))  # it was renamed: here it is again
            return None
        if self._distance is None or found.hash is None:
            return None
        like = near.nearest(db, found.hash, self._distance)
        other = like and _image(db, like)
        return _duplicate("near-identical to", other, candidate) if other else None

    def _take(self, db: sqlite3.Connection, candidate: Candidate, found: Checked) -> str:
        id_ = found.sha256[:16]
        before = _image(db, id_)
        if before is None:
            self.new += 1
        elif (before.emotions, before.question) != (candidate.emotions, candidate.question):
            db.execute("DELETE FROM outcomes WHERE id = ?", (id_,))  # it was annotated for what it is no more
        path = self._written(candidate, found) if candidate.content else candidate.path
        said = (json.dumps(candidate.emotions), candidate.question)
        facts = (found.sha256, found.size, found.width, found.height)
        db.execute(
            "REPLACE INTO images (id, name, path, sha256, size, width, height, emotions, question)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, candidate.name, os.fsencode(path), *facts, *said),
        )
        if found.hash is not None:
            near.add(db, id_, found.hash)
        return id_

    def _written(self, candidate: Candidate, found: Checked) -> Path:
        """The file with the bytes of a data set's row."""
        assert candidate.content
        try:
            content = candidate.content()
        except LeftOut:
            content = b""
        if hashlib.sha256(content).hexdigest() != found.sha256:
            raise OSError("the data set changed while it was read")
        folder = (self._folder.folder / IMAGES).absolute()
        folder.mkdir(exist_ok=True)
        file = folder / f"{found.sha256[:16]}{found.suffix}"
        temporary = file.with_name(f".{file.name}")
        temporary.write_bytes(content)
        temporary.replace(file)
        return file


def _drop(db: sqlite3.Connection, image: str, hash_: int | None) -> None:
    """Takes an image out whose file has become another."""
    if hash_ is not None:
        near.remove(db, image, near.unsigned(hash_))
    db.execute("DELETE FROM images WHERE id = ?", (image,))
    db.execute("DELETE FROM outcomes WHERE id = ?", (image,))


def _image(db: sqlite3.Connection, id_: str) -> _Image | None:
    row = db.execute(
        "SELECT files.key, images.name, path, emotions, question FROM images LEFT JOIN files ON files.image = images.id"
        " WHERE images.id = ?",
        (id_,),
    ).fetchone()
    return row and _Image(id_, row[0], row[1], _path(row[2]), tuple(json.loads(row[3])), row[4])


def _duplicate(how: str, other: _Image, candidate: Candidate) -> LeftOut:
    reason, kind = f"{how} {other.name}", f"{how} another"
    if set(other.emotions) == set(candidate.emotions):
        return LeftOut(reason, kind)
    there, here = ("; ".join(found) or "no emotion" for found in (other.emotions, candidate.emotions))
    return LeftOut(f"{reason}, though with another emotion: {there} there, {here} here", f"{kind} of another emotion")


def _path(blob: bytes) -> Path:
    return Path(os.fsdecode(blob))


def _size(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None
