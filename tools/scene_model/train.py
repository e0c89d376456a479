"""`python -m tools.scene_model.train`: makes the embedded checkpoint from nothing, in about an hour on two cores.

Scenes are drawn, the vision tower learns to see, then the language model learns to say what the tower sees. Every
step leaves its result in the working folder (2 GB); the same command goes on from there.
"""

import argparse
import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from tqdm import tqdm

from eibench_tasks.scenes.render import HEIGHT, WIDTH
from eibench_tasks.scenes.scene import RULES, Scene, compose
from tools.scene_model import seeing, speaking
from tools.scene_model.checkpoint import new_model, write_tokenizer
from tools.scene_model.dialogues import Dialogue, conversations, dialogues, first_questions, looks
from tools.scene_model.small_qwen import PROCESSOR_FILES

SEED = "train"
"""Of the scenes; with sets of causes that are not held out."""
_TOKENIZER_SCENES = 1_000
_RATE = 0.4  # of learning, once the model knows how to look


@dataclass(frozen=True)
class Options:
    """See the command line.

    Attributes:
        work: what the steps leave; other options or other dialogues have another folder in it.
        device: as PyTorch names it.
    """

    output: Path
    work: Path
    scenes: int
    seeing_steps: int
    question_steps: int
    speaking_steps: int
    seed: int
    device: str


def main() -> None:
    """Reads the command line and goes through all steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("eibench_tasks/scenes/model"))
    parser.add_argument("--work", type=Path, default=Path(".scene_model"), help="folder for what the steps leave")
    parser.add_argument("--scenes", type=int, default=8_000)
    parser.add_argument("--seeing-steps", type=int, default=1_200)
    parser.add_argument("--question-steps", type=int, default=1_000)
    parser.add_argument("--speaking-steps", type=int, default=2_600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train(Options(**vars(parser.parse_args())))


def train(options: Options) -> None:
    """All steps; those that are done are not done again."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    scenes = [compose(SEED, number, "training") for number in range(options.scenes)]
    work = options.work / fingerprint(options, scenes)
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        write_tokenizer(work, _texts(scenes[:_TOKENIZER_SCENES]))
    images = drawn(work / "images.npy", scenes)
    model = new_model(work).to(options.device)
    steps = seeing.learn(
        work / "seeing.pt", model.model.visual, images, scenes, options.seeing_steps, options.seed,
        device=options.device,
    )  # fmt: skip
    watched("seeing", steps, options.seeing_steps)
    features = looked_at(work / "features.npy", model, images, options.device)
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    names = [speaking.names_in(scene, tokenizer) for scene in scenes]
    for name, told, count, rate in stages(tokenizer, scenes, options):
        steps = speaking.learn(
            work / f"{name}.pt", model, told, features, names, count, options.seed, rate, options.device
        )  # fmt: skip
        watched(name, steps, count)
    save(options.output, model, work)
    print(f"written to {options.output}")


def stages(
    tokenizer: Tokenizer, scenes: list[Scene], options: Options
) -> Iterator[tuple[str, list[speaking.Tokens], int, float]]:
    """What the language model learns one after another: name, dialogues, steps, and share of the rate of learning.

    First which causes there are and how to look for one; then everything, with more of what takes longest.
    """
    looked = as_tokens(tokenizer, looks(scenes, SEED))
    asked = as_tokens(tokenizer, first_questions(scenes, SEED))
    yield "questions", asked + looked, options.question_steps, 1.0
    told = as_tokens(tokenizer, (one for about in dialogues(scenes, SEED) for one in about))
    half = scenes[: len(scenes) // 2]
    conversed = as_tokens(tokenizer, conversations(half, SEED, "summary"))
    texts = as_tokens(tokenizer, conversations(half, SEED, "enrich"))
    summed = as_tokens(tokenizer, conversations(half, SEED, "summary", whole=False))
    yield "speaking", told[::2] + looked + texts + summed + conversed[::3], options.speaking_steps, _RATE


def fingerprint(options: Options, scenes: list[Scene]) -> str:
    """Names everything that the outcome depends on, the program itself aside."""
    steps = (options.seeing_steps, options.question_steps, options.speaking_steps)
    numbers = (options.scenes, *steps, options.seed)
    texts = "\n".join(_texts(scenes[:50]))
    return hashlib.sha256(f"{RULES} {numbers} {texts}".encode()).hexdigest()[:12]


def _texts(scenes: list[Scene]) -> Iterator[str]:
    for told in dialogues(scenes, SEED):
        for dialogue in told:
            for turn in dialogue.turns:
                yield from turn


def watched(what: str, steps: Iterable[tuple[int, float]], total: int) -> None:
    """Goes through the steps of a training, with a bar."""
    bar = tqdm(desc=what, total=total, mininterval=10)
    for step, loss in steps:
        bar.n = step
        bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        bar.update(0)
    bar.close()


def drawn(file: Path, scenes: list[Scene]) -> npt.NDArray[np.uint8]:
    """The small images of all scenes; drawn once."""
    if not file.exists():
        shape = (len(scenes), HEIGHT // seeing.SHRINK, WIDTH // seeing.SHRINK, 3)
        unfinished = file.with_suffix(".part.npy")
        kept = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        with multiprocessing.Pool() as pool:
            done = pool.imap(seeing.small, scenes, chunksize=16)
            for number, pixels in enumerate(tqdm(done, "drawing", len(scenes), mininterval=10)):
                kept[number] = pixels
        kept.flush()
        unfinished.rename(file)
    found: npt.NDArray[np.uint8] = np.load(file, mmap_mode="r")
    return found


def looked_at(file: Path, model: Any, images: npt.NDArray[np.uint8], device: str) -> npt.NDArray[np.float16]:
    """What the vision tower gives of each image; computed once."""
    if not file.exists():
        found = speaking.seen(model, images, device=device)
        kept = np.stack(list(tqdm(found, "looking", len(images), mininterval=10)))
        np.save(file.with_suffix(".part.npy"), kept)
        file.with_suffix(".part.npy").rename(file)
    features: npt.NDArray[np.float16] = np.load(file)
    return features


def as_tokens(tokenizer: Tokenizer, told: Iterable[Dialogue]) -> list[speaking.Tokens]:
    """Dialogues as the model reads them."""
    image = tokenizer.token_to_id("<|image_pad|>")
    return [speaking.sequence(one, tokenizer, image) for one in tqdm(told, "dialogues", mininterval=10)]


def save(folder: Path, model: Any, work: Path) -> None:
    """Writes the checkpoint in bfloat16, with its tokenizer and processor."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    for name in PROCESSOR_FILES:
        shutil.copyfile(work / name, folder / name)


if __name__ == "__main__":
    main()
