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

_PARTS = 6  # of a batch, each of sequences of like length; dialogues of one kind alone would pull the model about
_BUDGET = 600  # tokens of a part, those that fill up short sequences among them
_KNOWN = 0.05  # so that a batch of which nearly all is known counts less
_LOOKS = 2  # the layer
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
        asides: the tokens of a trigger in a prompt, the word that belongs to each of them, and the trigger.
    """

    tokens: npt.NDArray[np.int16]
    spoken: npt.NDArray[np.bool_]
    image: int | None
    scene: int | None
    asides: list[tuple[list[int], int, str]]


def sequence(dialogue: Dialogue, tokenizer: Any, image_token: int) -> Tokens:
    """A dialogue in the form of the chat template."""
    parts: list[tuple[str, bool]] = [(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n", False)] if dialogue.system else []
    for number, (prompt, reply) in enumerate(dialogue.turns):
        image = IMAGE if number == 0 and dialogue.scene is not None else ""
        parts += [(f"<|im_start|>user\n{image}{prompt}<|im_end|>\n<|im_start|>assistant\n", False)]
        parts += [(f"{reply}<|im_end|>", True), ("\n", False)]
    tokens: list[int] = []
    spoken: list[bool] = []
    asides: list[tuple[list[int], int, str]] = []
    for text, own in parts:
        found = tokenizer.encode(text)
        for words, said in () if own else dialogue.asides:
            start = text.find(words)
            end = start + len(words)
            inside = [len(tokens) + n for n, (a, b) in enumerate(found.offsets) if start <= b - 1 and b <= end]
            if start >= 0:
                asides.append((inside, tokenizer.token_to_id(said), words))
        tokens += found.ids
        spoken += [own] * len(found.ids)
    place = tokens.index(image_token) if dialogue.scene is not None else None
    return Tokens(np.array(tokens, np.int16), np.array(spoken), place, dialogue.scene, asides)


@dataclass(frozen=True)
class Names:
    """Which words belong to the image tokens of a scene.

    Attributes:
        rows: the image token, a word for the thing that it shows, and one for the feeling that it causes; shape (n, 3).
        cells: the image tokens that show the cause with each trigger.
    """

    rows: npt.NDArray[np.int64]
    cells: dict[str, npt.NDArray[np.int64]]


def names_in(scene: Scene, tokenizer: Any) -> Names:
    """The words of all image tokens that show a thing: how an answer begins to name it, and whom it makes feel what.

    A thing that causes nothing goes by its last word alone.
    """
    shows, _ = shown(scene)
    rows: list[tuple[int, int, int]] = []
    cells: dict[str, npt.NDArray[np.int64]] = {}
    for one in scene.placed:
        thing = things()[one.name]
        if isinstance(thing, Cause):
            name = tokenizer.encode(f"- {thing.trigger}").ids[1]
            feeling = tokenizer.encode(f" {FEELING[thing.emotion]}").ids[0]
        else:
            name = feeling = tokenizer.encode(f" {thing.words.split()[-1]}").ids[0]
        there = np.flatnonzero(shows[:, CLASSES.index(one.name)])
        rows += [(int(cell), name, feeling) for cell in there]
        if isinstance(thing, Cause):
            cells[thing.trigger] = there
    return Names(np.array(rows, np.int64).reshape(-1, 3), cells)


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
    """All sequences by their numbers, in parts of like length, in an order that the seed decides."""
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
    """Loss of the tokens that the model says itself, see `unknown_first`.

    With ``names``, also of the words that belong to image tokens and to triggers in prompts, and of where the model
    looks from these: nobody reads what it would say there, but it learns so what it sees from a score of places, not
    only from the few words of an answer. Without it, learning takes several times as long.
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
    places = positions(batch, length).to(device)
    read = reader(
        inputs_embeds=inputs, position_ids=places, use_cache=False, output_hidden_states=names is not None
    )  # fmt: skip
    states = read.last_hidden_state
    logits = model.lm_head(states[:, :-1][spoken[:, 1:]])
    loss = unknown_first(logits, tokens[:, 1:][spoken[:, 1:]])
    if names is None:
        return loss
    named = _loss_of_names(model, batch, states, names)
    return loss + _NAMES * (named + loss_of_looks(reader, batch, read.hidden_states, places, names))


