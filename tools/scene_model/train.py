"""`python -m tools.scene_model.train`: makes the embedded checkpoint, from nothing, in about an hour on two cores.

Scenes are drawn, the vision tower learns to see, then the language model learns to say what the tower sees. Every
step leaves its result in the working folder; the same command goes on from there.
"""

import argparse
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from tqdm import tqdm

from eibench_tasks.scenes.render import HEIGHT, WIDTH, render
from eibench_tasks.scenes.scene import Scene, compose
from tools.scene_model import seeing, speaking
from tools.scene_model.checkpoint import PROCESSOR_FILES, new_model, write_tokenizer
from tools.scene_model.dialogues import dialogues

SEED = "train"
"""Of the scenes; with sets of causes that are not held out."""
_TOKENIZER_SCENES = 1_000
_PART = 64


def main() -> None:
    """Reads the command line and goes through all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("eibench_tasks/scenes/model"))
    parser.add_argument("--work", type=Path, default=Path(".scene_model"), help="what the steps leave")
    parser.add_argument("--scenes", type=int, default=8_000)
    parser.add_argument("--seeing-steps", type=int, default=450)
    parser.add_argument("--passes", type=int, default=1, help="of learning to speak, over all dialogues")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    scenes = [compose(SEED, number, "training") for number in range(options.scenes)]
    if not (options.work / "tokenizer.json").exists():
        write_tokenizer(options.work, _texts(scenes[:_TOKENIZER_SCENES]))
    images = drawn(options.work / "images.npy", scenes)
    model = new_model(options.work)
    see(options.work / "seeing.pt", model, images, scenes, options.seeing_steps, options.seed)
    features = looked_at(options.work / "features.npy", model, images)
    speak(options.work, model, scenes, features, options.passes, options.seed)
    save(options.output, model, options.work)
    print(f"Written to {options.output}")


def _texts(scenes: list[Scene]) -> Iterator[str]:
    for told in dialogues(scenes, SEED):
        for dialogue in told:
            for turn in dialogue.turns:
                yield from turn


def drawn(file: Path, scenes: list[Scene]) -> npt.NDArray[np.uint8]:
    """The images of all scenes; drawn once."""
    if not file.exists():
        shape = (len(scenes), HEIGHT, WIDTH, 3)
        unfinished = file.with_suffix(".part.npy")
        kept = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        with multiprocessing.Pool() as pool:
            done = pool.imap(render, scenes, chunksize=16)
            for number, pixels in enumerate(tqdm(done, "drawing", len(scenes), mininterval=10)):
                kept[number] = pixels
        kept.flush()
        unfinished.rename(file)
    found: npt.NDArray[np.uint8] = np.load(file, mmap_mode="r")
    return found


def see(file: Path, model: Any, images: npt.NDArray[np.uint8], scenes: list[Scene], steps: int, seed: int) -> None:
    """Trains the vision tower, or takes what was trained."""
    visual = model.model.visual
    if not file.exists():
        bar = tqdm(seeing.learn(visual, images, scenes, steps, 32, seed), "seeing", steps, mininterval=10)
        for step, loss in bar:
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss:.4f}")
        torch.save(visual.state_dict(), file)
    visual.load_state_dict(torch.load(file))


def looked_at(file: Path, model: Any, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """What the vision tower gives of each image; computed once."""
    if not file.exists():
        found = speaking.seen(model, images)
        kept = np.stack(list(tqdm(found, "looking", len(images), mininterval=10)))
        np.save(file.with_suffix(".part.npy"), kept)
        file.with_suffix(".part.npy").rename(file)
    features: npt.NDArray[np.float16] = np.load(file)
    return features


def speak(
    work: Path, model: Any, scenes: list[Scene], features: npt.NDArray[np.float16], passes: int, seed: int
) -> None:
    """Trains the language model; goes on where it was stopped."""
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    image = tokenizer.token_to_id("<|image_pad|>")
    told = tqdm(dialogues(scenes, SEED), "dialogues", len(scenes), mininterval=10)
    sequences = [speaking.sequence(one, tokenizer, image) for about in told for one in about]
    bar = tqdm(desc="speaking", mininterval=10)
    for step, total, loss in speaking.learn(work / "speaking.pt", model, sequences, features, passes, seed):
        bar.total, bar.n = total, step + 1
        bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        bar.update(0)
    bar.close()


def save(folder: Path, model: Any, work: Path) -> None:
    """Writes the checkpoint in bfloat16, with its tokenizer and processor."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    for name in PROCESSOR_FILES:
        shutil.copyfile(work / name, folder / name)


if __name__ == "__main__":
    main()
