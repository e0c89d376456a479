"""Compares the triggers of a sample with the sentences of an answer, all with all, in a few matrix operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from eibench_tasks.judging.offline.encoder import Embedded
from eibench_tasks.judging.offline.language import denied, words

FEATURES = (
    "aligned",  # similarity of the trigger's tokens to their best tokens in the sentence, by importance
    "aligned_least",  # the least of these over the important tokens
    "denial_mismatch",  # how far trigger and matched tokens differ in being denied
    "denial",  # how far the matched tokens are denied
    "sentence",  # cosine of the two texts' vectors
    "aligned_back",  # similarity of the sentence's tokens to their best tokens in the trigger
    "words",  # share of the trigger's content words that are in the sentence
    "words_mismatch",  # of these, the share that is denied where the trigger is not, or the other way round
    "trigger_size",  # content words of the trigger, divided by 5
)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lexical:
    """The words of a text: stems in order, of its content words, of all words, and of those that are denied."""

    sequence: tuple[str, ...]
    content: frozenset[str]
    every: frozenset[str]
    denied: frozenset[str]
    denies: bool


@lru_cache(maxsize=100_000)
def lexical(text: str) -> Lexical:
    """Looks at the words of a text."""
    found = words(text)
    marks = denied(text)
    every = frozenset(word.stem for word in found)
    return Lexical(
        sequence=tuple(word.stem for word in found),
        content=frozenset(word.stem for word in found if word.content) or every,
        every=every,
        denied=frozenset(word.stem for word in found if marks[word.start : word.end].any()),
        denies=bool(marks.any()),
    )


def shared_words(trigger: Lexical, sentence: Lexical) -> tuple[float, float, float]:
    """The last three of `FEATURES`."""
    shared = trigger.content & sentence.every
    mismatch = sum((stem in sentence.denied) != trigger.denies for stem in shared)
    return (
        len(shared) / max(1, len(trigger.content)),
        mismatch / len(shared) if shared else 0.0,
        len(trigger.content) / 5,
    )


def verbatim(trigger: Lexical, sentence: Lexical) -> bool:
    """Whether the sentence holds the trigger word for word, two words at least, and denies as much as it does."""
    size, rest = len(trigger.sequence), sentence.sequence
    return (
        size > 1
        and trigger.content <= sentence.every
        and any(rest[start : start + size] == trigger.sequence for start in range(len(rest) - size + 1))
        and shared_words(trigger, sentence)[1] == 0
    )


class Stack:
    """Several embedded texts with their tokens laid end to end."""

    def __init__(self, items: Sequence[Embedded]) -> None:
        self.tokens: Floats = np.concatenate([item.tokens for item in items]).astype(np.float32)
        self.vectors: Floats = np.stack([item.vector for item in items]).astype(np.float32)
        self.denial: Floats = np.concatenate([item.denial for item in items]).astype(np.float32)
        sizes = np.array([len(item.tokens) for item in items])
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        importance = np.concatenate([item.importance for item in items]).astype(np.float32)
        sums = np.add.reduceat(importance, self.starts)
        self.weights: Floats = importance / (np.repeat(sums, sizes) + np.float32(1e-6))
        self.important = self.weights > np.repeat(0.5 / sizes, sizes)


def features(triggers: Stack, sentences: Stack) -> Floats:
    """All of `FEATURES` but the lexical ones, which are left 0; shape (triggers, sentences, 9)."""
    table = triggers.tokens @ sentences.tokens.T
    shape = (len(triggers.starts), len(sentences.starts), len(FEATURES))
    result: Floats = np.zeros(shape, dtype=np.float32)
    weights = triggers.weights[:, None]
    best = np.empty((len(table), len(sentences.starts)), dtype=np.float32)
    matched_denial = np.empty_like(best)
    for column, (start, end) in enumerate(zip(sentences.starts, sentences.ends, strict=True)):
        part = table[:, start:end]
        at = part.argmax(axis=1)
        best[:, column] = part[np.arange(len(part)), at]
        matched_denial[:, column] = sentences.denial[start:end][at]
    result[..., 0] = np.add.reduceat(best * weights, triggers.starts)
    least = np.where(triggers.important[:, None], best, np.float32(1))
    result[..., 1] = np.minimum.reduceat(least, triggers.starts)
    mismatch = np.abs(matched_denial - triggers.denial[:, None])
    result[..., 2] = np.add.reduceat(mismatch * weights, triggers.starts)
    result[..., 3] = np.add.reduceat(matched_denial * weights, triggers.starts)
    result[..., 4] = triggers.vectors @ sentences.vectors.T
    best_back: Floats = np.maximum.reduceat(table, triggers.starts, axis=0)
    result[..., 5] = np.add.reduceat(best_back * sentences.weights, sentences.starts, axis=1)
    return result
