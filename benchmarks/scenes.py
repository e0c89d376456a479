"""How well the embedded model sees drawn scenes, and how good the splits are that CFSA builds with it.

Scenes of a seed that is not in the repository, with sets of causes that the model was not trained on. The stock
command of lmms-eval with the stock class asks; the offline judge judges. Beside the model stand the same model with
the images of other scenes, and the same architecture with random weights.

python benchmarks/scenes.py --seed "$RANDOM"
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eibench_tasks.home import SCENE_MODEL
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.metrics.causal import precision
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.fixed import docs_of
from eibench_tasks.scenes.folder import Scenes

BIN = Path(sys.executable).parent
UNSEEN = (
    "Take a look at this drawing. Tell me what the {who} is {feeling} about.",
    "What is going on here that would explain how {feeling} the {who} is?",
    "List whatever made the {who} {feeling}.",
    "Hello! I wonder why the {who} in this image seems {feeling}. Any idea?",
)
"""Questions that are worded as none of the training, to see how far the model depends on wordings."""


def main() -> None:
    """Measures everything and prints it as JSON, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", required=True, help="any text that nobody has trained on")
    parser.add_argument("--scenes", type=int, default=120)
    parser.add_argument("--cfsa-scenes", type=int, default=56)
    parser.add_argument("--only", choices=["answers", "wordings", "cfsa"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if options.only in (None, "answers"):
            answers(work, options.seed, options.scenes)
        if options.only in (None, "wordings"):
            scenes = write_scenes(work / "wordings", options.seed, options.scenes // 2, "held out")
            show("other wordings", asyncio.run(other_wordings(scenes)))
        if options.only in (None, "cfsa"):
            cfsa(work, options.seed, options.cfsa_scenes)


def answers(work: Path, seed: str, count: int) -> None:
    """Recall, precision and causal sensitivity of the model, with wrong images, and with random weights."""
    write_scenes(work / "right", seed, count, "held out")
    write_scenes(work / "wrong", seed, count, "held out", shuffled=True)
    show("trained", evaluated(work / "right", SCENE_MODEL, work / "runs" / "trained"))
    show("images shuffled", evaluated(work / "wrong", SCENE_MODEL, work / "runs" / "shuffled"))
    show("random weights", evaluated(work / "right", random_weights(work / "random"), work / "runs" / "random"))


def evaluated(scenes: Path, model: Path, output: Path) -> dict[str, Any]:
    """The numbers of one run of lmms-eval."""
    arguments = ["--model", "qwen2_5_vl", "--model_args", f"pretrained={model},device_map=cpu", "--device", "cpu"]
    arguments += ["--batch_size", "16", "--tasks", "eibench_scenes", "--output_path", str(output), "--log_samples"]
    run([str(BIN / "lmms-eval"), *arguments], {"EIBENCH_SCENES": str(scenes)})
    (file,) = output.rglob("*_results.json")
    numbers = json.loads(file.read_text(encoding="utf-8"))["results"]["eibench_scenes"]
    rows = [row for line in next(output.rglob("*.jsonl")).read_text().splitlines() if (row := json.loads(line))]
    several = [row["recall_overall"] for row in rows if len(row["recall_overall"]["verdicts"]) > 1]
    scores = [row["score"] for row in several if "score" in row]
    wanted = (
        "recall_overall",
        "ci95_low",
        "ci95_high",
        "precision",
        "causal_sensitivity",
        "causal_low",
        "causal_high",
        "distraction",
        "coverage",
    )
    found = {name: numbers.get(f"{name},none") for name in wanted}
    return found | {"recall_two_or_more_causes": sum(scores) / len(scores), "samples": len(rows)}


def random_weights(folder: Path) -> Path:
    """The embedded checkpoint with weights that were never trained."""
    import torch
    from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

    shutil.copytree(SCENE_MODEL, folder)
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(AutoConfig.from_pretrained(folder)).to(torch.bfloat16).save_pretrained(folder)
    return folder


async def other_wordings(scenes: Scenes) -> dict[str, Any]:
    """Recall and precision where each question is put in words that were not trained."""
    from eibench_tasks.engines.engine import Ask, Picture, Sampling
    from eibench_tasks.engines.vision import VisionEngine
    from eibench_tasks.judging.offline.judge import OfflineJudge
    from eibench_tasks.scenes.words import FEELING

    engine, judge = VisionEngine(str(SCENE_MODEL), batch=16), OfflineJudge.load()
    whom = {sample.id: sample.whom for sample in scenes.samples}
    docs = docs_of(scenes)

    async def said(number: int, doc: dict[str, Any]) -> str:
        text = UNSEEN[number % len(UNSEEN)].replace("{who}", whom[doc["id"]])
        picture = {"url": Picture(Path(doc["image"]).read_bytes(), "image/png")}
        asked = {"type": "text", "text": text.replace("{feeling}", FEELING[doc["emotion"]])}
        content = [{"type": "image_url", "image_url": picture}, asked]
        return (await engine.reply(Ask(({"role": "user", "content": content},), Sampling(256)))).text

    replies = await asyncio.gather(*(said(number, doc) for number, doc in enumerate(docs)))
    recalls, precisions = [], []
    for doc, text in zip(docs, replies, strict=True):
        right = judge.judge(Reference(doc["triggers"], doc["question"]), text)
        wrong = judge.judge(Reference(doc["wrong"], doc["question"]), text)
        if right.recall is None:
            continue  # unscored; counted below
        recalls.append(100 * right.recall)
        precisions.append(precision(*(sum(one.present for one in said.verdicts) for said in (right, wrong))))
    known = [value for value in precisions if value is not None]
    found = {"recall": sum(recalls) / len(recalls), "precision": sum(known) / len(known)}
    return found | {"answers": len(docs), "scored": len(recalls)}


def cfsa(work: Path, seed: str, count: int) -> None:
    """Recall and precision of the triggers that `cfsa` builds, of scenes with one person and with two."""
    scenes = work / "cfsa"
    write_scenes(scenes, f"{seed} cfsa", count, "held out")
    for kind, manifest in (("basic", "manifest.jsonl"), ("complex", "manifest_complex.jsonl")):
        built = work / f"run-{kind}"
        engine = ["--engine", "transformers", "--model", str(SCENE_MODEL), "--kind", kind]
        run([str(BIN / "cfsa"), "run", str(scenes / manifest), "-o", str(built), *engine], {}, codes=(0, 3))
        failed = json.loads(run([str(BIN / "cfsa"), "status", str(built), "--json"], {}))["failed"]
        reference = ["--reference", str(scenes / "scenes.jsonl"), "--json"]
        compared = json.loads(run([str(BIN / "cfsa"), "compare", str(built), *reference], {}))
        overall = compared["lines"][0]
        found = {name: overall[name] for name in ("images", "recall", "precision", "built", "reference")}
        images = overall["images"]
        of_all = overall["recall"]["value"] * images / (images + failed)
        show(f"cfsa {kind}", found | {"failed": failed, "recall, failed images counted as 0": of_all})


def run(command: list[str], environment: dict[str, str], codes: Sequence[int] = (0,)) -> str:
    """What a command prints; what it says beside is shown only if it ends with another code."""
    kept = {
        name: value for name, value in os.environ.items() if name == "EIBENCH_HOME" or not name.startswith("EIBENCH_")
    }
    variables = {**kept, **environment, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode not in codes:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    return done.stdout


def show(name: str, numbers: dict[str, Any]) -> None:
    """One line of the outcome."""
    print(json.dumps({name: numbers}), flush=True)


if __name__ == "__main__":
    main()
