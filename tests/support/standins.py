"""Stand-in images for EIBench's keys: EmoSet and CAER-S cannot be shipped, their file names can be filled."""

import io
import random
from collections.abc import Iterable
from pathlib import Path

from PIL import Image


def write_standins(root: Path, keys: Iterable[str]) -> Path:
    """Writes one small image per key below ``root``, each with its own colours, in the format of its suffix."""
    for key in sorted(set(keys)):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(standin_bytes(key))
    return root


def standin_bytes(key: str) -> bytes:
    """A 56 x 56 image whose pixels depend on the key only."""
    generator = random.Random(key)
    image = Image.new("RGB", (2, 2))
    image.putdata([tuple(generator.randrange(256) for _ in range(3)) for _ in range(4)])
    buffer = io.BytesIO()
    image.resize((56, 56)).save(buffer, "PNG" if key.endswith(".png") else "JPEG")
    return buffer.getvalue()
