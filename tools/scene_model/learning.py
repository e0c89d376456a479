"""What both trainings share: the optimizers, and a state in a file from which a stopped training goes on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

EVERY = 200  # steps after which the state is kept
_MATRICES, _OTHERS = 0.02, 1e-3  # rates of learning


class Learner:
    """Trains a module: matrices by Muon, which needs a fraction of AdamW's steps here, all else by AdamW.

    Rates rise over the first steps and fall over the second half.

    Attributes:
        step: that comes next.

    Args:
        module: to be trained.
        apart: weights of it that AdamW trains though they are matrices: embeddings and what reads them.
        steps: of the whole training.
        file: for its state; read if it is there.
        rate: of learning, as a share of the usual one; a model that knows something forgets it at the full rate.
    """

    def __init__(self, module: nn.Module, apart: list[Tensor], steps: int, file: Path, rate: float = 1.0) -> None:
        known = {id(weight) for weight in apart}
        matrices = [one for one in module.parameters() if one.ndim == 2 and id(one) not in known]
        taken = {id(weight) for weight in matrices}
        others = [one for one in module.parameters() if id(one) not in taken]
        self._module = module
        self._file = file
        self._optimizers: list[Any] = [
            torch.optim.Muon(matrices, lr=rate * _MATRICES, weight_decay=0.01),
            torch.optim.AdamW(others, lr=rate * _OTHERS, weight_decay=0.01, betas=(0.9, 0.98)),
        ]
        self._schedules = [
            torch.optim.lr_scheduler.LambdaLR(
                one, lambda step: min(1.0, (step + 1) / 30) * min(1.0, max(0.01, 2 * (steps - step) / steps))
            )
            for one in self._optimizers
        ]
        self._steps = steps
        self.step = 0
        if file.exists():
            found = torch.load(file)
            self.step = found["step"]
            for part, state in zip(self._parts, found["states"], strict=True):
                part.load_state_dict(state)

    @property
    def _parts(self) -> list[Any]:
        return [self._module, *self._optimizers, *self._schedules]

    def learn(self, losses: Iterable[Tensor], count: int = 1) -> float:
        """One step; the state is kept now and then, and at the end, as a whole or not at all.

        Args:
            losses: of the parts of the batch, computed one after another to spare memory.
            count: how many they are.

        Returns:
            Their mean.
        """
        self._module.zero_grad()
        total = 0.0
        for loss in losses:
            (loss / count).backward()
            total += loss.item() / count
        nn.utils.clip_grad_norm_(self._module.parameters(), 1.0)
        for part in (*self._optimizers, *self._schedules):
            part.step()
        self.step += 1
        if self.step % EVERY == 0 or self.step == self._steps:
            unfinished = self._file.with_suffix(".part")
            torch.save({"step": self.step, "states": [part.state_dict() for part in self._parts]}, unfinished)
            unfinished.rename(self._file)
        return total
