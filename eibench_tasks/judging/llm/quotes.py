"""Finds the span of an answer that a judge quotes, and refuses quotes that are not there."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LEAST_ACCURACY = 0.9
"""Of a quote that is not there letter by letter: 1 - edits / length; below it the quote is an invention."""
MOST_WORDS = 80
"""A quote longer than this points at nothing."""
MOST_CHARACTERS = 1_000
"""The same for scripts without spaces."""

_EDGES = " \t\r\n\"'`«»„“”‘’.,;:!?…*_()[]-–—"
_SAME = str.maketrans("‘’‚‛“”„‟–—―‐‑", "''''\"\"\"\"-----")


@dataclass(frozen=True)
class _Folded:
    """A text without what does not matter for quoting; ``origin[i]`` is where its character i stood."""

    text: str
    origin: list[int]


def find_quote(quote: str, answer: str) -> str | None:
    """The span of the answer that a quote stands for, as it is written there.

    Case, white space, quotation marks, dashes, Unicode's compatibility forms and invisible characters are folded.
    A quote of ten characters or more may differ in a tenth of them.

    Returns:
        None if it does not occur, has no word in it, or is longer than `MOST_WORDS` or `MOST_CHARACTERS`.
    """
    span = place_of_quote(quote, answer)
    return answer[span[0] : span[1]] if span else None


def place_of_quote(quote: str, answer: str) -> tuple[int, int] | None:
    """Where the span of `find_quote` begins and ends, in characters."""
    quote = quote.strip(_EDGES)
    if len(quote) > MOST_CHARACTERS or len(quote.split()) > MOST_WORDS:
        return None
    if sum(map(str.isalnum, quote)) < (1 if _dense(quote) else 3):
        return None
    if span := _whole_words(quote, answer):  # as most judges copy; the rest is slow
        return span
    wanted, said = _fold(quote).text.strip(), _fold(answer)
    span = _whole_words(wanted, said.text) or _close(wanted, said.text)
    return (said.origin[span[0]], said.origin[span[1] - 1] + 1) if span else None


def _dense(text: str) -> bool:
    """Whether the text is of a script in which one character can be a word."""
    return not text.isascii() and any(unicodedata.category(character) == "Lo" for character in text)


@lru_cache(maxsize=256)
def _fold(text: str) -> _Folded:
    characters: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        if character.isspace():
            if not characters or characters[-1] != " ":
                characters.append(" ")
                origin.append(index)
            continue
        if unicodedata.category(character) == "Cf":
            continue
        for part in unicodedata.normalize("NFKC", character).translate(_SAME).casefold():
            characters.append(part)
            origin.append(index)
    return _Folded("".join(characters), origin)


def _whole_words(wanted: str, said: str) -> tuple[int, int] | None:
    """Where the text stands and is not a part of a longer word."""
    start = said.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        if not (_joined(said, start) or _joined(said, end)):
            return start, end
        start = said.find(wanted, start + 1)
    return None


def _joined(text: str, place: int) -> bool:
    """Whether a place is within a word."""
    if place in (0, len(text)):
        return False
    before, after = text[place - 1], text[place]
    word = (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
    return word and not (_dense(before) or _dense(after))


def _close(wanted: str, said: str) -> tuple[int, int] | None:
    """Where whole words stand that differ from a text by a few edits only."""
    if len(wanted) < 10:
        return None
    from rapidfuzz.distance.Levenshtein import distance
    from rapidfuzz.fuzz import partial_ratio_alignment

    found = partial_ratio_alignment(wanted, said, score_cutoff=80)
    if found is None:
        return None
    most = int((1 - LEAST_ACCURACY) * len(wanted) + 1e-9)
    starts = _edges(said, found.dest_start, 2 * most, 0)
    ends = _edges(said, found.dest_end, 2 * most, -1)
    start = min(starts, key=lambda start: distance(wanted, said[start : found.dest_end]), default=0)
    end = min(ends, key=lambda end: distance(wanted, said[start:end]), default=0)
    return (start, end) if start < end and distance(wanted, said[start:end]) <= most else None


def _edges(text: str, near: int, reach: int, inside: int) -> list[int]:
    """Places within reach where a word begins (its first character is 0 after it) or ends (-1)."""
    return [
        place
        for place in range(max(0, near - reach), min(len(text), near + reach) + 1)
        if 0 <= place + inside < len(text)
        and not text[place + inside].isspace()
        and (place in (0, len(text)) or _dense(text[place]) or not re.fullmatch(r"\w\w", text[place - 1 : place + 1]))
    ]
