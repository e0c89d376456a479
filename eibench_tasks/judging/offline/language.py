"""Sentences, words and negation of English text, by rule."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_WORDS = 60
"""Longer sentences are cut at a comma or a space: the encoder's vector of a longer text says little."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)*_\]]*\s+(?=\S)|\n+|(?<=\S)\s*[•●▪]\s*|;\s+")
_LIST_MARK = re.compile(r"\s*(?:[-*+•–]+|\(?\d{1,2}[.)]|[a-z][.)]|#+)\s+")
_NUMBER_ONLY = re.compile(r"\s*\(?(?:\d{1,2}|[a-zA-Z])[.)]")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|mr|mrs|ms|dr|st|vs|etc)\.$", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+(?:[’'][A-Za-z]+)?|\d+")

_STOP = frozenset(
    "a an the this that these those there here it its he she they them his her their him i you we our your my me us"
    " is are was were be been being am do does did done has have had having will would can could may might must"
    " should shall of to in on at by for from with as into onto over under about around between through during"
    " and or but so if than then too also very more most much many some any all both each other another such own"
    " which who whom whose what when where why how while because although though since until up down out off"
    " image picture photo photograph person individual one someone something appears appear seems seem looks look"
    " likely possibly perhaps probably maybe suggests suggest suggesting indicates indicate indicating shows show"
    " s t ll re ve d m".split()
)


@dataclass(frozen=True)
class Span:
    """A piece of a text with its place in it: ``text == whole[start:end]``."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """Splits an answer into sentences, list items and semicolon clauses; each at most `MAX_WORDS` words.

    Markup of lists and headings is left out of the spans. The spans are in order and do not overlap.
    """
    spans: list[Span] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        before = text[max(start, match.start() - 8) : match.start()]
        if _ABBREVIATION.search(before) or _NUMBER_ONLY.fullmatch(text, start, match.start()):
            continue
        spans += _pieces(text, start, match.start())
        start = match.end()
    spans += _pieces(text, start, len(text))
    return spans


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    mark = _LIST_MARK.match(text, start, end) if start < end else None
    begin = mark.end() if mark else start
    while begin < end and not text[begin].isalnum() and text[begin] not in "\"'“‘(":
        begin += 1
    while end > begin and (text[end - 1].isspace() or text[end - 1] in "*_#"):
        end -= 1
    while begin < end:
        cut = _cut(text, begin, end)
        if any(character.isalnum() for character in text[begin:cut]):
            yield Span(text[begin:cut], begin, cut)
        begin = cut
        while begin < end and text[begin].isspace():
            begin += 1


def _cut(text: str, begin: int, end: int) -> int:
    """Where to cut a piece that is too long: after its last comma within the limit, else after the last word."""
    limit = end
    for count, match in enumerate(re.compile(r"\S+").finditer(text, begin, end), start=1):
        if count > MAX_WORDS or match.end() - begin > 12 * MAX_WORDS:
            limit = max(match.start(), begin + 1) if count > 1 else min(match.end(), begin + 12 * MAX_WORDS)
            break
    if limit == end:
        return end
    comma = text.rfind(", ", begin + 1, limit)
    return comma + 2 if comma > begin + 40 else limit


@dataclass(frozen=True)
class Word:
    """A word of a text: its stem, whether it carries content, and its place in characters."""

    stem: str
    content: bool
    start: int
    end: int


def words(text: str) -> list[Word]:
    """The words of a text, lower-cased and stemmed (Snowball, English)."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        base = word.partition("'")[0]
        found.append(Word(_stem(base), base not in _STOP, match.start(), match.end()))
    return found


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


_stemming = threading.Lock()  # the stemmer keeps the word that it works on


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    with _stemming:
        return str(_stemmer().stemWord(word))


