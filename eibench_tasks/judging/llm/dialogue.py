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
from eibench_tasks.judging.answer import final_answer

ROUNDS = 4
"""How often a judge is asked about one thing at most."""
MAX_REPLY = 100_000
"""Characters; a longer reply is not read."""
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


class Unusable(ValueError):
    """What a reply says does not count; the message says why."""


def entries(reply: Reply, name: str) -> list[Any]:
    """The list of this name in a reply: JSON and nothing else, but for reasoning before it and one code fence.

    Raises:
        Unusable: it is no such JSON.
    """
    if len(reply.text) > MAX_REPLY:
        raise Unusable("the reply is too long")
    text = final_answer(reply.text)
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    if not text.strip():
        raise Unusable("the reply is empty")
    try:
        data = json.loads(text, strict=False, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        cut = " and was cut off" if reply.finish == "length" else ""
        raise Unusable(f"the reply is not the JSON asked for{cut}") from None
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise Unusable("the reply is not the JSON asked for")
    return found


def _no_number(name: str) -> float:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: which of two counts would be a guess."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def entries_schema(name: str, fields: Mapping[str, Any], least: int, most: int) -> dict[str, Any]:
    """JSON schema of a reply that is one list of objects; all fields are required."""

    def exactly(properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": dict(properties),
            "required": list(properties),
            "additionalProperties": False,
        }

    return exactly({name: {"type": "array", "items": exactly(fields), "minItems": least, "maxItems": most}})


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
