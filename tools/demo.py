"""`make demo`: the stock lmms-eval command on the embedded demo split, for three sets of answers.

No vision model fits into a package of this size yet, so the answers are written ones: attentive, hasty, and the
attentive ones dealt to the wrong images. A judge worth having tells the three apart.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from eibench_tasks.data.demo import FOLDER
from eibench_tasks.report.table import read_results, render

ANSWERS = FOLDER / "answers"


def main() -> None:
    """Runs lmms-eval three times and tabulates what it wrote."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shuffled = work / "shuffled.jsonl"
        write_shuffled(ANSWERS / "attentive.jsonl", shuffled)
        for file in (ANSWERS / "attentive.jsonl", ANSWERS / "hasty.jsonl", shuffled):
            score(file, work / "runs" / file.stem)
        found = read_results([work / "runs"])
        for result in found:
            result.model = f"{Path(result.file).relative_to(work / 'runs').parts[0]} answers"
        print("\n" + render(sorted(found, key=lambda result: -(result.recall or 0))))
    recalls = {result.model.split()[0]: result.recall or 0 for result in found}
    print(
        f"\nThe same answers at the right images and at the wrong ones: {recalls['attentive']:.1f} against"
        f" {recalls['shuffled']:.1f}.\n"
        "The answers are written ones, no model's: they show what the benchmark prints. With a model of your own:\n"
        "  lmms-eval --model qwen2_5_vl --model_args pretrained=Qwen/Qwen2.5-VL-3B-Instruct --tasks eibench_demo\n"
        "and, once you have the images: eibench prepare --images DIR, then --tasks eibench"
    )


def write_shuffled(answers: Path, target: Path) -> None:
    """Deals the answers to other samples; none keeps its own."""
    rows = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    order = list(range(len(rows)))
    random.Random(1).shuffle(order)
    moved = {order[i]: order[(i + 1) % len(order)] for i in range(len(order))}
    lines = [json.dumps({"id": row["id"], "answer": rows[moved[i]]["answer"]}) for i, row in enumerate(rows)]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def score(file: Path, output: Path) -> None:
    """One run of the stock command, quiet unless it fails."""
    print(f"lmms-eval --model eibench_replay --tasks eibench_demo  ({file.stem} answers)", flush=True)
    command = [
        str(Path(sys.executable).parent / "lmms-eval"), "--model", "eibench_replay", "--model_args", f"path={file}",
        "--tasks", "eibench_demo", "--output_path", str(output), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode or not list(output.rglob("*_results.json")):
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])


if __name__ == "__main__":
    main()
