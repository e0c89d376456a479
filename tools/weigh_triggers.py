"""Makes `eibench_tasks/metrics/trigger_weights.json`: how rarely each reference trigger is named for other images.

    python tools/weigh_triggers.py --eibench CLONE

Weights the published samples and those of the demo split; docs/specific-recall.md says how. Takes about a minute on
one core. Every other image is looked at and nothing is drawn, so there is no seed: the same annotations and the same
judge give the same file. At the end it prints the weights' spread, and specific beside plain recall of two sets of
answers: the floor answers (triggers of another image) and the reference triggers themselves.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eibench_tasks.data import annotations, source
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.data.prepare import floor_answers
from eibench_tasks.data.schema import Annotation, Sample
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.judging.offline.language import sentences
from eibench_tasks.metrics.specific import FILE, load_weights

POOL = 50  # an emotion of fewer images in its split is pooled with the others: too few to tell what is rare
BLOCK = 400  # sentences compared at a time, to bound memory

Item = Annotation | Sample


def pools(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The samples that are looked at together: those of one emotion, or of the whole split where it has few images."""
    images = defaultdict(set)
    for item in items:
        images[item.split, item.emotion].add(image(item))
    found = defaultdict(list)
    for item in items:
        large = len(images[item.split, item.emotion]) >= POOL
        found[f"{item.split}, {item.emotion if large else 'all emotions'}"].append(item)
    return found


def image(item: Item) -> str:
    """The key that samples of one image share."""
    return item.image_key if isinstance(item, Annotation) else item.image_id


def weigh(pool: Sequence[Item], judge: OfflineJudge) -> dict[str, list[float]]:
    """Weights by sample: 1 - (named + 1) / (others + 2), over the other images of the pool."""
    answers: dict[str, list[str]] = defaultdict(list)
    for item in pool:
        answers[image(item)] += item.triggers
    triggers = sorted({trigger for item in pool for trigger in item.triggers})
    rows = {trigger: row for row, trigger in enumerate(triggers)}
    columns = {key: column for column, key in enumerate(answers)}
    named = names(triggers, ["\n".join(answer) for answer in answers.values()], judge)
    others = len(answers) - 1
    weights = {}
    for item in pool:
        own = columns[image(item)]
        counts = [int(named[rows[trigger]].sum() - named[rows[trigger], own]) for trigger in item.triggers]
        weights[item.id] = [round(1 - (count + 1) / (others + 2), 4) for count in counts]
    return weights


def names(triggers: Sequence[str], answers: Sequence[str], judge: OfflineJudge) -> npt.NDArray[np.bool_]:
    """Whether each answer names each trigger, as `OfflineJudge.judge` says; shape (triggers, answers)."""
    said = [[span.text for span in sentences(answer)] for answer in answers]
    texts = sorted({text for spans in said for text in spans})
    judge.prefetch(["\n".join(texts)], triggers)
    at = {text: column for column, text in enumerate(texts)}
    blocks = [judge.odds(triggers, texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)]
    present = 1 / (1 + np.exp(-np.concatenate(blocks, axis=1))) >= 0.5
    return np.stack([present[:, [at[text] for text in spans]].any(axis=1) for spans in said], axis=1)


def figures(published: Sequence[Annotation], judge: OfflineJudge) -> None:
    """Prints quartiles of the weights, and plain and specific recall of the floor and of the references, by group."""
    weights = load_weights(annotations.SHA256)
    assert weights
    answers = {"floor": floor_answers(list(published)), "references": {i.id: "\n".join(i.triggers) for i in published}}
    judge.prefetch(list(answers["floor"].values()), [trigger for item in published for trigger in item.triggers])
    groups = defaultdict(list)
    for item in published:
        values = [1.0]
        for answer in answers.values():
            present = [verdict.present for verdict in judge.judge(Reference(item.triggers), answer[item.id]).verdicts]
            values += [sum(present) / len(present), weights.recall(item.id, present)]
        for group in ("all", item.split, f"{item.split}, {item.emotion}"):
            groups[group].append((values, weights.weights[item.id]))
    print(f"\n{'':20}         floor, recall %   references        weights: quartiles")
    print(f"{'':20} samples  plain  specific  plain  specific  least  1st   2nd   3rd   most")
    for group, rows in groups.items():
        samples, *means = np.sum([values for values, _ in rows], axis=0)
        plain, specific, all_plain, all_specific = 100 * np.array(means) / samples
        quartiles = np.quantile([weight for _, found in rows for weight in found], (0, 0.25, 0.5, 0.75, 1))
        print(
            f"{group:20} {samples:7.0f} {plain:6.1f} {specific:9.1f} {all_plain:6.1f} {all_specific:9.1f}  ",
            "  ".join(f"{value:.2f}" for value in quartiles),
        )


def main() -> None:
    """Weighs, writes the file and prints what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--eibench", type=Path, help="a checkout of EIBench; downloaded where left out")
    published, _ = source.load(parser.parse_args().eibench)
    judge = OfflineJudge.load()
    weights: dict[str, list[float]] = {}
    for name, pool in pools([*published, *demo_samples()]).items():
        start = time.perf_counter()
        found = weigh(pool, judge)
        count, images = sum(map(len, found.values())), len({image(item) for item in pool})
        print(f"{name}: {count} triggers over {images} images, {time.perf_counter() - start:.0f} s", flush=True)
        weights |= found
    record = {
        "format": 1,
        "annotations_sha256": annotations.SHA256,
        "judge": {"name": judge.name, "version": judge.version},
        "others": "all",
        "weights": weights,
    }
    FILE.write_text(json.dumps(record).replace("], ", "],\n") + "\n", encoding="utf-8")  # one sample a line
    print(f"wrote {FILE}")
    figures(published, judge)


if __name__ == "__main__":
    main()
