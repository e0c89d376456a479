"""What each rater of a review still has to see, in the order in which it needs them."""

import time

from cfsa_tool.review.database import Database
from cfsa_tool.review.marks import Mark, disagreement

HELD = 3600.0
"""Seconds for which a sample that one rater alone is to see stays with whoever was shown it, but has not marked it."""


class Queue:
    """One row for each rater and sample that the rater has not done. Used inside a transaction of the file.

    A sample that one rater alone is to see is in nobody's queue but of those who have begun it, once somebody has
    marked it.

    Args:
        db: the file of the review.
        overlap: share of the samples that every rater is to see.
    """

    def __init__(self, db: Database, overlap: float) -> None:
        self._db = db
        self.overlap = overlap

    def left(self, rater: int) -> int:
        """How many samples a rater still has to see."""
        ((count,),) = self._db.rows("SELECT count(*) FROM queue WHERE rater = ?", rater)
        return int(count)

    def next(self, rater: int) -> str | None:
        """The id of the first sample of a rater, but for those that another was just shown alone; see `HELD`."""
        found = self._db.rows(
            "SELECT samples.number, id, lot < ?1 FROM queue JOIN samples ON samples.number = queue.sample"
            " WHERE queue.rater = ?2 AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.sample = queue.sample"
            "  AND claims.rater != ?2 AND claims.at > ?3)"
            " ORDER BY passed, queue.disagreement DESC, queue.low, queue.sample LIMIT 1",
            self.overlap, rater, time.time() - HELD,
        )  # fmt: skip
        if not found:
            return None
        number, id_, shared = found[0]
        if not shared:
            self._db.write("REPLACE INTO claims VALUES (?, ?, ?)", number, rater, time.time())
        return str(id_)

    def pass_over(self, rater: int, sample: int) -> None:
        """Lets a sample come after all others of a rater, and lets others have it."""
        self._db.write(
            "UPDATE queue SET passed = 1 + (SELECT max(passed) FROM queue WHERE rater = ?1)"
            " WHERE rater = ?1 AND sample = ?2",
            rater, sample,
        )  # fmt: skip
        self._db.write("DELETE FROM claims WHERE sample = ? AND rater = ?", sample, rater)

    def update(self, sample: int) -> None:
        """Follows what was said of a sample."""
        ((current, shared, low),) = self._db.rows(
            "SELECT current, lot < ?, low FROM samples WHERE number = ?", self.overlap, sample
        )
        rows = self._db.rows(
            "SELECT marks.rater, marks.done, mark FROM marks JOIN actions USING (seq) WHERE marks.sample = ?", sample
        )
        said = {rater: Mark.model_validate_json(mark) for rater, _, mark in rows}
        done = {rater for rater, done, _ in rows if done}
        self._db.write("UPDATE samples SET disagreement = ? WHERE number = ?", disagreement([*said.values()]), sample)
        for (rater,) in self._db.rows("SELECT number FROM raters"):
            others = [mark for other, mark in said.items() if other != rater]
            if current and rater not in done and (shared or rater in said or not others):
                self._db.write(
                    "INSERT INTO queue (rater, sample, disagreement, low) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (rater, sample) DO UPDATE SET disagreement = excluded.disagreement",
                    rater, sample, disagreement(others), low,
                )  # fmt: skip
            else:
                self._db.write("DELETE FROM queue WHERE rater = ? AND sample = ?", rater, sample)

    def rebuild(self) -> None:
        """The queues of all raters, as `update` would have left them; nothing is passed over any more."""
        self._db.write("DELETE FROM queue")
        for (rater,) in self._db.rows("SELECT number FROM raters"):
            self.fill(rater)
        self._db.write("DELETE FROM queue WHERE (rater, sample) IN (SELECT rater, sample FROM marks WHERE done)")
        for (begun,) in self._db.rows("SELECT DISTINCT sample FROM marks WHERE NOT done"):
            self.update(begun)

    def fill(self, rater: int) -> None:
        """The queue of a rater who has none, and has said nothing."""
        self._db.write(
            "INSERT INTO queue (rater, sample, disagreement, low) SELECT ?, number, disagreement, low FROM samples"
            " WHERE current AND (lot < ? OR NOT EXISTS (SELECT 1 FROM marks WHERE marks.sample = number))",
            rater, self.overlap,
        )  # fmt: skip
