"""`cfsa` by its real command line: from a folder of images to a score, and what cannot spoil it on the way.

The vision model is simulated, behind a real server: it replies to every stage, the same to the same question.
"""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.annotated import images_of
from support.judge_server import BROKEN, CONTENTS, STATUSES, Running, judge_server
from support.openai_server import ChatServer
from support.runs import Finished, command, stops, value, written_results

CFSA = Path(sys.executable).with_name("cfsa")
SECRET = "sk-secret-123"
MODEL = "sim"


@pytest.fixture
def sim() -> Iterator[Running]:
    """A simulated vision model without faults, quick."""
    with judge_server(annotator=True, model=MODEL) as server:
        yield server


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """24 images in folders named after four emotions."""
    images_of(tmp_path / "photos", 24)
    return tmp_path / "photos"


def arguments(images: Path | str, run: Path, server: Running | None, *more: str | Path) -> list[str | Path]:
    """`cfsa run` with the simulated model."""
    url = server.base_url if server else "http://127.0.0.1:9/v1"
    engine = ["--engine", "openai", "--model", MODEL, "--base-url", url, "--general", "paper"]
    return ["run", images, "-o", run, *engine, *more]


@pytest.fixture
def cfsa(home: Path, tmp_path: Path) -> Callable[..., Finished]:
    """Runs `cfsa`; ``env`` are variables on top."""

    def cfsa(*chosen: str | Path, env: dict[str, str] | None = None) -> Finished:
        return command("cfsa", *chosen, home=home, log=tmp_path / "cfsa.txt", env=env)

    return cfsa


def started(*chosen: str | Path, cwd: Path) -> "subprocess.Popen[str]":
    """`cfsa` that goes on while the test does something else."""
    line = [str(CFSA), *map(str, chosen)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd)


def until(calls: int, server: Running, process: "subprocess.Popen[str]") -> None:
    """Waits until the server was asked so often."""
    while process.poll() is None and server.stats()["calls"] < calls:
        time.sleep(0.005)


