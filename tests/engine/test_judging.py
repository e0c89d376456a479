"""`eibench judge` asks a real engine: its random weights judge nothing, but guided decoding makes them say JSON."""

import json
import sqlite3
from pathlib import Path

import pytest
from support.runs import Finished, command
from vllm_server import VLLMServer

from eibench_tasks.data.demo import FOLDER, demo_samples

pytestmark = pytest.mark.engine


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Logged answers to the demo split, as a run with --predict_only leaves them."""
    answers = {}
    for line in (FOLDER / "answers" / "attentive.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        answers[entry["id"]] = entry["answer"]
    folder = tmp_path / "runs" / "model"
    folder.mkdir(parents=True)
    file = folder / "20260101_000000_samples_eibench_demo.jsonl"
    lines = [
        {
            "doc_id": number,
            "target": "\n".join(item.triggers),
            "filtered_resps": answers[item.id],
            "input": item.question,
        }
        for number, item in enumerate(demo_samples())
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def _judge(log: Path, home: Path, server: VLLMServer, name: str) -> Finished:
    options = ["--judge-url", server.base_url, "--chance-samples", "0", "--concurrency", "32"]
    judge = ["--judge", f"openai:{server.model}"]
    return command("eibench", "judge", log, *judge, *options, home=home, log=log.parents[2] / name)


def test_a_run_is_judged_to_its_end_and_guided_json_reaches_the_engine(vllm: VLLMServer, log: Path, home: Path) -> None:
    first = _judge(log, home, vllm, "first.txt")
    assert first.code == 0, first.tail
    (samples,) = (log.parent / "judged").rglob("*_samples_eibench_demo.jsonl")
    rows = [json.loads(line)["recall_overall"] for line in samples.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 17
    for row in rows:
        assert ("score" in row) != bool(row["unscored"])
        assert row["unscored"] is None or row["unscored"].startswith("the judge gave no usable verdict")
    with sqlite3.connect(home / "cache" / "replies.sqlite") as kept:
        replies = [json.loads(reply)["text"] for (reply,) in kept.execute("SELECT reply FROM replies")]
    assert len(replies) >= 17
    assert all(text.replace(" ", "").startswith('{"verdicts":[{"index":') for text in replies)


def test_the_second_time_nothing_is_asked(vllm: VLLMServer, log: Path, home: Path) -> None:
    _judge(log, home, vllm, "first.txt")
    (results,) = (log.parent / "judged").rglob("*_results.json")
    before = results.read_bytes()
    second = _judge(log, home, vllm, "second.txt")
    assert "17 known, 0 calls" in second.output
    assert results.read_bytes() == before
