"""What every engine offers: one question in, one reply out, or an error that says what went wrong."""

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

Message = dict[str, Any]
"""A chat message: ``role``, and ``content`` as text or as a list of text and image parts, as OpenAI's API has it."""


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn. ``max_tokens`` bounds its length; ``top_p`` None leaves the engine's default."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float | None = None


class Picture(str):
    """An image as data URL, which an image part of a message holds as its ``url``.

    Attributes:
        digest: identifies the image, in hex. It stands for the image in `Ask.key`, so that an image is not hashed
            again with every question about it.
    """

    digest: str

    def __new__(cls, content: bytes, mime: str, digest: str = "") -> "Picture":
        """The image file of this content and type, such as ``image/jpeg``; ``digest`` is its sha256 if not given."""
        picture = super().__new__(cls, f"data:{mime};base64,{b64encode(content).decode()}")
        picture.digest = digest or hashlib.sha256(content).hexdigest()
        return picture


@dataclass(frozen=True)
class Ask:
    """One question to a language model.

    Attributes:
        messages: the conversation so far.
        sampling: how the reply is drawn.
        schema: JSON schema that the reply must follow, where the engine can enforce one.
        purpose: what the reply is for and the version of the rules that read it; part of `key`.
        attempt: counts how often the same question was asked before; part of `key`.
        choices: values of which the reply holds one; engines that can say how likely each of them was.
        place: questions of one place begin alike, so that one server of several should get them all.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    schema: dict[str, Any] | None = None
    purpose: str = ""
    attempt: int = 0
    choices: tuple[str, ...] = ()
    place: str = ""

    def key(self, engine: str) -> str:
        """sha256, in hex, over everything that determines the reply of the engine of this name."""
        messages = [_by_digest(message) for message in self.messages]
        parts: list[Any] = [engine, self.purpose, self.attempt, vars(self.sampling), self.schema, messages]
        if self.choices:
            parts.append(self.choices)
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def again(self, attempt: int) -> "Ask":
        """The same question, asked for another time."""
        return replace(self, attempt=attempt)

    @property
    def characters(self) -> int:
        """Length of all text, in bytes of UTF-8: other scripts need more tokens; images do not count."""
        contents = [message["content"] for message in self.messages]
        parts = [[{"text": content}] if isinstance(content, str) else content for content in contents]
        return sum(len(part.get("text", "").encode("utf-8", "replace")) for content in parts for part in content)


def _by_digest(message: Message) -> Message:
    """The message with its pictures named by their digests."""
    content = message["content"]
    if isinstance(content, str):
        return message
    parts = [
        {"picture": part["image_url"]["url"].digest}
        if part.get("type") == "image_url" and isinstance(part["image_url"]["url"], Picture)
        else part
        for part in content
    ]
    return {**message, "content": parts}


class Reply(BaseModel):
    """What a model said.

    Attributes:
        text: its words; may be anything, it is untrusted.
        finish: ``stop``, ``length`` where it was cut off, or what else the engine says.
        prompt_tokens, completion_tokens: None where the engine does not count.
        cached_tokens: those of the prompt that the engine had computed before; None where it does not say.
        likely: probability of each of the ask's choices, from 0 to 1; their sum may be less. None where unknown.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    likely: dict[str, float] | None = None


class Trouble(Enum):
    """How far an error reaches."""

    REQUEST = "request"
    """This question cannot be answered, whoever asks again."""
    PASSING = "passing"
    """It was tried again and again; a later run may succeed."""
    ENGINE = "engine"
    """No question will be answered: wrong key, unknown model, budget spent."""


class EngineError(Exception):
    """No reply came.

    Args:
        reason: what went wrong, in words that hold nothing of the prompt and no secret.
        trouble: how far it reaches.
    """

    def __init__(self, reason: str, trouble: Trouble) -> None:
        self.reason = reason
        self.trouble = trouble
        super().__init__(reason)


class Engine(Protocol):
    """A language model. Used within one event loop.

    Attributes:
        name: names model and revision; part of the key of every reply.
    """

    name: str

    async def reply(self, ask: Ask) -> Reply:
        """Asks once, however many tries that takes.

        Raises:
            EngineError: no reply came.
        """

    async def close(self) -> None:
        """Gives back what the engine holds."""
