"""A handful of EIBench's images, for tests that need a prepared data set but not all of it."""

from functools import cache
from pathlib import Path

from eibench_tasks.data import source
from support.standins import write_standins


@cache
def few_keys(published: Path) -> list[str]:
    """The first image of each basic emotion (four images), and the first image of the complex split."""
    samples, _ = source.load(published)
    first = {(item.split, item.emotion if item.split == "basic" else ""): item.image_key for item in reversed(samples)}
    return sorted(first.values())


def write_few(root: Path, published: Path) -> Path:
    """Stand-ins for `few_keys` below ``root``; prepare them with ``allow_missing``."""
    return write_standins(root, few_keys(published))
