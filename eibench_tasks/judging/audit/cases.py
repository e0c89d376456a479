"""What a judge is audited on: samples with answers that name much and answers that name nothing."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eibench_tasks.data.demo import FOLDER as DEMO
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.data.schema import Sample
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judgement import Reference

_FOLDER = Path(__file__).parent
GENERIC = (_FOLDER / "generic.txt").read_text(encoding="utf-8").strip()
"""An answer that fits every image and names nothing."""
SPLITS = ("demo", "basic", "complex", "lite")


@dataclass(frozen=True)
class Case:
    """One sample of an audit.

    Attributes:
        id: of the sample.
        reference: what is judged against.
        other: the triggers of another image of the same emotion, one a line.
        weak: an answer that names nothing, or next to nothing.
        strong: an answer that names many triggers; of prepared splits it says every other trigger word for word.
        paraphrased: the triggers in other words; None where there are none.
    """

    id: str
    reference: Reference
    other: str
    weak: str
    strong: str
    paraphrased: list[str] | None = None


def cases(split: str, most: int, seed: int = 0) -> list[Case]:
    """Up to so many cases, drawn at random with the seed and returned in the order of the split.

    Raises:
        NotPreparedError: a split other than ``demo`` is not prepared.
        EIBenchError: it is prepared without a sample.
    """
    samples = demo_samples() if split == "demo" else _prepared(split)
    if not samples:
        raise EIBenchError(
            f"no sample of {split} is prepared", "Run: `eibench prepare --images DIR`, or use --split demo"
        )
    chosen = sorted(random.Random(seed).sample(range(len(samples)), min(most, len(samples))))
    build = _demo_cases if split == "demo" else _split_cases
    return build([samples[place] for place in chosen])


def _prepared(split: str) -> list[Sample]:
    from eibench_tasks.data.lite import lite_ids
    from eibench_tasks.data.prepared import load_prepared

    data = load_prepared()
    return [s for s in data.samples if s.id in lite_ids()] if split == "lite" else data.split(split)


def _demo_cases(samples: Sequence[Sample]) -> list[Case]:
    weak, strong = (_read(DEMO / "answers" / f"{name}.jsonl", "answer") for name in ("hasty", "attentive"))
    paraphrases = _read(_FOLDER / "material.jsonl", "paraphrases")
    return [
        Case(
            s.id, Reference.of(s.model_dump()), s.floor_answer, str(weak[s.id]), str(strong[s.id]), [*paraphrases[s.id]]
        )
        for s in samples
    ]


def _split_cases(samples: Sequence[Sample]) -> list[Case]:
    return [
        Case(s.id, Reference.of(s.model_dump()), s.floor_answer, GENERIC, sentences(s.triggers[::2])) for s in samples
    ]


def _read(file: Path, field: str) -> dict[str, str | list[str]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {row["id"]: row[field] for row in rows}


def sentences(triggers: Sequence[str]) -> str:
    """The triggers as prose: one sentence each."""
    return " ".join(text.strip().rstrip(".") + "." for text in triggers)