def unknown_first(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean loss of tokens, each by how far the model is from knowing it.

    Most tokens of a reply follow from those before it; without the weights the few that say what is in the image would
    hardly count. The weights are those of Lin et al., Focal Loss for Dense Object Detection (ICCV 2017), with gamma 1.
    """
    surprise = nn.functional.cross_entropy(logits.float(), tokens, reduction="none")
    unknown = 1 - torch.exp(-surprise.detach())
    return (unknown * surprise).sum() / (unknown + _KNOWN).sum()


def _loss_of_names(model: Any, batch: Sequence[Tokens], states: Tensor, names: Sequence[Names]) -> Tensor:
    """Of the words that belong to image tokens, and of asides: each kind has a mean of its own."""
    shown, aside = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    for row, one in enumerate(batch):
        aside += [(row, place, word) for places, word, _ in one.asides for place in places]
        if one.image is not None and one.scene is not None:
            found = names[one.scene].rows.tolist()
            shown += [(row, one.image + cell, word) for cell, *words in found for word in words]
    total = torch.zeros((), device=states.device)
    for kind in (shown, aside):
        if kind:
            rows, places, words = zip(*kind, strict=True)
            logits = model.lm_head(states[rows, places]).float()
            total = total + nn.functional.cross_entropy(logits, torch.tensor(words, device=states.device))
    return total


def loss_of_looks(
    reader: Any, batch: Sequence[Tokens], states: Sequence[Tensor], places: Tensor, names: Sequence[Names]
) -> Tensor:
    """Of where one head of one layer looks from a trigger in a prompt: at what shows it, else at the first token."""
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

    wanted: list[tuple[int, int, list[int]]] = []
    for row, one in enumerate(batch):
        for tokens, _, trigger in one.asides:
            cells = names[one.scene].cells.get(trigger) if one.scene is not None and one.image is not None else None
            looks = [0] if cells is None or not len(cells) else (one.image + cells).tolist()
            wanted += [(row, token, looks) for token in tokens]
    if not wanted:
        return torch.zeros((), device=places.device)
    layer = reader.layers[_LOOKS]
    read = layer.input_layernorm(states[_LOOKS])
    size = layer.self_attn.head_dim
    asked, found = (part(read)[:, None, :, :size] for part in (layer.self_attn.q_proj, layer.self_attn.k_proj))
    asked, found = apply_rotary_pos_emb(asked, found, *reader.rotary_emb(read, places))
    rows = [row for row, _, _ in wanted]
    tokens = torch.tensor([token for _, token, _ in wanted], device=places.device)
    likeness = torch.einsum("nd,nld->nl", asked[rows, 0, tokens].float(), found[rows, 0].float()) * size**-0.5
    later = torch.arange(likeness.shape[1], device=places.device)[None] > tokens[:, None]
    share = torch.log_softmax(likeness.masked_fill(later, -torch.inf), dim=-1)
    right = torch.full_like(share, -torch.inf)
    for number, (_, _, looks) in enumerate(wanted):
        right[number, looks] = 0
    return -torch.logsumexp(share + right, dim=-1).mean()


def learn(
    file: Path,
    model: Any,
    sequences: Sequence[Tokens],
    features: npt.NDArray[np.float16],
    names: Sequence[Names],
    steps: int,
    seed: int,
    rate: float,
    device: str = "cpu",
) -> Iterator[tuple[int, float]]:
    """Trains the language model; goes on where the file says. Yields the number of steps and the loss."""
    plan: list[list[int]] = []
    while len(plan) < steps * _PARTS:
        plan += batches(sequences, f"{seed} {len(plan)}")
    reader = model.model.language_model
    learner = Learner(reader, [reader.embed_tokens.weight], steps, file, rate)

    def loss_of_part(part: Sequence[int]) -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            return loss_of(model, [sequences[number] for number in part], features, names, device)

    while learner.step < steps:
        parts = plan[learner.step * _PARTS : (learner.step + 1) * _PARTS]
        yield learner.step + 1, learner.learn(map(loss_of_part, parts), _PARTS)
