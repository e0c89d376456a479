"""How likely each of an ask's choices was, from the tokens that a model generated and those it might have instead."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eibench_tasks.engines.answer import final_answer

TOP = 20
"""Alternatives that engines are asked for at each token; no server gives more."""
_AROUND = " \t\r\n\"'`*:["  # what may stand in one token with the beginning of a value


@dataclass(frozen=True)
class Token:
    """One generated token.

    Attributes:
        text: as it stands in the reply.
        logprob: natural logarithm of its probability.
        alternatives: the most likely tokens at its place with their logarithms; it may be one of them.
    """

    text: str
    logprob: float
    alternatives: Sequence[tuple[str, float]] = ()


def likely(tokens: Sequence[Token], choices: Sequence[str]) -> dict[str, float] | None:
    """The probability of each choice at the place where the reply's value begins.

    The reply is one of the choices, or JSON with a field that is one; case does not matter. A token stands for a choice
    if it is the beginning of this one only, or begins with all of it. Where the reply begins like several choices, the
    tokens that follow tell them apart.

    Args:
        tokens: the reply; untrusted.
        choices: different from one another.

    Returns:
        Probabilities from 0 to 1, whose sum may be less; None where no choice is found in the reply.
    """
    found = dict.fromkeys(choices, 0.0)
    said, share = "", 1.0  # of the value so far, and how likely it was
    for token in _from_value(tokens, choices):
        for text, logprob in ((token.text, token.logprob), *token.alternatives):
            if (choice := _meant(said + text, choices)) is not None:
                found[choice] += share * _probability(logprob)
        said += token.text
        share *= _probability(token.logprob)
        if not _open(said, choices):
            break
    else:  # the reply is over, so it is no longer choice
        if (choice := _meant(f'{said}"', choices)) is not None and _open(said, choices):
            found[choice] += share
    total = sum(found.values())
    return {choice: min(1.0, one) for choice, one in found.items()} if total > 0 else None


def _from_value(tokens: Sequence[Token], choices: Sequence[str]) -> Iterator[Token]:
    """The tokens from the value on, the first without what stands before it; alternatives without the token itself."""
    text = "".join(token.text for token in tokens)
    begin = _begin(text, choices)
    end = 0
    for token in tokens if begin is not None else ():
        end += len(token.text)
        if end > (begin or 0):
            head = token.text[: max(0, (begin or 0) - end + len(token.text))]
            others = [(one.removeprefix(head), logprob) for one, logprob in token.alternatives if one != token.text]
            yield Token(token.text[len(head) :], token.logprob, others)


def _begin(text: str, choices: Sequence[str]) -> int | None:
    """Where in the reply the value begins. What stands before the final answer is reasoning."""
    answer = final_answer(text)
    start = text.rfind(answer) if answer else -1
    if start < 0:
        return None
    names = "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))
    field = re.compile(rf":\s*\"\s*({names})\s*\"|:\s*({names})\s*[,}}\]]", re.IGNORECASE)
    plain = re.compile(rf"[\s\"'`*\[]*({names})(?!\w)", re.IGNORECASE)
    match = field.search(text, start) or plain.match(text, start)
    return next(match.start(group) for group in (1, 2) if match[group] is not None) if match else None


def _value(said: str) -> tuple[str, bool]:
    """What was said of the value, in lower case, and whether it has ended."""
    value, quote, _ = said.lstrip(_AROUND).lower().partition('"')
    return value, bool(quote)


def _meant(said: str, choices: Sequence[str]) -> str | None:
    """The one choice that this is, or begins, or begins with; None where it is none or might be several."""
    value, ended = _value(said)
    if not value:
        return None
    folded = {choice: choice.lower() for choice in choices}
    if ended:
        whole = [choice for choice, one in folded.items() if one == value.rstrip()]
        return whole[0] if len(whole) == 1 else None
    begun = [choice for choice, one in folded.items() if one.startswith(value)]
    if begun:
        return begun[0] if len(begun) == 1 else None
    # a longer word is another word
    whole = [c for c, one in folded.items() if value.startswith(one) and not value[len(one) :][:1].isalnum()]
    return max(whole, key=len, default=None)


def _open(said: str, choices: Sequence[str]) -> bool:
    """Whether what was said may still become one choice or another."""
    value, ended = _value(said)
    return not ended and sum(choice.lower().startswith(value) for choice in choices) > 1


def _probability(logprob: float) -> float:
    """From 0 to 1, whatever number it is."""
    return math.exp(min(0.0, logprob)) if not math.isnan(logprob) else 0.0
