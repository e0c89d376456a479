"""The judge that asks a language model, over real sockets: whatever happens, it gives judgements and never raises."""

import json
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.judge_server import Running, judge_server
from support.openai_server import ChatServer, Request
from support.openai_server import Reply as Said

from eibench_tasks.engines.budget import Budget, Prices
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.openai_chat import Limits, OpenAIEngine
from eibench_tasks.engines.store import ReplyStore
from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judgement, Reference
from eibench_tasks.judging.llm.judge import LLMJudge
from eibench_tasks.judging.llm.verdict import DECOYS, VerdictProtocol
from eibench_tasks.judging.many import judge_many

KEY = "sk-hidden-key-0123456789"
REFERENCE = Reference(("a red balloon", "heavy rain"), "Why is she sad?")
ANSWER = "She lost a red balloon."


def item(number: int) -> tuple[Reference, str]:
    """A sample whose answer names two of three triggers."""
    triggers = (f"a lost ring {number}", f"a torn map {number}", f"a storm {number}")
    return Reference(triggers, "Why?"), f"There is a lost ring {number} and a storm {number}. Sample {number}."


@pytest.fixture
def judge_at(tmp_path: Path) -> Iterator[Callable[..., LLMJudge]]:
    """Makes judges with a store in one file; they are closed at the end."""
    judges: list[LLMJudge] = []

    def make(
        *urls: str, budget: Budget | None = None, concurrency: int = 16, call: float = 5.0, total: float = 20.0
    ) -> LLMJudge:
        budget = budget or Budget()
        limits = Limits(concurrency, call_seconds=call, request_seconds=total, backoff=0.02)
        engine = OpenAIEngine("a-model", urls, KEY, limits, budget)
        store = ReplyStore(tmp_path / "replies.sqlite")
        judge = LLMJudge("openai:a-model", engine, store, VerdictProtocol(), False, budget, concurrency)
        judges.append(judge)
        return judge

    yield make
    for judge in judges:
        judge.close()


def presence(judgements: list[Judgement]) -> list[list[bool]]:
    return [[one.present for one in judgement.verdicts] for judgement in judgements]


def test_a_judge_asks_once_and_knows_it_the_second_time(judge_at: Callable[..., LLMJudge], tmp_path: Path) -> None:
    with judge_server() as server:
        judge = judge_at(server.base_url)
        first = judge.judge(REFERENCE, ANSWER)
        assert presence([first]) == [[True, False]]
        assert judge.judge(REFERENCE, ANSWER) == first
        assert judge_at(server.base_url).judge(REFERENCE, ANSWER) == first
        assert server.stats()["calls"] == 1
    # without a server too
    assert judge_at("http://127.0.0.1:9/v1").judge(REFERENCE, ANSWER) == first


def test_sixty_four_threads_share_a_judge_and_no_more_are_in_flight_than_allowed(
    judge_at: Callable[..., LLMJudge],
) -> None:
    with judge_server(latency=0.02) as server, ThreadPoolExecutor(64) as pool:
        judge = judge_at(server.base_url, concurrency=8)
        found = list(pool.map(lambda number: judge.judge(*item(number)), range(128)))
        assert presence(found) == [[True, False, True]] * 128
        stats = server.stats()
    assert stats["calls"] == stats["questions"] == 128
    assert 4 <= stats["most_busy"] <= 8


def test_a_faulty_server_changes_no_verdict(judge_at: Callable[..., LLMJudge]) -> None:
    """A third of all replies is faulty in one of all known ways; what is judged is judged right, the rest says why."""
    with judge_server(latency=0.002, faults=0.33, seed=3) as server:
        judge = judge_at(server.base_url, concurrency=16, call=0.5)
        found = judge_many(judge, [item(number) for number in range(150)])
        faults = server.stats()["faults"]
        assert sum(bool(fault) for fault in faults) > 15
    judged = [one for one in found if not one.unscored]
    assert len(judged) >= 135
    assert presence(judged) == [[True, False, True]] * len(judged)
    assert all(
        re.match("the judge gave no usable verdict|the judge could not be asked", one.unscored)
        for one in found
        if one.unscored
    )


