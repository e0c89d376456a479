"""How a judge is chosen and reached: environment, options, and what each mistake is answered with."""

import sys
from pathlib import Path
from typing import Any

import pytest

from eibench_tasks.data.protocol import protocol_from_json
from eibench_tasks.data.schema import Protocol
from eibench_tasks.engines.openai_chat import OPENAI_URL, Limits
from eibench_tasks.errors import JudgeError, NotPreparedError
from eibench_tasks.judging import registry
from eibench_tasks.judging.options import PROTOCOLS, JudgeOptions, from_environment
from eibench_tasks.judging.registry import check_judge, judge_name, load_judge, reply_store

KEY = "sk-hidden-key-0123456789"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROTOCOL", "URL", "KEY", "CONCURRENCY"):
        monkeypatch.delenv(f"EIBENCH_JUDGE_{name}", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    registry._load.cache_clear()


def test_without_settings_openai_is_asked_by_the_verdict_protocol() -> None:
    options = from_environment()
    assert options == JudgeOptions("verdict", (OPENAI_URL,), "", Limits(concurrency=64))


def test_the_environment_sets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_JUDGE_PROTOCOL", " paper:llama3 ")
    monkeypatch.setenv("EIBENCH_JUDGE_URL", "http://a/v1, http://b/v1,")
    monkeypatch.setenv("EIBENCH_JUDGE_KEY", KEY + "\n")
    monkeypatch.setenv("EIBENCH_JUDGE_CONCURRENCY", "3")
    options = from_environment()
    assert options == JudgeOptions("paper:llama3", ("http://a/v1", "http://b/v1"), KEY, Limits(concurrency=3))


def test_what_is_given_stands_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_JUDGE_PROTOCOL", "paper")
    monkeypatch.setenv("EIBENCH_JUDGE_URL", "http://a/v1")
    options = from_environment({"PROTOCOL": "verdict", "URL": None, "KEY": "given"})
    assert (options.protocol, options.urls, options.key) == ("verdict", ("http://a/v1",), "given")


def test_openais_key_goes_to_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert from_environment().key == KEY
    others = [
        "http://a/v1",
        f"{OPENAI_URL},http://a/v1",
        "https://api.openai.com.evil.org/v1",
        "http://api.openai.com/v1",
    ]
    for url in others:
        assert from_environment({"URL": url}).key == ""
    assert from_environment({"KEY": "other"}).key == "other"


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "²", "9" * 5000, "1e3", "16 "])
def test_a_concurrency_that_is_none_is_answered_in_one_line(text: str) -> None:
    with pytest.raises(JudgeError, match="EIBENCH_JUDGE_CONCURRENCY") as caught:
        from_environment({"CONCURRENCY": text})
    assert len(str(caught.value)) < 200


def test_an_unknown_protocol_is_answered_with_the_known_ones() -> None:
    with pytest.raises(JudgeError, match=r"unknown protocol 'papre'.*verdict, paper, paper:chatgpt, paper:llama3"):
        from_environment({"PROTOCOL": "papre"})
    assert all(JudgeOptions(protocol=name).protocol == name for name in PROTOCOLS)


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(JudgeOptions(key=KEY))
    assert KEY not in str(JudgeOptions(urls=(f"https://user:{KEY}@a/v1",)))


# Names of judges


@pytest.mark.parametrize("name", ["offline", "openai:gpt-4o-mini", "openai:org/model:tag", "transformers:a/b", "nli:x"])
def test_known_judges_pass(name: str) -> None:
    check_judge(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-4", "unknown judge 'gpt-4'.*offline.*openai:MODEL"),
        ("", "unknown judge ''"),
        ("OPENAI:x", "unknown judge"),
        ("openai", "needs a model"),
        ("openai:", "needs a model"),
        ("offline:x", "takes no argument"),
    ],
)
def test_a_name_that_is_none_is_answered_at_once(name: str, said: str) -> None:
    with pytest.raises(JudgeError, match=said):
        check_judge(name)


def test_the_judge_of_the_environment_or_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_name() == "offline"
    monkeypatch.setenv("EIBENCH_JUDGE", " openai:x ")
    assert judge_name() == "openai:x"


# Loading


def openai(model: str, **options: Any) -> Any:
    return load_judge(f"openai:{model}", JudgeOptions(**({"urls": ("http://127.0.0.1:9/v1",)} | options)))


def test_a_judge_is_loaded_once_for_the_same_options(home: Path) -> None:
    assert openai("x") is openai("x")
    assert openai("x") is not openai("x", key="other")
    assert openai("x") is not openai("y")
    assert reply_store() == home / "cache" / "replies.sqlite"
    assert reply_store().is_file()


def test_options_reach_the_judge() -> None:
    judge = openai("x", limits=Limits(concurrency=5), max_requests=7, max_cost=1.5)
    assert judge.concurrency == 5
    assert (judge.budget.max_requests, judge.budget.max_cost) == (7, 1.5)
    assert (judge.name, judge.protocol, judge.comparable) == ("openai:x", "verdict", False)


@pytest.mark.parametrize("key", ["kéy", "two\nlines", "nul\0", "clé “quoted”"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(JudgeError, match="EIBENCH_JUDGE_KEY") as caught:
        openai("x", key=key)
    assert key not in str(caught.value)


def test_an_address_that_is_none_is_answered_in_one_line() -> None:
    with pytest.raises(JudgeError, match="must begin with http"):
        openai("x", urls=("localhost:8000",))


@pytest.fixture
def strings(published: Path) -> Protocol:
    return protocol_from_json((published / "protocol.json").read_bytes())


@pytest.mark.parametrize(
    ("protocol", "model", "chosen", "comparable"),
    [
        ("paper", "gpt-4o", "paper:chatgpt", False),
        ("paper", "gpt-3.5-turbo", "paper:chatgpt", True),
        ("paper", "meta-llama/Meta-Llama-3-8B-Instruct", "paper:llama3", True),
        ("paper", "other/meta-llama-3-8b-instruct", "paper:llama3", True),
        ("paper", "meta-llama/Llama-3.1-8B-Instruct", "paper:llama3", False),
        ("paper:chatgpt", "meta-llama/Meta-Llama-3-8B-Instruct", "paper:chatgpt", False),
        ("paper:llama3", "gpt-3.5-turbo", "paper:llama3", False),
        ("verdict", "gpt-3.5-turbo", "verdict", False),
    ],
)
def test_the_published_prompt_goes_with_the_model_and_only_its_own_is_comparable(
    strings: Protocol, protocol: str, model: str, chosen: str, comparable: bool
) -> None:
    judge = openai(model, protocol=protocol, published=strings)
    assert (judge.protocol, judge.comparable) == (chosen, comparable)


def test_the_paper_protocol_needs_the_published_prompts() -> None:
    with pytest.raises(NotPreparedError):
        openai("x", protocol="paper")


def test_names_and_options_are_checked_without_the_heavy_libraries() -> None:
    import subprocess

    code = (
        "import sys; from eibench_tasks.judging.registry import check_judge; check_judge('openai:x');"
        "from eibench_tasks.judging.options import from_environment; from_environment();"
        "print([name for name in ('openai', 'torch', 'aiohttp', 'transformers') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
