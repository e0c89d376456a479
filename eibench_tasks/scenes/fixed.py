"""The fixed set of scenes that the task `eibench_scenes` asks about, and scenes as the harness reads them."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from eibench_tasks.data import demo
from eibench_tasks.data.schema import Sample
from eibench_tasks.errors import EIBenchError
from eibench_tasks.home import eibench_home
from eibench_tasks.judging.llm.labels import Labels
from eibench_tasks.scenes.catalogue import causes
from eibench_tasks.scenes.folder import MANIFEST, Scenes, load_scenes
from eibench_tasks.scenes.samples import SceneSample
from eibench_tasks.scenes.scene import RULES

FOLDER = "EIBENCH_SCENES"
"""Names a folder that `eibench scenes` has written, to be run in place of the fixed set."""
SEED, SCENES = "eibench", 240
"""Of the fixed set; the embedded model was trained on none of its sets of two or more causes."""


def fixed_folder() -> Path:
    """Where the fixed set is kept."""
    return eibench_home() / f"scenes-{RULES}"


def scenes_of_run() -> Scenes:
    """The folder that the user names by `FOLDER`, else the fixed set.

    Raises:
        EIBenchError: it cannot be read or written, or is damaged.
    """
    if not (named := os.environ.get(FOLDER)):
        return fixed_scenes()
    try:
        return load_scenes(Path(named).expanduser())
    except RuntimeError:
        raise EIBenchError(f"{FOLDER}={named} names the home of nobody", f"Set {FOLDER} to a folder") from None


def fixed_scenes() -> Scenes:
    """The fixed set; drawn on first use, once for all processes.

    Raises:
        EIBenchError: it cannot be written, or is damaged.
    """
    folder = fixed_folder()
    if not (folder / MANIFEST).is_file():
        try:
            _draw_once(folder)
        except (OSError, NotImplementedError) as error:
            raise EIBenchError(f"cannot write to {folder} ({error})", _MEND) from None
        except EIBenchError as error:
            raise EIBenchError(error.what, _MEND) from None
    try:
        return load_scenes(folder)
    except EIBenchError as error:
        raise EIBenchError(error.what, f"Delete {folder}: the next run draws them again") from None


_MEND = "Set EIBENCH_HOME to a folder that can be written"


def _draw_once(folder: Path) -> None:
    from filelock import FileLock

    from eibench_tasks.report.terminal import progress_bar
    from eibench_tasks.scenes.drawing import write_scenes

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / MANIFEST).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # what a process left that was killed
            with progress_bar("scenes") as progress:
                write_scenes(folder, SEED, SCENES, "held out", progress=progress)


def docs_of(scenes: Scenes) -> list[dict[str, Any]]:
    """The samples as the harness reads them: the fields of `data.schema.Sample`, and more.

    ``pair`` names a sample and its twin, "" where it has none; ``removed`` of a twin the trigger that is gone;
    ``wrong`` all triggers of the catalogue that are not the sample's, those of the other person in a complex scene
    among them; ``distractors`` what causes nothing. ``floor_answer`` names nothing that the image shows.
    """
    paired = {sample.twin_of for sample in scenes.samples}
    return [
        _sample(scenes.folder, one, _blind(one, scenes.samples)).model_dump()
        | {
            "recall_metric": f"recall_{one.emotion}",
            "pair": one.twin_of or (one.id if one.id in paired else ""),
            "removed": one.removed,
            "wrong": [cause.trigger for cause in causes().values() if cause.trigger not in one.triggers],
            "distractors": one.distractors,
        }
        for one in scenes.samples
    ]


def labels_of_scenes(scenes: Scenes) -> Labels:
    """Kind and category of every trigger, as the catalogue has them."""
    labels = {one.id: list(zip(one.kinds, one.categories, strict=True)) for one in scenes.samples}
    return Labels(judge="the catalogue", version=str(RULES), annotations_sha256={}, labels=labels)


def _sample(folder: Path, one: SceneSample, floor: str) -> Sample:
    prompt = demo.PROMPT.replace("{question}", one.question)
    path = folder / one.image
    return Sample(
        id=one.id,
        split=one.split,
        emotion=one.emotion,
        image=str(path.resolve()),
        image_id=one.scene.removesuffix("-twin"),
        image_size=path.stat().st_size if path.is_file() else 0,  # answers can be judged without the image
        image_sha256="",
        question=one.question,
        triggers=one.triggers,
        triggers_text=one.block,
        prompt_user=prompt,
        prompt_cot=prompt + demo.STEPS,
        floor_answer=floor,
    )


def _blind(one: SceneSample, samples: Sequence[SceneSample]) -> str:
    """The triggers of a sample of the same emotion, else of any, that has none in common with what the image shows.

    With seven or eight causes to an emotion, any other sample's would be right by a third.
    """
    there = {cause.trigger for cause in causes().values() if cause.words in one.objects}
    others = [other for other in samples if there.isdisjoint(other.triggers)]
    pool = [other for other in others if other.emotion == one.emotion] or others
    return "\n".join(Random(one.id).choice(pool).triggers) if pool else ""
