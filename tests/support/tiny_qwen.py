"""A Qwen2.5-VL checkpoint with random weights, made on the spot: real classes, no download, nonsense answers."""

from pathlib import Path

from tools.scene_model.small_qwen import new_network, write_processor

_TEXTS = [
    "You are a good expert of emotion understanding. Look at the image, why is this person so happy?",
    "A child laughs beside a birthday cake while friends clap and the candles burn.",
    "The crowd cheers, the rider grips the bar, and the track drops away below the wagon.",
]


def write_tiny_qwen(folder: Path, spread: float = 0.02, seed: int = 0) -> Path:
    """Writes the checkpoint: 2 layers, hidden 64; it loads in every class that loads Qwen2.5-VL.

    With a ``spread`` of the weights of 0.2 its replies differ with the prompt and the image.
    """
    import torch

    write_processor(folder, _TEXTS, vocabulary=400, patch=14, least_pixels=3136, most_pixels=50176)
    text = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "initializer_range": spread,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
    }
    vision = {
        "depth": 2,
        "initializer_range": spread,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "patch_size": 14,
        "window_size": 112,
        "fullatt_block_indexes": [1],
    }
    torch.manual_seed(seed)
    new_network(folder, text, vision).to(torch.bfloat16).save_pretrained(folder)
    return folder
