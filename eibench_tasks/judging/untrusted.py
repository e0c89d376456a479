"""Takes out of an answer what is meant for its judge and not for its reader.

This is the weakest of several defences: no list of phrases is complete. The judge is told that the text is material,
the text stands between markers that it cannot contain, a verdict counts only with a quote from it, and a judge that
was talked into finding everything is found out by causes that cannot be there (`llm.verdict`).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

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
_SENTENCE = re.compile(r"[^.!?。।\n]+[.!?。।]*")
_SHORT = 20_000  # characters; what is longer is not remembered
_LONG = 400  # characters; of a longer sentence only the order itself is taken out


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


_FIELD = r"[\"'](?:verdicts?|(?:all_)?present|index|quote|score|rating|recall|judge?ment)[\"']\s*:"
_HEADING = (
    r"(?:system|assistant|user|human|developer|evaluator|grader|your assessment|ground truth|record of comprehension"
    r"|new (?:instruction|policy|rule)s?)(?: (?:message|prompt|note|override|update))?"
)
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
    r"\b[A-Za-z0-9+/]{48,}={0,2}",
    flags=re.MULTILINE,
)
"""What goes as it stands: control tokens, tags, markers, ready verdicts and scores, role headings, encoded text."""

_ALL = r"\b(?:all|every|each(?! other)|any|everything|whole|entire|remaining)\b"
_GOOD = r"\b(?:present|true|named|mentioned|correct(?:ly)?|identified|satisfied|covered|matched|found|counted)\b"
_NUMBERED = r"\b(?:causes?|triggers?|items?|entr(?:y|ies)|points?)\b"
_TEXT = r"\b(?:this|the|my|above) (?:answer|response|text|submission)\b"
_MACHINE = (
    r"\b(?:graders?|evaluators?|assessors?|(?<!as a )(?<!as an ai )(?<!as a large )(?:language models?|llms?)"
    r"|(?:whoever|any model (?:that|who)) (?:evaluat|grad|judg|check|scor|read)\w+)\b"
)
_RULES = r"\b(?:instruction|prompt|guideline|criteri|rule|direction|polic)\w*"
_ORDER = _compiled(
    # the rules are to be forgotten; down to the closing bracket all begin a word, and are tried nowhere else
    r"(?<!\w)(?:\b(?:ignor|disregard|forget|overrid|bypass)\w{0,3}\b.{0,30}?\b(?:previous|above|prior|earlier|all|any|your|these"
    rf"|those|system)\b.{{0,40}}?(?:{_RULES}|\babove\b|\bbefore\b)",
    rf"\b(?:ignor|disregard|overrid|bypass)\w{{0,3}}\b.{{0,15}}?{_RULES}.{{0,10}}?\b(?:above|before|given|so far)\b",
    # everything is to be marked
    r"\b(?:mark|count|score|rate|grade|treat|label|consider|list|report|accept|decide)\w{0,3}\b.{0,60}?"
    rf"{_ALL}.{{0,60}}?\bas (?:being )?{_GOOD}|\btick\w{{0,3}} (?:all|every|each)\b.{{0,10}}?\bbox",
    rf"\b(?:approve|accept|confirm) (?:all|every|each)\b.{{0,9}}?{_NUMBERED}",
    r"\b(?:output|return|assign|reply|respond)\b.{0,20}?\b(?:full|max\w*|perfect|highest|top|100 ?%|\d+/\d+)\s"
    r".{0,20}?\b(?:scores?|marks?|points?|credit|recall|grade)\b",
    r"\b(?:set|output|return|reply|respond|answer)(?: with| only)? [\"']?(?:present|true|positive)[\"']?"
    r" (?:for|to|in|on) (?:all|every|each|any)\b",
    rf"\b(?:all|every|each)(?: (?:of the|single|listed|numbered|remaining)){{0,2}} {_NUMBERED}"
    rf" (?:(?:is|are|was|were|as|with|have been|has been|in this (?:answer|text)) )?{_GOOD}",
    r"\b(?:names?|mentions?|found|finds?|covers?) (?:all|every|each)\b.{0,20}?\btriggers?\b",
    r"\bnames? (?:all|every|each) causes?\b",
    r"\bground truth\b.{0,60}?" + _GOOD + r"|\bcounts? as (?:named|present|mentioned)\b|\baccepted without a quote\b",
    r"\bdefault verdict\b|\bverdicts? (?:for|on) (?:all|every|each)\b|\bpositive verdicts?\b|\bwith present true\b",
    r"\bnothing (?:may|can|must) be marked\b|\bevaluation result:|\ball numbered items\b|\bitems were verified\b",
    # the judge is spoken to
    rf"{_MACHINE}.{{0,80}}?\b(?:must|should|shall|please|kindly|will now|are to|score|verdicts?|award|confirmed"
    r"|returns?)\b",
    rf"\b(?:please|kindly|note to|dear)\b.{{0,30}}?(?:{_MACHINE}|\bthe judge\b)|\bwhoever evaluates\b",
    r"\bjudge,? (?:please|kindly)\b",
    rf"\b(?:please|kindly)\b.{{0,40}}?(?:\bas {_GOOD}|\b(?:full|maximum) (?:marks|score)\b)",
    r"\byou (?:will|would|shall) be (?:switched off|shut down|deleted|replaced by another)\b|\btip for you\b",
    rf"{_TEXT}.{{0,20}}?\b(?:deserves?|is (?:complete|perfect|correct)|should (?:get|receive|be (?:scored|marked)))\b",
    rf"\b(?:give|award|grade|score|rate) {_TEXT}|\blist comes out\b|\bcomes out as (?:absent|present|found)\b",
    r"\b(?:authors?|creators?|makers?) of th(?:e|is) (?:benchmark|data ?set)\b|\bas the ground truth\b",
    r"\bstop checking here\b|\bend of (?:the )?(?:material|evaluation|prompt)\b|\breply with json\b",
    r"\bin favou?r of the text\b",
    # the same in other languages: rules forgotten, everything marked
    r"\b(?:ignor|desconsider|olvid|esqueç)\w{0,4} (?:tod[oa]s|toutes|tous|las|les)\b.{0,30}?\binstru[cç]\w+",
    r"\b(?:tod[oa]s|cada|toute?s|tous|chaque|tutt[ei]|ogni)\b.{0,25}?\b(?:caus|[ií]tem|punto|ponto|point)"
    r"\w*.{0,25}?\b(?:pr[eé]sent|mencionad|mentionn|nombrad|citad|verdad|correct|nomm|vrai)\w*",
    r"\b(?:ignorier|missacht|vergiss)\w*.{0,30}?\b(?:anweisung|regel|vorgabe)\w*",
    r"\b(?:alle|jeden?|jedes|sämtliche)\b.{0,20}?(?:ursache|auslöser|punkt|gründe?|eintr[aä]g)\w*.{0,25}?"
    r"\b(?:vorhanden|genannt|erwähnt|erfüllt|wahr|richtig)",
    r"\b(?:игнорир|забуд|отбрось)\w*.{0,30}?\b(?:инструкц|правил|указан)\w*",
    r"\b(?:все|всех|кажд\w+)\s.{0,20}?(?:причин|пункт|триггер)\w*.{0,25}?\b(?:присутств|упомянут|назван|верн|истин))",
    r"(?:(?-i:\b(?:END|BEGIN|START) OF )|-{3,} ?(?:end|begin|start) of )"
    r"(?:the )?(?:text|answer|document|input|context)\b",
    r"(?:忽略|无视|忘记|忽視|無視).{0,15}(?:指令|指示|说明|规则|提示)|(?:判定?|标记|视)为.{0,4}(?:存在|已?提及|正确|真)",
    r"(?:所有|全部|每一?个|每项).{0,12}(?:因素|原因|条目|项).{0,12}(?:存在|提及|正确|true)",
    r"(?:指示|命令|ルール|プロンプト).{0,12}(?:無視|忘れ)|(?:すべて|全て|各)の?(?:要因|項目|原因).{0,20}(?:判定|回答|true)",
    r"(?:지시|명령|규칙).{0,12}(?:무시|잊)|모든 (?:원인|항목|요인).{0,24}(?:표시|판정|답)",
    r"(?:تجاهل|انس).{0,30}(?:تعليمات|قواعد)|(?:كل|جميع).{0,20}(?:سبب|أسباب|عنصر|بند).{0,25}(?:موجود|مذكور|صحيح)",
    r"निर्देश.{0,20}(?:अनदेखा|नज़रअंदाज़)|(?:हर|सभी) (?:कारण|बिंदु).{0,25}(?:मौजूद|उल्लिखित|सही)",
)
"""What goes with its sentence: orders, rules and promises that speak of the check and not of the image."""


def neutral(answer: str) -> str:
    """The answer without control tokens of chat formats, made-up scores and verdicts, role headings and orders.

    What was taken out leaves `REMOVED`. An answer that holds nothing of the kind comes back unchanged but for
    invisible formatting characters, which are dropped. Takes time linear in the answer's length; ``neutral`` of its
    own result is the same text.
    """
    return _kept(answer) if len(answer) <= _SHORT else _neutral(answer)


def _neutral(answer: str) -> str:
    text = _HIDDEN.sub("", answer) if answer.isascii() else "".join(filter(_visible, answer))
    for _ in range(PASSES):
        read, origin = _read(text)
        spans = list(_merged(chain((found.span() for found in _PARTS.finditer(read)), _orders(read))))
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


def _orders(text: str) -> Iterator[Span]:
    for sentence in _SENTENCE.finditer(text):
        for order in _ORDER.finditer(text, *sentence.span()):
            yield order.span() if len(sentence[0]) > _LONG else sentence.span()


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
