"""Text as a reader takes it, for tests of what may be hidden in it."""

import unicodedata


def as_read(text: str) -> str:
    """The text as a reader takes it, whatever letters it is written in."""
    cyrillic = str.maketrans("асеорхуіІАОЕРСТ", "aceopxyiIAOEPCT")
    text = unicodedata.normalize("NFKC", text).translate(cyrillic)
    kept = (character for character in text if unicodedata.category(character) not in ("Cf", "Mn"))
    return "".join("".join(kept).split()).casefold()
