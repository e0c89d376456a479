"""Runs of CFSA inside this process: small images on disk, and an engine of the caller's in the place of a model."""

import hashlib
import os
import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cfsa_tool.config import Config, load_config
from cfsa_tool.records import Item
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import IMAGES_A_CALL, Journals, open_run, pending, work_off
from cfsa_tool.stages.annotate import Plan
from cfsa_tool.stages.conversation import Crew
from eibench_tasks.engines.engine import Engine
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS

EMOTIONS = ("happy", "angry", "sadness", "excitement")


def images_of(folder: Path, count: int, side: int = 64) -> list[Path]:
    """Small images, all different, in folders named after emotions."""
    files = []
    for number in range(count):
        draw = random.Random(number)
        file = folder / EMOTIONS[number % len(EMOTIONS)] / f"{number:05}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.frombytes("RGB", (8, 8), draw.randbytes(192))
        coarse.resize((side, side), Image.Resampling.NEAREST).save(file, quality=85)
        files.append(file)
    return files


def item_of(file: Path, emotions: Sequence[str] | None = None) -> Item:
    """An image as the run knows it; its emotion is its folder's name."""
    content = file.read_bytes()
    with Image.open(file) as image:
        width, height = image.size
    sha256 = hashlib.sha256(content).hexdigest()
    named = tuple(emotions) if emotions is not None else (file.parent.name,)
    name = f"{file.parent.name}/{file.name}"
    return Item(sha256[:16], name, file.resolve(), sha256, len(content), width, height, named)


def add(folder: RunFolder, items: Sequence[Item]) -> None:
    """Takes images in without looking for duplicates."""
    with folder.writing() as db:
        db.executemany(
            "INSERT OR IGNORE INTO images (id, name, path, sha256, size, width, height, emotions, question)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (i.id, i.name, os.fsencode(i.path), i.sha256, i.size, i.width, i.height, _json(i.emotions), i.question)
                for i in items
            ],
        )


def _json(emotions: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in emotions) + "]"


def configured(**fields: object) -> Config:
    """A configuration with the paper's questions."""
    return load_config(None, {"vision.model": "m", "general": "paper", **fields})


async def run_with(
    files: Sequence[Path], folder: Path, engine: Engine, concurrency: int, **fields: object
) -> RunFolder:
    """A whole run, or the rest of it, with this engine."""
    config = configured(concurrency=concurrency, **fields)
    run = open_run("images", folder, config)
    add(run, [item_of(file) for file in files])
    journals = Journals.of(run)
    crew = Crew(journals.behind(engine.name, engine))
    plan = Plan(config, PAPER_QUESTIONS, EMOTIONS)
    try:
        await work_off(run, crew, plan, pending(run, config.limit), IMAGES_A_CALL * concurrency)
    finally:
        journals.close()
    return run
