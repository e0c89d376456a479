"""What the benchmarks run on: the real annotations, and answers of 120 words put together from the published pairs."""

import json
import os
import random
from pathlib import Path

from eibench_tasks.data import source
from eibench_tasks.data.prepare import floor_answers
from eibench_tasks.data.schema import Annotation
from eibench_tasks.judging.offline.language import sentences

PAIRS = Path(__file__).parent / "offline_judge" / "pairs"
WORDS = 120


def annotations() -> tuple[list[Annotation], dict[str, str]]:
    """The 1,665 samples and their floor answers; from ``$EIBENCH_FILES``, else beside the checkout, else downloaded."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "eibench"
    named = os.environ.get("EIBENCH_FILES")
    folder = Path(named) if named else beside if beside.is_dir() else None
    items, _ = source.load(folder)
    return items, floor_answers(items)


def answers(count: int, seed: int = 1) -> list[str]:
    """Answers of about 120 words. Each sentence is real prose and gets a number of its own, so that all differ."""
    generator = random.Random(seed)
    files = [*sorted(PAIRS.glob("natural_prose*.jsonl")), PAIRS / "model_prose.jsonl"]
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    pool = [span.text.rstrip(".") for row in rows for span in sentences(row["answer"]) if len(span.text.split()) > 5]
    made = []
    for number in range(count):
        chosen: list[str] = []
        while sum(len(text.split()) for text in chosen) < WORDS:
            chosen.append(f"{generator.choice(pool)} in view {number % 97 + len(chosen)}.")
        made.append(" ".join(chosen))
    return made
