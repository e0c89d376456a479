"""The marks of a run on disk: every action is kept the moment it comes, and none is ever taken away."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby

from cfsa_tool.config import Config
from cfsa_tool.errors import ReviewError, quoted
from cfsa_tool.export.samples import Sample, samples_of
from cfsa_tool.review.database import Database
from cfsa_tool.review.marks import Mark, rater_key
from cfsa_tool.review.queue import Queue
from cfsa_tool.run_folder import RunFolder

REVIEW = "review.sqlite"


class Conflict(Exception):
    """The sample was marked by the same rater elsewhere since it was shown: in another tab, or by an undo."""


@dataclass(frozen=True)
class Kept:
    """A mark as it is on disk. ``seq`` numbers the action that left it; 0 where the rater has said nothing yet."""

    seq: int
    mark: Mark


@dataclass(frozen=True)
class Progress:
    """Of one rater: samples done, and begun."""

    rater: str
    done: int
    begun: int


@dataclass(frozen=True)
class Said:
    """What a rater has said of a sample outside the page."""

    rater: str
    sample: Sample
    mark: Mark


class Review:
    """The marks of one run. May be used by several processes at once; one thread each.

    Args:
        run: whose samples are looked at.
        overlap: share of the samples that every rater is to see, 0 to 1; the others are seen by one rater each. None
            for what the review has; all of them in a new one.

    Raises:
        ReviewError: the marks cannot be read or written, or were made by another version.
    """

    def __init__(self, run: RunFolder, overlap: float | None = None) -> None:
        self.run = run
        self._kind = Config.model_validate(run.manifest.config).kind
        self._db = Database(run.folder / REVIEW)
        before = self._db.fact("overlap")
        self.overlap: float = overlap if overlap is not None else 1.0 if before is None else before
        self._queue = Queue(self._db, self.overlap)
        if self.overlap != before:
            with self._db.writing():
                self._db.note("overlap", self.overlap)
                self._queue.rebuild()

    def take_in(self) -> int:
        """Takes in the samples that the run has now, and lets go of those that it has no more, or has built anew.

        Marks of the latter stay on disk, but count only where the run comes to have the same sample again.

        Returns:
            How many there are.
        """
        found = {}
        for item, outcome in self.run.outcomes():
            for place, sample in enumerate(samples_of(item, outcome, self._kind)):
                lot = int(hashlib.sha256(f"lot {sample.id}".encode()).hexdigest()[:8], 16) / 16**8
                digest = _digest(sample)
                found[sample.id, digest] = (sample.id, digest, item.id, place, _low(sample), lot)
        with self._db.writing():
            if set(self._db.rows("SELECT id, digest FROM samples WHERE current")) != found.keys():
                self._db.write("UPDATE samples SET current = 0")
                self._db.write_many(
                    "INSERT INTO samples (id, digest, image, place, low, lot) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (id, digest) DO UPDATE SET current = 1, image = excluded.image,"
                    " place = excluded.place",
                    sorted(found.values(), key=lambda row: (row[4], row[0])),  # queues are quicker made in their order
                )
                self._count_anew()
                self._queue.rebuild()
        return len(found)

    def sample(self, wanted: str) -> Sample:
        """A sample of the run.

        Raises:
            KeyError: there is none of this id, or none any more as it was when it was taken in; nobody is shown the
                latter again.
        """
        found = self._db.rows("SELECT number, digest, image, place FROM samples WHERE id = ? AND current", wanted)
        if not found:
            raise KeyError(wanted)
        number, digest, image, place = found[0]
        sample = self._of_run(image, place)
        if sample is None or _digest(sample) != digest:
            with self._db.writing():
                self._db.write("UPDATE samples SET current = 0 WHERE number = ?", number)
                self._queue.update(number)
            raise KeyError(wanted)
        return sample

    def _of_run(self, image: str, place: int) -> Sample | None:
        try:
            item = self.run.item(image)
        except KeyError:
            return None
        outcome = self.run.outcome(item)
        samples = samples_of(item, outcome, self._kind) if outcome else []
        return samples[place] if place < len(samples) else None

    def snapshot(self) -> AbstractContextManager[None]:
        """Reads meanwhile see the marks of one moment, whoever goes on marking. Nothing may be written."""
        return self._db.snapshot()

    # Raters

    def known_as(self, name: str) -> str:
        """The name under which a rater is kept: of names that are one rater's, see `rater_key`, the first one."""
        found = self._db.rows("SELECT name FROM raters WHERE key = ?", rater_key(name))
        return str(found[0][0]) if found else name

    def expect(self, names: Iterable[str]) -> None:
        """Makes ready for raters who are going to come."""
        with self._db.writing():
            for name in names:
                self._enrol(name)

    def progress(self) -> list[Progress]:
        """How far everybody is who has come, or is expected."""
        return [Progress(*row) for row in self._db.rows("SELECT name, done, begun FROM raters ORDER BY name")]

    def left(self, rater: str) -> int:
        """How many samples a rater still has to see."""
        return self._queue.left(self._rater(rater))

    # Marks

    def kept(self, rater: str, sample: Sample) -> Kept:
        """What a rater has said of a sample so far."""
        return self._kept(self._rater(rater), self._number(sample)) or Kept(0, Mark.untouched(sample.built))

    def save(self, rater: str, sample: Sample, mark: Mark, base: int) -> int:
        """Keeps a mark; it is on disk when this returns.

        Args:
            rater: whose.
            sample: of what.
            mark: as `Mark.trouble` allows.
            base: the number of the mark that the rater has seen and changed.

        Returns:
            The number of the mark. One that is kept already keeps its number, whatever its base: whoever did not hear
            the answer sends it again.

        Raises:
            Conflict: the rater has changed it elsewhere.
            ValueError: it is no mark of this sample.
            ReviewError: it cannot be written.
        """
        if trouble := mark.trouble(sample.built):
            raise ValueError(trouble)
        with self._db.writing():
            who, number = self._enrol(rater), self._taken_in(sample)
            kept = self._kept(who, number)
            if (kept.seq if kept else 0) != base:
                if kept and kept.mark == mark:
                    return kept.seq
                raise Conflict
            return self._act(who, number, base, mark)

    def bring_in(self, said: Sequence[Said]) -> list[Said]:
        """Keeps marks that were made outside the page: all of them or none.

        Returns:
            Those that were not kept, since the rater has said something else in the page.

        Raises:
            ValueError: one is no mark of its sample.
            ReviewError: they cannot be written.
        """
        passed = []
        with self._db.writing():
            for one in said:
                if trouble := one.mark.trouble(one.sample.built):
                    raise ValueError(trouble)
                who, number = self._enrol(one.rater), self._taken_in(one.sample)
                kept = self._kept(who, number)
                if kept and kept.mark == one.mark:
                    continue
                if kept and not self._db.rows("SELECT 1 FROM actions WHERE seq = ? AND imported", kept.seq):
                    passed.append(one)
                    continue
                self._act(who, number, kept.seq if kept else 0, one.mark, imported=True)
        return passed

    def undo(self, rater: str) -> str | None:
        """Takes back a rater's last action that was not taken back yet; returns its sample, None if there is none."""
        with self._db.writing():
            who = self._rater(rater)
            found = self._db.rows(
                "SELECT seq, sample, before, id FROM actions JOIN samples ON samples.number = sample"
                " WHERE rater = ? AND undone = 0 AND current ORDER BY seq DESC LIMIT 1",
                who,
            )
            if not found:
                return None
            seq, sample, before, id_ = found[0]
            self._db.write("UPDATE actions SET undone = 1 WHERE seq = ?", seq)
            self._put(who, sample, before)
        return str(id_)

    def marks(self) -> Iterator[tuple[str, dict[str, Mark]]]:
        """All samples that anybody has marked, with the marks by rater; in the order of the ids."""
        rows = self._db.rows(f"SELECT id, name, actions.mark {_OF_MARKS} WHERE current ORDER BY id, name")
        for sample, group in groupby(rows, key=lambda row: str(row[0])):
            yield sample, {rater: Mark.model_validate_json(mark) for _, rater, mark in group}

    def marks_of(self, sample: Sample) -> dict[str, Mark]:
        """The marks of one sample by rater."""
        number = self._number(sample)
        found = self._db.rows(f"SELECT name, actions.mark {_OF_MARKS} WHERE marks.sample = ? ORDER BY name", number)
        return {rater: Mark.model_validate_json(mark) for rater, mark in found}

    def was_another(self, sample: Sample) -> bool:
        """Whether a sample was marked before it was built anew."""
        query = f"SELECT 1 {_OF_MARKS} WHERE id = ? AND digest != ? LIMIT 1"
        return bool(self._db.rows(query, sample.id, _digest(sample)))

    @property
    def outdated(self) -> int:
        """How many samples were marked that the run has no more, or has built anew since."""
        return int(self._db.rows(f"SELECT count(DISTINCT id) {_OF_MARKS} WHERE NOT current")[0][0])

    @property
    def begun(self) -> bool:
        """Whether anybody has marked anything."""
        return bool(self._db.rows("SELECT 1 FROM marks LIMIT 1"))

    def order(self) -> dict[str, list[str]]:
        """By rater, the samples in the order in which each was first done."""
        found: dict[str, list[str]] = {}
        query = (
            "SELECT name, id FROM actions JOIN samples ON samples.number = sample JOIN raters ON raters.number = rater"
            " WHERE actions.done AND NOT undone AND current GROUP BY rater, sample ORDER BY min(seq)"
        )
        for rater, sample in self._db.rows(query):
            found.setdefault(rater, []).append(sample)
        return found

    # What comes next

    def next(self, rater: str, passing: str = "") -> str | None:
        """The sample that needs this rater most: on which others disagree, then with the least sure trigger.

        Args:
            rater: who asks.
            passing: the sample at hand. Where it is not done, it comes again after all others.

        Returns:
            None where the rater is done. A sample that one rater alone is to see is kept for this one, see
            `queue.HELD`.
        """
        with self._db.writing():
            who = self._enrol(rater)
            for (number,) in self._db.rows("SELECT number FROM samples WHERE id = ? AND current", passing):
                self._queue.pass_over(who, number)
            return self._queue.next(who)

    def close(self) -> None:
        """Closes the marks."""
        self._db.close()

    # Inside

    def _rater(self, name: str) -> int:
        """The number of a rater; 0 of one who has not come yet."""
        found = self._db.rows("SELECT number FROM raters WHERE key = ?", rater_key(name))
        return int(found[0][0]) if found else 0

    def _enrol(self, name: str) -> int:
        if known := self._rater(name):
            return known
        added = self._db.write("INSERT INTO raters (name, key) VALUES (?, ?)", name, rater_key(name))
        self._queue.fill(added)
        return added

    def _number(self, sample: Sample) -> int:
        """The number of a sample; 0 of one that was not taken in as it is."""
        found = self._db.rows("SELECT number FROM samples WHERE id = ? AND digest = ?", sample.id, _digest(sample))
        return int(found[0][0]) if found else 0

    def _taken_in(self, sample: Sample) -> int:
        if number := self._number(sample):
            return number
        raise ReviewError(f"the sample {sample.id} was built anew meanwhile", "Give the command again")

    def _kept(self, rater: int, sample: int) -> Kept | None:
        found = self._db.rows(
            "SELECT seq, mark FROM actions WHERE seq = (SELECT seq FROM marks WHERE rater = ? AND sample = ?)",
            rater, sample,
        )  # fmt: skip
        return Kept(found[0][0], Mark.model_validate_json(found[0][1])) if found else None

    def _act(self, rater: int, sample: int, before: int, mark: Mark, imported: bool = False) -> int:
        seq = self._db.write(
            "INSERT INTO actions (rater, sample, before, mark, done, imported, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rater, sample, before or None, mark.model_dump_json(), mark.done, imported, time.time(),
        )  # fmt: skip
        self._put(rater, sample, seq)
        return seq

    def _put(self, rater: int, sample: int, seq: int | None) -> None:
        """Lets the mark of a rater be the one that an action has left; none where there is no action."""
        self._count(rater, sample, -1)
        self._db.write("DELETE FROM marks WHERE rater = ? AND sample = ?", rater, sample)
        self._db.write("INSERT INTO marks SELECT rater, sample, seq, done FROM actions WHERE seq = ?", seq)
        self._count(rater, sample, 1)
        self._queue.update(sample)

    def _count(self, rater: int, sample: int, by: int) -> None:
        for (done,) in self._db.rows("SELECT done FROM marks WHERE rater = ? AND sample = ?", rater, sample):
            column = "done" if done else "begun"
            self._db.write(f"UPDATE raters SET {column} = {column} + ? WHERE number = ?", by, rater)

    def _count_anew(self) -> None:
        counted = (
            "(SELECT count(*) FROM marks JOIN samples ON samples.number = sample"
            " WHERE rater = raters.number AND current"
        )
        self._db.write(f"UPDATE raters SET done = {counted} AND done), begun = {counted} AND NOT done)")


_OF_MARKS = (
    "FROM marks JOIN actions USING (seq) JOIN samples ON samples.number = marks.sample"
    " JOIN raters ON raters.number = marks.rater"
)


def _digest(sample: Sample) -> str:
    return hashlib.sha256(sample.built.model_dump_json().encode()).hexdigest()


def _low(sample: Sample) -> float:
    """The lowest probability that verification gave to a trigger; 1 where it gave none."""
    known = [one.probability for one in sample.built.triggers if one.probability is not None]
    return min(known, default=1.0)


def marked_review(run: RunFolder) -> Review:
    """The review of a run in which something was marked.

    Raises:
        ReviewError: nobody has marked anything, or the marks cannot be read.
    """
    if (run.folder / REVIEW).is_file():
        review = Review(run)
        if review.begun:
            return review
        review.close()
    raise ReviewError(f"nobody has reviewed {run.folder}", f"Run: `cfsa review {quoted(run.folder)}`")
