"""Control tokens in text that a model gets to read: they must not end a turn, nor stand for an image."""

import re
from typing import Any


class ControlTokens:
    """The control tokens of a model.

    Args:
        coders: its tokenizer and, where it has one, its processor.
    """

    def __init__(self, *coders: Any) -> None:
        tokens: set[str] = set()
        for coder in coders:
            added = getattr(coder, "added_tokens_decoder", {}).values()
            tokens |= {str(token) for token in added if token.special}
            named = [value for name, value in vars(coder).items() if name.endswith("_token")]  # <image> and the like
            tokens |= {str(value) for value in named if isinstance(value, str)}
        longest_first = sorted((token for token in tokens if len(token) > 1), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def broken_up(self, text: str) -> str:
        """The text, each control token in it broken up by a space, and without halves of surrogate pairs."""
        whole = text.encode("utf-8", "replace").decode()
        return self._pattern.sub(lambda token: f"{token[0][:1]} {token[0][1:]}", whole)
