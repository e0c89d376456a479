"""`make demo`: the stock lmms-eval command and model class, with the embedded model, on drawn scenes.

Then the same with each question put to the image of another scene: a model that looks must do badly there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from eibench_tasks.home import SCENE_MODEL
from eibench_tasks.report.table import Result, read_results, render
from eibench_tasks.scenes.fixed import SEED
from eibench_tasks.scenes.folder import write_scenes

SCENES = 30
"""The first of the 240 scenes of `eibench_scenes`; with their twins 60 images."""
NAMES = {"right": "scene model, its own images", "wrong": "scene model, other images"}


def main() -> None:
    """Draws scenes, runs lmms-eval twice and tabulates what it wrote."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for deal in NAMES:
            write_scenes(work / deal, SEED, SCENES, "held out", shuffled=deal == "wrong")
            score(work / deal, work / "runs" / deal, NAMES[deal])
        found = [named(result, work) for result in read_results([work / "runs"])]
    found.sort(key=lambda result: -(result.recall or 0))
    print("\n" + render(found))
    right, wrong = (result.recall or 0 for result in found)
    print(
        f"\nThe same model and questions, with the right images and with wrong ones: recall {right:.1f} against"
        f" {wrong:.1f}.\n"
        "It is a tiny model that knows drawn scenes only. With a model of your own:\n"
        "  lmms-eval --model qwen2_5_vl --model_args pretrained=Qwen/Qwen2.5-VL-3B-Instruct --tasks eibench_scenes\n"
        "on real photographs, with nothing to prepare: --tasks eibench_demo\n"
        "and, once you have the images: eibench prepare --images DIR, then --tasks eibench"
    )


def score(scenes: Path, output: Path, name: str) -> None:
    """One run of the stock command, quiet unless it fails."""
    model = f"pretrained={SCENE_MODEL},device_map=cpu"
    print(f"lmms-eval --model qwen2_5_vl --model_args {model} --tasks eibench_scenes  ({name})", flush=True)
    command = [
        str(Path(sys.executable).parent / "lmms-eval"), "--model", "qwen2_5_vl", "--model_args", model,
        "--device", "cpu", "--batch_size", "16", "--tasks", "eibench_scenes", "--output_path", str(output),
        "--log_samples",
    ]  # fmt: skip
    environment = {**os.environ, "EIBENCH_SCENES": str(scenes), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode or not list(output.rglob("*_results.json")):
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])


def named(result: Result, work: Path) -> Result:
    """The result under the name of its run."""
    deal = Path(result.file).relative_to(work / "runs").parts[0]
    return result.model_copy(update={"model": NAMES[deal]})


if __name__ == "__main__":
    main()
