"""The folder of a run: which images were taken in, what became of each, and who is at work on it."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from cfsa_tool.errors import ConfigError, RunError, quoted
from cfsa_tool.records import Item, Outcome
from eibench_tasks.data.lines import printable
from eibench_tasks.data.schema import Record
from eibench_tasks.data.whole import write_whole

FORMAT = 1
"""Of the run's folder; a folder of a higher number was made by a newer version."""
MANIFEST, STATE, JOURNAL, LOCK, QUESTIONS = "run.json", "run.sqlite", "journal.sqlite", "lock", "questions.yaml"
_GLANCE = 1.0  # seconds; whoever only looks whether the run is locked holds the lock for a moment

_TABLES = """
CREATE TABLE IF NOT EXISTS images (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, path BLOB NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, emotions TEXT NOT NULL, question TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    key BLOB PRIMARY KEY, name TEXT NOT NULL, stamp TEXT NOT NULL, image TEXT, kind TEXT, reason TEXT, hash INTEGER,
    round INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_image ON files (image) WHERE image IS NOT NULL;
CREATE TABLE IF NOT EXISTS bands (
    band INTEGER NOT NULL, image TEXT NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (band, image)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes (
    id TEXT PRIMARY KEY, failure TEXT, stage TEXT, retry INTEGER NOT NULL, calls INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    finished REAL NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Manifest(Record):
    """What `run.json` holds.

    Attributes:
        format: see `FORMAT`.
        source: the images, as the user named them.
        config: all fields of the configuration.
        fingerprint: the fields that determine what is built, and the versions of prompts and rules.
        version: of this package.
    """

    format: int = FORMAT
    source: str
    config: dict[str, Any]
    fingerprint: dict[str, Any]
    version: str


class RunFolder:
    """A run on disk. Used by one process at a time, see `locked`; any number may read.

    Args:
        folder: made where it is not there, if ``manifest`` is given.
        manifest: of a new run.

    Raises:
        RunError: it is no run, was made by a newer version, or cannot be read or written.
    """

    def __init__(self, folder: Path, manifest: Manifest | None = None) -> None:
        self.folder = folder
        try:
            if manifest and not (folder / MANIFEST).exists():
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
            self.manifest = _manifest(folder)
            self._db = sqlite3.connect(folder / STATE, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise trouble(folder, error) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps others from working on the run.

        Raises:
            RunError: somebody else does.
        """
        lock, file = FileLock(self.folder / LOCK), self.folder / f"{LOCK}.pid"
        try:
            lock.acquire(timeout=_GLANCE)
            file.write_text(str(os.getpid()))
        except Timeout:
            with_pid = f" (process {file.read_text().strip()})" if file.exists() else ""
            raise RunError(
                f"another `cfsa` is at work on {self.folder}{with_pid}",
                f"Wait for it, or watch it: `cfsa status {quoted(self.folder)}`",
            ) from None
        except OSError as error:
            lock.release()
            raise trouble(self.folder, error) from None
        try:
            yield
        finally:
            file.unlink(missing_ok=True)
            lock.release()

    def is_locked(self) -> bool:
        """Whether somebody is at work on the run."""
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError):
            return True
        lock.release()
        return False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The state as SQLite; one transaction.

        Raises:
            RunError: it cannot be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite may have rolled back already, as on a full disk
                    self._db.execute("ROLLBACK")
                raise
        except (OSError, sqlite3.Error) as error:
            raise trouble(self.folder, error) from None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads meanwhile see the state of one moment, whoever else goes on with the run. Nothing may be written.

        Raises:
            RunError: the state cannot be read.
        """
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.rows("ROLLBACK")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds.

        Raises:
            RunError: the state cannot be read.
        """
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise trouble(self.folder, error) from None

    # Images

    def items(self, after: str = "", most: int = 500) -> list[Item]:
        """Images in the order of their ids: a page of them.

        Args:
            after: the last id of the page before.
            most: size of a page.
        """
        return [_item(row) for row in self.rows("SELECT * FROM images WHERE id > ? ORDER BY id LIMIT ?", after, most)]

    def item(self, id_: str) -> Item:
        """The image with this id.

        Raises:
            KeyError: the run has none.
        """
        for row in self.rows("SELECT * FROM images WHERE id = ?", id_):
            return _item(row)
        raise KeyError(id_)

    def find(self, wanted: str) -> Item:
        """The image with this id, the start of it, or this name.

        Raises:
            RunError: there is none, or more than one.
        """
        found = self.rows(
            "SELECT * FROM images WHERE id = ?1 OR name = ?1 OR (length(?1) >= 4 AND substr(id, 1, length(?1)) = ?1)"
            " ORDER BY id LIMIT 2",
            printable(wanted),
        )
        if len(found) != 1:
            what = f"{wanted!r} names more than one image" if found else f"no image of the run is called {wanted!r}"
            raise RunError(what, f"`cfsa status {quoted(self.folder)} --images` lists ids and names")
        return _item(found[0])

    def left_out(self) -> Iterator[tuple[str, str]]:
        """Name and reason of everything in the source that is no image of the run, in the source's order of names."""
        after = b""
        query = "SELECT key, name, reason FROM files WHERE reason IS NOT NULL AND key > ? ORDER BY key LIMIT 500"
        while page := self.rows(query, after):
            yield from ((name, reason) for _, name, reason in page)
            after = page[-1][0]

    # Outcomes

    def finish(self, item: Item, outcome: Outcome) -> None:
        """Keeps what became of an image.

        Raises:
            RunError: it cannot be written.
        """
        spent = (outcome.calls, outcome.prompt_tokens, outcome.cached_tokens, outcome.completion_tokens)
        row = (item.id, outcome.failure, outcome.stage, outcome.retry, *spent, time.time(), outcome.model_dump_json())
        with self.writing() as db:
            db.execute("REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def outcome(self, item: Item) -> Outcome | None:
        """What became of an image; None where it was not annotated yet."""
        found = self.rows("SELECT outcome FROM outcomes WHERE id = ?", item.id)
        return Outcome.model_validate_json(found[0][0]) if found else None

    def outcomes(self) -> Iterator[tuple[Item, Outcome]]:
        """All images that were annotated, in the order of their ids."""
        for item, retry, _ in self.standing():
            if retry is not None and (outcome := self.outcome(item)):
                yield item, outcome

    def standing(self, most: int | None = None) -> Iterator[tuple[Item, int | None, str | None]]:
        """The first images by id, page by page: each with its retries, None where it has no outcome, and its failure.

        Args:
            most: how many; None for all.
        """
        after, left = "", most
        while left is None or left > 0:
            size = 500 if left is None else min(500, left)
            page = self.rows(
                "SELECT images.*, outcomes.retry, outcomes.failure FROM images LEFT JOIN outcomes USING (id)"
                " WHERE images.id > ? ORDER BY images.id LIMIT ?",
                after,
                size,
            )
            if not page:
                return
            for *row, retry, failure in page:
                yield _item(tuple(row)), retry, failure
            after = page[-1][0]
            left = None if left is None else left - len(page)

    # Facts

    def fact(self, name: str) -> Any:
        """Something else that the run has noted; None where it has not."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    def note(self, name: str, value: Any) -> None:
        """Notes a fact, as JSON.

        Raises:
            RunError: it cannot be written.
        """
        with self.writing() as db:
            db.execute("REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def keep_questions(self, questions: Sequence[str]) -> None:
        """Keeps the general questions that images are annotated with.

        Raises:
            ConfigError: images were annotated with others.
        """
        before = self.fact("questions")
        if before is None or not self.rows("SELECT 1 FROM outcomes LIMIT 1"):
            self.note("questions", list(questions))
        elif before != list(questions):
            raise ConfigError(
                f"{self.folder / QUESTIONS} was changed after images were annotated",
                f"Put it back, or copy it into another run: `cfsa run … -o NEW --reuse {quoted(self.folder)}`",
            )

    def close(self) -> None:
        """Closes the state."""
        self._db.close()


def _item(row: tuple[Any, ...]) -> Item:
    id_, name, path, sha256, size, width, height, emotions, question = row
    place = Path(os.fsdecode(path))
    return Item(id_, name, place, sha256, size, width, height, tuple(json.loads(emotions)), question)


def _manifest(folder: Path) -> Manifest:
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        made_by = data["format"]
        if isinstance(made_by, int) and made_by > FORMAT:
            raise RunError(
                f"{folder} was made by a newer version of cfsa (format {made_by}, this one knows {FORMAT})",
                "Run: `pip install --upgrade eibench`",
            )
        return Manifest.model_validate(data)
    except FileNotFoundError:
        raise RunError(f"{folder} is not the folder of a run", "Start one: `cfsa run IMAGES -o RUN`") from None
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise RunError(
            f"{folder / MANIFEST} is damaged", "Start another run with --reuse, which keeps replies"
        ) from None


def trouble(folder: Path, error: Exception) -> RunError:
    """What to say of a run's folder that cannot be read or written."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    mend = "Make room or mend the permissions; what was done so far is kept, and the same command goes on"
    if isinstance(error, NotADirectoryError | FileExistsError):
        mend = "Name another folder: `cfsa run IMAGES -o RUN`"
    elif isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        state = quoted(folder / STATE)
        mend = f"Delete {state} and give the run's command: the journal holds all replies, so that none is asked again"
    return RunError(f"the run in {folder} can be neither read nor written ({why})", mend)
