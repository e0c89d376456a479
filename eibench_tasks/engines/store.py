"""Keeps every reply the moment it comes, so that asking the same again costs nothing, whatever ended the last run."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from eibench_tasks.engines.engine import Ask, Engine, Reply
from eibench_tasks.errors import EIBenchError

_TABLE = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL, sum TEXT NOT NULL)"
FORMAT = 1
"""Of the file, as SQLite's ``user_version``; files without one, 0, are of this format too."""
_LAST_FORMAT = 999  # a number beyond is damage
_BUSY_SECONDS = 60
_PAGE = 4096  # bytes
_MOST_MISSING = 1000  # rows in a row, after which a damaged file is taken to have no more; a page holds about ten


class StoreError(EIBenchError):
    """Replies can be neither kept nor read: no space, no permission, a file of a newer version."""


class ReplyStore:
    """Replies by key in one SQLite file. Several processes and threads may use it at once.

    What is written survives a kill of the process. Every row carries a checksum: what does not match is not used.
    A file that is damaged is set aside under another name, and the rows that are whole move to a new one.

    Args:
        file: made where it is not there.

    Raises:
        StoreError: it cannot be made or opened, or was made by a newer version.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set_aside: Path | None = None
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{file}.lock"):
                if not _sound(file):
                    self.set_aside = _replace(file)
                self._db = _open(file)
        except (OSError, sqlite3.Error) as error:
            raise _trouble(file, error) from None

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key; None if there is none, or it is damaged."""
        with self._lock:
            try:
                row = self._db.execute("SELECT reply, sum FROM replies WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error:
                return None
        return _whole(key, *row) if row else None

    def put(self, key: str, reply: Reply) -> Reply:
        """Keeps a reply.

        Returns:
            The reply that is kept: another process may have been first.

        Raises:
            StoreError: there is no space, or the file cannot be written.
        """
        row = (key, text := reply.model_dump_json(), _sum(key, text))
        with self._lock:
            try:
                if self._db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", row).rowcount:
                    return reply
                first = self._db.execute("SELECT reply, sum FROM replies WHERE key = ?", (key,)).fetchone()
                if first and (kept := _whole(key, *first)):
                    return kept
                self._db.execute("REPLACE INTO replies VALUES (?, ?, ?)", row)
            except sqlite3.Error as error:
                raise _trouble(self.file, error) from None
        return reply

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()


class Kept:
    """An engine whose replies are kept; see `engine.Engine`.

    Attributes:
        asked, known: questions that went to the engine, and those whose reply was at hand.
    """

    def __init__(self, engine: Engine, store: ReplyStore) -> None:
        self.name = engine.name
        self.asked = self.known = 0
        self._engine = engine
        self._store = store

    def knows(self, ask: Ask) -> bool:
        """Whether the reply to this question is at hand."""
        return self._store.get(ask.key(self.name)) is not None

    async def reply(self, ask: Ask) -> Reply:
        """The reply kept for this question, else the engine's, which is kept before it is handed on.

        Raises:
            EngineError: no reply came.
            StoreError: it cannot be kept.
        """
        key = ask.key(self.name)
        if (reply := self._store.get(key)) is not None:
            self.known += 1
            return reply
        self.asked += 1
        return self._store.put(key, await self._engine.reply(ask))

    async def close(self) -> None:
        """Closes the engine; the store stays open."""
        await self._engine.close()


def _sum(key: str, reply: str) -> str:
    return hashlib.sha256(f"{key}\n{reply}".encode()).hexdigest()[:16]


def _whole(key: object, reply: object, checksum: object) -> Reply | None:
    if not (isinstance(key, str) and isinstance(reply, str)) or checksum != _sum(key, reply):
        return None
    try:
        return Reply.model_validate_json(reply)
    except ValueError:
        return None


def _text(content: bytes) -> str:
    """What a damaged row holds instead of text must not raise: its checksum tells."""
    return content.decode("utf-8", "replace")


def _open(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.text_factory = _text
    ((made_by,),) = db.execute("PRAGMA user_version")
    if FORMAT < made_by <= _LAST_FORMAT:
        db.close()
        raise _newer(file, made_by)
    db.execute(f"PRAGMA page_size = {_PAGE}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut the last moments
    db.execute(_TABLE)
    if made_by == 0:
        db.execute(f"PRAGMA user_version = {FORMAT}")
    return db


def _sound(file: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file; the rows' checksums are compared when they are read."""
    if not file.exists():
        return True
    try:
        with closing(_open(file)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError as error:
        if "malformed" in str(error) or "not a database" in str(error):
            return False
        raise
    except (sqlite3.DatabaseError, UnicodeError, AttributeError):
        return False


def _replace(file: Path) -> Path:
    """Sets a damaged file aside and starts a new one with what is whole in it."""
    moment = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09}"
    aside = file.with_name(f"{file.stem}-damaged-{moment}{file.suffix}")
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    with closing(_open(file)) as new:
        if not _move(_whole_rows(aside), new):
            new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with TemporaryDirectory(dir=file.parent) as folder:
                copy = Path(folder) / file.name
                copy.write_bytes(_first_page(file) + aside.read_bytes()[_PAGE:])
                _move(_whole_rows(copy), new)
    return aside


def _first_page(file: Path) -> bytes:
    """The first page of an empty store: header and schema, the same for every store but for the counts.

    See https://www.sqlite.org/fileformat.html: where the change counter (at 24) is not that of the version number (at
    92), the count of pages is not taken from the header.
    """
    page = bytearray(file.read_bytes()[:_PAGE])
    page[92:96] = bytes(byte ^ 0xFF for byte in page[24:28])
    return bytes(page)


def _move(rows: Iterator[tuple[str, str, str]], db: sqlite3.Connection) -> int:
    """Writes rows, all at once, and says how many are there."""
    db.execute("BEGIN")
    db.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", rows)
    db.execute("COMMIT")
    return db.total_changes


def _whole_rows(file: Path) -> Iterator[tuple[str, str, str]]:
    """The rows of a damaged file that are whole, one by one, so that those behind the damage are found too."""
    with closing(sqlite3.connect(file)) as old:
        number = missing = 0
        while missing < _MOST_MISSING:
            number += 1
            try:
                row = old.execute("SELECT key, reply, sum FROM replies WHERE rowid = ?", (number,)).fetchone()
            except sqlite3.Error:
                row = None
            missing = 0 if row else missing + 1
            if row and _whole(*row):
                yield row


def _newer(file: Path, made_by: int) -> StoreError:
    return StoreError(
        f"{file} was made by a newer version (format {made_by}, this one knows {FORMAT})",
        "Run: `pip install --upgrade eibench`",
    )


def _trouble(file: Path, error: Exception) -> StoreError:
    return StoreError(
        f"replies cannot be kept in {file} ({error})",
        "Make room, or set EIBENCH_HOME to another folder; what was kept so far is there, and the same command goes on",
    )
