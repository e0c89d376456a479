"""How quickly language models judge: after the run, a second time, and inside a run of lmms-eval.

    python benchmarks/judging.py [--rounds 5] [--latency 0.1] [--concurrency 64]

The judge is a server in a process of its own that takes a fixed time to reply, as one that has room for all requests
does. 1,665 answers, one call each. The ideal is calls * latency / concurrency: what the latency alone would take.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from material import annotations, answers

sys.path.insert(0, str(Path(__file__).parents[1]))  # before the tests, whose folders have the packages' names
sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.judge_server import Running, judge_server
from support.standins import write_standins

FILES = Path(os.environ.get("EIBENCH_FILES", Path(__file__).resolve().parents[2] / "shared" / "eibench"))
EIBENCH = Path(sys.executable).with_name("eibench")
SERIAL = 40
"""Answers that are judged one after the other, to measure what that takes."""


def show(name: str, values: Sequence[float], unit: str) -> None:
    """One figure: median and spread."""
    print(
        f"{name:66} median {statistics.median(values):8.2f} {unit:2} ({min(values):.2f} to {max(values):.2f})",
        flush=True,
    )


class Watched:
    """An engine that notes when the first question came and when the last reply went."""

    def __init__(self, engine: Any) -> None:
        self.name = engine.name
        self.calls = 0
        self.first = self.last = 0.0
        self._engine = engine

    async def reply(self, ask: Any) -> Any:
        """As the engine's."""
        self.first = self.first or time.perf_counter()
        self.calls += 1
        reply = await self._engine.reply(ask)
        self.last = time.perf_counter()
        return reply

    async def close(self) -> None:
        """As the engine's."""
        await self._engine.close()


def write_logs(folder: Path, items: Sequence[Any], texts: Sequence[str]) -> None:
    """The sample logs of a --predict_only run."""
    folder.mkdir(parents=True)
    for task, split in (("eibench_basic_user", "basic"), ("eibench_complex", "complex")):
        lines = [
            {"doc_id": number, "target": "\n".join(item.triggers), "filtered_resps": text, "input": item.question}
            for number, (item, text) in enumerate(zip(items, texts, strict=True))
            if item.split == split
        ]
        if lines:
            content = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / f"20260101_000000_samples_{task}.jsonl").write_text(content, encoding="utf-8")


def judging(runs: Path, home: Path, server: Running, options: argparse.Namespace) -> tuple[float, float, float]:
    """What `eibench judge` does with an empty cache, in this process.

    Returns:
        Seconds from the first question to the last reply; those of one call after the other, for as many; milliseconds
        of processor time for each judgement, from the estimate to the row of metrics.
    """
    from eibench_tasks.rejudging.known import load_known
    from eibench_tasks.rejudging.logs import find_logs, read_log
    from eibench_tasks.rejudging.run import judge_plans, plan, to_ask

    known = load_known({"eibench_basic_user"}, FILES)
    judge = new_judge(home, server, options)
    plans = [plan(read_log(file, known), judge, 0) for file in find_logs([runs])]
    watch = judge.engine._engine = Watched(judge.engine._engine)
    start = time.process_time()
    to_ask(judge, plans)
    judge_plans(judge, plans, lambda: None)
    processor = 1000 * (time.process_time() - start) / watch.calls
    at_once = watch.last - watch.first
    one_by_one = new_judge(home, server, options)
    some = list(plans[0].items.values())[:SERIAL]
    start = time.perf_counter()
    for item in some:
        one_by_one.judge(*item)
    serial = (time.perf_counter() - start) * watch.calls / len(some)
    return at_once, serial, processor


def new_judge(home: Path, server: Running, options: argparse.Namespace) -> Any:
    """The judge with an empty cache, once it was looked whether it is there."""
    from eibench_tasks.engines.openai_chat import Limits
    from eibench_tasks.judging import registry, untrusted
    from eibench_tasks.judging.options import JudgeOptions

    os.environ["EIBENCH_HOME"] = tempfile.mkdtemp(dir=home)
    registry._load.cache_clear()
    untrusted._kept.cache_clear()
    limits = Limits(concurrency=options.concurrency)
    judge: Any = registry.load_judge("openai:sim", JudgeOptions(urls=(server.base_url,), limits=limits))
    judge.check()
    return judge


