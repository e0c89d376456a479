"""Runs that have taken a source in, for tests of what they hold then."""

from pathlib import Path
from typing import Any

from cfsa_tool.config import Config, Model
from cfsa_tool.ingest.take_in import TakenIn, take_in
from cfsa_tool.records import Item
from cfsa_tool.run_folder import Manifest, RunFolder


def config(**fields: Any) -> Config:
    """A configuration that differs from the defaults in these fields."""
    return Config(vision=Model(model="none"), **fields)


class Run:
    """A run in a folder, and what taking sources into it gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder, Manifest(source="", config={}, fingerprint={}, version="0"))

    def take_in(self, source: Path | str, **fields: Any) -> TakenIn:
        return take_in(str(source), self.folder, config(**fields))

    @property
    def items(self) -> dict[str, Item]:
        """The images by name."""
        return {item.name: item for item in self.folder.items(most=10_000)}

    @property
    def emotions(self) -> dict[str, tuple[str, ...]]:
        """Emotions by name of the image."""
        return {name: item.emotions for name, item in self.items.items()}

    @property
    def left_out(self) -> dict[str, str]:
        """Reasons by name."""
        return dict(self.folder.left_out())
