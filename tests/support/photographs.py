"""Pictures that no two seeds share, drawn so that perceptual hashes tell them apart."""

import io
import random
from pathlib import Path
from typing import Any

from PIL import Image


def photograph(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture of soft patches of light and dark, as its seed has it."""
    generator = random.Random(seed)
    patches = Image.new("RGB", (8, 8))
    patches.putdata([tuple(generator.randrange(256) for _ in range(3)) for _ in range(64)])
    return patches.resize(size, Image.Resampling.BICUBIC)


def photograph_bytes(seed: int, form: str = "PNG", **options: Any) -> bytes:
    """The file of a picture."""
    content = io.BytesIO()
    photograph(seed).save(content, form, **options)
    return content.getvalue()


def write_photograph(path: Path, seed: int, **options: Any) -> Path:
    """Writes a picture in the format of its suffix; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    photograph(seed).save(path, **options)
    return path