def command(runs: Path, home: Path, server: Running, options: argparse.Namespace) -> float:
    """Seconds of one `eibench judge`, from start to end."""
    chosen = ["judge", runs, "--judge", "openai:sim", "--judge-url", server.base_url, "--eibench", FILES]
    chosen += ["--chance-samples", "0", "--concurrency", str(options.concurrency), "-o", home / "out"]
    environment = {**os.environ, "EIBENCH_HOME": str(home)}
    start = time.perf_counter()
    subprocess.run([EIBENCH, *map(str, chosen)], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


class Waiting:
    """A judge that does nothing but wait as long as the server does: what lmms-eval's own work leaves."""

    name, protocol, version, comparable, measures_floor = "waiting", "verdict", "0", False, False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing."""

    def judge(self, reference: Any, answer: str) -> Any:
        """No trigger is named."""
        from eibench_tasks.judging.judgement import Judgement

        time.sleep(self._seconds)
        return Judgement.none_named(reference.triggers)


def inside_a_run(
    answered: Path, home: Path, server: Running, options: argparse.Namespace, judge: Waiting | None = None
) -> float:
    """Seconds that lmms-eval spends in its pool of `process_results`, over all tasks of `eibench`."""
    from lmms_eval import evaluator
    from support.runs import evaluate

    from eibench_tasks.harness import tasks
    from eibench_tasks.judging import registry

    registry._load.cache_clear()
    shutil.rmtree(home / "cache", ignore_errors=True)
    os.environ |= {
        "EIBENCH_HOME": str(home),
        "EIBENCH_JUDGE": "openai:sim",
        "EIBENCH_JUDGE_URL": server.base_url,
        "EIBENCH_JUDGE_CONCURRENCY": str(options.concurrency),
    }
    spent = 0.0
    pool = evaluator._thread_map_ordered

    def timed(*args: Any, **kwargs: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        try:
            return pool(*args, **kwargs)
        finally:
            spent += time.perf_counter() - start

    evaluator._thread_map_ordered = timed
    load = tasks.load_judge
    if judge:
        tasks.load_judge = lambda: judge
    try:
        evaluate(["eibench"], "eibench_replay", f"path={answered}", process_docs_parallel=options.concurrency)
    finally:
        evaluator._thread_map_ordered, tasks.load_judge = pool, load
    return spent


def main() -> None:
    """Measures and prints one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="eibench-benchmark-"))
    items, _ = annotations()
    texts = answers(len(items))
    write_logs(work / "runs" / "model", items, texts)
    write_logs(work / "one" / "model", items[:1], texts[:1])
    ideal = len(items) * options.latency / options.concurrency
    print(f"{len(items)} answers, {options.latency:g} s a reply, {options.concurrency} at once: ideal {ideal:.2f} s")
    with judge_server(options.latency) as server:
        after_the_run(work, server, ideal, options)
        within_the_run(work, server, ideal, options, items, texts)


def after_the_run(work: Path, server: Running, ideal: float, options: argparse.Namespace) -> None:
    """`eibench judge`: its judging part, the whole command, and the whole command a second time."""
    rounds = [judging(work / "runs", work, server, options) for _ in range(options.rounds)]
    show("judging, first question to last reply", [at_once for at_once, _, _ in rounds], "s")
    show("  ideal over that", [100 * ideal / at_once for at_once, _, _ in rounds], "%")
    show("  times faster than one call after the other", [serial / at_once for at_once, serial, _ in rounds], "")
    show("  processor time for each judgement", [processor for _, _, processor in rounds], "ms")
    first, second, one, asked = [], [], [], 0
    for number in range(options.rounds):
        home = work / f"home-{number}"
        first.append(command(work / "runs", home, server, options))
        calls = server.stats()["calls"]
        second.append(command(work / "runs", home, server, options))
        one.append(command(work / "one", home, server, options))
        asked += server.stats()["calls"] - calls
    show("start-up: one answer whose reply is known", one, "s")
    show("whole command less start-up", [a - b for a, b in zip(first, one, strict=True)], "s")
    show("all again, replies known, less start-up", [a - b for a, b in zip(second, one, strict=True)], "s")
    print(f"  calls made by it: {asked}")


def within_the_run(
    work: Path, server: Running, ideal: float, options: argparse.Namespace, items: Sequence[Any], texts: Sequence[str]
) -> None:
    """lmms-eval with EIBENCH_JUDGE, over answers that are at hand."""
    from eibench_tasks.data.prepare import prepare

    os.environ["EIBENCH_HOME"] = str(work / "prepared")
    os.environ["HF_HUB_OFFLINE"] = "1"
    prepare([write_standins(work / "images", {item.image_key for item in items})], FILES)
    answered = work / "answers.jsonl"
    lines = (json.dumps({"id": item.id, "answer": text}) for item, text in zip(items, texts, strict=True))
    answered.write_text("\n".join(lines), encoding="utf-8")
    waiting = Waiting(options.latency)
    rounds, least = [], []
    for _ in range(options.rounds):
        least.append(inside_a_run(answered, work / "prepared", server, options, waiting))
        rounds.append(inside_a_run(answered, work / "prepared", server, options))
    show(f"inside lmms-eval, --process-docs-parallel {options.concurrency}", rounds, "s")
    show("  ideal over that", [100 * ideal / seconds for seconds in rounds], "%")
    show("  the same with a judge that only waits", least, "s")
    show("  that over the first", [100 * a / b for a, b in zip(least, rounds, strict=True)], "%")


if __name__ == "__main__":
    main()
