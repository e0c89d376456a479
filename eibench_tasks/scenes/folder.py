"""A folder of scenes on disk: what it holds, and how it is read. `drawing` writes it.

```
scenes.json           what the folder is: seed, number, version, digest
images/, twins/       a PNG for each scene, and one for its twin
scenes.jsonl          the samples about scenes, with their truth
twins.jsonl           the samples about twins
EI_Basic/, EI_Complex/  all of them in EIBench's own format
manifest.jsonl        for `cfsa run`: the images that show one person, each with its emotion
manifest_complex.jsonl  for `cfsa run --kind complex`: those that show two
```
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Literal

from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError
from eibench_tasks.scenes.samples import SceneSample
from eibench_tasks.scenes.scene import RULES, Combinations

MANIFEST, BEFORE, AFTER = "scenes.json", "scenes.jsonl", "twins.jsonl"
"""The file that makes a folder one of scenes, and those with the samples about scenes and about twins."""
FORMAT: Literal[1] = 1


class SceneFacts(Record):
    """What `scenes.json` holds.

    Attributes:
        rules: see `scene.RULES`.
        seed, scenes, combinations: what was drawn; see `scene.compose`.
        shuffled: whether each question stands with the image of another scene.
        samples: about scenes and twins.
        digest: see `digest_of`; names the data in every result.
    """

    format: Literal[1] = FORMAT
    rules: int
    seed: str
    scenes: int
    combinations: Combinations
    shuffled: bool = False
    samples: int
    digest: str

    @property
    def command(self) -> str:
        """What draws the same scenes."""
        flags = " --held-out" * (self.combinations == "held out") + " --shuffle-images" * self.shuffled
        return f"eibench scenes --n {self.scenes} --seed {quote(self.seed)}{flags} -o DIR"


@dataclass(frozen=True)
class Scenes:
    """A folder of scenes in memory.

    Attributes:
        samples: those about scenes, each followed by that about its twin, where it has one.
    """

    folder: Path
    facts: SceneFacts
    samples: list[SceneSample]

    def check(self) -> None:
        """Looks whether samples and images are those that were drawn.

        Raises:
            EIBenchError: they are not.
        """
        mend = f"Draw them again: `{self.facts.command}` with a new folder"
        try:
            same = digest_of(self.folder, (sample.image for sample in self.samples)) == self.facts.digest
        except OSError as error:
            raise EIBenchError(f"{error.filename} cannot be read ({error.strerror})", mend) from None
        if not same:
            raise EIBenchError(f"the scenes in {self.folder} are not those that were drawn", mend)


def digest_of(folder: Path, images: Iterable[str]) -> str:
    """sha256, in hex, over both files of samples, and names and contents of the images.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256((folder / BEFORE).read_bytes() + (folder / AFTER).read_bytes())
    for image in sorted(set(images)):
        digest.update(image.encode() + hashlib.sha256((folder / image).read_bytes()).digest())
    return digest.hexdigest()


def load_scenes(folder: Path) -> Scenes:
    """A folder of scenes. Its images are not looked at; `Scenes.check` does.

    Raises:
        EIBenchError: it holds none, or damaged ones, or those of another version.
    """
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        if isinstance(said, dict) and isinstance(said.get("rules"), int) and said["rules"] != RULES:
            what = f"{folder} holds scenes of version {said['rules']}, this is version {RULES}"
            raise EIBenchError(what, _MEND)
        found = Scenes(folder, SceneFacts.model_validate(said), _read(folder))
    except OSError as error:
        raise EIBenchError(f"{folder} is no folder of scenes ({error.strerror})", _MEND) from None
    except (ValueError, RecursionError):
        raise EIBenchError(f"the scenes in {folder} are damaged", _MEND) from None
    if len(found.samples) != found.facts.samples:
        raise EIBenchError(f"the scenes in {folder} are cut short", _MEND)
    if len({sample.id for sample in found.samples}) < len(found.samples):
        raise EIBenchError(f"a sample of the scenes in {folder} is there twice", _MEND)
    return found


_MEND = "Draw them again: `eibench scenes -o DIR` with a new folder"


def _read(folder: Path) -> list[SceneSample]:
    """The samples about scenes, each followed by its twin's."""

    def of(name: str) -> list[SceneSample]:
        lines = (folder / name).read_bytes().splitlines()
        return [SceneSample.model_validate_json(line) for line in lines]

    twins = {sample.twin_of: sample for sample in of(AFTER)}
    found: list[SceneSample] = []
    for sample in of(BEFORE):
        found.append(sample)
        if sample.id in twins:
            found.append(twins.pop(sample.id))
    return [*found, *twins.values()]
