"""Then the model learns to say what it sees; the vision tower stays as it is, so that each image is seen once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from eibench_tasks.scenes.catalogue import Cause, things
from eibench_tasks.scenes.scene import Scene
from eibench_tasks.scenes.words import FEELING
from tools.scene_model.checkpoint import COLUMNS, IMAGE, ROWS, TOKENS
from tools.scene_model.dialogues import SYSTEM, Dialogue
from tools.scene_model.learning import Learner
from tools.scene_model.seeing import CLASSES, Folded, embedded, patches, shown
from tools.scene_model.small_qwen import MERGE

_BUDGET = 3_500  # tokens of a batch, those that fill up short sequences among them
_NAMES = 0.5  # weight of what image tokens show, beside what is said
_POOL = 2_000  # sequences of which batches of like length are made


@dataclass(frozen=True)
class Tokens:
    """A dialogue as the model reads it.

    Attributes:
        tokens: all of them.
        spoken: which of them the model says itself.
        image: place of the first image token; None without image.
        scene: number of the scene; None without image.
    """

    tokens: npt.NDArray[np.int16]
    spoken: npt.NDArray[np.bool_]
    image: int | None
    scene: int | None


def sequence(dialogue: Dialogue, tokenizer: Any, image_token: int) -> Tokens:
    """A dialogue in the form of the chat template."""
    parts: list[tuple[str, bool]] = [(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n", False)] if dialogue.system else []
    for number, (prompt, reply) in enumerate(dialogue.turns):
        image = IMAGE if number == 0 and dialogue.scene is not None else ""
        parts += [(f"<|im_start|>user\n{image}{prompt}<|im_end|>\n<|im_start|>assistant\n", False)]
        parts += [(f"{reply}<|im_end|>", True), ("\n", False)]
    tokens: list[int] = []
    spoken: list[bool] = []
    for text, own in parts:
        found = tokenizer.encode(text).ids
        tokens += found
        spoken += [own] * len(found)
    place = tokens.index(image_token) if dialogue.scene is not None else None
    return Tokens(np.array(tokens, np.int16), np.array(spoken), place, dialogue.scene)


Names = npt.NDArray[np.int64]
"""Which words belong to the image tokens of a scene; a row each: the image token, a word for the thing that it shows,
and one for the feeling that it causes."""


def names_in(scene: Scene, tokenizer: Any) -> Names:
    """The words of all image tokens that show a thing: how an answer begins to name it, and whom it makes feel what.

    A thing that causes nothing goes by its last word alone.
    """
    shows, _ = shown(scene)
    rows: list[tuple[int, int, int]] = []
    for one in scene.placed:
        thing = things()[one.name]
        if isinstance(thing, Cause):
            name = tokenizer.encode(f"- {thing.trigger}").ids[1]
            feeling = tokenizer.encode(f" {FEELING[thing.emotion]}").ids[0]
        else:
            name = feeling = tokenizer.encode(f" {thing.words.split()[-1]}").ids[0]
        rows += [(int(cell), name, feeling) for cell in np.flatnonzero(shows[:, CLASSES.index(one.name)])]
    return np.array(rows, np.int64).reshape(-1, 3)


def seen(
    model: Any, images: npt.NDArray[np.uint8], batch: int = 32, device: str = "cpu"
) -> Iterator[npt.NDArray[np.float16]]:
    """The image tokens of each image, as the model's vision tower gives them."""
    visual = model.model.visual
    embedding, visual.patch_embed = visual.patch_embed, Folded(visual.patch_embed)
    for start in range(0, len(images), batch):
        part = torch.from_numpy(np.array(images[start : start + batch]))
        with torch.no_grad(), torch.autocast(device, torch.bfloat16):  # as precise as the checkpoint will be
            found = embedded(visual, patches(part).to(device), len(part))
        yield from found.float().cpu().to(torch.float16).numpy()
    visual.patch_embed = embedding


def positions(sequences: Sequence[Tokens], length: int) -> Tensor:
    """The positions of all tokens in time, height and width, as Qwen2.5-VL counts them; shape (3, n, length)."""
    found = torch.arange(length).repeat(3, len(sequences), 1)
    rows, columns = ROWS // MERGE, COLUMNS // MERGE
    for number, one in enumerate(sequences):
        if one.image is not None:
            start, end = one.image, one.image + TOKENS
            found[0, number, start:end] = start
            found[1, number, start:end] = start + torch.arange(rows).repeat_interleave(columns)
            found[2, number, start:end] = start + torch.arange(columns).repeat(rows)
            found[:, number, end:] -= TOKENS - max(rows, columns)
    return found


