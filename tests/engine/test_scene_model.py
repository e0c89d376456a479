"""The embedded vision model in vLLM, which loads it unchanged and gives the answers that the stock class gives."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from support.runs import command, written_samples
from vllm_server import PYTHON, VLLMServer, serving

from eibench_tasks.home import SCENE_MODEL
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.fixed import docs_of
from eibench_tasks.scenes.folder import load_scenes

pytestmark = pytest.mark.engine
SCENES = 50


@pytest.fixture(scope="module")
def scene_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    """A server of its own, with the embedded model."""
    if not PYTHON.is_file():
        pytest.fail("there is no vLLM in .venv-engine: run `make test-engine`", pytrace=False)
    with serving(SCENE_MODEL, tmp_path_factory.mktemp("scene-model") / "log.txt") as server:
        yield server


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes that nothing else uses, with their twins."""
    folder = tmp_path_factory.mktemp("drawn") / "scenes"
    write_scenes(folder, "vllm", SCENES, "held out")
    return folder


@pytest.fixture(scope="module")
def stock(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The answers of the stock class of lmms-eval, by sample."""
    folder = tmp_path_factory.mktemp("stock")
    arguments = ["--model", "qwen2_5_vl", "--model_args", f"pretrained={SCENE_MODEL},device_map=cpu"]
    arguments += ["--device", "cpu", "--batch_size", "16", "--tasks", "eibench_scenes", "--log_samples"]
    done = command(
        "lmms-eval", *arguments, "--output_path", folder / "runs", home=folder / "home", log=folder / "log.txt",
        env={"EIBENCH_SCENES": str(scenes), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.code == 0, done.tail
    rows = [row["recall_overall"] for row in written_samples(folder / "runs", "eibench_scenes")]
    return {row["sample_id"]: row["answer"] for row in rows}


def test_vllm_gives_the_greedy_answers_of_the_stock_class(
    scene_model: VLLMServer, scenes: Path, stock: dict[str, str]
) -> None:
    docs = [doc for doc in docs_of(load_scenes(scenes)) if not doc["removed"]]
    assert len({doc["image"] for doc in docs}) == SCENES
    client = openai.OpenAI(base_url=scene_model.base_url, api_key="none", max_retries=0, timeout=120)
    same = 0
    for doc in docs:
        image = base64.b64encode(Path(doc["image"]).read_bytes()).decode()
        content = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
            {"type": "text", "text": doc["prompt_user"]},
        ]
        reply = client.chat.completions.create(
            model=scene_model.model, messages=[{"role": "user", "content": content}], max_tokens=512, temperature=0
        )  # type: ignore[call-overload]
        same += reply.choices[0].message.content == stock[doc["id"]]
    print(json.dumps({"identical": same, "of": len(docs)}))
    assert same >= 0.95 * len(docs)
