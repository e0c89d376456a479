"""Claims: what an answer says to cause the emotion, each matched to a reference trigger or not.

A judge splits an answer in one call; another that sees the image may look at what is unmatched. Verdicts, and with
them recall, come from elsewhere and are not changed by claims. `dialogue.hold` leads the dialogues.
"""

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eibench_tasks.engines.engine import Ask, Reply, Sampling
from eibench_tasks.engines.structured import Unusable
from eibench_tasks.errors import ImagesError
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.llm.dialogue import (
    ROUNDS,
    Numbered,
    entries,
    entries_schema,
    fenced,
    numbered,
    prompts,
    version,
)
from eibench_tasks.judging.llm.quotes import find_quote
from eibench_tasks.judging.untrusted import REMOVED, neutral

RULES = 1
"""Counts changes of the rules by which replies are read; a test fails where they change and this does not."""
MOST_CLAIMS = 40
"""An answer with more claims is asked again: it was split too finely."""
LONGEST_SIDE = 1024
"""Pixels of the image that a vision judge gets."""


class Claim(BaseModel):
    """One cause that an answer names.

    Attributes:
        quote: the span of the answer that states it, verbatim.
        trigger: position of the reference trigger that it names, from 0; None where it names none.
        supported: whether the image supports it; None where nobody looked. Matched claims are not looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    trigger: int | None = Field(default=None, ge=0)
    supported: bool | None = None


class Claims(BaseModel):
    """All claims of one answer, none being an answer that names no cause; or why there are none to count.

    Attributes:
        unscored: why the claims are not known; there are none then.
        unseen: why the unmatched claims could not be held against the image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    claims: list[Claim] = []
    unscored: str | None = None
    unseen: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Claims":
        if self.unscored is not None and self.claims:
            raise ValueError("there are either claims or a reason")
        return self


class ClaimsProtocol:
    """Splits answers into claims; see the module."""

    name = "claims"

    def __init__(self) -> None:
        self.version = version(RULES, ROUNDS, prompts("claims"), Splitting.schema(2))

    def about(self, reference: Reference, answer: str) -> "Splitting":
        """The dialogue about one answer; an empty one is not asked about and has no claims."""
        return Splitting(self.version, reference, neutral(answer))


class Splitting:
    """The claims of one answer as they come in. Those that can be used stay; only the others are asked for again."""

    def __init__(self, version: str, reference: Reference, answer: str) -> None:
        self._version = version
        self._reference = reference
        self._answer = answer
        self._open = bool(answer.strip())
        self._claims: list[Claim] = []
        self._problems: list[str] = []

    def next(self, attempt: int) -> Ask | None:
        """What to ask now; None when all claims are there."""
        if not self._open:
            return None
        texts = prompts("claims")
        again = texts["again"].format(problems="\n".join(f"- {problem}" for problem in self._problems))
        fields = {
            "question": " ".join(self._reference.question.split()) or "Why does this emotion arise?",
            "causes": numbered(self._reference.triggers),
            "answer": self._answer,
            "again": again if self._problems else "",
            **fenced(self._answer),
        }
        messages = (
            {"role": "system", "content": texts["system"]},
            {"role": "user", "content": texts["user"].format_map(fields).strip()},
        )
        schema = self.schema(len(self._reference.triggers))
        return Ask(messages, Sampling(max_tokens=2048), schema, purpose=f"claims {self._version}", attempt=attempt)

    @staticmethod
    def schema(triggers: int) -> dict[str, Any]:
        """JSON schema of a reply about an answer to so many triggers."""
        number = {"type": "integer", "enum": list(range(1, triggers + 1))}
        fields = {"quote": {"type": "string"}, "trigger": {"anyOf": [number, {"type": "null"}]}}
        return entries_schema("claims", fields, 0, MOST_CLAIMS)

    def take(self, reply: Reply) -> None:
        """Takes over the claims that can be used."""
        claims, problems = list(self._claims), []
        try:
            said = entries(reply, "claims")
            for entry in said[: MOST_CLAIMS + 1]:
                try:
                    claims.append(self._claim(entry))
                except Unusable as error:
                    problems.append(f"{_shown(entry)}: {error}")
            claims = merged(claims, self._answer)
            if len(said) > MOST_CLAIMS or len(claims) > MOST_CLAIMS:
                raise Unusable(f"the reply lists more than {MOST_CLAIMS} claims")
        except Unusable as error:
            self._problems = [str(error)]
            return
        self._claims, self._problems, self._open = claims, problems, bool(problems)

    def _claim(self, entry: Any) -> Claim:
        if not isinstance(entry, dict) or not {"quote", "trigger"} <= entry.keys():
            raise Unusable("it is no claim")
        quote, number = entry["quote"], entry["trigger"]
        if not isinstance(quote, str) or not isinstance(number, int | None) or isinstance(number, bool):
            raise Unusable("its fields are of a wrong type")
        if number is not None and not 1 <= number <= len(self._reference.triggers):
            raise Unusable("there is no cause of that number")
        span = find_quote(quote, self._answer)
        if span is None or REMOVED in span:
            raise Unusable("its quote does not occur in the text, or is too long")
        return Claim(quote=span, trigger=None if number is None else number - 1)

    def result(self, trouble: str = "") -> Claims:
        """All claims, or why the answer is unscored."""
        if not self._open:
            return Claims(claims=self._claims)
        return Claims(unscored=(trouble or f"the judge gave no usable claims ({'; '.join(self._problems)})")[:400])


