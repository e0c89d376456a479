"""Draws scenes and their twins into a folder; see `folder` for what it holds afterwards."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError
from eibench_tasks.scenes.folder import AFTER, BEFORE, MANIFEST, SceneFacts, Scenes, digest_of, load_scenes
from eibench_tasks.scenes.png import png_bytes
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.samples import SceneSample, pairs
from eibench_tasks.scenes.scene import RULES, Combinations

Progress = Callable[[int], Callable[[], object]]
_UNFINISHED = ".unfinished"


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
    try:
        if folder.exists() and any(folder.iterdir()):
            raise EIBenchError(f"{folder} is not empty", "Give a new folder: `eibench scenes -o DIR`")
        new, unfinished = not folder.exists(), folder / _UNFINISHED
        unfinished.mkdir(parents=True)
        try:
            _draw(unfinished, seed, count, combinations, shuffled, progress)
            for entry in sorted(unfinished.iterdir(), key=lambda one: one.name == MANIFEST):  # which makes it whole
                entry.rename(folder / entry.name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            if new and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise EIBenchError(f"cannot write to {folder}: {error.strerror}", "Give another folder with -o DIR") from None
    return load_scenes(folder)


def _draw(
    folder: Path, seed: str, count: int, combinations: Combinations, shuffled: bool, progress: Progress | None
) -> None:
    samples: tuple[list[SceneSample], list[SceneSample]] = ([], [])
    images: tuple[list[str], list[str]] = ([], [])
    step = progress(count) if progress else None
    for pair in pairs(seed, count, combinations):
        for drawn, kept, known in zip(pair, samples, images, strict=True):
            (folder / drawn.image).parent.mkdir(parents=True, exist_ok=True)
            (folder / drawn.image).write_bytes(png_bytes(render(drawn.scene)))
            kept += drawn.samples
            known.append(drawn.image)
        if step:
            step()
    before, after = (
        _dealt(kept, known, seed) if shuffled else kept for kept, known in zip(samples, images, strict=True)
    )
    (folder / BEFORE).write_bytes(_lines(before))
    (folder / AFTER).write_bytes(_lines(after))
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
        digest=digest_of(folder, (sample.image for sample in (*before, *after))),
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
    truth = json.dumps({one.image: one.block for one in basic}, indent=4)
    (folder / "EI_Basic" / "basic_ground_truth.json").write_bytes(truth.encode() + b"\n")
    lines = _lines({one.image: {one.question: one.block}} for one in complex_)
    (folder / "EI_Complex" / "ec_complex.jsonl").write_bytes(lines)


def _write_manifests(folder: Path, samples: Sequence[SceneSample]) -> None:
    """Images go by their paths, so that `cfsa compare` finds them in the samples."""
    emotions: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        emotions[sample.image].append(sample.emotion)
    single = ({"image": image, "emotion": named[0]} for image, named in emotions.items() if len(named) == 1)
    several = ({"image": image, "emotion": named} for image, named in emotions.items() if len(named) > 1)
    (folder / "manifest.jsonl").write_bytes(_lines(single))
    (folder / "manifest_complex.jsonl").write_bytes(_lines(several))