def test_the_budgets_hold_with_many_in_flight(judge_at: Callable[..., LLMJudge]) -> None:
    with judge_server(latency=0.01) as server:
        judge = judge_at(server.base_url, budget=Budget(max_requests=20))
        found = judge_many(judge, [item(number) for number in range(80)])
        assert server.stats()["calls"] == 20
    assert sum(one.unscored is None for one in found) == 20
    assert judge.stopped == "the budget of 20 requests is spent"
    # each call costs 500 * 1 + 100 * 10 = 1500 millionths (the server says so), 10,000 are allowed
    with judge_server(latency=0.01) as server:
        judge = judge_at(server.base_url, budget=Budget(max_cost=0.01, prices=Prices(1, 10)))
        found = judge_many(judge, [item(number) for number in range(100, 180)])
        calls = server.stats()["calls"]
    assert calls * 1500e-6 <= 0.01
    assert calls == sum(one.unscored is None for one in found) >= 1


@contextmanager
def serving(answer: Callable[[Request], "str | Said"]) -> Iterator[ChatServer]:
    with ChatServer(answer).running() as server:
        yield server


@pytest.mark.parametrize("status", [401, 403, 404])
def test_after_a_fatal_error_nothing_more_is_sent(judge_at: Callable[..., LLMJudge], status: int) -> None:
    with serving(lambda request: Said(status=status)) as server, ThreadPoolExecutor(64) as pool:
        judge = judge_at(server.base_url, concurrency=4)
        found = list(pool.map(lambda number: judge.judge(*item(number)), range(64)))
        assert len(server.requests) <= 4
        before = len(server.requests)
        found += judge_many(judge, [item(number) for number in range(100, 120)])
        found.append(judge.repeated(1).judge(*item(1)))
        assert len(server.requests) == before
    assert judge.stopped
    assert all(f"HTTP {status}" in (one.unscored or "") for one in found)


def test_a_question_that_the_server_rejects_fails_alone(judge_at: Callable[..., LLMJudge]) -> None:
    def answer(request: Request) -> "str | Said":
        return Said(status=400) if "Sample 3." in request.text else json.dumps({"verdicts": absent(request)})

    with serving(answer) as server:
        judge = judge_at(server.base_url)
        found = judge_many(judge, [item(number) for number in range(6)])
    assert [number for number, one in enumerate(found) if one.unscored] == [3]
    assert judge.stopped is None


def absent(request: Request) -> list[dict[str, object]]:
    numbers = re.findall(r"^(\d+)\. ", request.text, re.MULTILINE)
    return [{"index": int(number), "quote": "", "present": False} for number in numbers]


def test_a_repetition_asks_anew_once_and_leaves_the_first_reply_alone(judge_at: Callable[..., LLMJudge]) -> None:
    with judge_server() as server:
        judge = judge_at(server.base_url)
        for _ in range(2):
            judge.judge(REFERENCE, ANSWER)
            judge.repeated(1).judge(REFERENCE, ANSWER)
            judge.repeated(2).judge(REFERENCE, ANSWER)
        assert server.stats()["calls"] == 3


def test_the_estimate_is_the_first_question_until_it_is_known(judge_at: Callable[..., LLMJudge]) -> None:
    with judge_server() as server:
        judge = judge_at(server.base_url)
        asked = judge.estimate(REFERENCE, ANSWER)
        assert isinstance(asked, Ask)
        assert asked.characters > 500
        judge.judge(REFERENCE, ANSWER)
        assert judge.estimate(REFERENCE, ANSWER) is None
        assert judge.repeated(1).estimate(REFERENCE, ANSWER) is not None


