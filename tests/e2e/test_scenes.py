"""Drawn scenes in lmms-eval: a model that looks does well, and one that does not, badly.

The model is the embedded one, in the stock class `qwen2_5_vl`. The scenes are of a seed of their own, with sets of
causes that it was not trained on.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from support.runs import command, evaluate, value, written_results, written_samples

from eibench_tasks.home import SCENE_MODEL
from eibench_tasks.scenes.drawing import write_scenes

SEED, COUNT = "end to end", 18
CFSA = Path(sys.executable).with_name("cfsa")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with their twins."""
    folder = tmp_path_factory.mktemp("drawn") / "scenes"
    write_scenes(folder, SEED, COUNT, "held out")
    return folder


def asked(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> dict[str, Any]:
    """An evaluation with the stock class."""
    monkeypatch.setenv("EIBENCH_SCENES", str(folder))
    monkeypatch.setenv("EIBENCH_HOME", str(home))
    return evaluate(["eibench_scenes"], "qwen2_5_vl", f"pretrained={model},device_map=cpu", device="cpu", batch_size=16)


def test_the_embedded_model_sees_what_causes_a_feeling(scenes: Path, tmp_path: Path) -> None:
    done = command(
        "lmms-eval", "--model", "qwen2_5_vl", "--model_args", f"pretrained={SCENE_MODEL},device_map=cpu",
        "--device", "cpu", "--batch_size", "16", "--tasks", "eibench_scenes", "--output_path", tmp_path / "runs",
        "--log_samples", home=tmp_path / "home", log=tmp_path / "log.txt",
        env={"EIBENCH_SCENES": str(scenes), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.code == 0, done.tail
    found = written_results(tmp_path / "runs")
    assert value(found, "eibench_scenes", "recall_overall") >= 85
    assert value(found, "eibench_scenes", "precision") >= 85
    assert value(found, "eibench_scenes", "causal_sensitivity") >= 75
    rows = [row["recall_overall"] for row in written_samples(tmp_path / "runs", "eibench_scenes")]
    assert sum(row["sample_id"].endswith("-twin") for row in rows) == COUNT
    _judged_again_the_same(tmp_path, scenes, found)


def _judged_again_the_same(folder: Path, scenes: Path, found: dict[str, Any]) -> None:
    """`eibench judge` finds the samples of the log, and the same numbers."""
    settings = {"EIBENCH_SCENES": str(scenes)}
    again = command(
        "eibench", "judge", folder / "runs", "--judge", "offline", "-o", folder / "again",
        home=folder / "home", log=folder / "judge.txt", env=settings,
    )  # fmt: skip
    assert again.code == 0, again.tail
    judged = written_results(folder / "again")
    for metric in ("recall_overall", "precision", "causal_sensitivity", "distraction", "recall_fear"):
        assert value(judged, "eibench_scenes", metric) == pytest.approx(value(found, "eibench_scenes", metric))


def test_the_same_model_fails_on_the_images_of_other_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scenes(tmp_path / "shuffled", SEED, COUNT, "held out", shuffled=True)
    found = asked(tmp_path / "shuffled", SCENE_MODEL, monkeypatch, tmp_path / "home")
    assert value(found, "eibench_scenes", "recall_overall") <= 42
    assert found["configs"]["eibench_scenes"]["metadata"]["run"]["data"]["shuffled"] is True


def test_random_weights_know_nothing(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

    blind = Path(shutil.copytree(SCENE_MODEL, tmp_path / "blind"))
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(AutoConfig.from_pretrained(blind)).to(torch.bfloat16).save_pretrained(blind)
    found = asked(scenes, blind, monkeypatch, tmp_path / "home")
    assert value(found, "eibench_scenes", "recall_overall") <= 10


def test_a_folder_that_is_none_of_scenes_ends_the_run_before_a_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = command(
        "lmms-eval", "--model", "qwen2_5_vl", "--tasks", "eibench_scenes",
        home=tmp_path / "home", log=tmp_path / "log.txt", env={"EIBENCH_SCENES": str(tmp_path / "empty")},
    )  # fmt: skip
    (ours,) = [line for line in done.output.splitlines() if line.startswith("eibench: ")]
    assert done.code != 0 and "Traceback" not in done.output
    assert "no folder of scenes" in ours and "`eibench scenes -o DIR`" in ours


def test_cfsa_builds_what_is_true_of_the_scenes(scenes: Path, tmp_path: Path) -> None:
    home = {"home": tmp_path / "home", "env": {"HF_HUB_OFFLINE": "1"}}
    done = command(
        "cfsa", "run", scenes / "manifest.jsonl", "-o", tmp_path / "run", "--engine", "transformers",
        "--model", SCENE_MODEL, log=tmp_path / "run.txt", **home,
    )  # fmt: skip
    assert done.code in (0, 3), done.tail  # of an image or two, no trigger may stand the verification
    compared = command(
        "cfsa", "compare", tmp_path / "run", "--reference", scenes / "scenes.jsonl", "--json",
        log=tmp_path / "compare.txt", **home,
    )  # fmt: skip
    overall = json.loads(compared.output[compared.output.index("{") :])["lines"][0]
    images = COUNT - COUNT // 6
    assert overall["images"] >= images - 2
    # of so few images the share is uncertain by ten points; benchmarks/README.md has it of more
    assert overall["recall"]["value"] * overall["images"] / images >= 60
    assert overall["precision"]["value"] >= 75
