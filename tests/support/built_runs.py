"""Finished runs of CFSA without a model: real image files, and outcomes written by hand."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from cfsa_tool.config import Config, fingerprinted
from cfsa_tool.records import BuiltSample, Dropped, Item, Outcome, Trigger
from cfsa_tool.run_folder import Manifest, RunFolder
from eibench_tasks.self_ask.stages import Note
from support.annotated import add, item_of

QUESTIONS = ["Who is in the image?", "What are they doing?"]


def picture_file(file: Path, seed: int = 0, **how: Any) -> Path:
    """A small photograph-like image; the suffix decides the format, ``how`` goes to Pillow."""
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.frombytes("RGB", (8, 6), random.Random(seed).randbytes(144))
    coarse.resize((64, 48), Image.Resampling.NEAREST).save(file, **how)
    return file


def a_trigger(text: str, **fields: Any) -> Trigger:
    """A trigger with everything that a run with checks and labels gives it."""
    given = {"notes": [1], "probability": 0.9, "kind": "explicit", "category": "objects"}
    return Trigger(text=text, **(given | fields))


def a_sample(emotion: str, *triggers: str | Trigger, **fields: Any) -> BuiltSample:
    """A sample of two notes."""
    notes = [
        Note(number=1, stage="general", question="Who is there?", answer=f"Somebody with {triggers[0]}.", turn=2),
        Note(number=2, stage="scenario", question="What is behind them?", answer="A wall.", turn=4),
    ]
    made = [a_trigger(one) if isinstance(one, str) else one for one in triggers]
    given = {"emotion_by": "source", "question": f"Why does the person feel {emotion}?", "notes": notes}
    return BuiltSample(emotion=emotion, triggers=made, **(given | fields))


def configuration(**fields: Any) -> Config:
    """That of a run with one model on a server."""
    vision = {"engine": "openai", "model": "Qwen/Qwen2.5-VL-3B-Instruct", "revision": "abc123"}
    return Config.model_validate({"vision": vision, "license": "cc0-1.0"} | fields)


def new_run(folder: Path, config: Config | None = None, source: str = "photos") -> RunFolder:
    """A run that has taken nothing in."""
    config = config or configuration()
    fingerprint = fingerprinted(config) | {"images": str(folder / source), "version.self_ask": "1-ab12"}
    dumped = config.model_dump(mode="json")
    run = RunFolder(folder, Manifest(source=source, config=dumped, fingerprint=fingerprint, version="0.9"))
    run.note("questions", QUESTIONS)
    run.note("models", {"vision": f"openai:{config.vision.model}@{config.vision.revision}"})
    return run


def finish(run: RunFolder, file: Path, *samples: BuiltSample, **outcome: Any) -> Item:
    """One more image of the run, and what became of it."""
    item = item_of(file, [sample.emotion for sample in samples])
    add(run, [item])
    run.finish(item, Outcome(samples=list(samples), calls=9, **outcome))
    return item


def leave_out(run: RunFolder, reasons: Mapping[str, str]) -> None:
    """Entries of the source that were not taken in, each with its reason."""
    with run.writing() as db:
        rows = [(name.encode(), name, "0", reason, 1) for name, reason in reasons.items()]
        db.executemany("INSERT INTO files (key, name, stamp, reason, round) VALUES (?, ?, ?, ?, ?)", rows)


BUILT: Sequence[tuple[str, str, list[str]]] = (
    ("happy/cake.jpg", "happy", ["a birthday cake", "friends who clap", "lit candles"]),
    ("happy/dog.jpg", "happy", ["a dog that fetches a ball", "a sunny meadow"]),
    ("angry/coffee.png", "angry", ["spilled coffee on a shirt", "a crowded train"]),
    ("fear/storm.jpg", "fear", ["dark clouds", "a bending tree", "a broken window", "no shelter"]),
)
"""Files, emotions and triggers of `basic_run`."""


def basic_run(root: Path, **fields: Any) -> RunFolder:
    """Four images with a sample each, one that failed, two that were left out; images below ``root/photos``."""
    run = new_run(root / "run", configuration(**fields))
    for seed, (name, emotion, triggers) in enumerate(BUILT):
        finish(run, picture_file(root / "photos" / name, seed), a_sample(emotion, *triggers))
    finish(run, picture_file(root / "photos" / "fear" / "fog.jpg", 99), stage="summary", failure="the model refuses")
    leave_out(run, {"happy/copy.jpg": "near-identical to happy/cake.jpg", "notes.txt": "is no image"})
    return run


def complex_run(root: Path) -> RunFolder:
    """One image with three samples, of which two share emotion and question, and one with a single sample."""
    run = new_run(root / "run", configuration(kind="complex"))
    dropped = [Dropped(text="joy", reason="it only names the emotion")]
    finish(
        run,
        picture_file(root / "photos" / "party.jpg", 1),
        a_sample("happy", "a cake", whom="the child", emotion_by="model", dropped=dropped),
        a_sample("happy", "a won game", whom="the man", emotion_by="model"),
        a_sample("sadness", a_trigger("a burst balloon", merged=["a popped balloon"]), whom="the girl"),
        skipped={"awe": "none of 2 triggers stood the checks: the vision model does not find it in the image"},
    )
    finish(run, picture_file(root / "photos" / "pier.jpg", 2), a_sample("sadness", "an empty pier", whom="a woman"))
    return run
