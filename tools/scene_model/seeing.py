"""First the model learns to see: which things, people, feelings and places each part of an image shows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from eibench_tasks.scenes.catalogue import EMOTIONS, things
from eibench_tasks.scenes.people import KINDS, SHIRTS
from eibench_tasks.scenes.places import PLACES
from eibench_tasks.scenes.scene import Scene
from tools.scene_model.checkpoint import COLUMNS, DEPTH, MEAN, MERGE, PATCH, ROWS, STD

CLASSES = (*things(), *EMOTIONS, *KINDS, *SHIRTS, *PLACES)
"""What a part of an image can show; a part shows several."""
_NUMBER = {name: number for number, name in enumerate(CLASSES)}
_CELL = PATCH * MERGE
_MUCH, _LITTLE = 0.3, 0.1  # shares of a part: from the first it shows a thing, up to the second it does not


def patches(images: Tensor) -> Tensor:
    """Cuts images (uint8, n × height × width × 3) as the processor of Qwen2.5-VL does, but without repetition.

    Returns:
        Shape (n × `ROWS` × `COLUMNS`, 3 × `PATCH` × `PATCH`), in its order of patches.
    """
    values = (images.float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    cut = values.reshape(len(images), ROWS // MERGE, MERGE, PATCH, COLUMNS // MERGE, MERGE, PATCH, 3)
    return cut.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(len(images) * ROWS * COLUMNS, -1)


class Folded(nn.Module):
    """The patch embedding of a model for patches that are not repeated: half the work, the same result."""

    def __init__(self, embedding: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(embedding.proj.weight.detach().sum(dim=2).flatten(1))

    def forward(self, values: Tensor) -> Tensor:
        """Embeds patches."""
        return values @ self.weight.T

    def unfold(self, embedding: Any) -> None:
        """Writes the weights back, the same for each frame."""
        weight = self.weight.detach().reshape(-1, 3, 1, PATCH, PATCH) / DEPTH
        embedding.proj.weight.data.copy_(weight.expand_as(embedding.proj.weight))


def grid(count: int) -> Tensor:
    """The grids of so many images."""
    return torch.tensor([[1, ROWS, COLUMNS]]).repeat(count, 1)


def shown(scene: Scene) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """What each part of a scene's image shows, and of what that is certain; both of the shape (tokens, classes)."""
    share = np.zeros((ROWS // MERGE * COLUMNS // MERGE, len(CLASSES)))
    for one in scene.placed:
        half = one.size // 2
        box = (one.at[0] - half, one.at[1] - one.size * 105 // 100, one.at[0] + half, one.at[1])
        share[:, _NUMBER[one.name]] = _covered(box)
    for figure in scene.figures:
        x, y = figure.at
        body = _covered((x - 42, y - 262, x + 42, y))
        for name in (figure.person.emotion, figure.person.kind, figure.person.shirt):
            share[:, _NUMBER[name]] = np.maximum(share[:, _NUMBER[name]], body)
    share[:, _NUMBER[scene.place]] = 1
    return share >= _MUCH, (share >= _MUCH) | (share <= _LITTLE)


def _covered(box: tuple[int, int, int, int]) -> npt.NDArray[np.float64]:
    """The share of each part that a box (left, top, right, bottom; in pixels) covers."""
    left, top, right, bottom = box

    def along(low: int, high: int, count: int) -> npt.NDArray[np.float64]:
        starts = np.arange(count) * _CELL
        return np.clip(np.minimum(high, starts + _CELL) - np.maximum(low, starts), 0, _CELL) / _CELL

    return np.outer(along(top, bottom, ROWS // MERGE), along(left, right, COLUMNS // MERGE)).ravel()


def learn(
    visual: Any, images: npt.NDArray[np.uint8], scenes: Sequence[Scene], steps: int, batch: int, seed: int
) -> Iterator[tuple[int, float]]:
    """Trains the vision tower; yields the step and the loss."""
    generator = torch.Generator().manual_seed(seed)
    embedding, visual.patch_embed = visual.patch_embed, Folded(visual.patch_embed)
    head = nn.Linear(visual.config.out_hidden_size, len(CLASSES))
    nn.init.constant_(head.bias, -3.0)
    truth = [shown(scene) for scene in scenes]
    wanted, certain = (torch.from_numpy(np.stack(part)) for part in zip(*truth, strict=True))
    noise = 0.05 * torch.randn(2 * batch * ROWS * COLUMNS, 3 * PATCH * PATCH, generator=generator)
    weights = [*visual.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        chosen = torch.randint(len(scenes), (batch,), generator=generator)
        pixels = torch.from_numpy(images[chosen.numpy()])
        values = patches(pixels)
        start = int(torch.randint(len(values), (), generator=generator))
        values += noise[start : start + len(values)]  # drawing it anew would take as long as learning from it
        with torch.autocast("cpu", torch.bfloat16):
            said = head(embedded(visual, values, batch))
        losses = nn.functional.binary_cross_entropy_with_logits(
            said.float(), wanted[chosen].float(), reduction="none", pos_weight=torch.tensor(3.0)
        )
        loss = losses[certain[chosen]].mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        yield step, loss.item()
    visual.patch_embed.unfold(embedding)
    visual.patch_embed = embedding


def embedded(visual: Any, values: Tensor, count: int) -> Tensor:
    """The image tokens of so many images; shape (count, tokens, width)."""
    found = visual(values, grid_thw=grid(count))
    tokens: Tensor = found if isinstance(found, Tensor) else found.pooler_output
    return tokens.reshape(count, -1, tokens.shape[-1])
