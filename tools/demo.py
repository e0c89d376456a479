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
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.fixed import SEED

SCENES = 30
"""The first of the 240 scenes of `eibench_scenes`; with their twins 60 images."""
RIGHT, WRONG = "scene model, right images", "scene model, wrong images"


def main() -> None:
    """Draws scenes, runs lmms-eval twice and tabulates what it wrote."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        found = [asked(work / str(shuffled), shuffled) for shuffled in (False, True)]
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
    if right <= 2 * wrong:
        raise SystemExit("The model did not do better by looking: something is wrong with this installation.")


def asked(work: Path, shuffled: bool) -> Result:
    """One run of the stock command, quiet unless it fails."""
    write_scenes(work / "scenes", SEED, SCENES, "held out", shuffled)
    name = WRONG if shuffled else RIGHT
    model = f"pretrained={SCENE_MODEL},device_map=cpu"
    print(f"lmms-eval --model qwen2_5_vl --model_args {model} --tasks eibench_scenes  ({name})", flush=True)
    command = [
        str(Path(sys.executable).parent / "lmms-eval"), "--model", "qwen2_5_vl", "--model_args", model,
        "--device", "cpu", "--batch_size", "16", "--tasks", "eibench_scenes",
        "--output_path", str(work / "runs"), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment(EIBENCH_SCENES=work / "scenes"))
    if done.returncode or not list((work / "runs").rglob("*_results.json")):
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    (result,) = read_results([work / "runs"])
    return result.model_copy(update={"model": name})


def environment(**settings: str | Path) -> dict[str, str]:
    """The variables of a command, with no settings of EIBench but these: the demo needs no key and no network."""
    kept = {
        name: value for name, value in os.environ.items() if name == "EIBENCH_HOME" or not name.startswith("EIBENCH_")
    }
    return {**kept, **{name: str(value) for name, value in settings.items()}, "HF_HUB_OFFLINE": "1"}


if __name__ == "__main__":
    main()
