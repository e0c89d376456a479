"""The fixed set of scenes that the task `eibench_scenes` asks about, and scenes as the harness reads them."""

import os
from pathlib import Path
from typing import Any

from eibench_tasks.data import demo
from eibench_tasks.data.prepare import floor_answers
from eibench_tasks.data.schema import Annotation, Sample
from eibench_tasks.errors import EIBenchError
from eibench_tasks.home import eibench_home
from eibench_tasks.scenes.catalogue import causes
from eibench_tasks.scenes.folder import Scenes, load_scenes, write_scenes
from eibench_tasks.scenes.samples import SceneSample
from eibench_tasks.scenes.scene import RULES

FOLDER = "EIBENCH_SCENES"
"""Names a folder that `eibench scenes` has written, to be run in place of the fixed set."""
SEED, SCENES = "eibench", 240
"""Of the fixed set; its sets of causes are held out from the training of the embedded model."""


def fixed_folder() -> Path:
    """Where the fixed set is kept."""
    return eibench_home() / f"scenes-{RULES}"


def scenes_of_run() -> Scenes:
    """The folder that the user names by `FOLDER`, else the fixed set.

    Raises:
        EIBenchError: it cannot be read or written, or is damaged.
    """
    named = os.environ.get(FOLDER)
    return load_scenes(Path(named).expanduser()) if named else fixed_scenes()


def fixed_scenes() -> Scenes:
    """The fixed set; drawn on first use, once for all processes.

    Raises:
        EIBenchError: it cannot be written, or is damaged.
    """
    from filelock import FileLock

    from eibench_tasks.report.terminal import progress_bar

    folder = fixed_folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                with progress_bar("scenes") as progress:
                    write_scenes(folder, SEED, SCENES, "held out", progress=progress)
    try:
        return load_scenes(folder)
    except EIBenchError as error:
        raise EIBenchError(error.what, f"Delete {folder}: the next run draws them again") from None


def docs_of(scenes: Scenes) -> list[dict[str, Any]]:
    """The samples as the harness reads them: the fields of `data.schema.Sample`, and more.

    ``pair`` names a sample and its twin, "" where it has none; ``removed`` of a twin the trigger that is gone;
    ``absent`` all triggers of the catalogue that the image does not show; ``distractors`` what causes nothing.
    """
    floors = floor_answers([_annotation(sample) for sample in scenes.samples])
    paired = {sample.twin_of for sample in scenes.samples}
    rows = []
    for sample in scenes.samples:
        prompt = demo.PROMPT.replace("{question}", sample.question)
        path = scenes.folder / sample.image
        known = Sample(
            id=sample.id,
            split=sample.split,
            emotion=sample.emotion,
            image=str(path.resolve()),
            image_id=sample.scene.removesuffix("-twin"),
            image_size=path.stat().st_size,
            image_sha256="",
            question=sample.question,
            triggers=sample.triggers,
            triggers_text=_block(sample),
            prompt_user=prompt,
            prompt_cot=prompt + demo.STEPS,
            floor_answer=floors[sample.id],
        )
        rows.append(
            known.model_dump()
            | {
                "recall_metric": f"recall_{sample.emotion}",
                "pair": sample.twin_of or (sample.id if sample.id in paired else ""),
                "removed": sample.removed,
                "absent": [one.trigger for one in causes().values() if one.words not in sample.objects],
                "distractors": sample.distractors,
            }
        )
    return rows


def _annotation(sample: SceneSample) -> Annotation:
    return Annotation(
        id=sample.id,
        split="basic",
        emotion=sample.emotion,
        image_key=sample.scene.removesuffix("-twin"),
        question=sample.question,
        triggers=sample.triggers,
        triggers_text=_block(sample),
    )


def _block(sample: SceneSample) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(sample.triggers, start=1))