def _shown(entry: Any) -> str:
    """What the judge wrote, as one short line that is fit to be shown to it again."""
    said = entry.get("quote") if isinstance(entry, dict) else None
    return f'"{" ".join(neutral(said).split())[:200]}"' if isinstance(said, str) else "an entry without a quote"


def merged(claims: Iterable[Claim], answer: str) -> list[Claim]:
    """The claims in the order of the answer, duplicates taken together.

    Claims whose quotes overlap are one if they name the same trigger, or none of them names any. Claims of one and
    the same quote are one, which names the trigger with the least number: what is said once counts once.
    """
    spans: list[tuple[int, int, int]] = []
    last: dict[int, int] = {}  # where in `spans` the last claim on each trigger is
    for start, end, trigger in sorted((*_place(claim.quote, answer), _order(claim)) for claim in claims):
        at = last.get(trigger)
        if at is not None and start < spans[at][1]:
            spans[at] = (spans[at][0], max(end, spans[at][1]), trigger)
        else:
            last[trigger] = len(spans)
            spans.append((start, end, trigger))
    once: dict[tuple[int, int], Claim] = {}
    for start, end, trigger in sorted(spans):
        once.setdefault((start, end), Claim(quote=answer[start:end], trigger=None if trigger == _NONE else trigger))
    return list(once.values())


_NONE = 1 << 30  # sorts claims that name no trigger last


def _order(claim: Claim) -> int:
    return _NONE if claim.trigger is None else claim.trigger


def _place(quote: str, answer: str) -> tuple[int, int]:
    """Where a quote stands first, as a word of its own if it does anywhere."""
    whole = re.search(rf"(?<!\w){re.escape(quote)}(?!\w)", answer)
    start = whole.start() if whole else answer.index(quote)
    return start, start + len(quote)


class VisionProtocol:
    """Holds the claims that match no trigger against the image."""

    name = "claims_image"

    def __init__(self) -> None:
        self.version = version(RULES, ROUNDS, prompts("claims_image"), Looking.schema([1, 2]), LONGEST_SIDE)

    def about(self, claims: Claims, image: Path) -> "Looking":
        """The dialogue about the unmatched claims of one answer; where there are none, nothing is asked."""
        return Looking(self.version, claims, image)


class Looking(Numbered[bool]):
    """Which unmatched claims the image supports, as it comes in."""

    def __init__(self, version: str, claims: Claims, image: Path) -> None:
        self._version = version
        self._claims = claims
        self._quotes = [claim.quote for claim in claims.claims if claim.trigger is None]
        self._image = image
        self._broken = ""
        super().__init__("claims", len(self._quotes))

    def next(self, attempt: int) -> Ask | None:
        """What to ask now; None when all are looked at, or the image cannot be read."""
        try:
            return super().next(attempt)
        except ImagesError as error:
            self._broken = f"the image cannot be read: {error.what}"
            return None

    def _ask(self, positions: list[int], reasons: str, attempt: int) -> Ask:
        texts = prompts("claims_image")
        statements = numbered(self._quotes, positions)
        again = texts["again"].format(reasons=reasons) if reasons else ""
        text = texts["user"].format(statements=statements, again=again, **fenced(statements)).strip()
        picture = {"type": "image_url", "image_url": {"url": data_url(self._image)}}
        messages = (
            {"role": "system", "content": texts["system"]},
            {"role": "user", "content": [picture, {"type": "text", "text": text}]},
        )
        schema = self.schema([position + 1 for position in positions])
        sampling = Sampling(max_tokens=256 + 32 * len(positions))
        return Ask(messages, sampling, schema, purpose=f"claims_image {self._version}", attempt=attempt)

    @staticmethod
    def schema(numbers: Sequence[int]) -> dict[str, Any]:
        """JSON schema of a reply about the statements of these numbers."""
        fields = {"index": {"type": "integer", "enum": list(numbers)}, "supported": {"type": "boolean"}}
        return entries_schema("claims", fields, len(numbers), len(numbers))

    def _read(self, entry: Mapping[str, Any]) -> bool:
        supported = entry.get("supported")
        if not isinstance(supported, bool):
            raise Unusable("its entry has fields of a wrong type")
        return supported

    def result(self, trouble: str = "") -> Claims:
        """The claims with what was found; where it is not complete, as they were and why."""
        if self._problems:
            unseen = self._broken or trouble or f"the judge gave no usable reply (statement {self._open()})"
            return self._claims.model_copy(update={"unseen": unseen[:400]})
        seen = iter(self._found[position] for position in range(len(self._quotes)))
        claims = [
            claim if claim.trigger is not None else claim.model_copy(update={"supported": next(seen)})
            for claim in self._claims.claims
        ]
        return self._claims.model_copy(update={"claims": claims, "unseen": None})


def data_url(image: Path) -> str:
    """The image as JPEG in a data URL, upright, its longest side `LONGEST_SIDE` pixels at most.

    Raises:
        ImagesError: it cannot be read.
    """
    from eibench_tasks.data.images import open_image

    picture = open_image(image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
