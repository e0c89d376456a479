"""Structured replies: the JSON schema that is asked for, and how a reply is read strictly, held to it or not."""

import json
from collections.abc import Mapping
from typing import Any

from eibench_tasks.engines.answer import final_answer
from eibench_tasks.engines.engine import Reply

MAX_REPLY = 100_000
"""Characters; a longer reply is not read."""


class Unusable(ValueError):
    """What a reply says does not count; the message says why."""


def json_object(reply: Reply) -> dict[str, Any]:
    """The object that a reply is: JSON and nothing else, but for reasoning before it and one code fence.

    Raises:
        Unusable: it is no such JSON.
    """
    if len(reply.text) > MAX_REPLY:
        raise Unusable("the reply is too long")
    text = final_answer(reply.text)
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    cut = " and was cut off" if reply.finish == "length" else ""
    if not text.strip():
        raise Unusable(f"the reply is empty{cut}")
    try:
        data = json.loads(text, strict=False, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Unusable(f"the reply is not the JSON asked for{cut}") from None
    if not isinstance(data, dict):
        raise Unusable("the reply is not the JSON asked for")
    return data


def object_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON schema of an object with these fields and no others; all are required."""
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}


def list_schema(items: Mapping[str, Any], least: int, most: int) -> dict[str, Any]:
    """JSON schema of a list of so many things."""
    return {"type": "array", "items": dict(items), "minItems": least, "maxItems": most}


def _no_number(name: str) -> float:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: which of two counts would be a guess."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)
