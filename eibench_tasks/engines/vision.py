"""Vision-language models that run in this process; see `local`, which batches them like models that read text."""

import io
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, ClassVar

from eibench_tasks.engines.engine import Ask, EngineError, Message, Trouble
from eibench_tasks.engines.local import LocalEngine, Row, quiet
from eibench_tasks.errors import JudgeError


@dataclass(frozen=True)
class _Prompt:
    """A conversation in the model's own form, and its images in their order."""

    text: str
    images: list[Any]


class VisionEngine(LocalEngine):
    """Runs a chat model that reads text and images; see `local.LocalEngine`, and there for the arguments.

    Images come as data URLs. What a text says of images is text: no placeholder in it is read as one.

    Raises:
        JudgeError: the model cannot be loaded, takes no images, or has no chat template.
    """

    _network_class: ClassVar[str] = "AutoModelForImageTextToText"
    _coder_class: ClassVar[str] = "AutoProcessor"

    def __init__(self, model: str, batch: int = 8, device: str | None = None, revision: str | None = None) -> None:
        if takes_images(model, revision) is False:
            raise JudgeError(f"{model} takes no images", "Name a vision-language model (…-VL, llava-…, gemma-3-…-it)")
        super().__init__(model, batch, device, revision)
        self._tokenizer.padding_side = "left"  # replies begin where prompts end
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token_id = self._network.generation_config.pad_token_id

    def _encode(self, ask: Ask) -> _Prompt:
        images: list[Any] = []
        messages = [{**message, "content": self._parts(message, images)} for message in ask.messages]
        text = self._coder.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return _Prompt(str(text), images)

    def _parts(self, message: Message, images: list[Any]) -> list[dict[str, str]]:
        """The parts of a message as templates want them; its images go to ``images``."""
        content = message["content"]
        said: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts = []
        for part in said:
            if part.get("type") == "text":
                parts.append({"type": "text", "text": self._control.broken_up(part["text"])})
            elif part.get("type") == "image_url":
                images.append(_image(part["image_url"]["url"]))
                parts.append({"type": "image"})
            else:
                raise EngineError("the model reads text and images only", Trouble.REQUEST)
        return parts

    def _alike(self, rows: list[Row]) -> list[list[Row]]:
        """Not every processor takes images for some of its texts only."""
        return [[row for row in rows if bool(row.prompt.images) is seeing] for seeing in (True, False)]

    def _inputs(self, rows: list[Row]) -> dict[str, Any]:
        texts = [row.prompt.text for row in rows]
        images = [row.prompt.images for row in rows] if rows[0].prompt.images else None
        first = self._tokenizer.bos_token
        more = {"add_special_tokens": False} if first and texts[0].startswith(first) else {}  # not twice
        inputs = self._coder(text=texts, images=images, padding=True, return_tensors="pt", **more)
        return dict(inputs.to(self._network.device, dtype=self._network.dtype))  # only floats change their type


def takes_images(model: str, revision: str | None = None) -> bool | None:
    """Whether a model is known to take images and text; None where its configuration cannot be read."""
    import transformers

    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(
                model, revision=revision or "main", trust_remote_code=False
            )
    except Exception:  # the library raises many kinds; whoever loads the model says what is wrong
        return None
    return type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING


def _image(url: str) -> Any:
    """The image in a data URL.

    Raises:
        EngineError: it is no data URL, or cannot be decoded.
    """
    from PIL import Image

    head, _, content = url.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64")):
        raise EngineError("the model gets images as data URLs only", Trouble.REQUEST)
    try:
        return Image.open(io.BytesIO(b64decode(content))).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow raises any of them
        raise EngineError("the image cannot be decoded", Trouble.REQUEST) from None
