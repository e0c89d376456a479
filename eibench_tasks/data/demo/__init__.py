"""The demo split: a few samples with their images, shipped with the package. See README.md beside this file."""

import json
from pathlib import Path

from eibench_tasks.data.schema import Annotation, Sample

FOLDER = Path(__file__).resolve().parent
PROMPT = "You know a lot about emotions. Look closely at the image. {question}"
STEPS = " Reason step by step before you answer."


def demo_samples() -> list[Sample]:
    """The samples in the form of a prepared data set; image paths are absolute."""
    from eibench_tasks.data.images import image_facts
    from eibench_tasks.data.prepare import floor_answers

    lines = (FOLDER / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    floors = floor_answers([_annotation(row) for row in rows])
    samples = []
    for row in rows:
        facts = image_facts(FOLDER / row["image"])
        prompt = PROMPT.replace("{question}", row["question"])
        samples.append(
            Sample(
                **row | {"image": facts.path},
                image_size=facts.size,
                image_sha256=facts.sha256,
                triggers_text=_block(row["triggers"]),
                prompt_user=prompt,
                prompt_cot=prompt + STEPS,
                floor_answer=floors[row["id"]],
            )
        )
    return samples


def _annotation(row: dict[str, str]) -> Annotation:
    return Annotation(
        id=row["id"],
        split="basic",
        emotion=row["emotion"],
        image_key=row["image_id"],
        question=row["question"],
        triggers=list(row["triggers"]),
        triggers_text=_block(list(row["triggers"])),
    )


def _block(triggers: list[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(triggers, start=1))
