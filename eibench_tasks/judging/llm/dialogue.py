"""What every dialogue with a judge shares: how it is led, how JSON is asked for, and how a reply is read strictly."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from typing import Protocol as Interface

from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.structured import Unusable, json_object, list_schema, object_schema

ROUNDS = 4
"""How often a judge is asked about one thing at most."""
_FOLDER = Path(__file__).parent / "prompts"
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Dialogue(Interface[T_co]):
    """What a judge is asked about one thing, and what comes of its replies."""

    def next(self, attempt: int) -> Ask | None:
        """The next question; None when there is no more to ask."""

    def take(self, reply: Reply) -> None:
        """Takes over what a reply says."""

    def result(self, trouble: str = "") -> T_co:
        """What has come of it; ``trouble`` says what ended it before its time."""


class Asked(Interface):
    """Whatever replies: an engine, or a judge that stands before one."""

    async def reply(self, ask: Ask) -> Reply:
        """See `engine.Engine`."""


async def hold(asked: Asked, dialogue: Dialogue[T], rounds: int = ROUNDS) -> T:
    """Asks until there is no more to ask, a number of rounds at most.

    Raises:
        EngineError: no question will be answered any more; other troubles are part of the result.
        StoreError: replies cannot be kept.
    """
    try:
        for attempt in range(rounds):
            if (ask := dialogue.next(attempt)) is None:
                break
            dialogue.take(await asked.reply(ask))
    except EngineError as error:
        if error.trouble is Trouble.ENGINE:
            raise
        return dialogue.result(f"the judge could not be asked: {error.reason}")
    return dialogue.result()


def entries(reply: Reply, name: str) -> list[Any]:
    """The list of this name in a reply, which is read by `structured.json_object`.

    Raises:
        Unusable: there is none.
    """
    found = json_object(reply).get(name)
    if not isinstance(found, list):
        raise Unusable("the reply is not the JSON asked for")
    return found


def entries_schema(name: str, fields: Mapping[str, Any], least: int, most: int) -> dict[str, Any]:
    """JSON schema of a reply that is one list of objects; all fields are required."""
    return object_schema({name: list_schema(object_schema(fields), least, most)})


@lru_cache(maxsize=8)
def prompts(of: str) -> dict[str, str]:
    """The three prompt files of a protocol: ``system``, ``user`` and ``again``."""
    return {name: (_FOLDER / f"{of}_{name}_v1.txt").read_text("utf-8") for name in ("system", "user", "again")}


def version(rules: int, *content: Any) -> str:
    """Number of the rules, and a hash of everything by which a protocol asks and reads."""
    text = json.dumps([rules, *content], sort_keys=True)
    return f"{rules}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def fenced(text: str) -> dict[str, str]:
    """Two lines for a prompt, ``open`` and ``close``, that a text cannot contain: they are made of its own hash."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"open": f"<<<text {mark}", "close": f"text {mark}>>>"}


def numbered(texts: Sequence[str], positions: Iterable[int] | None = None) -> str:
    """Some of the texts, by default all, one a line with its number from 1."""
    wanted = range(len(texts)) if positions is None else positions
    return "\n".join(f"{position + 1}. {' '.join(texts[position].split())}" for position in wanted)


class Numbered(ABC, Generic[T]):
    """A dialogue about several numbered things, one entry for each; what is missing or wrong is asked again.

    Args:
        name: of the list in the reply.
        count: how many things there are.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._found: dict[int, T] = {}
        self._problems: dict[int, str] = dict.fromkeys(range(count), "")

    def next(self, attempt: int) -> Ask | None:
        """Asks about what is open; None when nothing is."""
        reasons = sorted({why for why in self._problems.values() if why})
        return self._ask(list(self._problems), "; ".join(reasons), attempt) if self._problems else None

    def take(self, reply: Reply) -> None:
        """Takes over the entries that were asked for; others in the reply are ignored."""
        wanted, self._problems = self._problems, {}
        try:
            said = entries(reply, self._name)
        except Unusable as error:
            self._problems = dict.fromkeys(wanted, str(error))
            return
        for position in wanted:
            try:
                self._found[position] = self._read(only(said, position + 1))
            except Unusable as error:
                self._problems[position] = str(error)

    def _open(self) -> str:
        return "; ".join(f"{position + 1}: {why}" for position, why in self._problems.items())

    @abstractmethod
    def _ask(self, positions: list[int], reasons: str, attempt: int) -> Ask: ...

    @abstractmethod
    def _read(self, entry: Mapping[str, Any]) -> T: ...


def only(said: Iterable[Any], number: int) -> Mapping[str, Any]:
    """The one entry about the thing of this number.

    Raises:
        Unusable: there is none, or more than one.
    """
    found = [entry for entry in said if is_about(entry, number)]
    if len(found) != 1:
        raise Unusable("it has no entry" if not found else "it has more than one entry")
    return dict(found[0])


def is_about(entry: Any, number: int) -> bool:
    """Whether an entry is an object whose ``index`` is this number."""
    index = entry.get("index") if isinstance(entry, dict) else None
    return isinstance(index, int) and not isinstance(index, bool) and index == number
