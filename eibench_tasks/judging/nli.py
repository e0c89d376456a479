"""A judge by entailment: a local cross-encoder says whether a passage of the answer entails each trigger."""

import hashlib
import json
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eibench_tasks.engines.local import load
from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.judging.offline.language import sentences

RULES = 1
"""Counts changes of the rules around the model, how sentences are split included. Part of the version."""
TEMPLATE = "There is this: {trigger}."
"""The hypothesis. Triggers are noun phrases or sentences; this makes a sentence of both."""
WINDOW = 3
"""Sentences that are read together, for triggers that no single sentence names."""
MAX_TOKENS = 512
"""Of premise and hypothesis; what is longer is cut."""


class NliJudge:
    """Deterministic, runs locally, reads what languages its model reads. See `judging.judgement.Judge`.

    A trigger is present where the probability that a sentence of the answer, or `WINDOW` sentences in a row, entail
    it is 0.5 or more. The passage of the highest probability is quoted.

    Args:
        model: as the user named it.
        tokenizer, network: of a sequence classifier.
        revision: identity of its weights; part of the version.
        batch: pairs that run together.

    Raises:
        JudgeError: none of the model's labels is entailment.
    """

    protocol = "verdict"
    comparable = False
    measures_floor = False

    def __init__(self, model: str, tokenizer: Any, network: Any, revision: str, batch: int = 32) -> None:
        content = json.dumps([RULES, TEMPLATE, WINDOW, MAX_TOKENS])
        self.name = f"nli:{model}"
        self.version = f"{RULES}-{hashlib.sha256(content.encode()).hexdigest()[:8]}-{revision}"
        self._tokenizer = tokenizer
        self._network = network
        self._batch = batch
        self._label = _entailment(model, network.config)
        self._most = min(MAX_TOKENS, tokenizer.model_max_length, _positions(network.config))
        self._lock = threading.Lock()

    @classmethod
    def load(cls, model: str, batch: int = 32, device: str | None = None) -> "NliJudge":
        """Loads a model from a folder or the Hub.

        Raises:
            JudgeError: it cannot be loaded, or is no entailment model.
        """
        return cls(model, *load("AutoModelForSequenceClassification", model, device), batch)

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing: which answer belongs to which reference is not known yet."""

    def judge(self, reference: Reference, answer: str) -> Judgement:
        """One verdict per trigger; the quote is the passage that entails it."""
        try:
            premises = _passages(answer)
            if not premises:
                return Judgement.none_named(reference.triggers)
            return self._judge(premises, reference.triggers)
        except Exception as error:  # a failure of the judge is never a score, and never ends a run
            return Judgement(unscored=f"the nli judge failed: {type(error).__name__}: {error}"[:200])

    def _judge(self, premises: list[str], triggers: Sequence[str]) -> Judgement:
        hypotheses = [TEMPLATE.format(trigger=" ".join(trigger.split()).rstrip(".")) for trigger in triggers]
        pairs = [(premise, hypothesis) for hypothesis in hypotheses for premise in premises]
        found = self._probabilities(pairs).reshape(len(triggers), len(premises)).round(4)
        if not np.isfinite(found).all():
            raise ValueError("the model gives no probability")
        return Judgement(
            verdicts=[
                Verdict(
                    index=index,
                    trigger=text,
                    present=bool(row.max() >= 0.5),
                    quote=premises[row.argmax()] if row.max() >= 0.5 else None,
                    probability=float(row.max()),
                )
                for index, (text, row) in enumerate(zip(triggers, found, strict=True))
            ]
        )

    def _probabilities(self, pairs: list[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Probability of entailment for each pair; pairs of like length share a batch."""
        with self._lock:
            coded = self._tokenizer(*map(list, zip(*pairs, strict=True)), truncation=True, max_length=self._most)
            items = [dict(zip(coded, values, strict=True)) for values in zip(*coded.values(), strict=True)]
            order = sorted(range(len(items)), key=lambda index: -len(items[index]["input_ids"]))
            found = np.empty(len(items))
            for first in range(0, len(order), self._batch):
                batch = order[first : first + self._batch]
                found[batch] = self._forward([items[index] for index in batch])
        return found

    def _forward(self, items: list[dict[str, list[int]]]) -> npt.NDArray[np.float64]:
        import torch

        batch = self._tokenizer.pad(items, return_tensors="pt").to(self._network.device)
        with torch.inference_mode():
            shares: npt.NDArray[np.float64] = self._network(**batch).logits.double().softmax(-1).cpu().numpy()
        return shares[:, self._label]


def _passages(answer: str) -> list[str]:
    """The sentences of an answer, then `WINDOW` sentences in a row, as they stand in it; each text once.

    A sentence stands before what holds it, so that it is quoted where both are as likely.
    """
    spans = sentences(answer)
    starts = range(max(1, len(spans) - WINDOW + 1)) if spans else range(0)
    ends = [min(start + WINDOW, len(spans)) - 1 for start in starts]
    windows = [answer[spans[start].start : spans[end].end] for start, end in zip(starts, ends, strict=True)]
    return list(dict.fromkeys([*(span.text for span in spans), *windows]))


def _entailment(model: str, config: Any) -> int:
    labels = {str(label).strip().lower(): int(index) for label, index in config.label2id.items()}
    if "entailment" not in labels:
        names = ", ".join(map(str, config.label2id))[:200]
        raise JudgeError(f"{model} has the labels {names}, and none is entailment", "Name an entailment (NLI) model")
    return labels["entailment"]


def _positions(config: Any) -> int:
    return getattr(config, "max_position_embeddings", None) or MAX_TOKENS
