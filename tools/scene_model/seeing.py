"""First the model learns to see: which things, people, feelings and places each part of an image shows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from eibench_tasks.scenes.catalogue import EMOTIONS, things
from eibench_tasks.scenes.people import KINDS, SHIRTS
from eibench_tasks.scenes.places import PLACES
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.scene import Scene
from tools.scene_model.checkpoint import COLUMNS, PATCH, ROWS
from tools.scene_model.learning import Learner
from tools.scene_model.small_qwen import DEPTH, MEAN, MERGE, STD

CLASSES = (*things(), *EMOTIONS, *KINDS, *SHIRTS, *PLACES)
"""What a part of an image can show; a part shows several."""
_NUMBER = {name: number for number, name in enumerate(CLASSES)}
SHRINK = 2
"""Pixels of an image that are taken together in training, in each direction."""
_SIDE = PATCH // SHRINK
_CELL = PATCH * MERGE
_QUIET = 0.05  # image tokens get about as loud as words, so that the layers of the language model can change them
_NOISE, _RARE = 0.05, 8.0  # on pixels; weight of what a part shows, which most do not
_MUCH, _LITTLE = 0.3, 0.1  # shares of a part: from the first it shows a thing, up to the second it does not


def small(scene: Scene) -> npt.NDArray[np.uint8]:
    """The image of a scene at 1 / `SHRINK` of its size; shape (height, width, 3)."""
    pixels = render(scene)
    height, width, _ = pixels.shape
    blocks = pixels.reshape(height // SHRINK, SHRINK, width // SHRINK, SHRINK, 3)
    found: npt.NDArray[np.uint8] = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return found


def patches(images: Tensor) -> Tensor:
    """Cuts small images (uint8, n × height × width × 3) as the processor of Qwen2.5-VL cuts large ones.

    Returns:
        Shape (n × `ROWS` × `COLUMNS`, 3 × `_SIDE` × `_SIDE`), in its order of patches, without repetition.
    """
    values = (images.float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    cut = values.reshape(len(images), ROWS // MERGE, MERGE, _SIDE, COLUMNS // MERGE, MERGE, _SIDE, 3)
    return cut.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(len(images) * ROWS * COLUMNS, -1)


class Folded(nn.Module):
    """The patch embedding of a model for small patches that are not repeated: an eighth of the work.

    What it learns, the whole embedding does with large patches: their frames are alike, and the points of each block
    have the same weight.
    """

    def __init__(self, embedding: Any) -> None:
        super().__init__()
        weight = embedding.proj.weight.detach().sum(dim=2)
        blocks = weight.reshape(len(weight), 3, _SIDE, SHRINK, _SIDE, SHRINK)
        self.weight = nn.Parameter(blocks.sum(dim=(3, 5)).flatten(1))

    def forward(self, values: Tensor) -> Tensor:
        """Embeds patches."""
        return values @ self.weight.T

    def unfold(self, embedding: Any) -> None:
        """Writes the weights back, the same for each frame and each point of a block."""
        blocks = self.weight.detach().reshape(-1, 3, _SIDE, 1, _SIDE, 1) / (DEPTH * SHRINK**2)
        large = blocks.expand(-1, -1, -1, SHRINK, -1, SHRINK).reshape(-1, 3, 1, PATCH, PATCH)
        embedding.proj.weight.data.copy_(large.expand_as(embedding.proj.weight))


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


def new_head(visual: Any) -> nn.Linear:
    """Reads off an image token what it shows; for training only."""
    head = nn.Linear(visual.config.out_hidden_size, len(CLASSES))
    nn.init.constant_(head.bias, -3.0)
    return head


def learn(
    file: Path,
    visual: Any,
    images: npt.NDArray[np.uint8],
    scenes: Sequence[Scene],
    steps: int,
    seed: int,
    batch: int = 16,
    device: str = "cpu",
) -> Iterator[tuple[int, float]]:
    """Trains the vision tower; goes on from the file where it was stopped. Yields the number of steps and the loss."""
    embedding, visual.patch_embed = visual.patch_embed, Folded(visual.patch_embed)
    module = nn.ModuleDict({"visual": visual, "head": new_head(visual)}).to(device)
    apart = [*visual.patch_embed.parameters(), *module["head"].parameters()]
    learner = Learner(module, apart, steps, file)
    wanted, certain = (torch.from_numpy(np.stack(part)) for part in zip(*map(shown, scenes), strict=True))
    while learner.step < steps:
        draw = torch.Generator().manual_seed(seed * 1_000_000 + learner.step)
        chosen = torch.randint(len(scenes), (batch,), generator=draw)
        values = patches(torch.from_numpy(images[chosen.numpy()]))
        values += _NOISE * torch.randn(values.shape, generator=draw)
        with torch.autocast(device, torch.bfloat16):
            said = module["head"](embedded(visual, values.to(device), batch)).cpu()
        losses = nn.functional.binary_cross_entropy_with_logits(
            said.float(), wanted[chosen].float(), reduction="none", pos_weight=torch.tensor(_RARE)
        )
        loss = learner.learn([losses[certain[chosen]].mean()])
        yield learner.step, loss
    visual.patch_embed.unfold(embedding)
    visual.patch_embed = embedding
    for weight in visual.merger.mlp[-1].parameters():
        weight.data *= _QUIET


def embedded(visual: Any, values: Tensor, count: int) -> Tensor:
    """The image tokens of so many images; shape (count, tokens, width)."""
    found = visual(values, grid_thw=grid(count).to(values.device))
    tokens: Tensor = found if isinstance(found, Tensor) else found.pooler_output
    return tokens.reshape(count, -1, tokens.shape[-1])
