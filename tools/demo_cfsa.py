"""`make demo-cfsa`: `cfsa` builds a split of drawn scenes with the embedded model, and is held against the truth."""

import shutil
import subprocess
import sys
from pathlib import Path

from demo import environment

from cfsa_tool.review.store import REVIEW
from eibench_tasks.home import SCENE_MODEL
from eibench_tasks.scenes.drawing import write_scenes

WORK = Path("demo_cfsa")
"""What stays, to be looked at: `cfsa review demo_cfsa/run`. Made anew each time."""
SEED, DRAWN = "cfsa demo", 28
"""Of the scenes; every sixth shows two people and is left to complex runs, so that 24 are annotated."""


def main() -> None:
    """Draws scenes, annotates them, compares the triggers with the truth, and exports the split."""
    scenes, run, split = (WORK / part for part in ("scenes", "run", "split"))
    if (run / REVIEW).exists():
        sys.exit(f"{WORK} holds what you have marked. Remove it first: rm -r {WORK}")
    shutil.rmtree(WORK, ignore_errors=True)
    write_scenes(scenes, SEED, DRAWN, "held out")
    step("run", scenes / "manifest.jsonl", "-o", run, "--engine", "transformers", "--model", SCENE_MODEL)
    step("compare", run, "--reference", scenes / "scenes.jsonl")
    step("export", run, "-o", split, "--name", "scenes_split")
    print(
        f"\nEverything is in {WORK}. Look at it, and change it: {Path(sys.executable).parent / 'cfsa'} review {run}\n"
        "With images and a model of your own:\n"
        "  cfsa run photos -o RUN --engine transformers --model Qwen/Qwen2.5-VL-3B-Instruct\n"
        "  cfsa export RUN -o SPLIT --name my_split"
    )


def step(*arguments: str | Path) -> None:
    """One command of `cfsa`; what it prints is shown."""
    shown = ["cfsa", *(part.name if part is SCENE_MODEL else str(part) for part in arguments)]
    print(f"\n$ {' '.join(shown)}", flush=True)
    command = [str(Path(sys.executable).parent / "cfsa"), *map(str, arguments)]
    done = subprocess.run(command, env=environment())
    if done.returncode not in (0, 3):  # 3: of some image no trigger stood the verification
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
