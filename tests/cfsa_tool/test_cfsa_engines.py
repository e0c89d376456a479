"""The engines that a configuration may name: what they are called, what they refuse, and what mends it."""

import asyncio
import importlib.util
from pathlib import Path

import pytest
from support.scripted_server import http, in_loop, scripted
from support.tiny_qwen import write_tiny_qwen
from support.tiny_text import write_tiny_chat

from cfsa_tool.config import Model
from cfsa_tool.engines.registry import load_engine
from cfsa_tool.errors import ConfigError
from eibench_tasks.engines.budget import Budget, Prices
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Sampling, Trouble
from eibench_tasks.engines.openai_chat import Limits, OpenAIEngine


def loaded(model: Model, key: str = "", budget: Budget | None = None, sees: bool = True) -> Engine:
    return load_engine(model, key, Limits(call_seconds=5), budget or Budget(), sees)


def servers(*urls: str, name: str = "a-model", revision: str | None = None) -> Model:
    return Model(engine="openai", model=name, base_url=list(urls), revision=revision)


QUESTION = Ask(({"role": "user", "content": "Who claps?"},), Sampling(4))


def test_a_model_on_servers_is_named_with_the_revision_that_the_user_gives() -> None:
    assert loaded(servers("http://a.test/v1")).name == "openai:a-model"
    assert loaded(servers("http://a.test/v1", revision="v2")).name == "openai:a-model@v2"


def test_without_an_address_openai_is_asked() -> None:
    engine = loaded(servers())
    assert isinstance(engine, OpenAIEngine)
    assert [str(server.client.base_url) for server in engine._servers] == ["https://api.openai.com/v1/"]


def test_an_address_that_is_none_is_mended_by_base_url() -> None:
    with pytest.raises(ConfigError, match=r"address must begin with http.*\. Give --base-url"):
        loaded(servers("localhost:8000"))


def test_a_key_that_cannot_be_one_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="API key") as caught:
        loaded(servers("http://a.test/v1"), key="sécret")
    assert "sécret" not in str(caught.value)
    assert "EIBENCH" not in str(caught.value)


@in_loop
async def test_a_server_of_another_model_is_noticed_before_the_run() -> None:
    async with scripted(lambda seen: http({"data": [{"id": "b-model"}]})) as server:
        engine = loaded(servers(server.url))
        assert isinstance(engine, OpenAIEngine)
        with pytest.raises(EngineError, match="serves b-model, not a-model"):
            await engine.check()
        await engine.close()


def test_local_weights_are_named_with_what_identifies_them(tmp_path: Path) -> None:
    folder = write_tiny_qwen(tmp_path / "vision")
    engine = loaded(Model(model=str(folder)))
    kind, _, rest = engine.name.partition(":")
    assert (kind, rest.rpartition("@")[0], len(rest.rpartition("@")[2])) == ("transformers", str(folder), 12)


def test_a_model_that_reads_text_only_may_write_but_not_see(tmp_path: Path) -> None:
    folder = write_tiny_chat(tmp_path / "text")
    with pytest.raises(ConfigError, match="takes no images"):
        loaded(Model(model=str(folder)))

    async def asked() -> int | None:
        engine = loaded(Model(model=str(folder)), sees=False)
        reply = await engine.reply(QUESTION)
        await engine.close()
        return reply.completion_tokens

    assert 1 <= (asyncio.run(asked()) or 0) <= 4


def test_a_model_that_is_not_there_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        loaded(Model(model=str(tmp_path / "nothing")))
    assert "\n" not in str(caught.value)


def test_questions_to_local_weights_count_against_the_budget(tmp_path: Path) -> None:
    budget = Budget(max_requests=2, prices=Prices(completion=1e6))  # 1 a token

    async def ask_thrice() -> list[object]:
        engine = loaded(Model(model=str(write_tiny_chat(tmp_path / "text"))), budget=budget, sees=False)
        await engine.reply(QUESTION)
        long = Ask(QUESTION.messages, Sampling(10_000))
        found = [await asyncio.gather(engine.reply(one), return_exceptions=True) for one in (long, QUESTION)]
        await engine.close()
        return [one for (one,) in found]

    too_long, over = asyncio.run(ask_thrice())
    assert isinstance(too_long, EngineError) and too_long.trouble is Trouble.REQUEST
    assert isinstance(over, EngineError) and over.trouble is Trouble.ENGINE
    assert (budget.requests, budget.failures) == (2, 1)
    assert budget.spent == budget.completion_tokens  # what was refused costs nothing
    assert budget.prompt_tokens > budget.completion_tokens > 0


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_vllm_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"vLLM is not installed\. Run `pip install vllm`"):
        loaded(Model(engine="vllm", model=str(tmp_path)))
