"""The marks of a run on disk: every action is kept the moment it comes, and none is ever taken away."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfsa_tool.config import Config
from cfsa_tool.errors import RunError
from cfsa_tool.export.samples import Sample, samples_of
from cfsa_tool.review.marks import Mark, disagreement
from cfsa_tool.run_folder import RunFolder, trouble

REVIEW = "review.sqlite"
HELD = 3600.0
"""Seconds for which a sample that one rater alone is to see stays with whoever was shown it, but has not marked it."""

_TABLES = """
CREATE TABLE IF NOT EXISTS samples (
    id TEXT PRIMARY KEY, image TEXT NOT NULL, place INTEGER NOT NULL, digest TEXT NOT NULL, low REAL NOT NULL,
    lot REAL NOT NULL, disagreement REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS samples_order ON samples (disagreement DESC, low, id);
CREATE TABLE IF NOT EXISTS actions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, rater TEXT NOT NULL, sample TEXT NOT NULL, before INTEGER, mark TEXT,
    undone INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS actions_rater ON actions (rater, undone, seq);
CREATE TABLE IF NOT EXISTS marks (
    rater TEXT NOT NULL, sample TEXT NOT NULL, seq INTEGER NOT NULL, done INTEGER NOT NULL, mark TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (rater, sample)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS marks_sample ON marks (sample);
CREATE TABLE IF NOT EXISTS claims (sample TEXT PRIMARY KEY, rater TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Conflict(Exception):
    """The sample was marked by the same rater elsewhere since it was shown: in another tab, or by an undo."""


@dataclass(frozen=True)
class Kept:
    """A mark as it is on disk. ``seq`` numbers the action that left it; 0 where the rater has said nothing yet."""

    seq: int
    mark: Mark


@dataclass(frozen=True)
class Progress:
    """Of one rater: samples done, begun, and those that the rater can still be shown."""

    rater: str
    done: int
    begun: int
    left: int


class Review:
    """The marks of one run. May be used by several processes at once; one thread each.

    Args:
        run: whose samples are looked at.
        overlap: share of the samples that every rater is to see, 0 to 1; the others are seen by one rater each. None
            for what the review has; all of them in a new one.

    Raises:
        RunError: the marks cannot be read or written, or were made of other samples.
    """

    def __init__(self, run: RunFolder, overlap: float | None = None) -> None:
        self.run = run
        self._kind = Config.model_validate(run.manifest.config).kind
        try:
            self._db = sqlite3.connect(run.folder / REVIEW, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # on disk before the rater is told
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            raise trouble(run.folder, error) from None
        if overlap is not None or self._fact("overlap") is None:
            self._note("overlap", 1.0 if overlap is None else overlap)
        self.overlap: float = self._fact("overlap")

    def take_in(self) -> int:
        """Takes in the samples that the run has built since; returns how many there are.

        Raises:
            RunError: a sample that was marked is not what it was.
        """
        known = dict(self._rows("SELECT id, digest FROM samples"))
        found: list[tuple[Any, ...]] = []
        for item, outcome in self.run.outcomes():
            for place, sample in enumerate(samples_of(item, outcome, self._kind)):
                digest = hashlib.sha256(sample.built.model_dump_json().encode()).hexdigest()
                if known.setdefault(sample.id, digest) != digest:
                    raise RunError(
                        f"the sample {sample.id} was built anew since it was taken into the review",
                        f"Move {self.run.folder / REVIEW} away: its marks are of other triggers",
                    )
                lot = int(hashlib.sha256(f"lot {sample.id}".encode()).hexdigest()[:8], 16) / 16**8
                found.append((sample.id, item.id, place, digest, _low(sample), lot))
        with self._writing():
            self._db.executemany(
                "INSERT OR IGNORE INTO samples (id, image, place, digest, low, lot) VALUES (?, ?, ?, ?, ?, ?)", found
            )
        return len(known)

    def sample(self, wanted: str) -> Sample:
        """A sample of the run.

        Raises:
            KeyError: there is none of this id.
        """
        found = self._rows("SELECT image, place FROM samples WHERE id = ?", wanted)
        if not found:
            raise KeyError(wanted)
        ((image, place),) = found
        item = self.run.item(image)
        outcome = self.run.outcome(item)
        assert outcome is not None
        return samples_of(item, outcome, self._kind)[int(place)]

    # Marks

    def kept(self, rater: str, sample: Sample) -> Kept:
        """What a rater has said of a sample so far."""
        found = self._rows("SELECT seq, mark FROM marks WHERE rater = ? AND sample = ?", rater, sample.id)
        if not found:
            return Kept(0, Mark.untouched(sample.built))
        return Kept(found[0][0], Mark.model_validate_json(found[0][1]))

    def save(self, rater: str, sample: Sample, mark: Mark, base: int) -> int:
        """Keeps a mark; it is on disk when this returns.

        Args:
            rater: whose.
            sample: of what.
            mark: as `Mark.trouble` allows.
            base: the number of the mark that the rater has seen and changed.

        Returns:
            The number of the mark.

        Raises:
            Conflict: the rater has changed it elsewhere.
            ValueError: it is no mark of this sample.
            RunError: it cannot be written.
        """
        if trouble := mark.trouble(sample.built):
            raise ValueError(trouble)
        with self._writing():
            self._check_base(rater, sample.id, base)
            seq = self._act(rater, sample.id, base, mark.model_dump_json())
            self._put(rater, sample.id, seq, mark)
        return seq

    def undo(self, rater: str) -> str | None:
        """Takes back a rater's last action that was not taken back yet; returns its sample, None if there is none."""
        with self._writing():
            found = self._rows(
                "SELECT seq, sample, before FROM actions WHERE rater = ? AND undone = 0 ORDER BY seq DESC LIMIT 1",
                rater,
            )
            if not found:
                return None
            seq, sample, before = found[0]
            self._db.execute("UPDATE actions SET undone = 1 WHERE seq = ?", (seq,))
            if before:
                ((text,),) = self._rows("SELECT mark FROM actions WHERE seq = ?", before)
                self._put(rater, sample, before, Mark.model_validate_json(text))
            else:
                self._db.execute("DELETE FROM marks WHERE rater = ? AND sample = ?", (rater, sample))
                self._measure(sample)
        return str(sample)

    def marks(self) -> Iterator[tuple[str, dict[str, Mark]]]:
        """All samples that anybody has marked, with the marks by rater; in the order of the ids."""
        rows = self._rows("SELECT sample, rater, mark FROM marks ORDER BY sample, rater")
        by_sample: dict[str, dict[str, Mark]] = {}
        for sample, rater, mark in rows:
            by_sample.setdefault(sample, {})[rater] = Mark.model_validate_json(mark)
        yield from by_sample.items()

    def marks_of(self, sample: str) -> dict[str, Mark]:
        """The marks of one sample by rater."""
        found = self._rows("SELECT rater, mark FROM marks WHERE sample = ? ORDER BY rater", sample)
        return {rater: Mark.model_validate_json(mark) for rater, mark in found}

    def order(self) -> dict[str, list[str]]:
        """By rater, the samples in the order in which each was last marked."""
        found: dict[str, list[str]] = {}
        for rater, sample in self._rows("SELECT rater, sample FROM marks ORDER BY rater, seq"):
            found.setdefault(rater, []).append(sample)
        return found

    # What comes next

    def next(self, rater: str, besides: str = "") -> str | None:
        """The sample that needs this rater most: on which others disagree, then with the least sure trigger.

        Args:
            rater: who asks.
            besides: a sample that is not wanted: the one at hand.

        Returns:
            None where the rater is done. A sample that one rater alone is to see is kept for this one, see `HELD`.
        """
        with self._writing():
            found = self._rows(
                "SELECT samples.id, lot < ?1 FROM samples"
                " LEFT JOIN marks ON marks.rater = ?2 AND marks.sample = samples.id"
                " WHERE coalesce(marks.done, 0) = 0 AND samples.id != ?3 AND (lot < ?1 OR NOT EXISTS ("
                "  SELECT 1 FROM claims WHERE claims.sample = samples.id AND claims.rater != ?2 AND (claims.at > ?4"
                "  OR EXISTS (SELECT 1 FROM marks AS others WHERE others.sample = samples.id"
                "   AND others.rater = claims.rater))))"
                " ORDER BY disagreement DESC, low, samples.id LIMIT 1",
                self.overlap, rater, besides, time.time() - HELD,
            )  # fmt: skip
            if not found:
                return None
            sample, shared = found[0]
            if not shared:
                self._db.execute("REPLACE INTO claims VALUES (?, ?, ?)", (sample, rater, time.time()))
        return str(sample)

    def progress(self) -> list[Progress]:
        """How far everybody is who has marked anything."""
        ((total, shared),) = self._rows("SELECT count(*), coalesce(sum(lot < ?), 0) FROM samples", self.overlap)
        found = self._rows(
            "SELECT rater, sum(done), sum(NOT done), sum(done AND lot >= ?) FROM marks"
            " JOIN samples ON samples.id = marks.sample GROUP BY rater ORDER BY rater",
            self.overlap,
        )
        alone = sum(single for _, _, _, single in found)
        return [
            Progress(rater, done, begun, shared - (done - single) + (total - shared - alone))
            for rater, done, begun, single in found
        ]

    @property
    def total(self) -> int:
        """How many samples there are."""
        return int(self._rows("SELECT count(*) FROM samples")[0][0])

    def close(self) -> None:
        """Closes the marks."""
        self._db.close()

    # Inside

    def _check_base(self, rater: str, sample: str, base: int) -> None:
        found = self._rows("SELECT seq FROM marks WHERE rater = ? AND sample = ?", rater, sample)
        if (found[0][0] if found else 0) != base:
            raise Conflict

    def _act(self, rater: str, sample: str, before: int, mark: str) -> int:
        done = self._db.execute(
            "INSERT INTO actions (rater, sample, before, mark, at) VALUES (?, ?, ?, ?, ?)",
            (rater, sample, before or None, mark, time.time()),
        )
        assert done.lastrowid
        return done.lastrowid

    def _put(self, rater: str, sample: str, seq: int, mark: Mark) -> None:
        row = (rater, sample, seq, mark.done, mark.model_dump_json(), time.time())
        self._db.execute("REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?)", row)
        self._measure(sample)

    def _measure(self, sample: str) -> None:
        texts = self._rows("SELECT mark FROM marks WHERE sample = ?", sample)
        value = disagreement([Mark.model_validate_json(text) for (text,) in texts])
        self._db.execute("UPDATE samples SET disagreement = ? WHERE id = ?", (value, sample))

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise trouble(self.run.folder, error) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise trouble(self.run.folder, error) from None

    def _fact(self, name: str) -> Any:
        found = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def _note(self, name: str, value: Any) -> None:
        with self._writing():
            self._db.execute("REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


def _low(sample: Sample) -> float:
    """The lowest probability that verification gave to a trigger; 1 where it gave none."""
    known = [one.probability for one in sample.built.triggers if one.probability is not None]
    return min(known, default=1.0)


def has_review(folder: Path) -> bool:
    """Whether anybody has begun to look at the samples of a run."""
    return (folder / REVIEW).is_file()
