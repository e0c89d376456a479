"""Reads what rows of manifests and data sets say of their images: emotion, question and id."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.emotions import Emotions
from eibench_tasks.data.lines import printable

_LONGEST_ID, _LONGEST_QUESTION = 200, 1000


class BadRow(Exception):
    """What is wrong with a row, and what the user can do about it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def at(self, where: str) -> SourceError:
        """The error to be raised of a row in this place."""
        return SourceError(f"{printable(where)}: {self.what}", self.mend)


@dataclass(frozen=True)
class Described:
    """What a row says beside its image; "" and () where it says nothing."""

    id: str
    emotions: tuple[str, ...]
    question: str


class Rows:
    """Reads rows one after the other, in one pass.

    Args:
        emotions: that they may name.
        several: whether a row may name more than one.
    """

    def __init__(self, emotions: Emotions, several: bool) -> None:
        self._emotions = emotions
        self._several = several
        self._ids = Tally()

    def read(self, row: Mapping[str, Any]) -> Described:
        """What a row says in its columns ``id``, ``emotion`` and ``question``.

        Raises:
            BadRow: a column has no such value, or an earlier row has the same id.
        """
        name = row.get("id")
        name = _text(str(name) if isinstance(name, int) else name, "id", _LONGEST_ID)
        if name and self._ids.count(name.encode()) > 1:
            raise BadRow(f"id {name!r} was given before", "Give each image an id of its own, or leave the column out")
        question = _text(row.get("question"), "question", _LONGEST_QUESTION)
        return Described(printable(name), self._read_emotions(row.get("emotion")), question)

    def _read_emotions(self, value: Any) -> tuple[str, ...]:
        found = []
        for word in _words(value):
            if (emotion := self._emotions.read(word)) is None:
                known = ", ".join(self._emotions.words)
                raise BadRow(
                    f"emotion {printable(word)[:60]!r} is not known",
                    f"Known are {known}; name others in `emotions:` of the configuration",
                )
            found.append(emotion)
        if len(unlike := tuple(dict.fromkeys(found))) > 1 and not self._several:
            raise BadRow("there is more than one emotion", "Several need `kind: complex` in the configuration")
        return unlike


def _words(value: Any) -> list[str]:
    """The words of a cell: a list, JSON of one, or text with ``;`` between them."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadRow("emotion is a list that is not JSON", 'Write it as ["awe", "fear"] or awe;fear') from None
    if value is None or isinstance(value, str):
        value = (value or "").split(";")
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadRow("emotion is no text", "Give one word, or a list of words")
    return [word for word in value if word.strip()]


def _text(value: Any, column: str, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(f"{column} is no text", f"Give text in the column {column}, or leave it empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRow(f"{column} is not UTF-8", "Save the file as UTF-8") from None
    if len(value) > longest:
        raise BadRow(f"{column} has {len(value):,} characters", f"Give at most {longest:,}")
    return value.strip()


class Tally:
    """Counts how often each text has come. It lies on disk: there may be millions."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a temporary file that goes away with the connection
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE seen (text BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def count(self, text: bytes) -> int:
        """How often it has come by now."""
        self._db.execute("INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1", (text,))
        (times,) = self._db.execute("SELECT times FROM seen WHERE text = ?", (text,)).fetchone()
        return int(times)
