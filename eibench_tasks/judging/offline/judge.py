"""The offline judge: compares each trigger with the answer's sentences and decides by what it has learned."""

from collections.abc import Sequence

import numpy as np

from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.judging.offline import embedding_cache
from eibench_tasks.judging.offline.adapter import Adapter
from eibench_tasks.judging.offline.encoder import Encoder, load_encoder
from eibench_tasks.judging.offline.english import not_english
from eibench_tasks.judging.offline.language import Span, sentences
from eibench_tasks.judging.offline.matching import Floats, Stack, features, lexical, shared_words, verbatim

_SAID_VERBATIM = 4.0  # least log-odds of a trigger that the answer says word for word: 0.98
_MAX_SENTENCES = 20_000  # what stands behind them is not read; no model writes as much


class OfflineJudge:
    """Deterministic, needs no network; reads English only. See `judging.judgement.Judge`."""

    name = "offline"
    protocol = "verdict"
    comparable = False
    measures_floor = True

    def __init__(self, encoder: Encoder, adapter: Adapter) -> None:
        self._encoder = encoder
        self._adapter = adapter
        self.version = adapter.version

    @classmethod
    def load(cls) -> "OfflineJudge":
        """Loads encoder and adapter.

        Raises:
            JudgeError: the encoder's weights are not at hand or not the pinned ones.
        """
        return cls(load_encoder(), Adapter.load())

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Embeds all texts in large batches, those of the references once for all runs.

        What was embedded for an earlier task is dropped.
        """
        texts = {span.text for answer in answers for span in _spans(answer)}
        fixed = {text for reference in references for text in (reference, *(s.text for s in _spans(reference)))}
        self._encoder.keep(texts | fixed)
        if fixed:
            file = embedding_cache.file_for(fixed, self.version)
            self._encoder.recall(embedding_cache.load(file))
            if self._encoder.learn(fixed):
                ordered = sorted(fixed)
                embedding_cache.save(file, dict(zip(ordered, self._encoder.embed(ordered), strict=True)))
        self._encoder.learn(texts)

    def judge(self, reference: Reference, answer: str) -> Judgement:
        """One verdict per trigger; the quote is the sentence that names it."""
        triggers = reference.triggers
        try:
            if reason := not_english(answer):
                return Judgement(unscored=reason)
            spans = _spans(answer)
            return self._judge(spans, triggers) if spans else Judgement.none_named(triggers)
        except Exception as error:  # a failure of the judge is never a score, and never ends a run
            return Judgement(unscored=f"the offline judge failed: {type(error).__name__}: {error}"[:200])

    def _judge(self, spans: list[Span], triggers: Sequence[str]) -> Judgement:
        odds = self.odds(triggers, [span.text for span in spans])
        best = odds.argmax(axis=1)
        probability = 1 / (1 + np.exp(-odds.max(axis=1)))
        return Judgement(
            verdicts=[
                Verdict(
                    index=index,
                    trigger=text,
                    present=bool(probability[index] >= 0.5),
                    quote=spans[best[index]].text if probability[index] >= 0.5 else None,
                    probability=round(float(probability[index]), 4),
                )
                for index, text in enumerate(triggers)
            ]
        )

    def odds(self, triggers: Sequence[str], texts: Sequence[str]) -> Floats:
        """Log-odds that each trigger is named by each sentence; shape (triggers, sentences).

        A trigger is named where they are 0 or more.
        """
        found = features(Stack(self._encoder.embed(triggers)), Stack(self._encoder.embed(texts)))
        wanted, said = [lexical(text) for text in triggers], [lexical(text) for text in texts]
        for row, trigger in enumerate(wanted):
            found[row, :, -3:] = [shared_words(trigger, sentence) for sentence in said]
        odds = self._adapter.odds(found)
        same = np.array([[verbatim(trigger, sentence) for sentence in said] for trigger in wanted])
        return np.where(same, np.maximum(odds, _SAID_VERBATIM), odds)


def _spans(answer: str) -> list[Span]:
    return sentences(answer)[:_MAX_SENTENCES]