def test_a_killed_server_that_comes_back_loses_nothing(judge_at: Callable[..., LLMJudge]) -> None:
    with judge_server(latency=0.05) as server:
        judge = judge_at(server.base_url, concurrency=4)
        judge.judge(*item(999))
        back: list[Running] = []
        found: list[Judgement] = []
        work = threading.Thread(target=lambda: found.extend(judge_many(judge, [item(n) for n in range(40)])))
        work.start()
        server.kill()
        with judge_server(port=server.port) as again:
            back.append(again)
            work.join(30)
    assert presence(found) == [[True, False, True]] * 40


class Failing:
    """An engine that raises what the test wants."""

    name = "failing"

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked = 0

    async def reply(self, ask: Ask) -> Reply:
        self.asked += 1
        raise self.error

    async def check(self) -> None:
        raise self.error

    async def close(self) -> None:
        pass


def failing(error: BaseException, folder: Path) -> tuple[LLMJudge, Failing]:
    engine = Failing(error)
    return LLMJudge("x", engine, ReplyStore(folder / "r.sqlite"), VerdictProtocol(), False, Budget()), engine


@pytest.mark.parametrize("error", [ValueError("secret prompt"), RecursionError(), MemoryError(), KeyError("secret")])
def test_whatever_an_engine_raises_is_an_unscored_sample(tmp_path: Path, error: Exception) -> None:
    judge, _ = failing(error, tmp_path)
    judgement = judge.judge(REFERENCE, ANSWER)
    assert judgement.unscored == f"the judge failed ({type(error).__name__})"
    assert judge.stopped is None


def test_only_an_error_of_the_engine_stops_the_judge(tmp_path: Path) -> None:
    for trouble, asked in ((Trouble.PASSING, 2), (Trouble.REQUEST, 2), (Trouble.ENGINE, 1)):
        judge, engine = failing(EngineError("no luck", trouble), tmp_path)
        first, second = judge.judge(REFERENCE, ANSWER), judge.judge(REFERENCE, ANSWER + " More.")
        assert first.unscored == "the judge could not be asked: no luck"
        assert engine.asked == asked
        assert (second.unscored == "not judged: no luck") == (asked == 1)


def test_replies_that_cannot_be_kept_stop_the_judge(judge_at: Callable[..., LLMJudge], tmp_path: Path) -> None:
    with judge_server() as server:
        judge = judge_at(server.base_url)
        judge.engine._store._db.close()
        first, second = judge.judge(*item(1)), judge.judge(*item(2))
        assert "cannot be kept" in (first.unscored or "")
        assert "cannot be kept" in (second.unscored or "")
        assert server.stats()["calls"] == 1


def test_the_check_ends_in_one_line(judge_at: Callable[..., LLMJudge], tmp_path: Path) -> None:
    judge, _ = failing(EngineError("no server answers", Trouble.ENGINE), tmp_path)
    with pytest.raises(JudgeError, match="the judge x cannot be asked: no server answers"):
        judge.check()
    with judge_server() as server:
        judge_at(server.base_url).check()


def test_neither_key_nor_prompt_stands_in_logs_and_no_key_in_the_kept_replies(
    judge_at: Callable[..., LLMJudge], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with judge_server(faults=0.3, seed=2) as server:
        judge = judge_at(server.base_url, call=0.3, total=3.0)
        found = judge_many(judge, [item(number) for number in range(30)])
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("replies*"))
    shown = caplog.text + repr(judge) + repr(judge.engine) + repr(found) + repr(judge.budget)
    assert KEY not in shown
    assert KEY.encode() not in kept
    assert b"Sample 3" not in kept  # of a prompt only the hash is kept
    assert "Sample 3" not in caplog.text
    assert DECOYS > 0


def test_an_interrupted_caller_cancels_what_is_under_way(judge_at: Callable[..., LLMJudge]) -> None:
    with judge_server(latency=0.2) as server:
        judge = judge_at(server.base_url, concurrency=2)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()  # Ctrl-C
        with pytest.raises(KeyboardInterrupt):
            judge_many(judge, [item(number) for number in range(200)])
        time.sleep(0.5)
        calls = server.stats()["calls"]
        assert calls < 30
        assert presence([judge.judge(*item(60))]) == [[True, False, True]]  # the judge is as good as before
