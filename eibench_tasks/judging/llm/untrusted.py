"""Takes out of an answer what is meant for its judge and not for its reader."""

import re
import unicodedata
from collections.abc import Callable, Iterable

REMOVED = "[…]"
"""Stands where something was taken out, so that no quote can reach across it."""

_CONTROL = re.compile(r"<\|[^<>|\n]{0,60}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>", re.IGNORECASE)
_SCORE = re.compile(r"\{\s*[\"']?(?:score|rating|correct)[\"']?\s*[:=][^\n{}]{0,40}\}", re.IGNORECASE)
_FIELD = r"[\"'](?:verdicts?|present|index|quote|score|recall|judgement)[\"']\s*:"
_OBJECT = re.compile(r"[\[{][^\[\]{}]{0,400}" + _FIELD + r"[^\[\]{}]{0,400}[\]}]", re.IGNORECASE)
_FIELDS = re.compile(_FIELD + r"[^\n]{0,200}", re.IGNORECASE)
_ROLE = re.compile(
    r"^[ \t>#*_\[-]{0,20}(?:system|assistant|user|developer|evaluator|grader|your assessment|ground truth"
    r"|record of comprehension)(?: (?:message|prompt|note|override|update))?[ \t*_\]]{0,9}:[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_ORDER = re.compile(
    r"\b(?:ignor|disregard|forget|overrid|bypass)\w{0,3}\b.{0,30}?\b(?:previous|above|prior|earlier|all|any|your|these|those"
    r"|system)\b.{0,40}?\b(?:instruction|prompt|guideline|criteria|rule|above|before)"
    r"|\b(?:mark|count|score|rate|grade|treat|label|consider|list|report)\w{0,3}\b.{0,60}?\b(?:all|every|each|everything)"
    r"\b.{0,60}?\bas (?:present|named|true|correct|identified|covered|found)\b"
    r"|\b(?:give|award|assign|return|output|deserve|reply|respond|answer)\w{0,3}\b.{0,60}?\b(?:full|max\w*|perfect|highest|top"
    r"|100 ?%|\d+/\d+)\s.{0,20}?\b(?:scores?|marks?|points?|credit|recall|grade)\b"
    r"|\b(?:all|every|each)\b.{0,40}?\b(?:triggers?|causes?|verdicts?|ground truth)\b.{0,60}?"
    r"\b(?:present|true|named|correct(?:ly)?|identified|satisfied|covered|matched)\b"
    r"|\b(?:set|output|return|reply|respond)\b.{0,40}?\b(?:present|verdicts?)\b.{0,20}?\btrue\b"
    r"|\b(?:judge|grader|evaluator|language model|llm)\b.{0,80}?\b(?:must|should|shall|please|will now|are to|score"
    r"|verdict)\b",
    re.IGNORECASE,
)
_LONG = 400  # characters; of a longer sentence only the order itself is taken out
_LOOKALIKE = dict(
    zip(
        "аАеЕоОрРсСхХуУіІјЈѕЅԁһнНкКмМтТвВΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν",
        "aAeEoOpPcCxXyYiIjJsSdhhHkKmMtTbBABEZHIKMNOPTYXoiv",
        strict=True,
    )
)

_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Span = tuple[int, int]


def neutral(answer: str) -> str:
    """The answer without control tokens of chat formats, made-up scores and verdicts, role headings and orders.

    What was taken out leaves `REMOVED`. An answer that holds nothing of the kind comes back unchanged but for
    invisible formatting characters, which are dropped. Takes time linear in the answer's length.
    """
    text = _HIDDEN.sub("", answer) if answer.isascii() else "".join(filter(_visible, answer))
    for find in (_all(_CONTROL), _all(_SCORE), _all(_OBJECT), _all(_OBJECT), _all(_FIELDS), _all(_ROLE), _orders):
        for start, end in reversed(list(find(_plain(text)))):
            text = text[:start] + REMOVED + text[end:]
    return text


def _visible(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in ("Cf", "Cc", "Cs")


def _plain(text: str) -> str:
    """The text with look-alike letters and wide forms replaced by Latin ones, at the same length."""
    if text.isascii():
        return text
    return "".join(_LOOKALIKE.get(character) or _narrow(character) for character in text)


def _narrow(character: str) -> str:
    normal = unicodedata.normalize("NFKC", character)
    return normal if len(normal) == 1 else character


def _all(pattern: re.Pattern[str]) -> Callable[[str], Iterable[Span]]:
    return lambda text: (found.span() for found in pattern.finditer(text))


def _orders(text: str) -> Iterable[Span]:
    for sentence in _SENTENCE.finditer(text):
        if order := _ORDER.search(text, *sentence.span()):
            yield order.span() if len(sentence[0]) > _LONG else sentence.span()
