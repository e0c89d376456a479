"""The persona ablation: who the model is told to be."""

import os
import re

_PUBLISHED = re.compile(r"\AYou are [^.\n]*\.")


def persona() -> str | None:
    """``$EIBENCH_PERSONA``, for example ``an architect``; None for the published persona."""
    return " ".join(os.environ.get("EIBENCH_PERSONA", "").split()) or None


def with_persona(prompt: str, who: str | None) -> str:
    """Puts another persona into the published prompt; without one the prompt stays as it is, to the letter."""
    if not who:
        return prompt
    sentence = f"You are {who.rstrip('.')}."
    replaced, count = _PUBLISHED.subn(lambda _: sentence, prompt)
    return replaced if count else f"{sentence} {prompt}"
