"""How well CFSA keeps an engine busy, and what it costs beside: time, processor, memory. The engine is simulated.

It answers as `tests/support/annotator.py` does, takes 64 calls at a time, and each call takes as long as a fixed
distribution says (log-normal, drawn by the question's own hash and the number of the round, so that every version of
a round meets the same times). All else is the real thing: images on disk, journal, conversations, checks.

python benchmarks/cfsa.py --rounds 5
python benchmarks/cfsa.py --memory
python benchmarks/cfsa.py --server
"""

import argparse
import asyncio
import json
import math
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # before the tests, whose folders have the packages' names
sys.path.append(str(Path(__file__).parents[1] / "tests"))

from PIL import Image
from support import annotator
from support.annotated import images_of, run_with

from eibench_tasks.engines.engine import Ask, Reply

CFSA = Path(sys.executable).with_name("cfsa")
CAPACITY = 64
MEAN, SIGMA = 0.5, 1.2  # seconds; of the logarithm
UNUSABLE = 0.05  # share of replies that are cut off and asked again


class Simulated:
    """An engine of bounded capacity; see `engine.Engine`.

    Attributes:
        asks: what was asked, in order.
        busy: seconds of work, over all places.
    """

    name = "simulated"

    def __init__(self, salt: int = 0, mean: float = MEAN) -> None:
        self.asks: list[Ask] = []
        self.busy = 0.0
        self._mean = mean
        self._salt = salt
        self._places = asyncio.Semaphore(CAPACITY)

    async def reply(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        draw = random.Random(f"{self._salt} {ask.key(self.name)}")
        text = annotator.text({"messages": list(ask.messages)})
        seconds = self._mean * math.exp(SIGMA * draw.gauss(0, 1) - SIGMA**2 / 2)
        async with self._places:
            await asyncio.sleep(seconds)
        self.busy += seconds
        return Reply(text=text[: len(text) // 2] if draw.random() < UNUSABLE else text)

    async def close(self) -> None:
        """Nothing is held."""


class Stages:
    """What a version without CFSA's scheduling does: a question is sent when every image has one to send.

    Each stage, and each repetition of one, is finished for all images before the next begins.
    """

    name = "simulated"

    def __init__(self, engine: Simulated, images: int) -> None:
        self._engine = engine
        self._left = images
        self._waiting: list[tuple[Ask, asyncio.Future[Reply]]] = []

    async def reply(self, ask: Ask) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        return await future

    async def run(self, done: "asyncio.Future[None]") -> None:
        """Sends whatever waits, all at once, whenever nothing moves any more."""
        while not done.done():
            await asyncio.sleep(0.02)
            before = -1
            while before != len(self._waiting):  # images that are on their way to their next question
                before = len(self._waiting)
                await asyncio.sleep(0.05)
            batch, self._waiting = self._waiting, []
            replies = await asyncio.gather(*(self._engine.reply(ask) for ask, _ in batch))
            for (_, future), reply in zip(batch, replies, strict=True):
                future.set_result(reply)

    async def close(self) -> None:
        """Nothing is held."""


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - clock, time.process_time() - processor


async def one_round(folder: Path, images: int, salt: int) -> dict[str, float]:
    """All figures of one round."""
    files = images_of(folder / "images", images)
    ours = Simulated(salt)
    seconds, processor = await timed(lambda: run_with(files, folder / "ours", ours, CAPACITY))
    free = Simulated(salt)

    async def all_at_once() -> None:
        await asyncio.gather(*(free.reply(ask) for ask in ours.asks))

    ideal, bare = await timed(all_at_once)
    staged = Simulated(salt)
    stages = Stages(staged, images)

    async def stage_by_stage() -> None:
        done = asyncio.get_running_loop().create_future()
        sending = asyncio.create_task(stages.run(done))
        await run_with(files, folder / "staged", stages, images)
        done.set_result(None)
        await sending

    slow, _ = await timed(stage_by_stage)
    calls = len(ours.asks)
    assert len(staged.asks) == calls
    return {
        "images": images,
        "calls": calls,
        "seconds": seconds,
        "of the same calls without dependencies, %": 100 * ideal / seconds,
        "times faster than stage by stage": slow / seconds,
        "processor for each call, ms": 1000 * (processor - bare) / calls,
    }


def rounds(options: argparse.Namespace) -> None:
    """Prints median and spread of every figure."""
    found = []
    for salt in range(options.rounds):
        folder = Path(tempfile.mkdtemp(prefix="cfsa-benchmark-"))
        found.append(asyncio.run(one_round(folder, options.images, salt)))
        shutil.rmtree(folder)
    for name in found[0]:
        values = [one[name] for one in found]
        print(f"{name:45} {statistics.median(values):9.2f}   {min(values):.2f} to {max(values):.2f}")


def memory(options: argparse.Namespace) -> None:
    """Peak memory of a run of 1,000 and of 10,000 images, each in a process of its own."""
    peaks = {}
    for images in (1_000, 10_000):
        command = [sys.executable, __file__, "--peak", str(images)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        peaks[images] = said["peak"]
        print(f"{images:6} images: peak {said['peak']:.0f} MB, {said['seconds']:.0f} s")
    print(f"difference {peaks[10_000] - peaks[1_000]:.0f} MB")


def peak(images: int) -> None:
    """One such run; prints JSON."""
    folder = Path(tempfile.mkdtemp(prefix="cfsa-benchmark-"))
    files = images_of(folder / "images", images)

    class Forgetful(Simulated):
        """Keeps no questions."""

        async def reply(self, ask: Ask) -> Reply:
            self.asks.clear()
            return await super().reply(ask)

    start = time.perf_counter()
    asyncio.run(run_with(files, folder / "run", Forgetful(mean=0.02), CAPACITY))
    shutil.rmtree(folder)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak": used, "seconds": time.perf_counter() - start}))


def server(options: argparse.Namespace) -> None:
    """Processor time of `cfsa run` for each call to a server, with photographs of usual size; all of it, images too."""
    from support.judge_server import judge_server

    found = []
    for _ in range(options.rounds):
        folder = Path(tempfile.mkdtemp(prefix="cfsa-benchmark-"))
        used = []
        with judge_server(annotator=True, model="sim") as served:
            for images in (8, 108):
                photographs(folder / str(images), images)
                before, calls = resource.getrusage(resource.RUSAGE_CHILDREN), served.stats()["calls"]
                engine = ["--engine", "openai", "--model", "sim", "--base-url", served.base_url, "--general", "paper"]
                command = [str(CFSA), "run", str(folder / str(images)), "-o", str(folder / f"run-{images}"), *engine]
                subprocess.run(command, check=True, capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                used.append((seconds, served.stats()["calls"] - calls))
        shutil.rmtree(folder)
        (few, few_calls), (many, many_calls) = used
        found.append(1000 * (many - few) / (many_calls - few_calls))
    print(f"processor for each call, ms: {statistics.median(found):.2f}   {min(found):.2f} to {max(found):.2f}")


def photographs(folder: Path, count: int) -> None:
    """Images of 1024 x 768 pixels, about 150 KB each as JPEG."""
    for number in range(count):
        file = folder / "happy" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.frombytes("RGB", (96, 72), random.Random(number).randbytes(3 * 96 * 72))
        coarse.resize((1024, 768), Image.Resampling.BICUBIC).save(file, quality=88)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--peak", type=int)
    options = parser.parse_args()
    if options.peak:
        peak(options.peak)
    elif options.memory:
        memory(options)
    elif options.server:
        server(options)
    else:
        rounds(options)
