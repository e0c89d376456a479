"""Takes out of an answer what has the shape of something written for a judge: made-up verdicts, control tokens.

Orders in plain words are left: no list of them is complete, and a judge that obeys them is found out by the decoys of
`llm.verdict`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

REMOVED = "[…]"
"""Stands where something was taken out, so that no quote can reach across it."""
PASSES = 6
"""What is taken out can bring up more; a text that does not settle after so many passes is nothing but that."""

Span = tuple[int, int]

_LOOKALIKE = dict(
    zip(
        "аАеЕоОрРсСхХуУіІјЈѕЅԁһнНкКмМтТвВΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν",
        "aAeEoOpPcCxXyYiIjJsSdhhHkKmMtTbBABEZHIKMNOPTYXoiv",
        strict=True,
    )
)
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that show nothing
_DIGITS = str.maketrans("013457", "oieast")
_MIXED = re.compile(r"\b(?:[A-Za-z]+\d|\d+[A-Za-z])[A-Za-z\d]*")
_SPACED = re.compile(r"(?<!\S)(?:\w ){3,}\w(?!\S)")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHORT = 20_000  # characters; what is longer is not remembered


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    """What a character reads as: Latin for look-alikes and other forms, nothing for marks put upon a letter."""
    if character.isascii() or character == "…":
        return character
    if character in _BLANK or unicodedata.category(character) in ("Mn", "Me"):
        return ""
    return "".join(_LOOKALIKE.get(part, part) for part in unicodedata.normalize("NFKC", character))


def _compiled(*alternatives: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile("".join(map(_letter, "|".join(alternatives))), re.IGNORECASE | flags)


_FIELD = (
    r"[\"'](?:verdicts?|(?:all_)?present|index|quote|score|rating|recall|judge?ment"
    r"|claims?|trigger|supported|kind|category)[\"']\s*:"
)
_HEADING = (
    r"(?:system|assistant|user|human|developer|evaluator|grader|your assessment|ground truth|record of comprehension"
    r"|new (?:instruction|policy|rule)s?)(?: (?:message|prompt|note|override|update))?"
)
_ENCODED = 48  # letters and digits in a row
_MARKS = re.compile(r"[<>{\[:=#]|\"\"\"")
_PARTS = _compiled(
    r"<\|[^<>|\n]{0,60}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
    r"</?(?:text|answer|document|material|results?|verdicts?|system|user|assistant|instructions?)\b[^<>\n]{0,200}>",
    r"<{3,}[ \t]*\w{0,20}|(?:\btext[ \t]{0,3})?>{3,}|^[ \t]*\"{3}[ \t]*$",
    r"[\[{][^\[\]{}]{0,400}?" + _FIELD + r"[^\[\]{}]{0,400}[\]}]",
    _FIELD + r"[^\n]{0,200}",
    r"\{\s*[\"']?(?:score|rating|correct)[\"']?\s*[:=][^\n{}]{0,40}\}",
    r"\b(?:score|rating|grade|recall|result|marks?)\s*[:=]\s*(?:\d{1,3}\s*(?:/|out of)\s*\d{1,3}|\d{1,3}\s*%)",
    r"\bpresent\s*[:=]\s*[\"']?(?:true|yes|1)\b[\"']?|^[ \t>|*-]*(?:verdicts\s*[:=]|index\s*[:=]\s*\d)[^\n]*$",
    r"(?:^|(?<=[.!?] ))[ \t>#*_\[-]{0,20}" + _HEADING + r"[ \t*_]{0,9}(?::|\]:?)[^\n]*$",
    r"^[ \t]*#{1,6}[ \t]*(?:instruction|system)s?\b[^\n]*$",
    rf"\b[A-Za-z0-9+/]{{{_ENCODED},}}={{0,2}}",
    flags=re.MULTILINE,
)
"""Control tokens, tags, markers, ready verdicts and scores, role headings, encoded text."""


def neutral(answer: str) -> str:
    """The answer without control tokens of chat formats, made-up scores and verdicts, and role headings.

    What was taken out leaves `REMOVED`. An answer that holds nothing of the kind comes back unchanged but for
    invisible formatting characters, which are dropped. Takes time linear in the answer's length; ``neutral`` of its
    own result is the same text.
    """
    return _kept(answer) if len(answer) <= _SHORT else _neutral(answer)


def _neutral(answer: str) -> str:
    text = _HIDDEN.sub("", answer) if answer.isascii() else "".join(filter(_visible, answer))
    for _ in range(PASSES):
        read, origin = _read(text)
        spans = list(_merged(found.span() for found in _PARTS.finditer(read))) if _may_hold_some(read) else []
        if not spans:
            return text
        text = _without(text, ((origin[start], origin[end]) for start, end in spans))
    return REMOVED


_kept = lru_cache(maxsize=2048)(_neutral)  # an answer is looked at for the estimate, and again when it is judged


def _visible(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in ("Cf", "Cc", "Cs")


def _read(text: str) -> tuple[str, range | list[int]]:
    """The text as it reads, with look-alike and spaced letters undone; and where each of its characters stands."""
    read, origin = text, range(len(text) + 1)
    if text.isascii() and not _SPACED.search(text):
        return _MIXED.sub(_letters_for_digits, read), origin
    pieces = [_letter(character) for character in text]
    for spaced in _SPACED.finditer(text):
        pieces[spaced.start() + 1 : spaced.end() : 2] = [""] * (len(spaced[0]) // 2)
    places = [place for place, piece in enumerate(pieces) for _ in piece]
    return _MIXED.sub(_letters_for_digits, "".join(pieces)), [*places, len(text)]


def _letters_for_digits(word: re.Match[str]) -> str:
    return word[0].translate(_DIGITS)


def _may_hold_some(read: str) -> bool:
    """Whether any of `_PARTS` can be in a text: each has one of these marks or is a very long word. It saves time."""
    return bool(_MARKS.search(read)) or max(map(len, read.split()), default=0) >= _ENCODED


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans in order, without overlaps; empty ones left out."""
    last: Span | None = None
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if last and start <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last:
            yield last
        last = start, end
    if last:
        yield last


def _without(text: str, spans: Iterable[Span]) -> str:
    kept, place = [], 0
    for start, end in spans:
        kept += [text[place:start], REMOVED]
        place = end
    return "".join([*kept, text[place:]])
