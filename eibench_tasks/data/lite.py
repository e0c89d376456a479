"""`eibench_lite`: a fixed, stratified subset of 200 basic samples for development.

Each emotion gets its share of 200 by largest remainder (excitement 89, sadness 57, angry 43, happy 11). Within
an emotion, the sample numbers are ordered by sha256 of the sample's id and the first ones are taken.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

SIZE = 200


@lru_cache(maxsize=1)
def lite_ids() -> frozenset[str]:
    """The ids of the subset, from the list that is shipped (a list, so that no later change can move it)."""
    return frozenset(json.loads((Path(__file__).parent / "lite.json").read_text(encoding="utf-8")))


def select(ids_by_emotion: dict[str, list[str]], size: int = SIZE) -> list[str]:
    """The rule by which the list was made; a test holds the list against it.

    Args:
        ids_by_emotion: all basic sample ids.
        size: how many to take in all, at most as many as there are.
    """
    total = sum(map(len, ids_by_emotion.values()))
    shares = {emotion: size * len(ids) / total for emotion, ids in ids_by_emotion.items()}
    counts = {emotion: int(share) for emotion, share in shares.items()}
    by_remainder = sorted(shares, key=lambda emotion: (counts[emotion] - shares[emotion], emotion))
    for emotion in by_remainder[: size - sum(counts.values())]:
        counts[emotion] += 1
    chosen = []
    for emotion, ids in ids_by_emotion.items():
        ordered = sorted(ids, key=lambda id_: hashlib.sha256(id_.encode()).hexdigest())
        chosen += ordered[: counts[emotion]]
    return sorted(chosen)
