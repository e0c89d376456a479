"""The file of a review: what it holds, and how it is opened, read and written."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cfsa_tool.errors import ReviewError, quoted

FORMAT = 2
"""Of the file; one of another number was made by another version."""

# A sample that is built anew is another one here: its marks are of other triggers. `current` are those of the run.
# `queue` holds what each rater still has to see, `marks` the action that each rater has come to on a sample.
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS samples (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, digest TEXT NOT NULL, image TEXT NOT NULL, place INTEGER NOT NULL,
    low REAL NOT NULL, lot REAL NOT NULL, current INTEGER NOT NULL DEFAULT 1, disagreement REAL NOT NULL DEFAULT 0,
    UNIQUE (id, digest));
CREATE TABLE IF NOT EXISTS raters (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE, done INTEGER NOT NULL DEFAULT 0,
    begun INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS actions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, rater INTEGER NOT NULL, sample INTEGER NOT NULL, before INTEGER,
    mark TEXT NOT NULL, done INTEGER NOT NULL, imported INTEGER NOT NULL, undone INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS actions_rater ON actions (rater, undone, seq);
CREATE TABLE IF NOT EXISTS marks (
    rater INTEGER NOT NULL, sample INTEGER NOT NULL, seq INTEGER NOT NULL, done INTEGER NOT NULL,
    PRIMARY KEY (rater, sample)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS marks_sample ON marks (sample);
CREATE TABLE IF NOT EXISTS queue (
    rater INTEGER NOT NULL, sample INTEGER NOT NULL, passed INTEGER NOT NULL DEFAULT 0, disagreement REAL NOT NULL,
    low REAL NOT NULL, PRIMARY KEY (rater, sample)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_order ON queue (rater, passed, disagreement DESC, low, sample);
CREATE TABLE IF NOT EXISTS claims (sample INTEGER PRIMARY KEY, rater INTEGER NOT NULL, at REAL NOT NULL);
"""


class Database:
    """The file of a review; made where it is not there.

    Raises:
        ReviewError: it cannot be read or written, or was made by another version.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._trouble():
            self._db = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # on disk before the rater is told
            self._db.execute("PRAGMA fullfsync = ON")  # macOS leaves it in the drive's cache otherwise
        known = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not known:
            with self._trouble():
                note = f"INSERT OR IGNORE INTO facts VALUES ('format', '{FORMAT}');"
                self._db.executescript(f"BEGIN IMMEDIATE; {_TABLES} {note} COMMIT;")
        elif "facts" not in known or self.fact("format") != FORMAT:
            raise ReviewError(
                f"{file} was made by another version of cfsa",
                f"Go on with that version, or begin a review anew: `mv {quoted(file)} {quoted(f'{file}.old')}`",
            )

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._trouble():
            return self._db.execute(query, values).fetchall()

    def write(self, query: str, *values: Any) -> int:
        """Changes something, inside `writing`; returns the number of the row that was added last."""
        with self._trouble():
            return self._db.execute(query, values).lastrowid or 0

    def write_many(self, query: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """The same with many rows."""
        with self._trouble():
            self._db.executemany(query, rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: on disk when this ends, or not at all."""
        self.write("BEGIN IMMEDIATE")
        try:
            yield
            self.write("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite may have rolled back already, as on a full disk
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads meanwhile see one moment, whoever else writes. Nothing may be written."""
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.rows("ROLLBACK")

    def fact(self, name: str) -> Any:
        """Something that was noted; None where it was not."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def note(self, name: str, value: Any) -> None:
        """Notes a fact, inside `writing`."""
        self.write("REPLACE INTO facts VALUES (?, ?)", name, json.dumps(value))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """What to say of a file that cannot be read or written."""
        try:
            yield
        except sqlite3.Error as error:
            mend = "Make room or mend the permissions; every mark that was said to be saved is kept"
            if not isinstance(error, sqlite3.OperationalError):
                file, whole = quoted(self._file), quoted(f"{self._file}.whole")
                mend = (
                    "It holds marks of people: keep it, and save what can be read:"
                    f" `sqlite3 {file} .recover | sqlite3 {whole}`; then put that in its place"
                )
            raise ReviewError(f"{self._file} can be neither read nor written ({error})", mend) from None
