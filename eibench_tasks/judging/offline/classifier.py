"""The small model that turns measurements into a probability; its weights are in ``model.json``.

``benchmarks/offline_judge/fit.py`` fits it on the published pairs and states how well it does on those kept apart.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eibench_tasks.judging.offline.encoder import Floats
from eibench_tasks.judging.offline.features import NAMES

FILE = Path(__file__).parent / "model.json"


@dataclass(frozen=True)
class Classifier:
    """A network of one hidden layer over standardised features; several of them are averaged.

    Attributes:
        version: changes with the weights, the features or the encoder; part of every result.
        background: generic sentences by which it is told what is near to everything.
        mean, scale: of the features; shape (features,).
        hidden, hidden_bias: shape (nets, features, units) and (nets, units).
        output, output_bias: shape (nets, units) and (nets,).
        shift: added to the log-odds, so that 0.5 is the calibrated threshold.
    """

    version: str
    background: list[str]
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats
    shift: float

    @classmethod
    def load(cls, file: Path = FILE) -> "Classifier":
        """Reads the weights.

        Raises:
            ValueError: they were fitted for other features.
        """
        data = json.loads(file.read_text(encoding="utf-8"))
        if tuple(data["features"]) != NAMES:
            raise ValueError(f"{file} was fitted for other features")
        arrays = {
            key: np.array(data[key], dtype=np.float32)
            for key in ("mean", "scale", "hidden", "hidden_bias", "output", "output_bias")
        }
        return cls(version=data["version"], background=data["background"], shift=data["shift"], **arrays)

    def probability(self, values: Floats) -> float:
        """Probability that the trigger is named, 0 to 1, from the numbers of `features.features`."""
        standard = np.clip((values - self.mean) / self.scale, -5, 5)
        hidden = np.tanh(standard @ self.hidden + self.hidden_bias)
        odds = (hidden * self.output).sum(axis=-1) + self.output_bias
        return float(1 / (1 + np.exp(-(odds.mean() + self.shift))))
