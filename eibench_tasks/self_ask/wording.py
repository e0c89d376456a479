"""What counts as words of a model: text that says something, once, and neither refuses nor goes round in circles."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from eibench_tasks.engines.structured import Unusable, list_schema

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffd]+")
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|language model)\b"
    r"|^(?:i'?m |i am |we'?re )?(?:very |so )?sorry\b"
    r"|\b(?:can(?:no|')t|can not|unable to|not able to|won't|will not) "
    r"(?:help|assist|comply|answer|analy[sz]e|discuss|identify (?:people|real|individuals)|fulfil|process|provide)\b",
    re.IGNORECASE,
)
_LOOP = 4  # words in a row …
_LOOPS = 4  # … that come back so often
_NONSENSE = re.compile(r"(.{1,6}?)\1{11,}")  # a few characters, twelve times in a row


def _any_language(text: str) -> str | None:
    return None


@dataclass(frozen=True)
class Wording:
    """Reads words, strictly.

    Attributes:
        longest: characters of one text; what is longer is not used.
        foreign: why a text is not in the language of the data set, else None.
    """

    longest: int = 300
    foreign: Callable[[str], str | None] = field(default=_any_language)

    def schema(self) -> dict[str, Any]:
        """JSON schema of one text: a line without quotation marks, so that a model held to it comes to an end."""
        return {"type": "string", "pattern": f'^[^"\\\\\\x00-\\x1f]{{1,{self.longest}}}$'}

    def schema_of_many(self, least: int, most: int) -> dict[str, Any]:
        """JSON schema of a list of texts."""
        return list_schema(self.schema(), least, most)

    def tokens(self, texts: int) -> int:
        """Room for so many texts: a token for every 2 characters, and what JSON takes."""
        return 64 + texts * (self.longest // 2 + 16)

    def text(self, value: Any) -> str:
        """One text, as one line.

        Raises:
            Unusable: it is none, is empty, too long, a refusal, a loop, or in another language.
        """
        text = self._line(value)
        self._check([text])
        return text

    def many(self, values: Any, least: int, most: int) -> list[str]:
        """A list of texts, each as one line.

        Raises:
            Unusable: there are too few or too many, one of them is no usable text, or all of them refuse.
        """
        if not isinstance(values, list):
            raise Unusable("a list is missing")
        if not least <= len(values) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise Unusable(f"it lists {len(values)} entries, not {wanted}")
        texts = [self._line(value) for value in values]
        self._check(texts)
        return texts

    def _line(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unusable("a text is missing")
        text = " ".join(_UNPRINTABLE.sub(" ", value).split())
        if not text:
            raise Unusable("a text is empty")
        if len(text) > self.longest + self.longest // 2:
            raise Unusable(f"a text is longer than {self.longest} characters")
        return text

    def _check(self, texts: list[str]) -> None:
        if texts and all(_REFUSAL.search(text) for text in texts):
            raise Unusable("it refuses to answer")
        if any(loops(text) for text in texts):
            raise Unusable("it says the same over and over")
        if len(texts) > 2 and max(Counter(texts).values()) > len(texts) // 2 + 1:
            raise Unusable("it says the same over and over")
        if reason := self.foreign(" ".join(texts)):
            raise Unusable(reason)


def loops(text: str) -> bool:
    """Whether a text goes round in circles, as models do that have lost the thread."""
    words = text.lower().split()
    runs = Counter(tuple(words[start : start + _LOOP]) for start in range(len(words) - _LOOP + 1))
    return max(runs.values(), default=0) >= _LOOPS or bool(_NONSENSE.search(text))


def lines(text: str) -> list[str]:
    """The lines of a text without bullets and numbers; of JSON that was not held to a schema, the texts in it."""
    found = (re.sub(r"^\s*(?:[-*•]|\d+[.)])?\s*", "", line).strip() for line in text.splitlines())
    return [line for line in found if re.search(r"\w", line)]


def numbered(texts: Iterable[str], first: int = 1) -> str:
    """Texts, one a line with its number."""
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, start=first))
