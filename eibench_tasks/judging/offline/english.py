"""Tells whether an answer is English: the offline judge would read anything else as naming nothing."""

import re
import threading
from functools import lru_cache
from typing import Any

_LATIN = re.compile(r"[A-Za-z]")
_LETTER = re.compile(r"[^\W\d_]")
_MIN_LETTERS = 60
_ENOUGH_ENGLISH = 0.15  # share of common English words; other languages stay far below it, lists may too
_READ = 2_000  # characters; enough to tell a language


def not_english(answer: str) -> str | None:
    """Why the offline judge cannot read the answer, or None if it can; short answers get the benefit of doubt."""
    text = answer[:_READ]
    letters = len(_LETTER.findall(text))
    if not letters:
        return None
    if len(_LATIN.findall(text)) < 0.5 * letters:
        return _reason("another script")
    if letters < _MIN_LETTERS or _english_words(text) >= _ENOUGH_ENGLISH:
        return None
    language, probability = _identifier().classify(text)
    return _reason(f"language {language!r}") if language != "en" and probability > 0.95 else None


def _reason(what: str) -> str:
    return f"the answer is not English ({what}); the offline judge reads English only"


_COMMON = frozenset(
    "the and with their because which from that this she they who has have are been while could may there these"
    " something someone appears seems likely suggests woman people feeling facial expression".split()
)


def _english_words(text: str) -> float:
    """Share of words that are common in English and in no other European language."""
    words = re.findall(r"[a-z']+", text.lower())
    return sum(word in _COMMON for word in words) / len(words) if words else 0.0


_loading = threading.Lock()  # it takes 120 MB for a moment: not for each scoring thread at once


def _identifier() -> Any:
    with _loading:
        return _load_identifier()


@lru_cache(maxsize=1)
def _load_identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
