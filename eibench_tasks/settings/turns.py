"""The settings that take several turns: the model's own caption, and self-ask (CFSA), which is in `self_ask`.

A setting is a function from the replies so far to the next prompt; when it has none left, the last reply is the
answer. The harness keeps no state between turns, so neither do we: everything follows from the replies.
"""

import json
from collections.abc import Callable, Sequence
from typing import TypedDict

from eibench_tasks.self_ask import replayed
from eibench_tasks.settings.prompts import prompt

NextPrompt = Callable[[str, Sequence[str]], str | None]
"""From the published prompt of the sample and the replies so far to the next prompt; None when all is said."""


class Turn(TypedDict):
    """One prompt and what the model replied, reasoning included."""

    prompt: str
    reply: str


def own_caption(user_prompt: str, replies: Sequence[str]) -> str | None:
    """First the model describes the image, then it is asked with that caption."""
    if not replies:
        return prompt("describe_v1")
    return with_caption(user_prompt, replies[0]) if len(replies) == 1 else None


def with_caption(user_prompt: str, caption: str) -> str:
    """The published prompt below a caption. How the paper joined the two is not published."""
    return prompt("caption_v1", caption=caption, question=user_prompt)


def pack(prompts: Sequence[str], replies: Sequence[str]) -> str:
    """All turns as one text, the form in which they pass through the harness and its log.

    ``<`` is escaped: what the harness takes for reasoning, it cuts out of the text, across turns if need be.
    """
    turns = [Turn(prompt=p, reply=r) for p, r in zip(prompts, replies, strict=True)]
    return json.dumps({"eibench_turns": turns}, ensure_ascii=False).replace("<", "\\u003c")


def unpack(text: str) -> list[Turn] | None:
    """The turns that `pack` put into a text; None where it is not such a text."""
    if not text.startswith('{"eibench_turns"'):
        return None
    try:
        turns = json.loads(text)["eibench_turns"]
        return [Turn(prompt=str(turn["prompt"]), reply=str(turn["reply"])) for turn in turns] or None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def last_reply(output: str) -> tuple[str, list[Turn] | None]:
    """The answer in what the model wrote last, and all turns where several were packed into the output."""
    said = unpack(output)
    return (replayed.answer(said[-1]["prompt"], said[-1]["reply"]), said) if said else (output, None)
