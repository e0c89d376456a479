"""The offline judge: measures each trigger against the answer's sentences and lets a small model decide."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from eibench_tasks.judging.judgement import Judgement, Verdict
from eibench_tasks.judging.offline.classifier import Classifier
from eibench_tasks.judging.offline.encoder import Encoder, load_encoder
from eibench_tasks.judging.offline.features import Text, features, measure
from eibench_tasks.judging.offline.language import Span, sentences
from eibench_tasks.judging.offline.english import not_english

_MAX_SENTENCES = 2_000  # an answer of 100,000 characters has fewer


class OfflineJudge:
    """Deterministic, needs no network; reads English only. See `judging.judgement.Judge`."""

    name = "offline"
    protocol = "verdict"
    comparable = False
    measures_floor = True

    def __init__(self, encoder: Encoder, classifier: Classifier) -> None:
        self._encoder = encoder
        self._classifier = classifier
        self.version = classifier.version
        self._background = np.stack([item.vector for item in encoder.embed(classifier.background)])
        self._trigger = lru_cache(maxsize=20_000)(self._measure)

    @classmethod
    def load(cls) -> "OfflineJudge":
        """Loads encoder and model.

        Raises:
            JudgeError: the encoder's weights are not at hand or not the pinned ones.
        """
        return cls(load_encoder(), Classifier.load())

    def prefetch(self, answers: Sequence[str], triggers: Sequence[str]) -> None:
        """Embeds all sentences of all answers in large batches; what earlier runs left is dropped."""
        texts = {span.text for answer in answers for span in sentences(answer)[:_MAX_SENTENCES]}
        self._encoder.keep(texts | set(triggers))
        self._encoder.learn(texts | set(triggers))

    def judge(self, question: str, answer: str, triggers: Sequence[str]) -> Judgement:
        """One verdict per trigger; the quote is the sentence that names it."""
        try:
            return self._judge(answer, triggers)
        except Exception as error:  # a failure of the judge is never a score, and never ends a run
            return Judgement(unscored=f"the offline judge failed: {type(error).__name__}")

    def _judge(self, answer: str, triggers: Sequence[str]) -> Judgement:
        if reason := not_english(answer):
            return Judgement(unscored=reason)
        spans = sentences(answer)[:_MAX_SENTENCES]
        if not spans:
            return Judgement.none_named(triggers)
        measured = self._measure_all([span.text for span in spans])
        verdicts = [self._verdict(i, text, spans, measured) for i, text in enumerate(triggers)]
        return Judgement(verdicts=verdicts)

    def _verdict(self, index: int, trigger: str, spans: list[Span], measured: list[Text]) -> Verdict:
        values, best = features(self._trigger(trigger), measured, self._background)
        probability = self._classifier.probability(values)
        present = probability >= 0.5
        return Verdict(
            index=index,
            trigger=trigger,
            present=present,
            quote=spans[best].text if present else None,
            probability=round(probability, 4),
        )

    def _measure(self, text: str) -> Text:
        return self._measure_all([text])[0]

    def _measure_all(self, texts: list[str]) -> list[Text]:
        return [measure(text, item) for text, item in zip(texts, self._encoder.embed(texts), strict=True)]
