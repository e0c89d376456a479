"""Small checkpoints of the form of Qwen2.5-VL, whatever their size: whatever loads that architecture loads them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MERGE, DEPTH = 2, 2
"""Patches of a side that become one token; frames that each patch of an image is repeated for."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
PROCESSOR_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
)
"""What `write_processor` writes."""
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
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_processor(
    folder: Path, texts: Iterable[str], vocabulary: int, patch: int, least_pixels: int, most_pixels: int
) -> None:
    """Learns a byte-level BPE from texts and writes it, with the chat template and how images are cut.

    Args:
        folder: of the checkpoint.
        texts: what the tokenizer learns from.
        vocabulary: tokens at most.
        patch: pixels of a patch's side.
        least_pixels, most_pixels: of an image; others are scaled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pixels = {
        "patch_size": patch,
        "temporal_patch_size": DEPTH,
        "merge_size": MERGE,
        "min_pixels": least_pixels,
        "max_pixels": most_pixels,
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
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 8192,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "extra_special_tokens": {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    }
    _write(folder / "tokenizer_config.json", about)
    (folder / "chat_template.jinja").write_text(_TEMPLATE, encoding="utf-8")
    _write(folder / "preprocessor_config.json", {**pixels, "image_processor_type": "Qwen2VLImageProcessor"})
    _write(folder / "video_preprocessor_config.json", {**pixels, "video_processor_type": "Qwen2VLVideoProcessor"})
    _write(folder / "processor_config.json", {"processor_class": "Qwen2_5_VLProcessor"})
    _learned(texts, vocabulary).save(str(folder / "tokenizer.json"))  # the last: where it is, all are


def _learned(texts: Iterable[str], vocabulary: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def new_network(folder: Path, text: Mapping[str, Any], vision: Mapping[str, Any], **more: Any) -> Any:
    """A network with random weights for the processor in a folder; float32.

    Args:
        folder: where `write_processor` wrote.
        text, vision: settings of both parts; what all small checkpoints share is added.
        more: other settings of `Qwen2_5_VLConfig`.
    """
    from tokenizers import Tokenizer
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = {token: tokenizer.token_to_id(token) for token in _SPECIAL}
    shared = {
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": 8192,
        "bos_token_id": None,
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    config = Qwen2_5_VLConfig(
        text_config={**shared, **text},
        vision_config={"spatial_merge_size": MERGE, "temporal_patch_size": DEPTH, **vision},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        **more,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
