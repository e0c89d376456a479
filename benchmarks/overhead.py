"""What EIBench adds to a run of lmms-eval besides judging: start-up, loading, prompts, metrics, logging, memory.

python benchmarks/overhead.py [--rounds 5]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from material import annotations, answers

sys.path.insert(0, str(Path(__file__).parents[1]))  # before the tests, whose folders have the packages' names
sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.standins import write_standins

BIN = Path(sys.executable).parent


def show(name: str, values: Sequence[float], unit: str) -> None:
    """One figure: median and spread."""
    print(
        f"{name:44} median {statistics.median(values):8.2f} {unit}  ({min(values):.2f} to {max(values):.2f})",
        flush=True,
    )


def help_seconds(rounds: int) -> list[float]:
    """How long `eibench --help` takes."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([BIN / "eibench", "--help"], check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return found


_START = """
import time
from importlib.metadata import entry_points
import lmms_eval.models.registry_v2
(point,) = entry_points(group="lmms_eval.models", name="eibench")
import sys
for name in [name for name in sys.modules if name.startswith("eibench_tasks")]:
    del sys.modules[name]  # lmms-eval has loaded us with its registry; what that costs is measured here
start = time.perf_counter(); point.load(); own = time.perf_counter() - start
import lmms_eval.tasks as tasks
start = time.perf_counter(); point.load()(); own += time.perf_counter() - start
from eibench_tasks.home import task_configs
manager = tasks.TaskManager(include_defaults=False)
start = time.perf_counter(); manager._get_task_and_group(str(task_configs())); own += time.perf_counter() - start
print(1000 * own)
"""


def start_milliseconds(rounds: int) -> list[float]:
    """What the plug-in adds to the start of lmms-eval: import, registration, indexing of our tasks."""
    found = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", _START], check=True, capture_output=True, text=True)
        found.append(float(done.stdout.split()[-1]))
    return found


def own_milliseconds(texts: list[str], rounds: int) -> list[float]:
    """Loading, prompts, metrics and log rows per sample; verdicts are made beforehand."""
    import datasets

    from eibench_tasks.data.prepared import _load, check_images, load_prepared
    from eibench_tasks.harness import rows, tasks
    from eibench_tasks.judging.judgement import Judgement, Reference

    class Given:
        name, protocol, version, comparable, measures_floor = "given", "verdict", "0", False, False

        def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
            """Nothing."""

        def judge(self, reference: Reference, answer: str) -> Judgement:
            return Judgement.none_named(reference.triggers)

    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        _load.cache_clear()
        data = load_prepared()
        check_images(data.samples)
        docs = [doc for split in datasets.load_from_disk(str(data.arrow)).values() for doc in split][: len(texts)]
        logged = []
        for doc, text in zip(docs, texts, strict=True):
            tasks.user_prompt(doc)
            logged.append(rows.answer_rows(doc, text, Given()))
        overall = [row["recall_overall"] for row in logged]
        for aggregate in (rows.recall_percent, rows.ci95_low, rows.ci95_high, rows.bound_low, rows.coverage):
            aggregate(overall)
        "\n".join(json.dumps(row) for row in logged)
        found.append(1000 * (time.perf_counter() - start) / len(docs))
    return found


def peak_megabytes(arguments: list[str], environment: dict[str, str]) -> float:
    """Peak resident memory of one lmms-eval run."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", code, str(BIN / "lmms-eval"), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def plain_task(folder: Path, texts: list[str]) -> None:
    """A task of lmms-eval's own kind with as many samples and no judge, to compare memory with."""
    folder.mkdir()
    lines = "".join(json.dumps({"question": text, "answer": text}) + "\n" for text in texts)
    (folder / "data.jsonl").write_text(lines, encoding="utf-8")
    (folder / "plain.yaml").write_text(
        f"task: plain_benchmark\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {folder}/data.jsonl}}}}\n"
        "test_split: test\noutput_type: generate_until\ndoc_to_text: question\ndoc_to_target: answer\n"
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n",
        encoding="utf-8",
    )


def main() -> None:
    """Measures and prints one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="eibench-benchmark-"))
    os.environ["EIBENCH_HOME"] = str(work / "home")
    items, _ = annotations()
    from eibench_tasks.data.prepare import prepare

    beside = Path(__file__).resolve().parents[2] / "shared" / "eibench"
    images = write_standins(work / "images", {item.image_key for item in items})
    prepare([images], Path(os.environ.get("EIBENCH_FILES", beside)))
    texts = answers(len(items))
    show("eibench --help", help_seconds(options.rounds), "s")
    show("plug-in at the start of lmms-eval", start_milliseconds(options.rounds), "ms")
    show("loading, prompts, metrics, logging per sample", own_milliseconds(texts, options.rounds), "ms")
    log = work / "answers.jsonl"
    rows = (json.dumps({"id": item.id, "answer": text}) for item, text in zip(items, texts, strict=True))
    log.write_text("\n".join(rows), encoding="utf-8")
    plain_task(work / "plain", texts)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    own, plain = [], []
    for _ in range(min(3, options.rounds)):
        plain.append(
            peak_megabytes(
                ["--model", "dummy", "--include_path", str(work / "plain"), "--tasks", "plain_benchmark"], environment
            )
        )
        own.append(
            peak_megabytes(
                ["--model", "eibench_replay", "--model_args", f"path={log}", "--tasks", "eibench"], environment
            )
        )
    show("peak memory, lmms-eval with a task of its own", plain, "MB")
    show("peak memory, lmms-eval with EIBench", own, "MB")
    show("difference", [a - b for a, b in zip(own, plain, strict=True)], "MB")


if __name__ == "__main__":
    main()