def batches(sequences: Sequence[Tokens], seed: str) -> list[list[int]]:
    """All sequences by their numbers, in batches of like length, in an order that the seed decides."""
    draw = Random(seed)
    order = list(range(len(sequences)))
    draw.shuffle(order)
    found: list[list[int]] = []
    for start in range(0, len(order), _POOL):
        pool = sorted(order[start : start + _POOL], key=lambda number: (len(sequences[number].tokens), number))
        found += _of_like_length(pool, sequences)
    draw.shuffle(found)
    return found


def _of_like_length(pool: Sequence[int], sequences: Sequence[Tokens]) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in pool:
        if batch and (len(batch) + 1) * len(sequences[number].tokens) > _BUDGET:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def loss_of(
    model: Any,
    batch: Sequence[Tokens],
    features: npt.NDArray[np.float16],
    names: Sequence[Names] | None = None,
    device: str = "cpu",
) -> Tensor:
    """Mean loss of the tokens that the model says itself.

    With ``names``, also of the words that belong to image tokens: nobody reads what the model would say there, but it
    learns so what it sees from a score of places in an image, not only from the few words of an answer. Without it,
    learning takes several times as long.
    """
    length = max(len(one.tokens) for one in batch)
    tokens = torch.zeros(len(batch), length, dtype=torch.long)
    spoken = torch.zeros(len(batch), length, dtype=torch.bool)
    for row, one in enumerate(batch):
        tokens[row, : len(one.tokens)] = torch.from_numpy(one.tokens.astype(np.int64))
        spoken[row, : len(one.tokens)] = torch.from_numpy(one.spoken)
    reader = model.model.language_model
    tokens, spoken = tokens.to(device), spoken.to(device)
    inputs = reader.embed_tokens(tokens)
    for row, one in enumerate(batch):
        if one.image is not None:
            there = torch.from_numpy(features[one.scene].astype(np.float32))
            inputs[row, one.image : one.image + TOKENS] = there.to(device)
    # Sequences are filled up at their ends, so that no token ever sees what fills up a sequence: no mask is needed.
    states = reader(
        inputs_embeds=inputs, position_ids=positions(batch, length).to(device), use_cache=False
    ).last_hidden_state
    logits = model.lm_head(states[:, :-1][spoken[:, 1:]])
    loss = nn.functional.cross_entropy(logits.float(), tokens[:, 1:][spoken[:, 1:]])
    return loss + _NAMES * _loss_of_names(model, batch, states, names) if names is not None else loss


def _loss_of_names(model: Any, batch: Sequence[Tokens], states: Tensor, names: Sequence[Names]) -> Tensor:
    rows, places, words = [], [], []
    for row, one in enumerate(batch):
        if one.image is not None and one.scene is not None:
            found = names[one.scene]
            rows += [row] * len(found)
            places += (one.image + found[:, 0]).tolist()
            words += found[:, 1:].tolist()
    if not rows:
        return torch.zeros((), device=states.device)
    likely = torch.log_softmax(model.lm_head(states[rows, places]).float(), dim=-1)
    return -likely.gather(1, torch.tensor(words, device=states.device)).mean()


def learn(
    file: Path,
    model: Any,
    sequences: Sequence[Tokens],
    features: npt.NDArray[np.float16],
    names: Sequence[Names],
    steps: int,
    seed: int,
    device: str = "cpu",
) -> Iterator[tuple[int, float]]:
    """Trains the language model; goes on where the file says. Yields the number of steps and the loss."""
    plan: list[list[int]] = []
    while len(plan) < steps:
        plan += batches(sequences, f"{seed} {len(plan)}")
    reader = model.model.language_model
    learner = Learner(reader, [reader.embed_tokens.weight], steps, file)
    while learner.step < steps:
        with torch.autocast(device, torch.bfloat16):
            loss = loss_of(model, [sequences[number] for number in plan[learner.step]], features, names, device)
        learner.learn(loss)
        yield learner.step, loss.item()
