"""The emotions that folders, manifests and models may name."""

from collections.abc import Iterable

from cfsa_tool.config import Config
from cfsa_tool.errors import ConfigError

USUAL = (
    *("happy", "angry", "sadness", "excitement"),  # EIBench
    *("amusement", "awe", "contentment", "disgust", "fear"),  # EmoSet
    *("neutral", "surprise"),  # CAER-S
    *("boredom", "calm", "embarrassment", "loneliness", "love", "pride", "relief", "shame"),
)
"""Each emotion under one word, so that a model that chooses has no two words for one."""

_ALSO = ("anger",)  # EmoSet's word, which its images keep

_SPELLINGS = {
    "excited": "excitement",
    "happiness": "happy",
    "joy": "happy",
    "joyful": "happy",
    "sad": "sadness",  # a folder of CAER-S
}
"""Other forms of EIBench's words."""

_LONGEST = 40


class Emotions:
    """The words for emotions that a source may use.

    Args:
        words: the emotions; each in lower case.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._known = frozenset(self.words)

    def read(self, word: str) -> str | None:
        """The emotion that a word names, in lower case; None where it names none.

        A known word stays what it is; another form of a known word of EIBench becomes that word.
        """
        lower = word.strip().lower()
        if lower in self._known:
            return lower
        other = _SPELLINGS.get(lower)
        return other if other in self._known else None


def known_emotions(config: Config) -> tuple[str, ...]:
    """The emotions of which a model chooses: those of the configuration, else `USUAL`.

    Raises:
        ConfigError: one of the configuration's is no short printable text, or there is none at all.
    """
    if config.emotions is None:
        return USUAL
    for word in config.emotions:
        if not word.strip() or len(word) > _LONGEST or not word.isprintable() or ";" in word:
            raise ConfigError(
                f"emotions: {word[:60]!r} is no name of an emotion",
                f"Give short words in `emotions:`, of up to {_LONGEST} printable characters and without ;",
            )
    if not config.emotions:
        raise ConfigError("emotions: the list is empty", "Name the emotions, or leave `emotions:` out for the usual")
    return tuple(dict.fromkeys(word.strip().lower() for word in config.emotions))


def emotions_of(config: Config) -> Emotions:
    """The words that folders and manifests may use.

    Raises:
        ConfigError: as `known_emotions`.
    """
    return Emotions(known_emotions(config) if config.emotions is not None else (*USUAL, *_ALSO))
