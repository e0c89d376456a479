"""Keeps keys and passwords out of everything that is written or printed."""

import re
from collections.abc import Mapping
from typing import Any

_ARGUMENT = re.compile(r"([\w.-]*(?:key|token|secret|password|passwd|credential)[\w.-]*\s*=\s*)[^,\s]+", re.IGNORECASE)
_IN_URL = re.compile(r"(\w+://)[^/@\s,]+@")


def without_secrets(text: str) -> str:
    """The text with values of arguments such as ``api_key=…`` and logins in addresses replaced by ``***``."""
    return _IN_URL.sub(r"\1***@", _ARGUMENT.sub(r"\1***", text))


def settings_without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a mapping of settings; a number is no secret, as that of ``max_new_tokens``."""
    said = {name: f"{name}={value}" for name, value in settings.items()}
    return {
        name: value if isinstance(value, int | float) or without_secrets(said[name]) == said[name] else "***"
        for name, value in settings.items()
    }
