"""`cfsa` on a real engine, from images to a score: random weights see nothing, but guided decoding keeps the form."""

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.annotated import images_of
from support.runs import Finished, command, run, value, written_results
from vllm_server import ENVIRONMENT, PYTHON, VLLMServer, write_checkpoint

pytestmark = pytest.mark.engine

IMAGES = 24
OPTIONS = {"dtype": "bfloat16", "enforce_eager": True, "max_model_len": 8192, "max_num_seqs": 32}
# What a random model says is no language, and its yes and no mean nothing.
SETTINGS = {"language": "any", "threshold": 0, "answer_characters": 30, "most_triggers": 3, "rounds": 1}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images in folders named after four emotions."""
    folder = tmp_path_factory.mktemp("photos")
    images_of(folder, IMAGES, side=112)
    return folder


def config(file: Path, vision: dict[str, Any], **more: Any) -> Path:
    file.write_text(yaml.safe_dump({"vision": vision, **SETTINGS, **more}), encoding="utf-8")
    return file


def replies(folder: Path) -> list[dict[str, Any]]:
    """All replies of a run's journal."""
    with sqlite3.connect(folder / "journal.sqlite") as kept:
        return [json.loads(reply) for (reply,) in kept.execute("SELECT reply FROM replies")]


def done(ended: Finished, folder: Path) -> int:
    """How many images have samples. Every reply was of its form; what a random model says may still be no trigger."""
    assert ended.code in (0, 3), ended.tail
    assert "100.0%" in ended.output and "Traceback" not in ended.output, ended.tail
    with sqlite3.connect(folder / "run.sqlite") as db:
        stages = [stage for (stage,) in db.execute("SELECT stage FROM outcomes")]
    assert len(stages) == IMAGES and set(stages) <= {None, "checks"}, ended.tail
    assert stages.count(None) > 0.8 * IMAGES
    return stages.count(None)


def guided(folder: Path) -> None:
    """Every reply is the JSON that was asked for, at the first attempt."""
    said = replies(folder)
    assert len(said) > 6 * IMAGES
    for reply in said:
        assert isinstance(json.loads(reply["text"], strict=False), dict)
    verified = [reply for reply in said if set(json.loads(reply["text"], strict=False)) == {"answer"}]
    assert verified and all(set(reply["likely"]) == {"yes", "no"} for reply in verified)


def scored(samples: int, folder: Path, home: Path, tmp_path: Path, *model: str) -> None:
    """The split of a run is a task of lmms-eval, with so many samples."""
    split = tmp_path / "split"
    ended = command("cfsa", "export", folder, "-o", split, "--name", "mine", home=home, log=tmp_path / "export.txt")
    assert ended.code == 0, ended.tail
    where = ("--include_path", split, "--tasks", "mine", "--output_path", tmp_path / "runs")
    ended = command("lmms-eval", *model, *where, home=home, log=tmp_path / "lmms_eval.txt")
    assert ended.code == 0, ended.tail
    results = written_results(tmp_path / "runs")
    assert results["n-samples"]["mine"]["effective"] == samples
    assert 0 <= value(results, "mine", "recall_overall") <= 100


def test_from_images_to_a_score_with_a_vllm_server(vllm: VLLMServer, photos: Path, home: Path, tmp_path: Path) -> None:
    """The pilot, too."""
    vision = {"engine": "openai", "model": vllm.model, "base_url": [vllm.base_url]}
    file = config(tmp_path / "cfsa.yaml", vision, pilot_images=8)

    chosen = ("run", photos, "-o", tmp_path / "RUN", "--config", file)

    def cfsa() -> Finished:
        return command("cfsa", *chosen, home=home, log=tmp_path / "run.txt")

    ended = cfsa()
    samples = done(ended, tmp_path / "RUN")
    assert "from the prefix cache" in ended.output
    guided(tmp_path / "RUN")
    before = len(replies(tmp_path / "RUN"))
    assert cfsa().code == ended.code
    assert len(replies(tmp_path / "RUN")) == before
    served = f"model={vllm.model},base_url={vllm.base_url},api_key=none"
    model = ("--model", "openai", "--model_args", served, "--gen_kwargs", "max_new_tokens=16")
    scored(samples, tmp_path / "RUN", home, tmp_path, *model)


def test_from_images_to_a_score_with_vllm_in_the_process_of_cfsa(photos: Path, home: Path, tmp_path: Path) -> None:
    """The run in vLLM's environment, export and evaluation in that of lmms-eval."""
    checkpoint = write_checkpoint(tmp_path / "model")
    options = OPTIONS | {"limit_mm_per_prompt": {"image": 1, "video": 0}}
    vision = {"engine": "vllm", "model": str(checkpoint), "options": options}
    file = config(tmp_path / "cfsa.yaml", vision, general="paper")
    cfsa = [PYTHON.with_name("cfsa"), "run", photos, "-o", tmp_path / "RUN", "--config", file]
    ended = run(cfsa, home=home, log=tmp_path / "run.txt", env=ENVIRONMENT)
    samples = done(ended, tmp_path / "RUN")
    assert "EngineDeadError" not in ended.output, ended.tail
    guided(tmp_path / "RUN")
    scored(samples, tmp_path / "RUN", home, tmp_path, "--model", "dummy")


def test_cfsa_runs_where_lmms_eval_is_not(tmp_path: Path) -> None:
    has = [PYTHON, "-c", "import importlib.util as u; print(u.find_spec('lmms_eval'), u.find_spec('datasets'))"]
    assert subprocess.run(has, capture_output=True, text=True, check=True).stdout.split() == ["None", "None"]
    ended = subprocess.run([PYTHON.with_name("cfsa"), "--help"], capture_output=True, text=True, check=True)
    assert "cfsa run IMAGES" in ended.stdout
