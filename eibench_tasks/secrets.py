"""Keeps keys and passwords out of everything that is written or printed."""

import re

_ARGUMENT = re.compile(r"([\w.-]*(?:key|token|secret|password|passwd|credential)[\w.-]*\s*=\s*)[^,\s]+", re.IGNORECASE)
_IN_URL = re.compile(r"(\w+://)[^/@\s,]+@")


def without_secrets(text: str) -> str:
    """The text with values of arguments such as ``api_key=…`` and logins in addresses replaced by ``***``."""
    return _IN_URL.sub(r"\1***@", _ARGUMENT.sub(r"\1***", text))
