"""`eibench precision`, `label` and `breakdown` as a user calls them, against a server that replies by the rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.judged_logs import line, write_log
from support.openai_server import ChatServer, Reply, Request

from eibench_tasks.cli import main
from eibench_tasks.data.demo import demo_samples
from eibench_tasks.judging.registry import _load

SAMPLES = demo_samples()[:3]


def reply(request: Request) -> str:
    """Splits, looks and labels: the first word of the text is a claim on trigger 1, the second one on none."""
    name = "labels" if "labels" in json.dumps(request.body["response_format"]) else "claims"
    if name == "labels":
        numbers = re.findall(r"^(\d+)\. ", request.text, re.MULTILINE)
        return json.dumps({name: [{"index": int(n), "kind": "explicit", "category": "objects"} for n in numbers]})
    if request.images:
        return json.dumps({name: [{"index": 1, "supported": True}]})
    return json.dumps({name: [{"quote": "candle", "trigger": 1}, {"quote": "balloon", "trigger": None}]})


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(reply).running() as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of each sample the first trigger is named."""
    rows = []
    for item in SAMPLES:
        present = [True, *[False] * (len(item.triggers) - 1)]
        rows.append(line(item.id, present, image=item.image_id, answer="A candle and a balloon."))
    return write_log(tmp_path / "model", *rows, task="eibench_demo")


def run(*arguments: str | Path, server: ChatServer | None = None) -> Result:
    asked = ["--judge", "openai:sim", "--judge-url", server.base_url] if server else []
    done = CliRunner().invoke(main, [*map(str, arguments), *asked])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_precision_stands_beside_recall_with_and_without_the_image(
    log: Path, server: ChatServer, tmp_path: Path
) -> None:
    done = run("precision", log, "--vision-judge", "openai:sim", "-o", tmp_path / "claims.jsonl", server=server)
    assert done.exit_code == 0, done.output
    assert "references are incomplete" in done.output or "reference triggers are incomplete" in done.output
    recalls = [1 / len(item.triggers) for item in SAMPLES]
    f1 = 100 * sum(2 * 0.5 * recall / (0.5 + recall) for recall in recalls) / 3  # precision is 1 of 2 in each
    with_image = 100 * sum(2 * recall / (1 + recall) for recall in recalls) / 3  # and 2 of 2 with the image
    values = re.findall(r"(precision|f1|precision with image|f1 with image) +(\d+\.\d) ", done.output)
    assert dict(values) == {
        "precision": "50.0",
        "f1": f"{f1:.1f}",
        "precision with image": "100.0",
        "f1 with image": f"{with_image:.1f}",
    }
    written = [json.loads(text) for text in (tmp_path / "claims.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [claim["supported"] for claim in written[0]["claims"]] == [None, True]
    assert sum(bool(request.images) for request in server.requests) == 3


def test_precision_as_json_and_by_the_offline_judge(log: Path) -> None:
    done = run("precision", log, "--judge", "offline", "--json")
    (entry,) = json.loads(done.stdout)
    assert entry["task"] == "eibench_demo" and set(entry["measures"]) == {"precision", "f1"}


def test_triggers_are_labelled_once_and_recall_is_broken_down_by_the_labels(log: Path, server: ChatServer) -> None:
    assert "17 of 17 samples labelled" in run("label", "--split", "demo", server=server).output
    assert len(server.requests) == 17
    run("label", "--split", "demo", server=server)
    assert len(server.requests) == 17
    done = run("breakdown", log, "--labels-by", "openai:sim")
    assert done.exit_code == 0, done.output
    triggers = sum(len(item.triggers) for item in SAMPLES)
    for label in ("explicit", "objects"):  # 3 named of all, since the server labels all alike
        found = re.search(rf"{label} +(\d+\.\d) .*  (\d+) +3$", done.output, re.MULTILINE)
        assert found and found.groups() == (f"{300 / triggers:.1f}", str(triggers))
    assert "implicit" not in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["breakdown", "LOG", "--labels-by", "openai:nobody"], "Run: `eibench label --judge openai:MODEL`"),
        (["label", "--split", "demo", "--judge", "offline"], "Use a language model"),
        (["precision", "LOG", "--judge", "offline", "--vision-judge", "offline"], "sees no images"),
        (["label"], "Run `eibench prepare`, or give the annotations"),
    ],
    ids=["no labels", "no model", "no eyes", "no data"],
)
def test_a_users_mistake_is_one_line_that_says_what_mends_it(log: Path, arguments: list[str], words: str) -> None:
    done = run(*[str(log) if argument == "LOG" else argument for argument in arguments])
    assert done.exit_code == 1
    assert words in done.output and done.output.count("\n") == 1


def test_a_model_that_stops_answering_loses_nothing(log: Path, server: ChatServer) -> None:
    server.answer = lambda request: Reply(status=401)
    done = run("label", "--split", "demo", server=server)
    assert done.exit_code == 1 and "the same command goes on from there" in done.output
    server.answer = reply
    _load.cache_clear()  # as in the next process
    assert "17 of 17" in run("label", "--split", "demo", server=server).output