def _phrases(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


_BE = r"(?:is|are|was|were)"
_PRONOUN = r"(?:he|she|they|it|there)"
_SHOWN = r"(?:there|present|visible|shown|the (?:cause|reason|issue|point))"
_CANNOT = r"(?:can(?:no|['’])t|cannot|could(?: not|n['’]t)|unable to)"

# Words that deny what follows them in their clause, and words that deny what stands before them.
_DENY_AFTER = _phrases(
    r"no|not|never|nobody|nothing|none|neither|nor|nowhere|without|minus|zero|unlike|cannot|\w+n[’']t",
    r"hardly|barely|scarcely|rarely|no longer|lack(?:s|ing|ed)?|absence of|absent|missing|gone is|gone are",
    r"free (?:of|from)|devoid of|void of|bereft of|empty of|short of|rather than|instead of|as opposed to",
    r"contrary to|far from|anything but|fail(?:s|ed|ing)? to|refus\w+ to|cease[sd]? to|stopped|un(?:aware|able to)",
    r"rul(?:es?|ed|ing) out|denies|dispels?|excludes?|would have|would expect|one might expect",
    rf"could have been|should have|had {_PRONOUN} been|if {_PRONOUN} (?:had|were)",
)
_DENY_BEFORE = _phrases(
    r"(?:is|are|was|were|seems?|appears?)(?: \w+)? (?:absent|missing|lacking|nowhere|gone)",
    rf"{_BE} (?:out of the question|ruled out)",
    r"nowhere to be (?:seen|found)|plays? no (?:part|role)|(?:has|have) nothing to do|is not (?:it|to blame)",
    rf"{_BE}(?: simply)? not {_SHOWN}|(?:isn|aren|wasn|weren)[’']t {_SHOWN}",
    r"never (?:came|arrived|appeared|happened|materiali[sz]ed|enters?)",
    r"(?:does|do|did)(?: not|n[’']t) (?:appear|exist|enter|feature|figure|come into)",
)
# Phrases that look like a denial and are none.
_NO_DENIAL = _phrases(
    r"not (?:only|just|merely|simply|solely)|not to mention|not (?:a )?dry eye|not without|not (?:yet )?notic\w+",
    r"no doubt|without (?:a )?doubt|no wonder|no matter|no (?:less|fewer) than",
    r"no (?:one|body) (?:could|can) (?:miss|deny)",
    r"nothing but|nothing (?:short|less) (?:of|than)|none other than|never (?:stops?|ceases?)|more often than not",
    rf"{_CANNOT}(?: seem to)? (?:help|stop|hide|hold|hold back|contain|wait|believe|take (?:his|her|their) eyes)",
    r"cannot be (?:missed|denied|overstated)|impossible to miss|hard(?:ly)? to miss|why not|if not",
    r"(?:does|do|did)(?:n['’]t| not) (?:notice|mind|see|know|care)",
)
_CLAUSE_END = re.compile(
    r"[,;:.!?—()]|\b(?:but|however|yet|instead|although|though|while|whereas|because|except|so|since|which|who|only"
    r"|and (?:he|she|they|it|the|there))\b",
    re.IGNORECASE,
)
_LIST_GOES_ON = re.compile(r"^[^.!?;]{0,60}?\b(?:or|nor)\b", re.IGNORECASE)


def denied(text: str) -> npt.NDArray[np.bool_]:
    """Marks the characters of a sentence that stand in the scope of a denial; shape (characters,)."""
    marks = np.zeros(len(text), dtype=bool)
    allowed = [match.span() for match in _NO_DENIAL.finditer(text)]
    for match in _DENY_AFTER.finditer(text):
        if not any(start <= match.start() < end for start, end in allowed):
            marks[match.start() : _scope_end(text, match.end())] = True
    for match in _DENY_BEFORE.finditer(text):
        ends = [end.end() for end in _CLAUSE_END.finditer(text, 0, match.start())]
        marks[(ends[-1] if ends else 0) : match.end()] = True
    return marks


def _scope_end(text: str, start: int) -> int:
    for match in _CLAUSE_END.finditer(text, start):
        if match.group() == "," and _LIST_GOES_ON.match(text[match.end() :]):
            continue  # "no tears, shouting or slammed doors"
        return match.start()
    return len(text)
