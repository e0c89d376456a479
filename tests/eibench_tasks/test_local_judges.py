"""Judges whose weights lie on this machine, through `eibench judge`; the checkpoints are tiny and built on the spot."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.tiny_text import write_tiny_chat, write_tiny_nli

from eibench_tasks.cli import main
from eibench_tasks.data.demo import FOLDER, demo_samples


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Four logged answers to the demo split, as a run with --predict_only leaves them."""
    lines = (FOLDER / "answers" / "hasty.jsonl").read_text(encoding="utf-8").splitlines()
    answers = {entry["id"]: entry["answer"] for entry in map(json.loads, lines)}
    file = tmp_path / "model" / "20260101_000000_samples_eibench_demo.jsonl"
    file.parent.mkdir()
    entries = [
        {"doc_id": n, "target": "\n".join(item.triggers), "filtered_resps": answers[item.id], "input": item.question}
        for n, item in enumerate(demo_samples()[:4])
    ]
    file.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    return file


def _rows(folder: Path) -> list[dict[str, object]]:
    (file,) = folder.glob("*_samples_eibench_demo.jsonl")
    return [json.loads(line)["recall_overall"] for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_a_chat_model_judges_every_sample_or_says_why_not_and_is_asked_once(log: Path, tmp_path: Path) -> None:
    """Random weights write the JSON that they are held to, and nothing sensible in it."""
    checkpoint = write_tiny_chat(tmp_path / "chat")
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (checkpoint / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}), encoding="utf-8")
    arguments = ["judge", str(log), "--judge", f"transformers:{checkpoint}"]
    first = CliRunner().invoke(main, [*arguments, "--chance-samples", "0"])
    assert first.exit_code == 0, first.output
    (folder,) = (log.parent / "judged").iterdir()
    rows = _rows(folder)
    assert len(rows) == 4
    for row in rows:
        assert ("score" in row) != bool(row["unscored"])
        assert row["unscored"] is None or str(row["unscored"]).startswith("the judge gave no usable verdict")
    (results,) = folder.glob("*_results.json")
    before = results.read_bytes()
    second = CliRunner().invoke(main, [*arguments, "--chance-samples", "0"])
    assert "4 known, 0 calls" in second.output
    assert results.read_bytes() == before


def test_an_entailment_model_finds_what_it_is_made_to_find(log: Path, tmp_path: Path) -> None:
    """The model finds entailment where premise and hypothesis hold these words; no answer and trigger hold both."""
    judge = f"nli:{write_tiny_nli(tmp_path / 'nli', ['elephant', 'gravity'])}"
    done = CliRunner().invoke(main, ["judge", str(log), "--judge", judge, "--chance-samples", "0"])
    assert done.exit_code == 0, done.output
    (folder,) = (log.parent / "judged").iterdir()
    assert [row["score"] for row in _rows(folder)] == [0, 0, 0, 0]
    assert "nli:" in done.output
