"""The form of the checkpoint: a small Qwen2.5-VL, so that whatever loads that architecture loads this one."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eibench_tasks.scenes.render import HEIGHT, WIDTH

PATCH, MERGE, DEPTH = 28, 2, 2
"""Pixels of a patch's side; patches of a side that become one token; the frames that each patch is repeated for."""
ROWS, COLUMNS = HEIGHT // PATCH, WIDTH // PATCH
"""Patches of a scene. Its image tokens: a quarter of them."""
TOKENS = ROWS * COLUMNS // MERGE**2
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
VOCABULARY = 2048
_SPREAD = 0.06  # of the first weights: about the inverse root of a layer's inputs
PROCESSOR_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
)
"""What `write_tokenizer` writes."""
_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
IMAGE = f"<|vision_start|>{'<|image_pad|>' * TOKENS}<|vision_end|>"
"""How an image stands in a prompt that is read by the tokenizer alone."""
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_PIXELS: Mapping[str, Any] = {
    "patch_size": PATCH,
    "temporal_patch_size": DEPTH,
    "merge_size": MERGE,
    "min_pixels": WIDTH * HEIGHT // 2,
    "max_pixels": WIDTH * HEIGHT,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": MEAN,
    "image_std": STD,
    "rescale_factor": 1 / 255,
    "resample": 3,
    "processor_class": "Qwen2_5_VLProcessor",
}


def write_tokenizer(folder: Path, texts: Iterable[str]) -> None:
    """Learns a byte-level BPE from texts and writes it with the chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 8192,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "extra_special_tokens": {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    }
    _write(folder / "tokenizer_config.json", about)
    (folder / "chat_template.jinja").write_text(_TEMPLATE, encoding="utf-8")
    _write(folder / "preprocessor_config.json", {**_PIXELS, "image_processor_type": "Qwen2VLImageProcessor"})
    _write(folder / "video_preprocessor_config.json", {**_PIXELS, "video_processor_type": "Qwen2VLVideoProcessor"})
    _write(folder / "processor_config.json", {"processor_class": "Qwen2_5_VLProcessor"})
    tokenizer.save(str(folder / "tokenizer.json"))  # the last: where it is, all are


def new_model(folder: Path) -> Any:
    """A model with random weights for the tokenizer in a folder; float32."""
    import torch
    from tokenizers import Tokenizer
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = {token: tokenizer.token_to_id(token) for token in _SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": VOCABULARY,
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 5,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "max_position_embeddings": 8192,
            "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
            "rope_theta": 10000.0,
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
            "tie_word_embeddings": True,
            "initializer_range": _SPREAD,
        },
        vision_config={
            "initializer_range": _SPREAD,
            "depth": 4,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_heads": 4,
            "out_hidden_size": 192,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": DEPTH,
            "window_size": 4 * PATCH,
            "fullatt_block_indexes": [0, 1, 2, 3],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.visual.patch_embed.proj.weight, 0.0, _SPREAD / 3)  # it has many inputs
    return model


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
