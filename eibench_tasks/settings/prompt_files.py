"""Prompts of our own live in text files, one each, with their version in the name; this reads and fills them."""

import hashlib
import re
from functools import cached_property
from pathlib import Path

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class PromptFiles:
    """The prompts of one folder.

    Args:
        folder: holds ``NAME_vN.txt``; ``{placeholder}`` stands for a value, all other braces are text.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, **values: str) -> str:
        """The prompt of a file, its placeholders filled in.

        Args:
            name: file name without suffix, for example ``caption_v1``.
            values: by placeholder; inserted as they are, braces in them are text.
        """
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.texts[name])

    @cached_property
    def texts(self) -> dict[str, str]:
        """All prompts by name, as they are written."""
        return {file.stem: file.read_text(encoding="utf-8").rstrip("\n") for file in sorted(self.folder.glob("*.txt"))}

    @cached_property
    def hash(self) -> str:
        """8 hex digits that change with any of the prompts."""
        return hashlib.sha256(repr(self.texts).encode()).hexdigest()[:8]
