"""Measures how an answer relates to a trigger: similarities of sentences and tokens, shared words, denials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eibench_tasks.judging.offline.encoder import Embedded, Floats
from eibench_tasks.judging.offline.language import Word, denied, words

NAMES = (
    "sentence", "sentence_second", "sentence_mean", "window", "window_agreed", "answer_window",
    "aligned", "aligned_min", "aligned_agreed", "aligned_min_agreed", "aligned_answer", "aligned_answer_min",
    "words", "words_answer", "words_agreed", "words_exact", "denial", "denial_mismatch", "trigger_denies",
    "trigger_words", "sentence_words", "sentence_count", "background", "reverse",
    "window_gain", "generic", "back_aligned",
)

Bools = npt.NDArray[np.bool_]
_WINDOWS = (3, 5, 8, 12)


@dataclass(frozen=True)
class Text:
    """A trigger or a sentence with all that is measured of it, so that it is measured once."""

    text: str
    vector: Floats
    states: Floats
    weights: Floats
    stems: list[str]
    content: Bools
    denied_tokens: Bools
    denied_words: Bools
    windows: Floats
    windows_denied: Floats


_GENERIC = frozenset(
    "express face facial atmospher sens feel emot presenc bodi languag postur gestur look possibl potenti recent event"
    " situat state of mood person moment general sign".split()
)


def measure(text: str, embedded: Embedded) -> Text:
    """Prepares one text for comparison."""
    found = words(text)
    marks = denied(text)
    weights = np.full(len(embedded.states), 0.1, dtype=np.float32)
    token_denied = np.zeros(len(embedded.states), dtype=bool)
    for index, (start, end) in enumerate(embedded.offsets):
        token_denied[index] = bool(marks[start:end].any())
    for word in found:
        inside = [i for i, (start, end) in enumerate(embedded.offsets) if start < word.end and end > word.start]
        weight = _weight(word)
        for index in inside:
            weights[index] = weight / len(inside)
    windows, windows_denied = _windows(embedded.states, token_denied)
    return Text(
        text=text,
        vector=embedded.vector,
        states=embedded.states,
        weights=weights,
        stems=[word.stem for word in found],
        content=np.array([word.content for word in found], dtype=bool),
        denied_tokens=token_denied,
        denied_words=np.array([bool(marks[word.start : word.end].any()) for word in found], dtype=bool),
        windows=windows,
        windows_denied=windows_denied,
    )


def _weight(word: Word) -> float:
    if not word.content:
        return 0.1
    return 0.5 if word.stem in _GENERIC else 1.0


def _windows(states: Floats, token_denied: Bools) -> tuple[Floats, Floats]:
    """Mean token state of every stretch of some lengths, unit length, and how much of each is denied."""
    count = len(states)
    if count == 0:
        return np.zeros((1, states.shape[1]), np.float32), np.zeros(1, np.float32)
    sums = np.concatenate([np.zeros((1, states.shape[1]), np.float32), np.cumsum(states, axis=0)])
    denials = np.concatenate([[0], np.cumsum(token_denied)])
    starts, ends = [], []
    for size in _WINDOWS:
        if size < count:
            first = np.arange(0, count - size + 1, 1 if size < 5 else 2)
            starts.append(first)
            ends.append(first + size)
    starts.append(np.array([0]))
    ends.append(np.array([count]))
    start, end = np.concatenate(starts), np.concatenate(ends)
    length = (end - start)[:, None]
    means = (sums[end] - sums[start]) / length
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
    share = (denials[end] - denials[start]) / length[:, 0]
    return means.astype(np.float32), share.astype(np.float32)


def features(trigger: Text, sentences: Sequence[Text], background: Floats) -> tuple[Floats, int]:
    """How the sentences of an answer relate to a trigger.

    Args:
        trigger: the reference trigger.
        sentences: those of the answer, at least one.
        background: vectors of unrelated sentences, to tell what is near to everything; shape (n, 384).

    Returns:
        One number per name in `NAMES`, and the index of the sentence that names the trigger best.
    """
    similarity = np.array([trigger.vector @ s.vector for s in sentences])
    window = np.array([float((s.windows @ trigger.vector).max()) for s in sentences])
    align = [_align(trigger, s) for s in sentences]
    aligned = np.array([a[0] for a in align])
    lexical = np.array([_overlap(trigger, s) for s in sentences])
    score = similarity + window + aligned + lexical[:, 0]
    best = int(score.argmax())
    sentence = sentences[best]
    denies = bool(trigger.denied_tokens.any())
    agrees = sentence.windows_denied > 0.5 if denies else sentence.windows_denied <= 0.5
    window_agreed = float((sentence.windows @ trigger.vector)[agrees].max()) if agrees.any() else 0.0
    ordered = np.sort(similarity)[::-1]
    whole = np.max(np.stack([a[4] for a in align]), axis=0)
    weights = trigger.weights / trigger.weights.sum()
    union = {stem for s in sentences for stem in s.stems}
    wanted = [stem for stem, content in zip(trigger.stems, trigger.content, strict=True) if content] or trigger.stems
    center = background @ trigger.vector
    exact = _normal(trigger) in {_normal(s) for s in sentences} or any(_contains(s, trigger) for s in sentences)
    content = trigger.content
    generic = np.mean([stem in _GENERIC for stem in wanted]) if wanted else 0.0
    values = (
        similarity[best],
        ordered[1] if len(ordered) > 1 else 0.0,
        similarity.mean(),
        window[best],
        window_agreed,
        window.max(),
        aligned[best],
        align[best][1],
        align[best][2],
        align[best][3],
        float(whole @ weights),
        float(whole[trigger.weights >= 0.25].min()) if (trigger.weights >= 0.25).any() else float(whole.min()),
        lexical[best, 0],
        sum(stem in union for stem in wanted) / max(1, len(wanted)),
        lexical[best, 1],
        float(exact),
        align[best][5],
        abs(align[best][5] - float(denies)),
        float(denies),
        np.log1p(int(content.sum())),
        np.log1p(len(sentence.stems)),
        np.log1p(len(sentences)),
        float(center.mean()),
        float(np.sort(center)[-5:].mean()),
        window[best] - float(np.sort(center)[-5:].mean()),
        generic,
        align[best][6],
    )
    return np.array(values, dtype=np.float32), best


def _align(trigger: Text, sentence: Text) -> tuple[float, float, float, float, Floats, float, float]:
    """Matches each token of the trigger with its most similar token of the sentence."""
    if not len(trigger.states) or not len(sentence.states):
        zeros = np.zeros(max(1, len(trigger.states)), np.float32)
        return 0.0, 0.0, 0.0, 0.0, zeros, 0.0, 0.0
    table = trigger.states @ sentence.states.T
    best = table.max(axis=1)
    weights = trigger.weights / trigger.weights.sum()
    main = trigger.weights >= 0.25
    main = main if main.any() else np.ones_like(main)
    denies = trigger.denied_tokens.any()
    agrees = sentence.denied_tokens == denies
    agreed = np.where(agrees[None, :], table, 0.0).max(axis=1)
    share = float(sentence.denied_tokens[table.argmax(axis=1)] @ weights)
    heavy = sentence.weights >= 0.25
    back = float(table.max(axis=0)[heavy].mean()) if heavy.any() else 0.0
    return (
        float(best @ weights), float(best[main].min()), float(agreed @ weights), float(agreed[main].min()),
        best, share, back,
    )


def _overlap(trigger: Text, sentence: Text) -> tuple[float, float]:
    """Share of the trigger's content words in the sentence, and of those that agree in being denied."""
    wanted = [stem for stem, content in zip(trigger.stems, trigger.content, strict=True) if content] or trigger.stems
    if not wanted:
        return 0.0, 0.0
    present = set(sentence.stems)
    denies = bool(trigger.denied_words.any())
    agreed = {stem for stem, no in zip(sentence.stems, sentence.denied_words, strict=True) if bool(no) == denies}
    return sum(s in present for s in wanted) / len(wanted), sum(s in agreed for s in wanted) / len(wanted)


def _normal(text: Text) -> tuple[str, ...]:
    return tuple(text.stems)


def _contains(sentence: Text, trigger: Text) -> bool:
    size = len(trigger.stems)
    if not size:
        return False
    return any(sentence.stems[i : i + size] == trigger.stems for i in range(len(sentence.stems) - size + 1))
