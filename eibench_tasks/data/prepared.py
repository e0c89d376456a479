"""Reads the current prepared data set."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from eibench_tasks.data.schema import Manifest, Protocol, Sample
from eibench_tasks.errors import ImagesError, NotPreparedError
from eibench_tasks.home import eibench_home

POINTER = "current.json"
"""The file in `$EIBENCH_HOME` that names the folder of the current prepared data set."""
PREFIX = "prepared-"


@dataclass(frozen=True)
class Prepared:
    """A prepared data set in memory; ``folder`` holds it on disk."""

    folder: Path
    manifest: Manifest
    protocol: Protocol
    samples: list[Sample]

    @property
    def arrow(self) -> Path:
        """The folder that `datasets.load_from_disk` reads."""
        return self.folder / "arrow"

    @property
    def captioned(self) -> bool:
        """Whether every basic sample has a caption."""
        return all(sample.caption for sample in self.split("basic"))

    def split(self, name: str) -> list[Sample]:
        """The samples of ``basic`` or ``complex``."""
        return [sample for sample in self.samples if sample.split == name]


def load_prepared() -> Prepared:
    """The current prepared data set.

    Raises:
        NotPreparedError: there is none, or it is damaged or of another version.
    """
    home = eibench_home()
    try:
        pointer = (home / POINTER).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotPreparedError(
            f"EIBench is not prepared in {home}",
            "Run: `eibench prepare --images DIR` with the folder that holds EmoSet-118k/ and CAER-S/",
        ) from None
    except OSError as error:
        raise NotPreparedError(f"cannot read {home / POINTER}: {error.strerror}", _AGAIN) from None
    return _load(home, pointer)


_AGAIN = "Run: `eibench prepare --images DIR` again"


@lru_cache(maxsize=4)
def _load(home: Path, pointer: str) -> Prepared:
    try:
        folder = home / Path(json.loads(pointer)["current"]).name
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        protocol = Protocol.model_validate_json((folder / "protocol.json").read_bytes())
        lines = (folder / "samples.jsonl").read_bytes().splitlines()  # bytes: captions hold other line separators
        samples = [Sample.model_validate_json(line) for line in lines]
        (folder / "arrow" / "dataset_dict.json").stat()
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        name = type(error).__name__
        raise NotPreparedError(f"the prepared data in {home} is damaged or outdated ({name})", _AGAIN) from None
    if len(samples) != sum(counts.n for counts in manifest.counts.values()):
        raise NotPreparedError(f"the prepared data in {home} is cut short", _AGAIN)
    return Prepared(folder, manifest, protocol, samples)


def check_images(samples: list[Sample]) -> None:
    """Looks whether the images are still the files that were verified, by their sizes.

    Raises:
        ImagesError: one is gone or has changed.
    """
    for sample in samples:
        try:
            size = Path(sample.image).stat().st_size
        except OSError as error:
            raise ImagesError(f"{sample.image} is gone since it was prepared ({error.strerror})", _AGAIN) from None
        if size != sample.image_size:
            raise ImagesError(f"{sample.image} has changed since it was prepared", _AGAIN)
