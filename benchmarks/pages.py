"""How quick the pages are: the report of a whole run, and the review of a run of 100,000 samples.

A real browser (Chromium, by Playwright) opens and filters the report; a real server keeps marks. Times of the browser
are those that it measures itself, from the event to the frame after it.

python benchmarks/pages.py --rounds 5
"""

import argparse
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # before the tests, whose folders have the packages' names
sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.browser import browser
from support.built_runs import a_sample, a_trigger, new_run
from support.finished_runs import answered, finished_run
from support.review_server import free_port, start

from cfsa_tool.records import Outcome
from cfsa_tool.review.marks import Mark, disagreement
from cfsa_tool.review.store import Review
from cfsa_tool.run_folder import RunFolder

BIN = Path(sys.executable).parent
_FRAME = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


def main() -> None:
    """Measures everything and prints it as JSON, a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=1_665)
    parser.add_argument("--review-samples", type=int, default=100_000)
    parser.add_argument("--only", choices=["report", "review"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.only in (None, "report"):
            report(Path(name), options.samples, options.rounds)
        if options.only in (None, "review"):
            review(Path(name), options.review_samples, 40 * options.rounds)


def report(folder: Path, count: int, rounds: int) -> None:
    """Building, opening and filtering the report of one run."""
    draw = random.Random(1)
    words = [f"word{number}" for number in range(3_000)]

    def text(length: int) -> str:
        return " ".join(draw.choice(words) for _ in range(length))

    lines = []
    for number in range(count):
        triggers = [text(8) for _ in range(4)]
        answer = f"{text(50)} {triggers[0]} {text(60)}"
        emotion = ("happy", "angry", "sadness", "excitement")[number % 4]
        sample = {"id": f"s{number}", "image_id": f"i{number}", "emotion": emotion, "triggers": triggers}
        lines.append(answered(sample, answer, {0: triggers[0]}))
    finished_run(folder / "runs", lines, task="eibench_demo")
    file = folder / "report.html"
    command = [str(BIN / "eibench"), "report", str(folder / "runs"), "-o", str(file)]
    show("report built", timed(lambda: subprocess.run(command, check=True, capture_output=True), rounds))
    bare = [sys.executable, "-c", "import matplotlib.figure, jinja2, scipy.stats, pydantic"]
    show("its libraries imported", timed(lambda: subprocess.run(bare, check=True), rounds))
    show("size", {"MB": file.stat().st_size / 1e6})
    with browser() as running:
        page = running.new_page()
        show("first view", spread([_first_view(page, file) for _ in range(rounds)]))
        show("filter by text", spread([_typed(page, f"word{number}") for number in range(rounds)]))
        show("next sample", spread([_pressed(page, "j") for _ in range(10 * rounds)]))


def _first_view(page: Any, file: Path) -> float:
    page.goto("about:blank")
    page.goto(file.as_uri())
    page.wait_for_selector("#sample .answer")
    return float(page.evaluate(f"({_FRAME})().then(() => performance.now())")) / 1000


def _typed(page: Any, word: str) -> float:
    script = (
        "async (word) => { const field = document.getElementById('text'), from = performance.now(); field.value = word;"
        f" field.dispatchEvent(new Event('input')); await ({_FRAME})(); return performance.now() - from; }}"
    )
    return float(page.evaluate(script, word)) / 1000


def _pressed(page: Any, key: str) -> float:
    script = (
        "async (key) => { const from = performance.now(); document.dispatchEvent(new KeyboardEvent('keydown', {key}));"
        f" await ({_FRAME})(); return performance.now() - from; }}"
    )
    page.evaluate("document.getElementById('text').value = ''; document.getElementById('list').focus()")
    return float(page.evaluate(script, key)) / 1000


RATERS = ("Ann", "Ben", "Cid")


def review(folder: Path, count: int, rounds: int) -> None:
    """Saving a mark and getting the next sample, three raters at once, in a run of so many samples.

    At the beginning, and when each rater has done half of the samples, and 95 of 100.
    """
    run = folder / "run"
    large_run(run, count)
    began = time.perf_counter()
    Review(RunFolder(run)).take_in()
    show("samples taken in", {"seconds": time.perf_counter() - began, "samples": count})
    for share in (0.0, 0.5, 0.95):
        already_done(run, int(share * count))
        port = free_port()
        began = time.perf_counter()
        process = start(run, port)
        show(f"server ready, {share:.0%} done", {"seconds": time.perf_counter() - began})
        try:
            with ThreadPoolExecutor(len(RATERS)) as pool:
                found = list(pool.map(lambda rater, port=port: marks(port, rater, rounds), RATERS))
            for what in found[0]:
                show(f"{what}, {share:.0%} done", spread([seconds for times in found for seconds in times[what]]))
            newcomer = f"Newcomer at {share:.0%}"
            show(f"first sample of another rater, {share:.0%} done", spread(marks(port, newcomer, 1)["next sample"]))
        finally:
            process.terminate()
            process.wait()
    show("bare SQLite commit", spread(bare_commits(folder / "bare.sqlite", rounds)))


def already_done(run: Path, count: int) -> None:
    """Lets every rater have done the least sure samples, so many of them; on each tenth one rater differs."""
    review = Review(RunFolder(run))
    review.expect(RATERS)
    review.close()
    sample = a_sample("happy", a_trigger("a cake"), a_trigger("guest"))
    kept = Mark.untouched(sample).model_copy(update={"quality": 4})
    kept = kept.model_copy(update={"triggers": [one.model_copy(update={"state": "kept"}) for one in kept.triggers]})
    with sqlite3.connect(run / "review.sqlite") as db:
        wanted = [number for (number,) in db.execute("SELECT number FROM samples ORDER BY low LIMIT ?", (count,))]
        for (rater,) in db.execute("SELECT number FROM raters WHERE name IN (?, ?, ?)", RATERS).fetchall():
            had = {number for (number,) in db.execute("SELECT sample FROM marks WHERE rater = ?", (rater,))}
            for number in wanted:
                if number in had:
                    continue
                differs = number % 10 == 0 and rater == 1
                text = (kept.model_copy(update={"quality": 1}) if differs else kept).model_dump_json()
                seq = db.execute(
                    "INSERT INTO actions (rater, sample, mark, done, imported, at) VALUES (?, ?, ?, 1, 0, 0)",
                    (rater, number, text),
                ).lastrowid
                db.execute("INSERT INTO marks VALUES (?, ?, ?, 1)", (rater, number, seq))
        apart = disagreement([kept, kept, kept.model_copy(update={"quality": 1})])
        db.executemany(
            "UPDATE samples SET disagreement = ? WHERE number = ?", [(apart, n) for n in wanted if n % 10 == 0]
        )
        db.execute("UPDATE samples SET current = 0")  # the queues are made anew when the samples are taken in


def large_run(folder: Path, count: int) -> None:
    """A run of so many images with a sample each; the images are not there."""
    run = new_run(folder)
    with run.writing() as db:
        for number in range(count):
            low = (number * 7_919 % count) / count
            sample = a_sample("happy", a_trigger("a cake"), a_trigger(f"guest {number}", probability=low))
            text, id_ = Outcome(samples=[sample]).model_dump_json(), f"{number:016x}"
            row = (id_, f"{number}.png", b"nowhere.png", "0" * 64, 1, 1, 1, '["happy"]', "")
            db.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.execute("INSERT INTO outcomes VALUES (?, NULL, NULL, 0, 1, 0, 0, 0, 0.0, ?)", (id_, text))
    run.close()


def marks(port: int, rater: str, rounds: int) -> dict[str, list[float]]:
    """Marks sample after sample, as a rater does; seconds of each step."""
    found: dict[str, list[float]] = {"next sample": [], "mark saved": []}
    name = ""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        csrf = re.search('name="csrf" content="([^"]+)"', client.get("/").text)
        assert csrf
        client.headers.update({"x-cfsa-csrf": csrf[1], "x-cfsa-rater": rater, "content-type": "application/json"})
        for _ in range(rounds):
            began = time.perf_counter()
            name = client.get("/api/next", params={"passing": name}).json()["sample"]
            shown = client.get(f"/api/samples/{name}").json()
            found["next sample"].append(time.perf_counter() - began)
            triggers = [one | {"state": "kept"} for one in shown["mark"]["triggers"]]
            body = json.dumps({"base": shown["base"], "mark": shown["mark"] | {"quality": 4, "triggers": triggers}})
            began = time.perf_counter()
            client.put(f"/api/samples/{name}", content=body).raise_for_status()
            found["mark saved"].append(time.perf_counter() - began)
    return found


def bare_commits(file: Path, rounds: int) -> list[float]:
    """What a durable commit alone takes on this disk."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE t (x)")
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        db.execute("INSERT INTO t VALUES (?)", (number,))
        times.append(time.perf_counter() - began)
    db.close()
    return times


def timed(what: Callable[[], object], rounds: int) -> dict[str, float]:
    """Seconds of several rounds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        what()
        times.append(time.perf_counter() - began)
    return spread(times)


def spread(times: Sequence[float]) -> dict[str, float]:
    """Median, least and most, in seconds; and what 95 of 100 do not exceed."""
    ordered = sorted(times)
    return {
        "median": median(ordered),
        "least": ordered[0],
        "most": ordered[-1],
        "p95": ordered[int(0.95 * (len(ordered) - 1))],
    }


def show(name: str, numbers: dict[str, Any]) -> None:
    """One line of the outcome."""
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in numbers.items()}
    print(json.dumps({name: rounded}), flush=True)


if __name__ == "__main__":
    main()
