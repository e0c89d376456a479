"""Long-term coherence: how close neighbouring sentences of an answer are, in percent.

The published definition is the mean cosine of the ``bert-base-uncased`` [CLS] states of adjacent sentences; it is
about 80 to 86 for every model of the paper. ``coherence_minilm`` is a cheaper one of our own: the same mean over
the offline judge's sentence vectors, which are at hand. The two are not comparable. Answers of one sentence have
none. Sentences are split by our rules, where the reference script uses spaCy.
"""

import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.offline.language import sentences

BERT = "bert-base-uncased"


_bert_in_use = threading.Lock()  # its tokenizer must not be used by two threads at once


def adjacent_cosine(vectors: npt.NDArray[np.float32]) -> float | None:
    """Mean cosine of neighbouring rows, in percent; None for fewer than two rows."""
    if len(vectors) < 2:
        return None
    unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12)
    return float(100 * (unit[:-1] * unit[1:]).sum(axis=1).mean())


def coherence_minilm(answer: str) -> float | None:
    """Coherence of an answer by the offline judge's sentence encoder; None for one sentence or less."""
    from eibench_tasks.judging.offline.encoder import load_encoder

    texts = [span.text for span in sentences(answer)]
    if len(texts) < 2:
        return None
    return adjacent_cosine(np.stack([item.vector for item in load_encoder().embed(texts)]))


def bert_wanted() -> bool:
    """Whether ``$EIBENCH_COHERENCE`` asks for the published definition (``bert``), which needs BERT's weights."""
    return os.environ.get("EIBENCH_COHERENCE", "").strip().lower() == "bert"


def coherence_bert(answer: str) -> float | None:
    """Coherence of an answer as published; None for one sentence or less."""
    texts = [span.text for span in sentences(answer)]
    return adjacent_cosine(_cls_states(texts)) if len(texts) > 1 else None


def _cls_states(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    import torch

    tokenizer, model = load_bert()
    with _bert_in_use, torch.inference_mode():
        batch = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True)
        return np.asarray(model(**batch).last_hidden_state[:, 0].float())


@lru_cache(maxsize=1)
def load_bert() -> tuple[Any, Any]:
    """Tokenizer and model of ``$EIBENCH_BERT``, a local folder or a Hub name; by default `BERT`.

    Raises:
        EIBenchError: the weights cannot be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    name = os.environ.get("EIBENCH_BERT", BERT)
    try:
        return AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()
    except Exception as error:  # the loader raises many kinds; all mean the same to the user
        raise EIBenchError(
            f"coherence as published needs {name}, which could not be loaded ({type(error).__name__})",
            "Set EIBENCH_BERT to a local folder with its weights, or unset EIBENCH_COHERENCE",
        ) from None
