"""The size of the embedded checkpoint, and how it cuts a scene into tokens."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eibench_tasks.scenes.render import HEIGHT, WIDTH
from tools.scene_model.small_qwen import MERGE, new_network, write_processor

PATCH = 28
"""Pixels of a patch's side."""
ROWS, COLUMNS = HEIGHT // PATCH, WIDTH // PATCH
"""Patches of a scene. Its image tokens: a quarter of them."""
TOKENS = ROWS * COLUMNS // MERGE**2
VOCABULARY = 2048
IMAGE = f"<|vision_start|>{'<|image_pad|>' * TOKENS}<|vision_end|>"
"""How an image stands in a prompt that is read by the tokenizer alone."""
_SPREAD = 0.06  # of the first weights: about the inverse root of a layer's inputs


def write_tokenizer(folder: Path, texts: Iterable[str]) -> None:
    """Learns the tokenizer from texts and writes it with all that goes before the network."""
    write_processor(folder, texts, VOCABULARY, PATCH, WIDTH * HEIGHT // 2, WIDTH * HEIGHT)


def new_model(folder: Path) -> Any:
    """A model with random weights for the tokenizer in a folder; float32."""
    import torch

    text = {
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "initializer_range": _SPREAD,
    }
    vision = {
        "depth": 4,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_heads": 4,
        "out_hidden_size": 192,
        "patch_size": PATCH,
        "window_size": 4 * PATCH,
        "fullatt_block_indexes": [0, 1, 2, 3],
        "initializer_range": _SPREAD,
    }
    model = new_network(folder, text, vision, tie_word_embeddings=True)
    torch.nn.init.normal_(model.model.visual.patch_embed.proj.weight, 0.0, _SPREAD / 3)  # it has many inputs
    return model
