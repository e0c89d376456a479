"""Prompts of our own, one text file each, their version in the name. The published prompts are prepared data."""

from functools import cache
from pathlib import Path


def prompt(name: str, **values: str) -> str:
    """The prompt of a file, its ``{placeholders}`` filled in.

    Args:
        name: file name without suffix, for example ``caption_v1``.
        values: by placeholder; inserted as they are, braces in them are text.
    """
    text = _template(name)
    parts = []
    while "{" in text:
        before, _, rest = text.partition("{")
        key, _, text = rest.partition("}")
        parts += [before, values[key]]
    return "".join(parts) + text


@cache
def _template(name: str) -> str:
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
