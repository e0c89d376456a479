"""Draws docs/scenes.png: a few scenes of the fixed set, two of them beside their twins."""

from pathlib import Path

import numpy as np
from PIL import Image

from eibench_tasks.scenes.fixed import SEED
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.scene import compose, twin

SINGLE, WITH_TWIN = (0, 1, 3, 4, 5, 6), (2, 7)
WIDTH, HEIGHT = 280, 224


def main() -> None:
    """Six scenes in two rows, then two pairs in a third."""
    shown = [compose(SEED, number, "held out") for number in SINGLE]
    for number in WITH_TWIN:
        scene = compose(SEED, number, "held out")
        shown += [scene, twin(scene, SEED, number, "held out").scene]
    small = [
        np.asarray(Image.fromarray(render(scene)).resize((WIDTH, HEIGHT), Image.Resampling.BOX)) for scene in shown
    ]
    rows = [np.hstack(small[start : start + 5]) for start in (0, 5)]
    sheet = Image.fromarray(np.vstack(rows)).quantize(128)
    sheet.save(Path(__file__).parents[1] / "docs" / "scenes.png", optimize=True)


if __name__ == "__main__":
    main()