def exported(folder: Path) -> dict[str, bytes]:
    """All files of an export."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def outcomes(run: Path) -> dict[str, dict[str, Any]]:
    """What became of each image, by its name."""
    with sqlite3.connect(run / "run.sqlite") as db:
        found = db.execute("SELECT name, outcome FROM images JOIN outcomes USING (id)").fetchall()
    return {name: json.loads(outcome) for name, outcome in found}


# The whole way


def test_from_a_folder_of_images_to_a_score_in_three_commands(
    photos: Path, sim: Running, cfsa: Callable[..., Finished], home: Path, tmp_path: Path
) -> None:
    run, split = tmp_path / "RUN", tmp_path / "SPLIT"
    ended = cfsa(*arguments(photos, run, sim))
    assert ended.code == 0, ended.tail
    assert "24 of 24 images done (100.0%), 0 failed, 0 to go" in ended.output
    assert f"Next: cfsa export {run} -o SPLIT --name my_split" in ended.output
    ended = cfsa("export", run, "-o", split, "--name", "my_split")
    assert ended.code == 0, ended.tail
    with ChatServer(lambda request: "She cries since ice cream dropped on the pavement.").running() as model:
        ended = command(
            "lmms-eval",
            *("--model", "openai", "--model_args", f"model=m,base_url={model.base_url},api_key=k"),
            *("--include_path", split, "--tasks", "my_split", "--output_path", tmp_path / "runs", "--log_samples"),
            home=home,
            log=tmp_path / "lmms_eval.txt",
        )
    assert ended.code == 0, ended.tail
    assert len(model.requests) == 24
    results = written_results(tmp_path / "runs")
    with_it = sum("Ice cream dropped on the pavement" in json.dumps(outcome) for outcome in outcomes(run).values())
    assert 0 < with_it < 24
    assert 0 < value(results, "my_split", "recall_overall") < 60
    assert value(results, "my_split", "coverage") == 100
    ended = command("eibench", "results", tmp_path / "runs", home=home, log=tmp_path / "results.txt")
    assert "my_split" in ended.output and "24" in ended.output, ended.tail


def test_an_image_is_asked_about_in_one_growing_conversation_that_begins_with_it(
    photos: Path, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    from support import annotator

    with ChatServer(lambda request: annotator.text(request.body)).running() as server:
        ended = cfsa(
            "run",
            photos,
            "-o",
            tmp_path / "RUN",
            "--engine",
            "openai",
            "--model",
            "m",
            "--base-url",
            server.base_url,
            "--general",
            "paper",
            "--limit",
            "1",
        )
        assert ended.code == 0, ended.tail
    trunk: list[dict[str, Any]] = []
    for request in server.requests:
        messages = request.body["messages"]
        assert "response_format" in request.body
        if not request.images:
            continue  # of the text model
        assert messages[0]["content"][0]["type"] == "image_url"
        assert len(request.images) == 1
        if len(messages) > len(trunk) and messages[: len(trunk)] == trunk[: len(messages)]:
            trunk = messages
    assert len(trunk) >= 7  # rebuild, general, scenario, summary


def test_without_emotions_in_the_source_the_model_names_them(
    sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    files = images_of(tmp_path / "sorted", 4)
    (tmp_path / "photos").mkdir()
    for file in files:
        shutil.copy(file, tmp_path / "photos" / file.name)
    ended = cfsa(*arguments(tmp_path / "photos", tmp_path / "RUN", sim))
    assert ended.code == 0, ended.tail
    samples = [sample for outcome in outcomes(tmp_path / "RUN").values() for sample in outcome["samples"]]
    assert {sample["emotion_by"] for sample in samples} == {"model"}


def test_complex_runs_have_a_sample_for_each_emotion_of_an_image(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in list(photos.rglob("*.jpg"))[:4]:
        shutil.copy(file, flat / file.name)
    ended = cfsa(*arguments(flat, tmp_path / "RUN", sim, "--kind", "complex"))
    assert ended.code == 0, ended.tail
    assert all(len(outcome["samples"]) == 2 for outcome in outcomes(tmp_path / "RUN").values())
    ended = cfsa("export", tmp_path / "RUN", "-o", tmp_path / "SPLIT", "--name", "mine")
    assert ended.code == 0, ended.tail
    from eibench_tasks.data.annotations import read_complex

    assert len(read_complex((tmp_path / "SPLIT" / "ec_complex.jsonl").read_bytes())) == 8


def test_the_pilot_proposes_questions_that_may_be_edited_before_the_run(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    engine = ["--engine", "openai", "--model", MODEL, "--base-url", sim.base_url]
    ended = cfsa("pilot", photos, "-o", run, *engine)
    assert ended.code == 0, ended.tail
    assert "4. " in ended.output and f"Next: cfsa run {photos} -o {run}" in ended.output
    (run / "questions.yaml").write_text("questions:\n  - What is the weather like?\n  - Who is there?\n")
    ended = cfsa("run", photos, "-o", run, *engine, "--limit", "2")
    assert ended.code == 0, ended.tail
    for outcome in outcomes(run).values():
        notes = outcome["samples"][0]["notes"]
        assert [note["question"] for note in notes[:2]] == ["What is the weather like?", "Who is there?"]
    (run / "questions.yaml").write_text('questions: ["Where is it?"]\n')
    stops(cfsa("run", photos, "-o", run, *engine), "questions.yaml", "was changed after images were annotated")


# Going on


def test_the_same_command_again_asks_nothing(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    assert cfsa(*arguments(photos, run, sim)).code == 0
    calls = sim.stats()["calls"]
    assert cfsa(*arguments(photos, run, sim)).code == 0
    shutil.rmtree(run / "run.sqlite", ignore_errors=True)
    assert sim.stats()["calls"] == calls


def test_more_images_are_taken_in_and_only_they_are_asked_about(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    assert cfsa(*arguments(photos, run, sim, "--limit", "20")).code == 0
    assert len(outcomes(run)) == 20
    before = outcomes(run)
    images_of(photos, 30)
    assert cfsa(*arguments(photos, run, sim)).code == 0
    after = outcomes(run)
    assert len(after) == 30
    assert {name: after[name] for name in before} == before


def test_a_journal_is_enough_to_have_everything_again_without_a_call(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    assert cfsa(*arguments(photos, run, sim)).code == 0
    before, calls = outcomes(run), sim.stats()["calls"]
    (run / "run.sqlite").write_bytes(b"damaged" * 1000)
    stops(cfsa("status", run), "Delete", "run.sqlite")
    for file in run.glob("run.sqlite*"):
        file.unlink()
    assert cfsa(*arguments(photos, run, sim)).code == 0
    assert outcomes(run) == before
    assert sim.stats()["calls"] == calls


@pytest.mark.parametrize(
    ("kills", "count", "concurrency"), [(3, 16, 4), pytest.param(20, 120, 16, marks=pytest.mark.slow)]
)
def test_kills_at_random_moments_lose_only_the_calls_in_flight_and_leave_the_same_split(
    tmp_path: Path, cfsa: Callable[..., Finished], kills: int, count: int, concurrency: int
) -> None:
    images_of(tmp_path / "photos", count)
    at_once = ("--concurrency", str(concurrency))
    with judge_server(latency=0.02, annotator=True, model=MODEL) as server:
        assert cfsa(*arguments(tmp_path / "photos", tmp_path / "undisturbed", server, *at_once)).code == 0
        questions = server.stats()["questions"]
    generator = random.Random(kills)
    with judge_server(latency=0.02, annotator=True, model=MODEL) as server:
        killed = 0
        while killed < kills:
            after = server.stats()["calls"] + generator.randint(0, questions // kills)
            process = started(*arguments(tmp_path / "photos", tmp_path / "killed", server, *at_once), cwd=tmp_path)
            until(after, server, process)
            time.sleep(generator.uniform(0, 0.05))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            process.communicate()
        ended = cfsa(*arguments(tmp_path / "photos", tmp_path / "killed", server, *at_once))
        assert ended.code == 0, ended.tail
        stats = server.stats()
    assert stats["questions"] == questions > 5 * count
    assert stats["calls"] <= questions + kills * concurrency
    for name in ("undisturbed", "killed"):
        assert cfsa("export", tmp_path / name, "-o", tmp_path / f"{name}-split", "--name", "mine").code == 0
    assert exported(tmp_path / "killed-split") == exported(tmp_path / "undisturbed-split")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_in_one_line_and_goes_on_where_it_was(
    photos: Path, tmp_path: Path, cfsa: Callable[..., Finished], number: signal.Signals
) -> None:
    run = tmp_path / "RUN"
    with judge_server(latency=0.05, annotator=True, model=MODEL) as server:
        chosen = arguments(photos, run, server, "--concurrency", "4")
        process = started(*chosen, cwd=tmp_path)
        until(60, server, process)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 128 + number
        assert "Traceback" not in output
        assert "the same command goes on from there" in output
        assert 0 < len(outcomes(run)) < 24
        assert cfsa(*chosen).code == 0
        stats = server.stats()
    assert len(outcomes(run)) == 24
    assert stats["calls"] <= stats["questions"] + 4


# Faults


def test_faults_of_the_server_cost_no_image(tmp_path: Path, cfsa: Callable[..., Finished]) -> None:
    images_of(tmp_path / "photos", 20)
    chosen = ("--call-timeout", "1", "--total-timeout", "60")
    with judge_server(annotator=True, model=MODEL) as server:
        assert cfsa(*arguments(tmp_path / "photos", tmp_path / "faultless", server)).code == 0
    with judge_server(faults=0.3, annotator=True, model=MODEL, kinds=(*STATUSES, *BROKEN)) as server:
        ended = cfsa(*arguments(tmp_path / "photos", tmp_path / "RUN", server, *chosen))
        assert ended.code == 0, ended.tail
        assert len(server.stats()["faults"]) > 10
    assert outcomes(tmp_path / "RUN") == outcomes(tmp_path / "faultless")


def test_a_model_that_refuses_raves_or_breaks_off_fails_images_with_a_reason_and_retry_tries_only_them(
    tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    images_of(tmp_path / "photos", 30)
    run = tmp_path / "RUN"
    with judge_server(faults=0.35, annotator=True, model=MODEL, kinds=CONTENTS) as server:
        ended = cfsa(*arguments(tmp_path / "photos", run, server))
        assert ended.code == 3, ended.tail
    found = outcomes(run)
    done = {name: outcome for name, outcome in found.items() if outcome["samples"]}
    assert len(found) == 30 and 0 < len(done) < 30
    failures = [outcome["failure"] for outcome in found.values() if not outcome["samples"]]
    assert all("no usable reply in 3 attempts: " in reason or "no usable label" in reason for reason in failures)
    assert "failed: " in ended.output and f"cfsa retry {run}" in ended.output
    with judge_server(annotator=True, model=MODEL) as server:
        ended = cfsa("retry", run, "--base-url", server.base_url)
        assert ended.code == 0, ended.tail
        calls = server.stats()["calls"]
    after = outcomes(run)
    assert {name: after[name] for name in done} == done
    assert all(outcome["samples"] for outcome in after.values())
    assert calls < 13 * (30 - len(done))  # what could be used was not asked anew


def test_a_server_that_dies_stops_the_run_and_the_same_command_goes_on_when_it_is_back(
    photos: Path, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    with judge_server(latency=0.02, annotator=True, model=MODEL) as server:
        chosen = arguments(photos, run, server, "--concurrency", "4", "--total-timeout", "2", "--call-timeout", "1")
        process = started(*chosen, cwd=tmp_path)
        until(60, server, process)
        server.kill()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 4, output
    assert "Traceback" not in output and "the engine stopped" in output
    with judge_server(annotator=True, model=MODEL, port=server.port) as server:
        ended = cfsa(*chosen)
    assert ended.code == 0, ended.tail
    assert len(outcomes(run)) == 24


def test_a_server_that_is_not_there_or_serves_another_model_is_named_before_anything_is_asked(
    photos: Path, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    ended = cfsa(*arguments(photos, tmp_path / "RUN", None))
    stops(ended, "no server answers", code=4)
    with judge_server(annotator=True, model="another") as server:
        ended = cfsa(*arguments(photos, tmp_path / "RUN", server))
        stops(ended, "another", MODEL, code=4)
        assert server.stats()["calls"] == 0


def test_two_runs_on_one_folder_are_one_too_many(photos: Path, tmp_path: Path, cfsa: Callable[..., Finished]) -> None:
    run = tmp_path / "RUN"
    with judge_server(latency=0.2, annotator=True, model=MODEL) as server:
        process = started(*arguments(photos, run, server, "--concurrency", "2"), cwd=tmp_path)
        until(5, server, process)
        stops(cfsa(*arguments(photos, run, server)), "another `cfsa` is at work", f"cfsa status {run}")
        status = cfsa("status", run)
        assert status.code == 0 and "At work" in status.output, status.tail
        process.kill()
        process.communicate()


def test_a_changed_configuration_is_refused_with_the_difference_and_reuse_takes_the_replies_over(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    assert cfsa(*arguments(photos, run, sim, "--rounds", "1")).code == 0
    ended = cfsa(*arguments(photos, run, sim, "--rounds", "2"))
    stops(ended, "rounds: 1 → 2", "--reuse")
    calls = sim.stats()["calls"]
    new = tmp_path / "NEW"
    assert cfsa(*arguments(photos, new, sim, "--rounds", "2", "--reuse", run)).code == 0
    asked = sim.stats()["calls"] - calls
    total = sum(outcome["calls"] for outcome in outcomes(new).values())
    assert asked < total - 3 * 24  # rebuild, general and the first round were known
    calls = sim.stats()["calls"]
    same = tmp_path / "SAME"
    assert cfsa(*arguments(photos, same, sim, "--rounds", "1", "--reuse", run)).code == 0
    assert sim.stats()["calls"] == calls


def test_a_full_disk_ends_the_run_in_one_line_and_loses_nothing(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    chosen = [str(word) for word in arguments(photos, run, sim, "--concurrency", "4")]
    assert cfsa(*arguments(photos, run, sim, "--limit", "1")).code == 0
    limited = f"ulimit -f 300; exec {CFSA} " + " ".join(chosen)
    ended = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, cwd=tmp_path, check=False)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert "Traceback" not in output
    assert "Make room" in output
    assert cfsa(*chosen).code == 0
    assert len(outcomes(run)) == 24


def test_an_image_that_vanishes_or_changes_during_the_run_fails_alone(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    assert cfsa(*arguments(photos, run, sim, "--limit", "1")).code == 0
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("UPDATE images SET path = CAST('/nowhere.jpg' AS BLOB) WHERE id = (SELECT max(id) FROM images)")
    ended = cfsa(*arguments(photos, run, sim))
    assert ended.code == 3, ended.tail
    failed = [outcome for outcome in outcomes(run).values() if outcome["failure"]]
    assert [(one["stage"], one["failure"].split(":")[0]) for one in failed] == [
        ("image", "the file cannot be read any more")
    ]


# Wrong usage


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, ["is empty"]),
        ({"notes.txt": b"hello", "more.jpg": b"not an image"}, ["none of them"]),
    ],
)
def test_a_folder_without_images_is_said_to_be_one(
    tmp_path: Path, cfsa: Callable[..., Finished], content: dict[str, bytes], words: list[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_bytes(text)
    ended = cfsa(*arguments(folder, tmp_path / "RUN", None))
    assert ended.code == 1 and "Traceback" not in ended.output, ended.tail
    assert any(word in ended.output for word in words), ended.tail


def test_what_is_no_source_no_model_or_no_run_is_said_in_one_line(
    photos: Path, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    stops(cfsa(*arguments(tmp_path / "nowhere", tmp_path / "RUN", None)), "nowhere")
    stops(cfsa("run", photos, "-o", tmp_path / "RUN"), "no vision model is named")
    stops(cfsa("status", photos), "is not the folder of a run", "cfsa run")
    stops(cfsa("retry", photos), "is not the folder of a run", "cfsa run")
    for nothing in ("", "hf:"):
        stops(cfsa(*arguments(nothing, tmp_path / "NEW", None)), "no images are named")
    (tmp_path / "file").write_text("")
    stops(cfsa(*arguments(photos, tmp_path / "file" / "RUN", None)), "Not a directory", "Name another folder")
    stops(cfsa(*arguments(photos, photos, None)), "holds other files and no run")
    config = tmp_path / "cfsa.yaml"
    config.write_text("vision: {model: m}\nround: 3\n")
    stops(cfsa("run", photos, "-o", tmp_path / "RUN", "--config", config), "round", "cfsa init")


def test_the_configuration_that_init_prints_is_read_again(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    config = tmp_path / "cfsa.yaml"
    config.write_text(cfsa("init").output.replace("model: NAME", f"model: {MODEL}"), encoding="utf-8")
    engine = ["--engine", "openai", "--base-url", sim.base_url, "--general", "paper", "--limit", "2"]
    ended = cfsa("run", photos, "-o", tmp_path / "RUN", "--config", config, *engine)
    assert ended.code == 0, ended.tail


def test_a_key_is_in_no_file_and_in_no_output(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    ended = cfsa(*arguments(photos, run, sim, "--limit", "2"), env={"CFSA_API_KEY": SECRET})
    assert ended.code == 0, ended.tail
    assert SECRET not in ended.output
    assert not [file for file in run.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


# Looking at a run


def test_a_run_can_be_looked_at_image_by_image(
    photos: Path, sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    run = tmp_path / "RUN"
    (photos / "happy" / "broken.jpg").write_bytes(b"no image")
    assert cfsa(*arguments(photos, run, sim)).code == 0
    calls = sim.stats()["calls"]
    listed = cfsa("status", run, "--images").output.splitlines()
    assert len(listed) == 24 and all(line.endswith("done") for line in listed)
    assert "broken.jpg" in cfsa("status", run, "--left-out").output
    found = json.loads(cfsa("status", run, "--json").output)
    assert (found["images"], found["done"], found["failed"], found["to_go"]) == (24, 24, 0, 0)
    identity = listed[0].split()[0]
    shown = cfsa("show", run, identity)
    assert shown.code == 0, shown.tail
    for word in ("enrich", "turn 1 · rebuild", "turn 2 · general", "summary", "verify", "labels", "yes 0."):
        assert word in shown.output, word
    assert sim.stats()["calls"] == calls
    stops(cfsa("show", run, "nothing"), "no image of the run is called")
    estimate = cfsa("estimate", photos, "-o", run, "--model", MODEL)
    assert "measured on 24 images" in estimate.output, estimate.tail


def test_an_estimate_comes_before_anything_is_spent(photos: Path, cfsa: Callable[..., Finished]) -> None:
    ended = cfsa("estimate", photos, "--model", "m", "--prices", "1,2")
    assert ended.code == 0, ended.tail
    assert ended.output.startswith("24 images, ")
    assert "cost" in ended.output and "reckoned" in ended.output


def test_an_image_in_many_ways_is_the_same_to_the_model(
    sim: Running, tmp_path: Path, cfsa: Callable[..., Finished]
) -> None:
    """Upright by EXIF; near-identical ones once."""
    photos = tmp_path / "photos" / "happy"
    (file,) = images_of(tmp_path / "one", 1, side=256)
    photos.mkdir(parents=True)
    with Image.open(file) as image:
        image.save(photos / "a.png")
        image.save(photos / "b.jpg", quality=60)
    ended = cfsa(*arguments(tmp_path / "photos", tmp_path / "RUN", sim))
    assert ended.code == 0, ended.tail
    assert "1 of 1 images done" in ended.output
    assert "near-identical" in cfsa("status", tmp_path / "RUN", "--left-out").output
