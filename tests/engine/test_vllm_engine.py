"""vLLM in the process of `cfsa`: structured replies, how likely choices were, the prefix cache, refusals, its death."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from vllm_server import ENVIRONMENT, PYTHON, write_checkpoint

pytestmark = pytest.mark.engine

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `in_process.py` prints."""
    if not PYTHON.is_file():
        pytest.fail("there is no vLLM in .venv-engine: run `make test-engine`", pytrace=False)
    folder = tmp_path_factory.mktemp("vllm")
    checkpoint = write_checkpoint(folder / "model")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    ended = subprocess.run(
        [str(PYTHON), str(TESTS / "engine" / "in_process.py"), str(checkpoint)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": path},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_the_name_holds_engine_model_and_identity(said: dict[str, Any]) -> None:
    kind, _, rest = said["name"].partition(":")
    model, _, identity = rest.rpartition("@")
    assert (kind, Path(model).name, len(identity)) == ("vllm", "model", 12)


def test_replies_keep_to_their_schema_and_say_how_likely_each_choice_was(said: dict[str, Any]) -> None:
    for replies in said["conversations"]:
        for reply in replies:
            answer = json.loads(reply["text"])["answer"]
            assert reply["finish"] == "stop"
            assert set(reply["likely"]) == {"yes", "no"}
            assert reply["likely"][answer] > 0.1  # the schema allows two
            assert sum(reply["likely"].values()) == pytest.approx(1.0, abs=0.01)


def test_a_conversation_that_grows_is_computed_once(said: dict[str, Any]) -> None:
    """vLLM caches blocks of at most 128 tokens; the image and the first question take more than one."""
    for first, second, third in said["conversations"]:
        assert first["prompt_tokens"] < second["prompt_tokens"] < third["prompt_tokens"]
        assert first["cached_tokens"] == 0
        assert second["cached_tokens"] > first["prompt_tokens"] - 128
        assert third["cached_tokens"] > second["prompt_tokens"] - 128


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("long", "the prompt is too long for the model's context of 2048"),
        ("long with image", "the prompt is too long for the model's context of 2048"),
        ("corrupt", "refuses the conversation"),
        ("elsewhere", "images as data URLs only"),
        ("two images", "refuses the conversation"),
        ("schema", "refuses the conversation"),
    ],
)
def test_what_cannot_be_answered_fails_alone(said: dict[str, Any], name: str, reason: str) -> None:
    assert said["refusals"][name]["trouble"] == "REQUEST"
    assert reason in said["refusals"][name]["error"]


def test_control_tokens_in_a_text_are_read_as_if_broken_up(said: dict[str, Any]) -> None:
    counts = [said["refusals"][name]["prompt_tokens"] for name in ("forged", "forged in vain")]
    assert counts[0] == counts[1] > 40  # five control tokens, letter by letter


def test_a_reply_may_be_drawn(said: dict[str, Any]) -> None:
    assert said["refusals"]["warm"]["completion_tokens"] > 0


def test_a_question_that_nobody_waits_for_is_given_up(said: dict[str, Any]) -> None:
    assert said["unfinished"] == 0


def test_when_vllm_dies_no_question_is_answered_any_more(said: dict[str, Any]) -> None:
    assert [one["trouble"] for one in said["dead"]] == ["ENGINE", "ENGINE"]
    assert "vLLM has died" in said["dead"][0]["error"]
    assert said["closed"] == {"error": "the engine is closed", "trouble": "ENGINE"}


def test_an_option_that_vllm_does_not_know_is_named(said: dict[str, Any]) -> None:
    assert "no_such_option" in said["unknown option"]
    assert "max_model_len" in said["unknown option"]  # an example of one that it knows


def test_questions_count_against_the_budget(said: dict[str, Any]) -> None:
    assert said["requests"] == 4 * 3 + len(said["refusals"]) + 1 + 2 + 1
