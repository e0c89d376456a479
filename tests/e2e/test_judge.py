"""`eibench judge` by its real command line, and judging inside lmms-eval: what comes out, and what cannot spoil it.

The judge is simulated: it finds a trigger named where the answer holds it word for word. So every expected verdict
can be read off the answer.
"""

import base64
import json
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support.homes import Home
from support.judge_server import Running, judge_server
from support.openai_server import ChatServer, Reply, Request
from support.runs import Finished, command, evaluate, run, stops, value, written_results

from eibench_tasks.data import source
from eibench_tasks.data.prepare import add_captions, floor_answers
from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.data.schema import Annotation
from eibench_tasks.engines.openai_chat import Limits
from eibench_tasks.home import task_configs

BASIC, COMPLEX = "eibench_basic_user", "eibench_complex"
EIBENCH = Path(sys.executable).with_name("eibench")
SECRET = "sk-secret-123"
FILLER = "I look at it for a while."


# Logs to judge, and the judge's command


@pytest.fixture(scope="session")
def samples(published: Path) -> list[Annotation]:
    """All samples in a fixed random order, so that the first of them are of every emotion and of both splits."""
    found, _ = source.load(published)
    random.Random(1).shuffle(found)
    return found


def half(sample: Annotation) -> str:
    """An answer that names every other trigger, the first among them."""
    return " ".join([FILLER, *(f'I see "{trigger}".' for trigger in sample.triggers[::2])])


