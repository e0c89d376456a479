"""A folder of scenes on disk: written by `eibench scenes`, read by the task `eibench_scenes`.

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
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import ValidationError

from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError
from eibench_tasks.scenes.png import png_bytes
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.samples import SceneSample, pairs
from eibench_tasks.scenes.scene import RULES, Combinations

MANIFEST = "scenes.json"
"""The file that makes a folder one of scenes."""
FORMAT: Literal[1] = 1
Progress = Callable[[int], Callable[[], object]]


class SceneFacts(Record):
    """What `scenes.json` holds.

    Attributes:
        rules: see `scene.RULES`.
        seed, scenes, combinations: what was drawn; see `scene.compose`.
        shuffled: whether each question stands with the image of another scene.
        samples: about scenes and twins.
        digest: sha256 over all samples and images; names the data in every result.
    """

    format: Literal[1] = FORMAT
    rules: int
    seed: str
    scenes: int
    combinations: Combinations
    shuffled: bool = False
    samples: int
    digest: str


@dataclass(frozen=True)
class Scenes:
    """A folder of scenes in memory."""

    folder: Path
    facts: SceneFacts
    samples: list[SceneSample]
    """About scenes, each followed by that about its twin, where it has one."""

    def check(self) -> None:
        """Looks whether every image is there.

        Raises:
            EIBenchError: one is not.
        """
        for sample in self.samples:
            if not (self.folder / sample.image).is_file():
                raise EIBenchError(f"{self.folder / sample.image} is gone", _again(self.facts))


def write_scenes(
    folder: Path,
    seed: str,
    count: int,
    combinations: Combinations = "any",
    shuffled: bool = False,
    progress: Progress | None = None,
) -> Scenes:
    """Draws scenes and their twins into a new folder.

    Args:
        folder: must not exist, or be empty.
        seed, combinations: see `scene.compose`.
        count: scenes; each has a twin.
        shuffled: deals every question the image of another scene, to see what is answered without looking.
        progress: called with the number of pairs; gives what to call after each.

    Raises:
        EIBenchError: the folder holds something, or cannot be written; the seed is no text; or there is no other
            scene whose image a question could get.
    """
    if shuffled and count < 2:
        raise EIBenchError("one scene cannot be shuffled", "Draw two or more: `eibench scenes --n 2 --shuffle-images`")
    try:
        seed.encode()
    except UnicodeEncodeError:
        raise EIBenchError("the seed is no text", "Give plain text: `eibench scenes --seed 7 -o DIR`") from None
    folder = folder.resolve()
    try:
        if folder.exists() and any(folder.iterdir()):
            raise EIBenchError(f"{folder} is not empty", "Give a new folder: `eibench scenes -o DIR`")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True) as name:
            unfinished = Path(name) / "scenes"
            unfinished.mkdir()
            _draw(unfinished, seed, count, combinations, shuffled, progress)
            unfinished.replace(folder)
    except OSError as error:
        raise EIBenchError(f"cannot write to {folder}: {error.strerror}", "Give another folder with -o DIR") from None
    return load_scenes(folder)


def _draw(
    folder: Path, seed: str, count: int, combinations: Combinations, shuffled: bool, progress: Progress | None
) -> None:
    samples: tuple[list[SceneSample], list[SceneSample]] = ([], [])
    images: tuple[list[str], list[str]] = ([], [])
    digest = hashlib.sha256()
    step = progress(count) if progress else None
    for pair in pairs(seed, count, combinations):
        for drawn, kept, known in zip(pair, samples, images, strict=True):
            content = png_bytes(render(drawn.scene))
            (folder / drawn.image).parent.mkdir(parents=True, exist_ok=True)
            (folder / drawn.image).write_bytes(content)
            kept += drawn.samples
            known.append(drawn.image)
            digest.update(content)
        if step:
            step()
    before, after = (
        _dealt(kept, known, seed) if shuffled else kept for kept, known in zip(samples, images, strict=True)
    )
    digest.update(_lines(before) + _lines(after))
    (folder / "scenes.jsonl").write_bytes(_lines(before))
    (folder / "twins.jsonl").write_bytes(_lines(after))
    _write_eibench(folder, [*before, *after])
    if not shuffled:  # else the emotions would be those of other images
        _write_manifests(folder, before)
    facts = SceneFacts(
        rules=RULES,
        seed=seed,
        scenes=count,
        combinations=combinations,
        shuffled=shuffled,
        samples=len(before) + len(after),
        digest=digest.hexdigest(),
    )
    (folder / MANIFEST).write_bytes(facts.model_dump_json(indent=1).encode() + b"\n")


def _dealt(samples: Sequence[SceneSample], images: Sequence[str], seed: str) -> list[SceneSample]:
    """The samples with each image at the place of another; a scene and its twin are dealt alike."""
    order = list(range(len(images)))
    Random(f"{RULES} {seed} dealt").shuffle(order)
    taken = {images[one]: images[other] for one, other in zip(order, order[1:] + order[:1], strict=True)}
    return [sample.model_copy(update={"image": taken[sample.image]}) for sample in samples]


def _lines(entries: Iterable[Record | dict[str, Any]]) -> bytes:
    dumped = (entry if isinstance(entry, dict) else entry.model_dump() for entry in entries)
    return "".join(json.dumps(entry) + "\n" for entry in dumped).encode()


def _write_eibench(folder: Path, samples: Sequence[SceneSample]) -> None:
    """The files that `data.annotations` reads."""
    basic = [sample for sample in samples if sample.split == "basic"]
    complex_ = [sample for sample in samples if sample.split == "complex"]
    for name in ("EI_Basic", "EI_Complex"):
        (folder / name).mkdir()
    (folder / "EI_Basic" / "user.jsonl").write_bytes(_lines({one.image: one.question} for one in basic))
    truth = json.dumps({one.image: _block(one) for one in basic}, indent=4)
    (folder / "EI_Basic" / "basic_ground_truth.json").write_bytes(truth.encode() + b"\n")
    lines = _lines({one.image: {one.question: _block(one)}} for one in complex_)
    (folder / "EI_Complex" / "ec_complex.jsonl").write_bytes(lines)


def _write_manifests(folder: Path, samples: Sequence[SceneSample]) -> None:
    by_image: dict[str, list[SceneSample]] = defaultdict(list)
    for sample in samples:
        by_image[sample.image].append(sample)
    rows = [
        {"image": image, "id": about[0].scene, "emotion": [one.emotion for one in about]}
        for image, about in by_image.items()
    ]
    single = [{**row, "emotion": row["emotion"][0]} for row in rows if len(row["emotion"]) == 1]
    (folder / "manifest.jsonl").write_bytes(_lines(single))
    (folder / "manifest_complex.jsonl").write_bytes(_lines(row for row in rows if len(row["emotion"]) > 1))


def _block(sample: SceneSample) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(sample.triggers, start=1))


def load_scenes(folder: Path) -> Scenes:
    """A folder of scenes.

    Raises:
        EIBenchError: it holds none, or a damaged one, or one of another version.
    """
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        if isinstance(said, dict) and isinstance(said.get("rules"), int) and said["rules"] != RULES:
            what = f"{folder} holds scenes of version {said['rules']}, this is version {RULES}"
            raise EIBenchError(what, "Draw them again: `eibench scenes -o DIR`")
        found = Scenes(folder, SceneFacts.model_validate(said), _read(folder))
    except OSError as error:
        raise EIBenchError(f"{folder} is no folder of scenes ({error.strerror})", _MEND) from None
    except (ValueError, RecursionError, ValidationError):
        raise EIBenchError(f"the scenes in {folder} are damaged", _MEND) from None
    if len(found.samples) != found.facts.samples:
        raise EIBenchError(f"the scenes in {folder} are cut short", _MEND)
    return found


_MEND = "Draw them again: `eibench scenes -o DIR` with a new folder"


def _again(facts: SceneFacts) -> str:
    flags = " --held-out" * (facts.combinations == "held out") + " --shuffle-images" * facts.shuffled
    command = f"eibench scenes --n {facts.scenes} --seed {quote(facts.seed)}{flags} -o DIR"
    return f"Draw them again: `{command}` with a new folder"


def _read(folder: Path) -> list[SceneSample]:
    """The samples about scenes, each followed by its twin's."""

    def of(name: str) -> list[SceneSample]:
        lines = (folder / name).read_bytes().splitlines()
        return [SceneSample.model_validate_json(line) for line in lines]

    twins = {sample.twin_of: sample for sample in of("twins.jsonl")}
    found: list[SceneSample] = []
    for sample in of("scenes.jsonl"):
        found.append(sample)
        if sample.id in twins:
            found.append(twins.pop(sample.id))
    return [*found, *twins.values()]
