"""What was learned on top of the encoder: low-rank changes of its upper layers, token heads, and the decision.

``benchmarks/offline_judge/fit.py`` learns it from the published pairs and states how well it does on those kept
apart. The file is small; the encoder's own weights stay the pinned ones.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eibench_tasks.errors import JudgeError

FILE = Path(__file__).parent / "adapter.safetensors"
REVISION = 1
"""Counts changes of the rules around the weights: sentences, words, denials, features. Part of the version."""
RANK = 8
SCALE = 2.0
"""A linear layer W becomes W + SCALE * B @ A, with A of shape (RANK, in) and B of shape (out, RANK)."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Adapter:
    """The learned weights.

    Attributes:
        low_rank: matrices A and B by layer name of the encoder.
        projection: from token states to the space in which tokens are compared; shape (128, 384).
        importance, importance_bias: how much a token counts; shape (384,) and ().
        denial, denial_bias: whether a token is denied; shape (384,) and ().
        linear, linear_bias: the decision's linear part over `matching.FEATURES`; shape (9,) and ().
        hidden, hidden_bias, output: its part of one hidden layer; shape (units, 9), (units,) and (units,).
        version: changes with whatever can change a verdict.
    """

    low_rank: dict[str, tuple[Any, Any]]
    projection: Floats
    importance: Floats
    importance_bias: float
    denial: Floats
    denial_bias: float
    linear: Floats
    linear_bias: float
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    version: str

    @classmethod
    def load(cls, file: Path = FILE) -> "Adapter":
        """Reads the weights.

        Raises:
            JudgeError: the file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            content = file.read_bytes()
            weights = {name: array.astype(np.float32) for name, array in load(content).items()}
            layers = {name.removesuffix(".A") for name in weights if name.endswith(".A")}
            return cls(
                low_rank={name: (weights[f"{name}.A"], weights[f"{name}.B"]) for name in layers},
                projection=weights["projection"],
                importance=weights["importance"],
                importance_bias=float(weights["importance_bias"]),
                denial=weights["denial"],
                denial_bias=float(weights["denial_bias"]),
                linear=weights["linear"],
                linear_bias=float(weights["linear_bias"]),
                hidden=weights["hidden"],
                hidden_bias=weights["hidden_bias"],
                output=weights["output"],
                version=f"{REVISION}-{hashlib.sha256(content).hexdigest()[:8]}",
            )
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            mend = "Run: `pip install --force-reinstall --no-deps eibench`"
            raise JudgeError(
                f"the offline judge's weights {file} cannot be read ({type(error).__name__})", mend
            ) from None

    def apply(self, model: Any) -> None:
        """Adds the low-rank changes to the weights of a MiniLM model, in place."""
        import torch

        modules = dict(model.named_modules())
        with torch.no_grad():
            for name, (a, b) in self.low_rank.items():
                modules[name].weight += torch.from_numpy(SCALE * b @ a)

    def odds(self, features: Floats) -> Floats:
        """Log-odds that a sentence names a trigger; features of shape (…, 9), result of shape (…)."""
        hidden = np.tanh(features @ self.hidden.T + self.hidden_bias)
        odds: Floats = features @ self.linear + self.linear_bias + hidden @ self.output
        return odds
