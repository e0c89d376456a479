"""The features that compare triggers with sentences, on vectors small enough to work out by hand."""

import numpy as np
import pytest

from eibench_tasks.judging.offline.encoder import Embedded
from eibench_tasks.judging.offline.matching import FEATURES, Stack, features, lexical, shared_words


def text(*tokens: tuple[list[float], float, float], vector: list[float]) -> Embedded:
    """A text of tokens (vector, importance, denial)."""
    return Embedded(
        vector=np.array(vector, np.float16),
        tokens=np.array([token for token, _, _ in tokens], np.float16),
        importance=np.array([importance for _, importance, _ in tokens], np.float16),
        denial=np.array([denial for _, _, denial in tokens], np.float16),
    )


def test_the_learned_features_by_hand() -> None:
    # trigger: tokens x (importance 3) and y (importance 1) -> weights 0.75 and 0.25; both above half of 1/2
    # sentence: one token 0.6 x + 0.8 y, denied by 0.5
    trigger = text(([1, 0], 3, 0), ([0, 1], 1, 0), vector=[1, 0])
    sentence = text(([0.6, 0.8], 2, 0.5), vector=[0, 1])
    values = dict(zip(FEATURES, features(Stack([trigger]), Stack([sentence]))[0, 0], strict=True))
    assert values["aligned"] == pytest.approx(0.75 * 0.6 + 0.25 * 0.8, abs=1e-3)
    assert values["aligned_least"] == pytest.approx(0.6, abs=1e-3)  # y's weight, 0.25, is not above 0.25
    assert values["denial"] == pytest.approx(0.5, abs=1e-3)
    assert values["denial_mismatch"] == pytest.approx(0.5, abs=1e-3)
    assert values["sentence"] == 0
    assert values["aligned_back"] == pytest.approx(0.8, abs=1e-3)


def test_a_denied_trigger_fits_a_denied_sentence() -> None:
    # trigger denied by 0.9, matched token by 0.6: they differ by 0.3
    trigger, sentence = text(([1, 0], 1, 0.9), vector=[1, 0]), text(([1, 0], 1, 0.6), vector=[1, 0])
    values = dict(zip(FEATURES, features(Stack([trigger]), Stack([sentence]))[0, 0], strict=True))
    assert values["denial_mismatch"] == pytest.approx(0.3, abs=1e-3)


def test_all_triggers_meet_all_sentences() -> None:
    generator = np.random.default_rng(3)

    def some() -> Embedded:
        size = int(generator.integers(1, 6))
        return Embedded(
            generator.normal(size=4).astype(np.float16),
            generator.normal(size=(size, 4)).astype(np.float16),
            generator.uniform(0.1, 1, size).astype(np.float16),
            generator.uniform(0, 1, size).astype(np.float16),
        )

    triggers, sentences = [some() for _ in range(3)], [some() for _ in range(5)]
    together = features(Stack(triggers), Stack(sentences))
    assert together.shape == (3, 5, len(FEATURES))
    for t, trigger in enumerate(triggers):
        for s, sentence in enumerate(sentences):
            alone = features(Stack([trigger]), Stack([sentence]))[0, 0]
            assert together[t, s] == pytest.approx(alone, abs=1e-4)


def test_shared_words_are_counted_by_stem() -> None:
    # content words of the trigger: torn, letter; the sentence has letter(s): 1 of 2, none denied
    assert shared_words(lexical("Torn letter"), lexical("Letters lie on the floor.")) == (0.5, 0.0, 0.4)


def test_a_denied_word_mismatches_a_trigger_that_denies_nothing() -> None:
    assert shared_words(lexical("Tears"), lexical("There are no tears."))[1] == 1
    assert shared_words(lexical("No tears"), lexical("There are no tears."))[1] == 0
    assert shared_words(lexical("No smile"), lexical("A broad smile."))[1] == 1