def write_run(
    folder: Path, samples: list[Annotation], answer: Callable[[Annotation], str] = half, judged: bool = False
) -> Path:
    """Sample logs and the results file of one run, as lmms-eval writes them; without metrics, as of --predict_only."""
    folder.mkdir(parents=True, exist_ok=True)
    configs = {}
    for task in (BASIC, COMPLEX):
        own = [sample for sample in samples if (sample.split == "complex") == (task == COMPLEX)]
        lines = [
            {
                "doc_id": number,
                "target": "\n".join(sample.triggers),
                "filtered_resps": answer(sample),
                "input": f"Look at the image, {sample.question}",
            }
            | ({"recall_overall": {"sample_id": sample.id}} if judged else {})
            for number, sample in enumerate(own)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        if lines:
            (folder / f"20260101_000000_samples_{task}.jsonl").write_text(text, encoding="utf-8")
            configs[task] = {"metadata": {"version": 1, "setting": "user", "run": {"judge": "offline"}}}
    results = {"configs": configs, "results": {}, "config": {"model": folder.name, "model_args": ""}}
    (folder / "20260101_000000_results.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


def arguments(runs: Path, server: Running | None, published: Path, *more: str | Path) -> list[str | Path]:
    """`eibench judge` with the simulated judge, on a machine where nothing is prepared."""
    url = server.base_url if server else "http://127.0.0.1:9/v1"
    return ["judge", runs, "--judge", "openai:sim", "--judge-url", url, "--eibench", published, *more]


@pytest.fixture
def judge(home: Path, tmp_path: Path, published: Path) -> Callable[..., Finished]:
    """Runs `eibench judge`, see `arguments`; ``env`` are variables on top."""

    def judge(runs: Path, server: Running | None, *more: str | Path, env: dict[str, str] | None = None) -> Finished:
        chosen = arguments(runs, server, published, *more)
        return command("eibench", *chosen, home=home, log=tmp_path / "judge.txt", env=env)

    return judge


@pytest.fixture
def sim() -> Iterator[Running]:
    """A simulated judge without faults, quick."""
    with judge_server() as server:
        yield server


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """What was found of each sample, of all logs below a folder."""
    lines = [line for file in folder.rglob("*samples_*.jsonl") for line in file.read_text("utf-8").splitlines()]
    found = [row for line in lines if (row := json.loads(line).get("recall_overall"))]
    return {row["sample_id"]: row for row in found}


def named(reference: str, answer: str) -> bool:
    """What the simulated judge thinks."""
    return reference.rstrip(" .").lower() in answer.lower()


def expected_recall(samples: list[Annotation], answer: Callable[[Annotation], str] = half) -> float:
    """The mean over samples of the share of triggers that the answer names, in percent."""
    shares = [sum(named(one, answer(s)) for one in s.triggers) / len(s.triggers) for s in samples]
    return 100 * sum(shares) / len(shares)


# What it gives


def test_logs_are_scored_where_nothing_is_prepared(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    some = samples[:150]
    basic, multi = ([s for s in some if s.split == split] for split in ("basic", "complex"))
    runs = write_run(tmp_path / "runs" / "talker", some)
    ended = judge(tmp_path / "runs", sim)
    assert ended.code == 0, ended.tail
    assert (tmp_path / "home" / "cache" / "replies.sqlite").is_file()
    results = written_results(runs / "judged")
    for task, own in ((BASIC, basic), (COMPLEX, multi)):
        assert value(results, task, "recall_overall") == pytest.approx(expected_recall(own))
        assert value(results, task, "coverage") == 100
        assert value(results, task, "ci95_low") < expected_recall(own) < value(results, task, "ci95_high")
        facts = results["configs"][task]["metadata"]["run"]
        assert (facts["judge"], facts["protocol"]) == ("openai:sim", "verdict")
        (line,) = [line for line in ended.output.splitlines() if line.startswith("talker") and task in line]
        assert f" {expected_recall(own):.1f} " in line and "openai:sim" in line


def test_verdicts_follow_the_reference_and_quote_the_answer(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    some = samples[:30]
    assert judge(write_run(tmp_path / "runs", some), sim).code == 0
    for sample in some:
        row = rows(tmp_path / "runs" / "judged")[sample.id]
        assert [verdict["trigger"] for verdict in row["verdicts"]] == sample.triggers
        assert [verdict["present"] for verdict in row["verdicts"]] == [named(t, half(sample)) for t in sample.triggers]
        assert all(verdict["quote"] in half(sample) for verdict in row["verdicts"] if verdict["present"])


def test_recall_is_corrected_for_what_the_same_answers_name_of_other_images(
    samples: list[Annotation], published: Path, sim: Running, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    """Every second answer is a list that fits another image as well as its own."""
    some = [sample for sample in samples if sample.split == "basic"][:40]
    floors = floor_answers(source.load(published)[0])

    def answer(sample: Annotation) -> str:
        other = floors[sample.id].split("\n") if some.index(sample) % 2 else []
        return " ".join([half(sample), *(f'I see "{trigger}".' for trigger in other)])

    ended = judge(write_run(tmp_path / "runs", some, answer), sim)
    assert ended.code == 0, ended.tail
    by_chance = []
    for sample in some:
        other = floors[sample.id].split("\n")
        by_chance.append(100 * sum(named(one, answer(sample)) for one in other) / len(other))
    recall, chance = expected_recall(some, answer), sum(by_chance) / len(by_chance)
    assert 50 <= chance < 60
    results = written_results(tmp_path / "runs" / "judged")
    assert value(results, BASIC, "chance_recall") == pytest.approx(chance)
    assert value(results, BASIC, "chance_low") < chance < value(results, BASIC, "chance_high")
    (line,) = [line for line in ended.output.splitlines() if line.startswith("runs") and BASIC in line]
    assert f" {100 * (recall - chance) / (100 - chance):.1f} " in line
    assert f"chance {chance:.1f} (95 %:" in ended.output


def test_several_judges_of_several_models_in_one_call_and_what_reads_their_results(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], home: Path, tmp_path: Path
) -> None:
    some = [sample for sample in samples if sample.split == "basic"][:6]
    write_run(tmp_path / "runs" / "good", some)
    write_run(tmp_path / "runs" / "bad", some, lambda sample: FILLER)
    ended = judge(tmp_path / "runs", sim, "--judge", "offline", "--chance-samples", "0")
    assert ended.code == 0, ended.tail

    def eibench(*args: str | Path) -> str:
        ended = command("eibench", *args, home=home, log=tmp_path / "reads.txt")
        assert ended.code == 0, ended.tail
        return ended.output

    table = eibench("results", tmp_path / "runs")
    for name in ("good", "bad"):
        for who in ("openai:sim", "offline"):
            assert [line for line in table.splitlines() if line.startswith(name) and who in line], table
    found = json.loads(eibench("agreement", tmp_path / "runs" / "good", "--json"))
    assert "openai:sim" in json.dumps(found) and "offline" in json.dumps(found)
    pair = [tmp_path / "runs" / name / "judged" / "openai-sim-verdict" for name in ("bad", "good")]
    (compared,) = json.loads(eibench("compare", *pair, "--json"))
    assert compared["difference"] == pytest.approx(expected_recall(some))


@pytest.mark.slow
@pytest.mark.parametrize("which", ["", "judged/openai-sim-verdict"], ids=["the run", "what was judged"])
def test_answers_are_replayed_from_the_run_and_from_what_was_judged(
    few_prepared: Home, published: Path, sim: Running, judge: Callable[..., Finished], tmp_path: Path, which: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIBENCH_HOME", str(few_prepared.folder))
        known = {sample.id for sample in load_prepared().samples}
    some = [sample for sample in source.load(published)[0] if sample.id in known]  # in the order of a run
    runs = write_run(tmp_path / "runs", some, judged=True)
    assert judge(runs, sim).code == 0
    again = command(
        *("eibench", "replay", runs / which, "-o", tmp_path / "again"),
        home=few_prepared.folder,
        log=tmp_path / "replay.txt",
        env={"EIBENCH_JUDGE": "openai:sim", "EIBENCH_JUDGE_URL": sim.base_url},
    )
    assert again.code == 0, again.tail
    first, second = rows(runs / "judged"), rows(tmp_path / "again")
    assert {name: row["verdicts"] for name, row in first.items()} == {
        name: row["verdicts"] for name, row in second.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("harness", ["lmms_eval", "lm_eval"])
def test_logs_of_predict_only_are_judged(
    my_own: Home, published: Path, sim: Running, tmp_path: Path, harness: str
) -> None:
    """Every answer is the one word that the harness's dummy model says."""
    log = tmp_path / "log.txt"
    if harness == "lmms_eval":
        chosen = ["--tasks", "eibench", "--model_args", "response=lol"]
    else:
        captions = [{"image": one.image_id, "caption": "A room.", "model": "me"} for one in load_prepared().samples]
        (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, captions)), encoding="utf-8")
        add_captions(tmp_path / "captions.jsonl", None)
        chosen = ["--tasks", "eibench_text", "--include_path", str(task_configs("lm_eval"))]
    name = "lmms-eval" if harness == "lmms_eval" else harness
    more = ["--model", "dummy", "--predict_only", "--log_samples", "--output_path", tmp_path / "runs"]
    predicted = command(name, *chosen, *more, home=my_own.folder, log=log)
    assert predicted.code == 0, predicted.tail
    nowhere = tmp_path / "elsewhere"
    ended = command("eibench", *arguments(tmp_path / "runs", sim, published), home=nowhere, log=tmp_path / "judge.txt")
    assert ended.code == 0, ended.tail
    found = rows(tmp_path / "runs")
    expected = load_prepared().samples if harness == "lmms_eval" else load_prepared().split("basic")
    assert found.keys() == {sample.id for sample in expected}
    assert {row["answer"] for row in found.values()} == {"lol"}
    assert {row["score"] for row in found.values()} == {0}
    assert "dummy" in ended.output


def test_the_paper_protocol_scores_as_published_from_the_annotations_alone(
    samples: list[Annotation], judge: Callable[..., Finished], tmp_path: Path
) -> None:
    """The judge chooses the denominator, as it does there: 2 of 3, whatever the number of triggers."""
    some = samples[:60]

    def score(request: Request) -> str:
        assert "schema" not in json.dumps(request.body)
        return "{score: 2/3}"

    with ChatServer(score).running() as server:
        runs = write_run(tmp_path / "runs", some)
        ended = judge(runs, server, "--protocol", "paper", "--chance-samples", "0")
        assert ended.code == 0, ended.tail
        assert len(server.requests) == len(some)
        published = next(s for s in some if s.split == "basic")
        assert any(published.triggers_text in request.text for request in server.requests)
    results = written_results(tmp_path / "runs" / "judged")
    assert value(results, BASIC, "recall_overall") == pytest.approx(200 / 3)
    facts = results["configs"][BASIC]["metadata"]["run"]
    assert (facts["protocol"], facts["comparable_with_published"]) == ("paper:chatgpt", False)
    assert "paper:chatgpt" in ended.output and "not comparable" in ended.output


# Answered once, answered for good


def test_judging_again_asks_nothing_and_writes_the_same_bytes(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    runs = write_run(tmp_path / "runs", samples[:80])
    assert judge(runs, sim, "-o", tmp_path / "first").code == 0
    calls = sim.stats()["calls"]
    sim.kill()
    again = judge(runs, sim, "-o", tmp_path / "second")
    assert again.code == 0, again.tail
    assert " 0 calls" in again.output and calls == 160  # each answer, and each by chance
    assert files(tmp_path / "first") == files(tmp_path / "second")


@pytest.mark.parametrize(
    ("kills", "count", "concurrency"), [(3, 40, 4), pytest.param(20, 300, 16, marks=pytest.mark.slow)]
)
def test_kills_at_random_moments_lose_only_the_calls_in_flight(
    samples: list[Annotation],
    published: Path,
    judge: Callable[..., Finished],
    tmp_path: Path,
    kills: int,
    count: int,
    concurrency: int,
) -> None:
    runs = write_run(tmp_path / "runs", samples[:count])
    with judge_server(latency=0.05) as server:
        undisturbed = judge(runs, server, "-o", tmp_path / "undisturbed", env={"EIBENCH_HOME": str(tmp_path / "other")})
        assert undisturbed.code == 0, undisturbed.tail
        questions = server.stats()["questions"]
    generator = random.Random(kills)
    with judge_server(latency=0.05) as server:
        chosen = arguments(runs, server, published, "-o", tmp_path / "killed", "--concurrency", str(concurrency))
        killed = 0
        while killed < kills:
            after = server.stats()["calls"] + generator.randint(0, questions // kills)
            process = subprocess.Popen([EIBENCH, *map(str, chosen)], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            while process.poll() is None and server.stats()["calls"] < after:
                time.sleep(0.005)
            time.sleep(generator.uniform(0, 0.05))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            process.communicate()
        ended = judge(runs, server, "-o", tmp_path / "killed", "--concurrency", str(concurrency))
        assert ended.code == 0, ended.tail
        stats = server.stats()
    assert stats["questions"] == questions > count
    assert stats["calls"] <= questions + kills * concurrency
    assert files(tmp_path / "undisturbed") == {
        name: content for name, content in files(tmp_path / "killed").items() if not Path(name).name.startswith(".")
    }


def test_ctrl_c_ends_in_one_line_and_loses_only_the_calls_in_flight(
    samples: list[Annotation], published: Path, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    runs = write_run(tmp_path / "runs", samples[:60])
    with judge_server(latency=0.1) as server:
        chosen = arguments(runs, server, published, "--concurrency", "4")
        process = subprocess.Popen(
            [EIBENCH, *map(str, chosen)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        while server.stats()["calls"] < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in said + complaint
        assert "Stopped. What the judge has said is kept: the same command goes on from there." in complaint
        assert judge(runs, server, "--concurrency", "4").code == 0
        stats = server.stats()
    assert stats["calls"] <= stats["questions"] + 4


def test_two_at_once_share_one_cache(
    samples: list[Annotation], published: Path, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    runs = write_run(tmp_path / "runs", samples[:60])
    with judge_server(latency=0.02) as server:
        both = [
            subprocess.Popen(
                [EIBENCH, *map(str, arguments(runs, server, published, "-o", tmp_path / name))],
                stderr=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in ("a", "b")
        ]
        for process in both:
            _, complaint = process.communicate(timeout=120)
            assert process.returncode == 0, complaint
        calls = server.stats()["calls"]
        assert judge(runs, server, "-o", tmp_path / "c").code == 0
        assert server.stats()["calls"] == calls
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")


# A faulty judge


@pytest.mark.parametrize("count", [100, pytest.param(1665, marks=pytest.mark.slow)])
def test_with_a_third_of_all_replies_faulty_verdicts_are_those_of_a_faultless_run_or_there_are_none(
    samples: list[Annotation], judge: Callable[..., Finished], tmp_path: Path, count: int
) -> None:
    runs = write_run(tmp_path / "runs", samples[:count])
    more: list[str | Path] = ["--chance-samples", "0", "--call-timeout", "1", "--concurrency", "64"]
    with judge_server() as server:
        assert judge(runs, server, "-o", tmp_path / "well", *more).code == 0
    with judge_server(faults=0.3, seed=count) as server:
        ended = judge(runs, server, "-o", tmp_path / "ill", *more, env={"EIBENCH_HOME": str(tmp_path / "other")})
        assert ended.code == 0, ended.tail
        assert sum(number for fault, number in server.stats()["faults"].items() if fault) > count / 5
    well, ill = rows(tmp_path / "well"), rows(tmp_path / "ill")
    assert ill.keys() == well.keys() and len(ill) == count
    scored = {name for name, row in ill.items() if not row["unscored"]}
    assert {name: ill[name]["verdicts"] for name in scored} == {name: well[name]["verdicts"] for name in scored}
    assert all("score" not in ill[name] and not ill[name]["verdicts"] for name in ill.keys() - scored)
    assert len(scored) > 0.9 * count
    results = written_results(tmp_path / "ill")
    basic = [row for row in ill.values() if row["sample_id"].startswith("basic")]
    found = [row["score"] for row in basic if not row["unscored"]]
    assert value(results, BASIC, "recall_overall") == pytest.approx(sum(found) / len(found))
    assert value(results, BASIC, "coverage") == pytest.approx(100 * len(found) / len(basic))
    assert value(results, BASIC, "bound_low") == pytest.approx(sum(found) / len(basic))


# What stops it, and what it does then


@pytest.mark.parametrize(
    ("budget", "most"),
    [(["--max-requests", "60"], 60), (["--max-cost", "0.1", "--prices", "1,2"], 142)],
    ids=["requests", "cost"],
)
def test_a_spent_budget_stops_it_in_one_line_and_the_same_command_goes_on(
    samples: list[Annotation],
    sim: Running,
    judge: Callable[..., Finished],
    tmp_path: Path,
    budget: list[str],
    most: int,
) -> None:
    """A reply costs (500 * 1 + 100 * 2) / 1e6 = 0.0007; before it is known, it may cost about three times as much."""
    runs = write_run(tmp_path / "runs", samples[:100])
    ended = judge(runs, sim, *budget)
    stops(ended, "openai:sim stopped", "the budget of", "is spent", "the same command goes on")
    first = sim.stats()["calls"]
    assert 20 <= first <= most
    assert not (runs / "judged").exists()
    for _ in range(6):
        ended = judge(runs, sim, *budget)
        if ended.code == 0:
            break
        stops(ended, "is spent")
    assert ended.code == 0, ended.tail
    assert sim.stats()["calls"] == sim.stats()["questions"] == 200


@pytest.mark.parametrize(("status", "words"), [(401, "refuses the key"), (404, "does not know the model")])
def test_a_server_that_refuses_stops_it_in_one_line_that_names_the_setting(
    samples: list[Annotation], judge: Callable[..., Finished], tmp_path: Path, status: int, words: str
) -> None:
    with ChatServer(lambda request: Reply(status=status)).running() as server:
        ended = judge(write_run(tmp_path / "runs", samples[:60]), server)
        assert len(server.requests) <= 64  # those that were on their way
    stops(ended, words, f"HTTP {status}", "--judge-key-file" if status == 401 else "--judge-url")


def test_a_server_that_is_down_stops_it_at_once(
    samples: list[Annotation], judge: Callable[..., Finished], tmp_path: Path
) -> None:
    ended = judge(write_run(tmp_path / "runs", samples[:5]), None)
    stops(ended, "openai:sim cannot be asked", "no server answers", "EIBENCH_JUDGE_URL", "--judge-url")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--judge", "oracle"], ["unknown judge 'oracle'", "openai:MODEL"]),
        (["--judge", "openai"], ["needs a model", "openai:MODEL"]),
        (["--protocol", "papers"], ["unknown protocol 'papers'", "paper:llama3"]),
        (["--judge-url", "localhost:8000"], ["must begin with http", "EIBENCH_JUDGE_URL"]),
    ],
    ids=["judge", "model", "protocol", "address"],
)
def test_settings_without_meaning_stop_it_before_anything_is_asked(
    samples: list[Annotation], judge: Callable[..., Finished], tmp_path: Path, option: list[str], words: list[str]
) -> None:
    stops(judge(write_run(tmp_path / "runs", samples[:5]), None, *option), *words)


def test_what_is_no_log_of_these_data_stops_it(
    samples: list[Annotation], judge: Callable[..., Finished], home: Path, tmp_path: Path
) -> None:
    basic = [sample for sample in samples if sample.split == "basic"][:3]
    (log,) = write_run(tmp_path / "runs", basic).glob("*.jsonl")
    whole = log.read_text(encoding="utf-8")
    for broken, words in {
        whole[:-30]: ["line 3", "is not JSON"],
        whole.replace(basic[1].triggers[0], "of other data"): ["line 2", "no sample of the data at hand"],
        whole.replace('"filtered_resps"', '"said"'): ["line 1", "holds no answer"],
        whole + whole: ["line 4", "repeats"],
    }.items():
        log.write_text(broken, encoding="utf-8")
        stops(judge(log, None), *words)
    log.unlink()
    stops(judge(tmp_path / "runs", None), "no log of EIBench's samples", "--log_samples")
    log.write_text(whole, encoding="utf-8")
    unprepared = command("eibench", "judge", log, home=home, log=tmp_path / "log.txt")
    stops(unprepared, "not prepared", "--eibench DIR")


def test_an_output_folder_that_cannot_be_written_loses_nothing(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    runs = write_run(tmp_path / "runs", samples[:10])
    stops(judge(runs, sim, "-o", tmp_path / "file"), "cannot be written", "-o DIR")
    calls = sim.stats()["calls"]
    assert judge(runs, sim, "-o", tmp_path / "folder").code == 0
    assert sim.stats()["calls"] == calls == 20


def test_a_damaged_cache_is_set_aside_and_what_is_whole_in_it_is_used(
    samples: list[Annotation], sim: Running, judge: Callable[..., Finished], home: Path, tmp_path: Path
) -> None:
    runs = write_run(tmp_path / "runs", samples[:60])
    assert judge(runs, sim, "-o", tmp_path / "first").code == 0
    cache = home / "cache" / "replies.sqlite"
    content = bytearray(cache.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = b"\xff" * 9000
    cache.write_bytes(content)
    ended = judge(runs, sim, "-o", tmp_path / "second")
    assert ended.code == 0, ended.tail
    (aside,) = cache.parent.glob("replies-damaged-*.sqlite")
    (notice,) = [line for line in ended.output.splitlines() if str(aside) in line]
    assert "damaged" in notice
    assert 120 < sim.stats()["calls"] < 240  # some replies were asked for again, not all
    assert files(tmp_path / "first") == files(tmp_path / "second")


@pytest.mark.parametrize("kilobytes", [4, 600])
def test_a_full_disk_stops_it_in_one_line_and_nothing_is_lost(
    samples: list[Annotation],
    published: Path,
    sim: Running,
    judge: Callable[..., Finished],
    home: Path,
    tmp_path: Path,
    kilobytes: int,
) -> None:
    """No file may grow beyond the limit: the cache cannot be made, or cannot take in any more."""
    runs = write_run(tmp_path / "runs", samples[:400])
    words = [str(word) for word in (EIBENCH, *arguments(runs, sim, published))]
    limited = f"ulimit -f {kilobytes}; exec {shlex.join(words)}"
    ended = run(["bash", "-c", limited], home=home, log=tmp_path / "log.txt")
    stops(ended, "replies cannot be kept", "replies.sqlite", "Make room")
    assert judge(runs, sim).code == 0
    assert sim.stats()["calls"] <= sim.stats()["questions"] + 2 * 64


# Secrets


class _Talkative(BaseHTTPRequestHandler):
    """Refuses every request in words that hold the key, or the login."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        kind, _, key = self.headers.get("Authorization", "").partition(" ")
        key = base64.b64decode(key).decode() if kind == "Basic" else key
        self.heard.append(key)
        content = json.dumps({"error": {"message": f"Incorrect API key: {key}", "code": key, "param": key}}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.mark.parametrize("where", ["key", "address"])
def test_the_key_is_written_and_printed_nowhere(
    samples: list[Annotation], published: Path, sim: Running, home: Path, tmp_path: Path, where: str
) -> None:
    runs = write_run(tmp_path / "runs", samples[:10])
    results = tmp_path / "runs" / "20260101_000000_results.json"
    known = json.loads(results.read_text(encoding="utf-8"))
    known["config"]["model_args"] = f"model_version=x,api_key={SECRET}"  # of the model that was run
    results.write_text(json.dumps(known), encoding="utf-8")

    def judge(url: str, name: str) -> Finished:
        url = url.replace("http://", f"http://user:{SECRET}@") if where == "address" else url
        chosen = ["judge", runs, "--judge", "openai:sim", "--eibench", published, "-o", tmp_path / "out"]
        env = {"EIBENCH_JUDGE_URL": url, **({"EIBENCH_JUDGE_KEY": SECRET} if where == "key" else {})}
        return command("eibench", *chosen, home=home, log=tmp_path / name, env=env)

    talkative = ThreadingHTTPServer(("127.0.0.1", 0), _Talkative)
    threading.Thread(target=talkative.serve_forever, daemon=True).start()
    stops(judge(f"http://127.0.0.1:{talkative.server_address[1]}/v1", "refused.txt"), "refuses the key")
    talkative.shutdown()
    assert _Talkative.heard[-1] == (SECRET if where == "key" else f"user:{SECRET}")
    assert judge(sim.base_url, "done.txt").code == 0
    written = [file for place in (home, tmp_path / "out") for file in place.rglob("*") if file.is_file()]
    assert len(written) > 3
    printed = [tmp_path / "refused.txt", tmp_path / "done.txt"]
    assert [file for file in (*written, *printed) if SECRET.encode() in file.read_bytes()] == []


# Inside lmms-eval


@pytest.fixture
def judged_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Running], None]:
    """Chooses the simulated judge for runs in this process."""

    def choose(server: Running) -> None:
        monkeypatch.setenv("EIBENCH_JUDGE", "openai:sim")
        monkeypatch.setenv("EIBENCH_JUDGE_URL", server.base_url)

    return choose


def test_every_task_judges_inside_the_run(my_own: Home, sim: Running, judged_by: Callable[[Running], None]) -> None:
    judged_by(sim)
    one = load_prepared().split("basic")[0]
    answer = f"I see {one.triggers[0]}"
    found = evaluate(["eibench_all"], model_args=f"response={answer}", process_docs_parallel=64)
    assert len(found["samples"]) == 5
    for task, logged in found["samples"].items():
        assert value(found, task, "coverage") == 100
        assert {sample["recall_overall"]["judge"]["name"] for sample in logged} == {"openai:sim"}
        for sample in logged:
            row = sample["recall_overall"]
            assert [v["present"] for v in row["verdicts"]] == [named(v["trigger"], answer) for v in row["verdicts"]]
        assert found["configs"][task]["metadata"]["run"]["judge"] == "openai:sim"


def test_a_run_of_the_command_line_shows_what_its_judge_found_and_judging_again_asks_nothing(
    few_prepared: Home, published: Path, tmp_path: Path
) -> None:
    with judge_server() as server:
        env = {"EIBENCH_JUDGE": "openai:sim", "EIBENCH_JUDGE_URL": server.base_url, "EIBENCH_JUDGE_KEY": SECRET}
        ended = command(
            *("lmms-eval", "--model", "dummy", "--model_args", f"response={FILLER}", "--tasks", "eibench"),
            *("--process-docs-parallel", "64", "--output_path", tmp_path / "runs", "--log_samples"),
            home=few_prepared.folder,
            log=tmp_path / "log.txt",
            env=env,
        )
        assert ended.code == 0, ended.tail
        assert SECRET not in ended.output
        table = [line for line in ended.output.splitlines() if line.startswith("|")]
        assert any(f"{BASIC} (judge: openai:sim)" in line for line in table), ended.tail
        for metric in ("recall_overall", "coverage", "bound_low", "bound_high", "ci95_low", "ci95_high"):
            assert any(metric in line for line in table), metric
        calls = server.stats()["calls"]
        assert calls == server.stats()["questions"] > 0
    again = command(
        *("eibench", "judge", tmp_path / "runs", "--eibench", published, "--chance-samples", "0"),
        home=few_prepared.folder,
        log=tmp_path / "again.txt",
        env=env,
    )
    assert again.code == 0, again.tail  # though the server is gone
    assert f"{calls} known, 0 calls" in again.output
    (during, after) = sorted((tmp_path / "runs").rglob("*_results.json"), key=lambda file: "judged" in file.parts)
    first, second = (json.loads(file.read_text(encoding="utf-8")) for file in (during, after))
    for task in (BASIC, COMPLEX):
        assert value(first, task, "recall_overall") == value(second, task, "recall_overall")


def test_a_judge_that_dies_during_a_run_leaves_samples_unscored_with_reasons(
    my_own: Home, judged_by: Callable[[Running], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = partial(Limits, request_seconds=1.0, backoff=0.1)
    monkeypatch.setattr("eibench_tasks.judging.options.Limits", impatient)
    monkeypatch.setenv("EIBENCH_JUDGE_CONCURRENCY", "1")
    with judge_server(latency=0.3) as server:
        judged_by(server)

        def kill_soon() -> None:
            while server.stats()["calls"] < 3:
                time.sleep(0.02)
            server.kill()

        killer = threading.Thread(target=kill_soon)
        killer.start()
        found = evaluate([BASIC], model_args=f"response={FILLER}")
        killer.join()
    logged = [sample["recall_overall"] for sample in found["samples"][BASIC]]
    scored = [row for row in logged if not row["unscored"]]
    assert len(logged) == 5 and 1 <= len(scored) <= 3
    reasons = [row["unscored"] for row in logged if row["unscored"]]
    assert all("could not be asked" in reason or "not judged" in reason for reason in reasons)
    assert value(found, BASIC, "coverage") == pytest.approx(100 * len(scored) / 5)


def test_a_wrong_address_stops_a_run_before_the_model_is_loaded(few_prepared: Home, tmp_path: Path) -> None:
    ended = command(
        *("lmms-eval", "--model", "qwen2_5_vl", "--tasks", "eibench", "--device", "cpu"),
        *("--model_args", f"pretrained={tmp_path / 'no-such-model'},device_map=cpu"),
        home=few_prepared.folder,
        log=tmp_path / "log.txt",
        env={"EIBENCH_JUDGE": "openai:sim", "EIBENCH_JUDGE_URL": "http://127.0.0.1:9/v1"},
    )
    assert ended.code != 0 and "Traceback" not in ended.output, ended.tail
    (line,) = [line for line in ended.output.splitlines() if line.startswith("eibench: ")]
    assert re.search("no server answers at its address.*EIBENCH_JUDGE_URL", line)
