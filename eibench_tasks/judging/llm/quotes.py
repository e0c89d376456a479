"""Finds the span of an answer that a judge quotes, and refuses quotes that are not there."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LEAST_ACCURACY = 0.9
"""Of a quote that is not there letter by letter: 1 - edits / length; below it the quote is an invention."""
MOST_WORDS = 80
"""A quote longer than this points at nothing."""

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
        None if it does not occur, has no word in it, or is longer than `MOST_WORDS` words.
    """
    quote = quote.strip(_EDGES)
    if len(quote.split()) > MOST_WORDS or sum(map(str.isalnum, quote)) < (1 if _dense(quote) else 3):
        return None
    if span := _whole_words(quote, answer):  # as most judges copy; the rest is slow
        return answer[span[0] : span[1]]
    wanted, said = _fold(quote).text.strip(), _fold(answer)
    span = _whole_words(wanted, said.text) or _close(wanted, said.text)
    return answer[said.origin[span[0]] : said.origin[span[1] - 1] + 1] if span else None


def _dense(text: str) -> bool:
    """Whether the text is of a script in which one character can be a word."""
    return any(unicodedata.category(character) == "Lo" for character in text)


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
    if not wanted or wanted not in said:
        return None
    before = r"(?<!\w)" if wanted[0].isalnum() and not _dense(wanted[0]) else ""
    after = r"(?!\w)" if wanted[-1].isalnum() and not _dense(wanted[-1]) else ""
    found = re.search(before + re.escape(wanted) + after, said)
    return found.span() if found else None


def _close(wanted: str, said: str) -> tuple[int, int] | None:
    """Where a text stands that differs by a few edits only."""
    if len(wanted) < 10:
        return None
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.fuzz import partial_ratio_alignment

    found = partial_ratio_alignment(wanted, said, score_cutoff=80)
    if found is None or found.dest_end <= found.dest_start:
        return None
    edits = Levenshtein.distance(wanted, said[found.dest_start : found.dest_end])
    return (found.dest_start, found.dest_end) if edits <= (1 - LEAST_ACCURACY) * len(wanted) else None
