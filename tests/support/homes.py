"""Home folders with prepared data: the published annotations joined with stand-ins."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Home:
    """A home folder with prepared data, and the images that it points to."""

    folder: Path
    images: Path


def prepare_home(folder: Path, images: Path, published: Path) -> Home:
    """Prepares whatever images there are."""
    from eibench_tasks.data.prepare import prepare

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIBENCH_HOME", str(folder))
        prepare([images], published, allow_missing=True)
    return Home(folder, images)


def few_keys(published: Path) -> set[str]:
    """The images of a small data set: the first of each emotion, a second happy one, one of the complex split."""
    from eibench_tasks.data import source

    wanted = ["happy", "happy", "angry", "sadness", "excitement", "complex"]
    keys = set()
    annotations, _ = source.load(published)
    for item in annotations:
        kind = "complex" if item.split == "complex" else item.emotion
        if kind in wanted:
            wanted.remove(kind)
            keys.add(item.image_key)
    return keys
