"""How long the offline judge takes, against a bare sentence-transformers encode of the same distinct texts.

    python benchmarks/judge_speed.py [--rounds 3] [--samples 1665]

Both run in this process with the same threads, in turn; loading the weights is timed in neither. "known" is the
judge over the same answers again.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable

from material import annotations, answers

from eibench_tasks.home import eibench_home
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.offline import language, matching
from eibench_tasks.judging.offline.encoder import model_folder
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.judging.offline.language import sentences


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1665)
    options = parser.parse_args()
    os.environ["EIBENCH_HOME"] = tempfile.mkdtemp(prefix="eibench-benchmark-")
    import torch
    from sentence_transformers import SentenceTransformer

    items, floors = annotations()
    items = items[: options.samples]
    texts = answers(len(items))
    references = [text for item in items for text in (*item.triggers, floors[item.id])]
    distinct = {span.text for text in (*texts, *references) for span in sentences(text)} | {
        trigger for item in items for trigger in item.triggers
    }
    print(f"{len(items)} answers, {len(distinct)} distinct texts, {torch.get_num_threads()} threads")
    bare = SentenceTransformer(str(model_folder()))
    ordered = sorted(distinct)
    ratios, known, wholes, bares = [], [], [], []
    for _ in range(options.rounds):
        judge = OfflineJudge.load()
        judge._encoder.keep(set())  # what an earlier round left
        shutil.rmtree(eibench_home() / "cache", ignore_errors=True)
        language._stem.cache_clear()
        matching.lexical.cache_clear()

        def judge_all(judge: OfflineJudge = judge) -> None:
            judge.prefetch(texts, references)
            for item, text in zip(items, texts, strict=True):
                judge.judge(Reference(item.triggers), text)
                judge.judge(Reference(item.triggers), floors[item.id])
                judge.judge(Reference(floors[item.id].split("\n")), text)  # chance

        bares.append(timed(lambda: bare.encode(ordered, batch_size=64, show_progress_bar=False)))
        wholes.append(timed(judge_all))
        ratios.append(wholes[-1] / bares[-1])
        known.append(timed(judge_all))
    for name, values, unit in (
        ("bare encode", bares, "s"),
        ("whole judge", wholes, "s"),
        ("ratio", ratios, ""),
        ("known", known, "s"),
    ):
        print(f"{name:12} median {statistics.median(values):.2f}{unit}  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
