"""The engine for OpenAI-compatible servers, against real sockets: what it sends, bears, gives up and never shows."""

import asyncio
import logging
import math
import socket
import time
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.judge_server import judge_server
from support.scripted_server import Seen, http, in_loop, later, refused, said, scripted

from eibench_tasks.engines.budget import Budget, Prices
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Sampling, Trouble
from eibench_tasks.engines.openai_chat import MAX_BYTES, Limits, OpenAIEngine
from eibench_tasks.errors import JudgeError

KEY = "sk-hidden-key-0123456789"
PROMPT = "the prompt that nobody may see"


@asynccontextmanager
async def asking(
    *urls: str, key: str = KEY, budget: Budget | None = None, same_model: bool = False, **limits: float
) -> AsyncIterator[OpenAIEngine]:
    """An engine that is quick to try again."""
    chosen: dict[str, Any] = {"concurrency": 8, "call_seconds": 5.0, "request_seconds": 20.0, "backoff": 0.01} | limits
    engine = OpenAIEngine("a-model", urls, key, Limits(**chosen), budget, same_model)
    try:
        yield engine
    finally:
        await engine.close()


def ask(text: str = PROMPT, schema: dict[str, Any] | None = None, **sampling: Any) -> Ask:
    return Ask(({"role": "user", "content": text},), Sampling(**({"max_tokens": 20} | sampling)), schema)


def choice(text: str = PROMPT) -> Ask:
    """A question of which the reply is yes or no."""
    return replace(ask(text, SCHEMA), choices=("yes", "no"))


def of(place: str, text: str = PROMPT) -> Ask:
    """A question of a place."""
    return replace(ask(text), place=place)


async def outcomes(engine: OpenAIEngine, count: int) -> list[Reply | EngineError]:
    """Replies or errors of so many different questions that are asked at once."""
    found: list[Any] = await asyncio.gather(
        *(engine.reply(ask(f"{PROMPT} {number}")) for number in range(count)), return_exceptions=True
    )
    for one in found:
        assert isinstance(one, Reply | EngineError), repr(one)
    return found


def first(fault: Callable[[Seen], Any]) -> Callable[[Seen], Any]:
    """The fault once, then a good reply."""
    return lambda seen: fault(seen) if seen.number == 0 else said("good")


# What is sent, and what comes back


@in_loop
async def test_a_question_becomes_a_chat_completion() -> None:
    async with scripted(lambda seen: said("hello", 7, 3)) as server, asking(server.url) as engine:
        reply = await engine.reply(ask(schema={"type": "object"}, temperature=0.5, top_p=0.9))
        assert reply == Reply(text="hello", finish="stop", prompt_tokens=7, completion_tokens=3)
    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "api-key" not in seen.headers
    assert seen.body == {
        "model": "a-model",
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": 20,
        "temperature": 0.5,
        "top_p": 0.9,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": {"type": "object"}},
        },
    }


@in_loop
async def test_without_top_p_and_schema_neither_is_sent() -> None:
    async with scripted(lambda seen: said("hello")) as server, asking(server.url) as engine:
        await engine.reply(ask())
    assert set(server.seen[0].body) == {"model", "messages", "max_tokens", "temperature"}


@in_loop
async def test_a_reply_without_content_is_empty_and_one_without_counts_has_none() -> None:
    async with (
        scripted(lambda seen: http({"choices": [{"message": {"content": None}}]})) as server,
        asking(server.url) as engine,
    ):
        assert await engine.reply(ask()) == Reply(text="")


@in_loop
async def test_azure_gets_its_version_and_its_own_header(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more))
    async with scripted(lambda seen: said("hello")) as server:
        port = server.url.rpartition(":")[2].removesuffix("/v1")
        url = f"http://mine.openai.azure.com:{port}/openai/deployments/x?api-version=2024-10-21"
        async with asking(url) as engine:
            await engine.reply(ask())
    assert server.seen[0].path == "/openai/deployments/x/chat/completions?api-version=2024-10-21"
    assert server.seen[0].headers["api-key"] == KEY


@in_loop
async def test_the_key_of_openai_in_the_environment_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with scripted(lambda seen: said("hello")) as server, asking(server.url, key="") as engine:
        await engine.reply(ask())
    assert KEY not in str(server.seen[0].headers)


@in_loop
async def test_a_login_in_the_address_is_sent_instead_of_the_key_and_not_shown() -> None:
    async with (
        scripted(lambda seen: said("hello")) as server,
        asking(server.url.replace("//", "//somebody:p%40ss@")) as engine,
    ):
        await engine.reply(ask())
        assert "p@ss" not in repr(engine._servers)
        assert "p%40ss" not in repr(engine._servers)
    assert server.seen[0].headers["authorization"] == "Basic " + b64encode(b"somebody:p@ss").decode()
    assert "somebody" not in server.seen[0].path


@in_loop
async def test_a_login_in_netrc_does_not_take_the_place_of_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with scripted(lambda seen: said("hello")) as server, asking(server.url) as engine:
        await engine.reply(ask())
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


@in_loop
async def test_a_proxy_of_the_environment_is_used_unless_the_address_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(lambda seen: said("through the proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        async with asking("http://judge.test/v1") as engine:
            assert (await engine.reply(ask())).text == "through the proxy"
        assert proxy.seen[0].path == "http://judge.test/v1/chat/completions"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with scripted(lambda seen: said("directly")) as server, asking(server.url) as engine:
            assert (await engine.reply(ask())).text == "directly"


@in_loop
async def test_a_redirect_does_not_carry_the_key_elsewhere() -> None:
    async with scripted(lambda seen: said("stolen")) as other:
        target = other.url + "/chat/completions"
        async with scripted(lambda seen: http(b"", 307, Location=target)) as server, asking(server.url) as engine:
            with pytest.raises(EngineError, match="307") as caught:
                await engine.reply(ask())
    assert caught.value.trouble is Trouble.ENGINE
    assert (len(server.seen), len(other.seen)) == (1, 0)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http://", "", "http://[::1", "http://x:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(JudgeError, match="address"):
        OpenAIEngine("m", [url], KEY)


# What passes


async def stall(seen: Seen) -> bytes:
    await asyncio.sleep(30)
    return b""


FAULTS: dict[str, Callable[[Seen], Any]] = {
    "408": lambda seen: refused(408),
    "429": lambda seen: refused(429),
    "500": lambda seen: refused(500),
    "502 html": lambda seen: http(b"<html>Bad gateway</html>", 502, "text/html"),
    "503": lambda seen: refused(503),
    "529": lambda seen: refused(529),
    "reset": lambda seen: None,
    "stall": stall,
    "no http": lambda seen: b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "cut": lambda seen: later(0, said("good")[:-9]),
    "cut json": lambda seen: http(b'{"choices": [{"message": {"con'),
    "empty": lambda seen: http(b""),
    "html": lambda seen: http(b"<html>Login</html>", kind="text/html"),
    "html as json": lambda seen: http(b"<html>Login</html>"),
    "list": lambda seen: http(b"[1, 2]"),
    "null": lambda seen: http(b"null"),
    "number": lambda seen: http(b"7"),
    "nan": lambda seen: http(b'{"choices": NaN}'),
    "no choices": lambda seen: http({"choices": []}),
    "text choices": lambda seen: http({"choices": "abc"}),
    "text message": lambda seen: http({"choices": [{"message": "abc"}]}),
    "number as content": lambda seen: said(7),
    "usage of a wrong type": lambda seen: http({"choices": [{"message": {"content": "x"}}], "usage": [1]}),
    "deep": lambda seen: http(b"[" * 200_000),
    "long number": lambda seen: http(b'{"choices": ' + b"9" * 5000 + b"}"),
    "bad gzip": lambda seen: http(b"not gzip", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("fault", FAULTS)
@in_loop
async def test_what_passes_is_asked_again(fault: str) -> None:
    limit = 0.3 if fault in ("stall", "cut") else 5.0
    async with scripted(first(FAULTS[fault])) as server, asking(server.url, call_seconds=limit) as engine:
        assert (await engine.reply(ask())).text == "good"
        assert (engine.budget.requests, engine.budget.retries, engine.budget.failures) == (2, 1, 0)
    assert len(server.seen) == 2
    assert server.seen[0].body == server.seen[1].body


@pytest.mark.parametrize("usage", [{"prompt_tokens": "x", "completion_tokens": -1}, {"prompt_tokens": 1e99}, None, {}])
@in_loop
async def test_counts_that_cannot_be_are_none(usage: Any) -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": None}], "usage": usage}
    async with scripted(lambda seen: http(body)) as server, asking(server.url) as engine:
        assert await engine.reply(ask()) == Reply(text="x")


@in_loop
async def test_half_a_surrogate_pair_is_replaced_so_that_the_reply_can_be_kept() -> None:
    choice = {"message": {"content": "tears \ud83d"}, "finish_reason": "\ud83d"}
    async with scripted(lambda seen: http({"choices": [choice]})) as server, asking(server.url) as engine:
        reply = await engine.reply(ask())
    assert reply.text == "tears ?"
    assert Reply.model_validate_json(reply.model_dump_json()) == reply


@in_loop
async def test_what_is_never_a_completion_is_given_up_after_six_tries() -> None:
    async with scripted(lambda seen: http(b"<html>", kind="text/html")) as server, asking(server.url) as engine:
        with pytest.raises(EngineError, match="sent no completion, 6 times") as caught:
            await engine.reply(ask())
        assert engine.budget.failures == 1
    assert caught.value.trouble is Trouble.PASSING
    assert len(server.seen) == 6


@in_loop
async def test_the_wait_before_each_try_doubles_and_differs() -> None:
    counts: dict[str, list[float]] = {}

    def answer(seen: Seen) -> bytes:
        counts.setdefault(seen.text, []).append(seen.at)
        return refused(500) if len(counts[seen.text]) < 4 else said("good")

    async with scripted(answer) as server, asking(server.url, backoff=0.2) as engine:
        await outcomes(engine, 6)
    waits = [[after - before for before, after in pairwise(times)] for times in counts.values()]
    for one in waits:
        for number, wait in enumerate(one):
            longest = 0.2 * 2**number
            assert longest / 2 - 0.01 <= wait <= longest + 1
    assert max(one[2] for one in waits) - min(one[2] for one in waits) > 0.02


@in_loop
async def test_a_call_that_takes_too_long_is_given_up_and_a_question_too() -> None:
    async with scripted(stall) as server, asking(server.url, call_seconds=0.2, request_seconds=1.0) as engine:
        started = time.monotonic()
        with pytest.raises(EngineError, match=r"no server has answered for 1 s \(no reply within 0.2 s\)") as caught:
            await engine.reply(ask())
        assert 0.5 < time.monotonic() - started < 30
    assert caught.value.trouble is Trouble.ENGINE
    assert 3 <= len(server.seen) <= 6


@in_loop
async def test_a_question_that_alone_gets_no_reply_does_not_end_the_engine() -> None:
    async def answer(seen: Seen) -> bytes:
        return await stall(seen) if seen.text == "odd" else said("good")

    async with scripted(answer) as server, asking(server.url, call_seconds=0.2, request_seconds=1.0) as engine:
        odd = asyncio.create_task(engine.reply(ask("odd")))
        while not odd.done():
            await engine.reply(ask())
            await asyncio.sleep(0.02)
        with pytest.raises(EngineError, match="times") as caught:
            await odd
        assert caught.value.trouble is Trouble.PASSING
        assert (await engine.reply(ask())).text == "good"


@in_loop
async def test_a_long_rest_before_the_first_trouble_is_no_silence_of_the_server() -> None:
    async with (
        scripted(lambda seen: refused(429, Retry_After="60")) as server,
        asking(server.url, request_seconds=0.3) as engine,
    ):
        await asyncio.sleep(0.5)  # as while a model answers, before anything is judged
        with pytest.raises(EngineError, match="HTTP 429") as caught:
            await engine.reply(ask())
    assert caught.value.trouble is Trouble.PASSING


@pytest.mark.parametrize("pace", [0.0, 0.01])
@in_loop
async def test_a_body_without_end_is_cut_off(pace: float) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"x" * (1 if pace else 65536)
        try:
            while True:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
                sent += len(chunk)
                await asyncio.sleep(pace)
        except ConnectionError:
            pass

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with asking(url, call_seconds=0.5 if pace else 10.0, request_seconds=0.01) as engine:
        with pytest.raises(EngineError):
            await engine.reply(ask())
        await asyncio.sleep(0.1)
    server.close()
    assert sent < MAX_BYTES + (16 << 20)  # and what lies in the buffers of the sockets


@in_loop
async def test_a_reply_of_a_megabyte_is_read() -> None:
    async with scripted(lambda seen: said("x" * 1_000_000)) as server, asking(server.url) as engine:
        assert len((await engine.reply(ask())).text) == 1_000_000


# Too many requests


@in_loop
async def test_no_more_are_in_flight_than_allowed() -> None:
    async with (
        scripted(lambda seen: later(0.03, said("good"))) as server,
        asking(server.url, concurrency=4) as engine,
    ):
        await outcomes(engine, 40)
        assert engine.in_flight == 0
    assert server.most_busy == 4


@in_loop
async def test_a_server_that_bears_less_gets_less() -> None:
    """It refuses what goes beyond 4 at once; with 32 allowed all are answered, most at the first try."""

    async def answer(seen: Seen) -> bytes:
        room = server.busy <= 4
        await asyncio.sleep(0.02)
        return said("good") if room else refused(429)

    async with scripted(answer) as server, asking(server.url, concurrency=32) as engine:
        found = await outcomes(engine, 150)
    assert all(isinstance(one, Reply) for one in found)
    assert server.most_busy == 32
    assert len(server.seen) < 250  # without a lower bound it is more than 500


@pytest.mark.parametrize(
    ("fault", "bound"),
    [("429", 4.25), ("503", 4.25), ("stall", 4.25), ("500", 8.125), ("reset", 8.125), ("html", 8.25)],
)
@in_loop
async def test_what_a_reply_says_of_the_room_that_there_is(fault: str, bound: float) -> None:
    """16 are allowed and 8 are tried: refusals and lost calls halve that, a reply then adds 1/4 to 4 or 1/8 to 8."""
    async with scripted(first(FAULTS[fault])) as server, asking(server.url, concurrency=16, call_seconds=0.5) as engine:
        limiter = engine._servers[0].limiter
        limiter.bound = 8.0
        await engine.reply(ask())
    assert limiter.bound == pytest.approx(bound, abs=0.005)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
@in_loop
async def test_nothing_is_sent_before_the_time_that_the_server_names(status: int, form: str) -> None:
    until = 0.0

    def answer(seen: Seen) -> bytes:
        nonlocal until
        if seen.number:
            return said("good")
        if form == "seconds":
            until = time.time() + 1
            return refused(status, Retry_After="1")
        date = (datetime.now(timezone.utc) + timedelta(seconds=2)).replace(microsecond=0)
        until = date.timestamp()
        return refused(status, Retry_After=format_datetime(date, usegmt=True))

    async with scripted(answer) as server, asking(server.url) as engine:
        clock = time.time() - time.monotonic()
        asked = asyncio.create_task(engine.reply(ask()))
        await asyncio.sleep(0.2)
        found = await outcomes(engine, 10)
        assert (await asked).text == "good"
    assert all(isinstance(one, Reply) for one in found)
    assert min(seen.at for seen in server.seen[1:]) + clock >= until - 0.01
    assert max(seen.at for seen in server.seen[1:]) + clock < until + 30


@in_loop
async def test_a_server_that_wants_nothing_for_an_hour_is_not_waited_for() -> None:
    async with (
        scripted(lambda seen: later(0.05, refused(429, Retry_After="3600"))) as server,
        asking(server.url, concurrency=4) as engine,
    ):
        started = time.monotonic()
        found = await outcomes(engine, 30)
        found += await outcomes(engine, 1)
        assert time.monotonic() - started < 60
        assert engine.budget.requests == 4
    assert {one.trouble for one in found if isinstance(one, EngineError)} == {Trouble.PASSING}
    assert len(server.seen) == 4


# What does not pass


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, "invalid_api_key", "refuses the key"),
        (403, "", "refuses the key"),
        (404, "model_not_found", "does not know the model"),
        (429, "insufficient_quota", "quota is spent"),
    ],
)
@in_loop
async def test_some_refusals_end_the_engine_at_once(status: int, code: str, reason: str) -> None:
    async with (
        scripted(lambda seen: later(0.05, refused(status, code))) as server,
        asking(server.url, concurrency=4) as engine,
    ):
        found = await outcomes(engine, 30)
        found += await outcomes(engine, 1)
        assert engine.budget.requests == 4  # those that waited are not counted
    assert len(server.seen) == 4
    for one in found:
        assert isinstance(one, EngineError)
        assert one.trouble is Trouble.ENGINE
        assert reason in one.reason


@in_loop
async def test_a_question_that_waits_to_be_tried_again_is_not_sent_once_the_engine_has_ended() -> None:
    replies = {"first": refused(500), "second": refused(401)}
    async with scripted(lambda seen: replies[seen.text]) as server, asking(server.url, backoff=0.5) as engine:
        waiting = asyncio.create_task(engine.reply(ask("first")))
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError):
            await engine.reply(ask("second"))
        with pytest.raises(EngineError, match="key"):
            await waiting
    assert [seen.text for seen in server.seen] == ["first", "second"]


@pytest.mark.parametrize("status", [400, 413, 422])
@in_loop
async def test_a_question_that_is_refused_fails_alone(status: int) -> None:
    async with (
        scripted(lambda seen: refused(status, "content_filter") if seen.text == "odd" else said("x")) as server,
        asking(server.url) as engine,
    ):
        with pytest.raises(EngineError, match=rf"rejects .* \(HTTP {status} \(content_filter") as caught:
            await engine.reply(ask("odd"))
        assert caught.value.trouble is Trouble.REQUEST
        assert (await engine.reply(ask("even"))).text == "x"
    assert len(server.seen) == 2


# How likely each choice was


def told(logprobs: Any, text: str = '{"a": "yes"}', **more: Any) -> bytes:
    """A completion with log-probabilities."""
    return http({"choices": [{"message": {"content": text}, "logprobs": logprobs}], **more})


def entry(text: str, logprob: Any = 0.0, *others: tuple[str, Any]) -> dict[str, Any]:
    return {
        "token": text,
        "logprob": logprob,
        "top_logprobs": [{"token": other, "logprob": one} for other, one in ((text, logprob), *others)],
    }


@in_loop
async def test_probabilities_of_choices_are_asked_for_and_read() -> None:
    content = [entry('{"a": "'), entry("yes", -0.25, ("no", -1.75), ("maybe", -4.0)), entry('"}')]
    async with scripted(lambda seen: told({"content": content})) as server, asking(server.url) as engine:
        reply = await engine.reply(choice())
        await engine.reply(ask())
    assert reply.likely == pytest.approx({"yes": math.exp(-0.25), "no": math.exp(-1.75)})
    with_choices, without = (seen.body for seen in server.seen)
    assert (with_choices["logprobs"], with_choices["top_logprobs"]) == (True, 20)
    assert not {"logprobs", "top_logprobs"} & set(without)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        7,
        "x",
        [],
        {},
        {"content": None},
        {"content": "yes"},
        {"content": [None]},
        {"content": [["yes"]]},
        {"content": [{"token": 7, "logprob": -1}]},
        {"content": [{"token": "yes"}]},
        {"content": [{"token": "yes", "logprob": "-1"}]},
        {"content": [{"token": "yes", "logprob": float("nan")}]},
        {"content": [{"token": "yes", "logprob": float("-inf")}]},
        {"content": [entry("perhaps")]},
    ],
    ids=repr,
)
@in_loop
async def test_a_reply_whose_probabilities_make_no_sense_is_read_without_them(logprobs: Any) -> None:
    async with scripted(lambda seen: told(logprobs)) as server, asking(server.url) as engine:
        assert await engine.reply(choice()) == Reply(text='{"a": "yes"}')


@pytest.mark.parametrize("others", [None, "x", [None], [{"token": 3}], [{"token": "no", "logprob": 1e300}]])
@in_loop
async def test_alternatives_that_make_no_sense_are_passed_over(others: Any) -> None:
    content = [{"token": "yes", "logprob": 0.5, "top_logprobs": others}]  # and no logarithm is above 0
    async with scripted(lambda seen: told({"content": content}, "yes")) as server, asking(server.url) as engine:
        assert (await engine.reply(choice())).likely == {"yes": 1.0, "no": 0.0}


@pytest.mark.parametrize("parameter", ["logprobs", "top_logprobs", ""])
@in_loop
async def test_a_server_that_gives_no_probabilities_is_asked_without_from_then_on(parameter: str) -> None:
    async with (
        scripted(lambda seen: refused(400, "", parameter) if "logprobs" in seen.body else said("yes")) as server,
        asking(server.url) as engine,
    ):
        for _ in range(3):
            assert await engine.reply(choice()) == Reply(text="yes", prompt_tokens=10, completion_tokens=5)
    assert ["top_logprobs" in seen.body for seen in server.seen] == [True, False, False, False]
    assert all("response_format" in seen.body for seen in server.seen)


@in_loop
async def test_a_server_that_knows_neither_probabilities_nor_schemas_is_asked_without_both() -> None:
    async with (
        scripted(lambda seen: refused(400) if "response_format" in seen.body else said("yes")) as server,
        asking(server.url) as engine,
    ):
        assert (await engine.reply(choice())).text == "yes"
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("details", "cached"),
    [({"cached_tokens": 7}, 7), ({"cached_tokens": -1}, None), ({"cached_tokens": "7"}, None), ([7], None), (7, None)],
)
@in_loop
async def test_tokens_that_the_server_had_cached_are_counted(details: Any, cached: int | None) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": details}
    async with scripted(lambda seen: told(None, "x", usage=usage)) as server, asking(server.url) as engine:
        reply = await engine.reply(ask())
    assert (reply.prompt_tokens, reply.cached_tokens) == (9, cached)


# Parameters that a server does not know

SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("parameter", "told", "instead"),
    [
        ("response_format", "response_format", None),
        ("response_format", "", None),
        ("temperature", "temperature", None),
        ("top_p", "top_p", None),
        ("max_tokens", "max_tokens", "max_completion_tokens"),
    ],
)
@in_loop
async def test_what_a_server_does_not_know_is_left_out_from_then_on(
    parameter: str, told: str, instead: str | None
) -> None:
    async with (
        scripted(lambda seen: refused(400, "", told) if parameter in seen.body else said("good")) as server,
        asking(server.url) as engine,
    ):
        for _ in range(3):
            assert (await engine.reply(ask(schema=SCHEMA, top_p=1.0))).text == "good"
    assert [parameter in seen.body for seen in server.seen] == [True, False, False, False]
    left = {"temperature", "top_p", "response_format", "max_tokens"} - {parameter}
    assert left <= set(server.seen[-1].body)
    if instead:
        assert server.seen[-1].body[instead] == 20


@in_loop
async def test_several_unknown_parameters_are_left_out_one_by_one() -> None:
    def answer(seen: Seen) -> bytes:
        for name in ("max_tokens", "temperature"):
            if name in seen.body:
                return refused(400, "unsupported_parameter", name)
        return said("good")

    async with scripted(answer) as server, asking(server.url) as engine:
        assert (await engine.reply(ask(schema=SCHEMA))).text == "good"
        assert (await engine.reply(ask(schema=SCHEMA))).text == "good"
    assert len(server.seen) == 4
    assert "response_format" in server.seen[-1].body


@in_loop
async def test_a_prompt_that_is_too_long_does_not_make_it_forget_the_schema() -> None:
    async with (
        scripted(lambda seen: refused(400) if seen.text == "long" else said("x")) as server,
        asking(server.url) as engine,
    ):
        with pytest.raises(EngineError):
            await engine.reply(ask("long", SCHEMA))
        await engine.reply(ask("short", SCHEMA))
    assert ["response_format" in seen.body for seen in server.seen] == [True, False, True]


# Several servers


@in_loop
async def test_servers_share_the_work_and_the_slow_one_gets_less() -> None:
    async with (
        scripted(lambda seen: later(0.01, said("quick"))) as quick,
        scripted(lambda seen: later(0.2, said("slow"))) as slow,
        asking(slow.url, quick.url, concurrency=8) as engine,
    ):
        open_ = iter(range(120))

        async def work() -> None:
            for number in open_:
                await engine.reply(ask(str(number)))

        await asyncio.gather(*(work() for _ in range(8)))
    assert len(quick.seen) + len(slow.seen) == 120
    assert 4 <= len(slow.seen) < len(quick.seen)
    assert quick.most_busy <= 4
    assert slow.most_busy <= 4


@in_loop
async def test_questions_of_one_place_go_to_one_server_and_places_are_shared_out() -> None:
    async with (
        scripted(lambda seen: later(0.01, said("a"))) as first,
        scripted(lambda seen: later(0.01, said("b"))) as second,
        scripted(lambda seen: later(0.01, said("c"))) as third,
        asking(first.url, second.url, third.url) as engine,
    ):
        places = {f"image {number}": set[str]() for number in range(30)}
        for turn in range(3):
            for place, servers in places.items():
                servers.add((await engine.reply(of(place, f"{place} {turn}"))).text)
        async with asking(first.url, second.url) as fewer:  # without the third, only its places move
            moved = {place: {(await fewer.reply(of(place))).text} for place in places}
    assert all(len(servers) == 1 for servers in places.values())
    assert all(sum(servers == {name} for servers in places.values()) >= 1 for name in "abc")
    assert all(moved[place] == servers for place, servers in places.items() if servers != {"c"})


@in_loop
async def test_a_place_moves_while_its_server_is_out_and_then_comes_back() -> None:
    broken = False
    async with (
        scripted(lambda seen: refused(500) if broken else said("a")) as first,
        scripted(lambda seen: said("b")) as second,
        asking(first.url, second.url, backoff=0.05) as engine,
    ):
        names = [f"image {number}" for number in range(20)]
        mine = [place for place in names if (await engine.reply(of(place))).text == "a"]
        broken = True
        assert [(await engine.reply(of(place))).text for place in mine] == ["b"] * len(mine)
        broken = False
        await asyncio.sleep(0.5)
        assert [(await engine.reply(of(place))).text for place in mine] == ["a"] * len(mine)


@in_loop
async def test_a_server_that_is_much_fuller_than_another_gets_no_more_of_its_places() -> None:
    """The other one gets a question where this one has more than 1.5 times as many and 4: 5 to 0, 6 to 1, … 14 to 6."""
    async with (
        scripted(lambda seen: later(0.2, said("a"))) as first,
        scripted(lambda seen: later(0.2, said("b"))) as second,
        asking(first.url, second.url, concurrency=40) as engine,
    ):
        replies = await asyncio.gather(*(engine.reply(of("one image", str(number))) for number in range(20)))
    counts = sorted(sum(reply.text == name for reply in replies) for name in "ab")
    assert counts == [6, 14]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize("dead", ["nobody", "reset", "500", "html"])
@in_loop
async def test_one_server_that_fails_is_avoided(dead: str) -> None:
    faults = {"reset": None, "500": refused(500), "html": http(b"<html>", kind="text/html")}
    async with (
        scripted(lambda seen: faults.get(dead)) as broken,
        scripted(lambda seen: later(0.02, said("good"))) as whole,
    ):
        url = f"http://127.0.0.1:{free_port()}/v1" if dead == "nobody" else broken.url
        async with asking(url, whole.url, backoff=0.1) as engine:
            found = await outcomes(engine, 60)
            assert all(isinstance(one, Reply) for one in found), found
            assert engine.budget.retries <= 35  # half of all at first, until it is known
    assert len(whole.seen) == 60


@in_loop
async def test_a_server_that_wants_a_rest_leaves_the_work_to_the_other() -> None:
    async with (
        scripted(lambda seen: refused(429, Retry_After="30")) as full,
        scripted(lambda seen: said("good")) as free,
        asking(full.url, free.url) as engine,
    ):
        started = time.monotonic()
        for _ in range(6):
            await engine.reply(ask())
    assert (len(full.seen), len(free.seen)) == (1, 6)
    assert time.monotonic() - started < 25


@in_loop
async def test_a_server_is_avoided_for_longer_with_every_failure_until_it_answers() -> None:
    async with asking("http://a.test/v1") as engine:
        (server,) = engine._servers
        rests = []
        for _ in range(3):
            server.failed(0.02)
            server.failed(0.02)  # what fails together counts once
            rests.append(server.order[0])
            await asyncio.sleep(server.order[0] + 0.001)
        assert rests == pytest.approx([0.04, 0.08, 0.16], abs=0.01)
        server.failed(0.02)
        server.answered()
        assert server.order[0] == 0
        server.failed(0.02)
        assert server.order[0] == pytest.approx(0.04, abs=0.01)


@in_loop
async def test_a_server_that_comes_back_is_asked_on() -> None:
    port = free_port()
    with judge_server(port=port) as server:
        question = "Causes:\n1. rain\n\n<<<text 1\nHeavy rain.\ntext 1>>>"
        async with asking(server.base_url, backoff=0.2) as engine:
            assert (await engine.reply(ask(question))).text
            await asyncio.to_thread(server.kill)
            waiting = asyncio.create_task(engine.reply(ask(question)))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            with judge_server(port=port):
                assert '"present": true' in (await waiting).text
            assert engine.budget.retries >= 1


# The budget


@in_loop
async def test_the_budget_of_requests_holds_with_many_in_flight_and_faults() -> None:
    def answer(seen: Seen) -> Any:
        return later(0.01, refused(500) if seen.number % 3 == 0 else said("good"))

    async with scripted(answer) as server, asking(server.url, budget=Budget(max_requests=25)) as engine:
        found = await outcomes(engine, 60)
    assert len(server.seen) == 25
    assert engine.budget.requests == 25
    reasons = {one.reason for one in found if isinstance(one, EngineError)}
    assert reasons == {"the budget of 25 requests is spent"}


@in_loop
async def test_the_budget_of_cost_holds_with_many_in_flight() -> None:
    """Each reply costs 100 * 1 + 20 * 10 = 300 millionths; a prompt of 300 letters is taken for 100 tokens."""
    budget = Budget(max_cost=0.0020, prices=Prices(prompt=1, completion=10))
    text = "x" * 300
    async with (
        scripted(lambda seen: later(0.01, said("good", 100, 20))) as server,
        asking(server.url, budget=budget) as engine,
    ):
        found = await asyncio.gather(*(engine.reply(ask(text)) for _ in range(30)), return_exceptions=True)
    assert len(server.seen) * 300e-6 <= 0.0020
    assert len(server.seen) == 6
    assert budget.spent == pytest.approx(6 * 300e-6)
    assert sum(isinstance(one, EngineError) for one in found) == 24


@in_loop
async def test_what_a_server_refuses_or_never_gets_costs_nothing_and_a_lost_reply_costs_the_most() -> None:
    prices = Prices(prompt=0, completion=1e6)  # 1 a token
    for fault, cost in ((refused(500), 5), (None, 25)):
        budget = Budget(prices=prices)
        async with (
            scripted(first(lambda seen, fault=fault: fault)) as server,
            asking(server.url, budget=budget) as engine,
        ):
            await engine.reply(ask(max_tokens=20))
        assert budget.spent == pytest.approx(cost)
    budget = Budget(prices=prices)
    async with asking(f"http://127.0.0.1:{free_port()}/v1", budget=budget, request_seconds=0.2) as engine:
        with pytest.raises(EngineError, match="no connection"):
            await engine.reply(ask())
    assert budget.spent == 0


# What is never shown


@pytest.mark.parametrize("fault", [*FAULTS, "400", "401", "quota", "307"])
@in_loop
async def test_neither_key_nor_prompt_is_shown(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx", "httpx2", "httpcore", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    more = {
        "400": http({"error": {"message": f"bad prompt {PROMPT} {KEY}", "code": KEY + " " + PROMPT}}, 400),
        "401": http({"error": {"message": f"Incorrect API key: {KEY}"}}, 401),
        "quota": refused(429, "insufficient_quota"),
        "307": http(b"", 307, Location="http://127.0.0.1:9/"),
    }
    answer = FAULTS.get(fault, lambda seen: more[fault])
    async with scripted(answer) as server, asking(server.url, call_seconds=0.2, request_seconds=0.3) as engine:
        shown = [repr(engine), repr(engine.budget), engine.name]
        with pytest.raises(EngineError) as caught:
            await engine.reply(ask())
    shown += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value), caplog.text]
    for secret in (KEY, PROMPT, "Bearer"):
        assert secret not in "\n".join(shown)


# The first question is built by the openai client; those after it are like it


@in_loop
async def test_later_questions_carry_what_the_openai_client_has_put_on_the_first() -> None:
    async with scripted(lambda seen: said("good")) as server, asking(f"{server.url}?api-version=3") as engine:
        for number in range(3):
            await engine.reply(ask(f"question {number}", temperature=number / 10))
    first, *later = server.seen
    for number, seen in enumerate(later, start=1):
        assert (seen.path, seen.headers | {"content-length": ""}) == (
            first.path,
            first.headers | {"content-length": ""},
        )
        assert seen.body == first.body | {
            "messages": [{"role": "user", "content": f"question {number}"}],
            "temperature": number / 10,
        }


@pytest.mark.parametrize(("status", "trouble"), [(401, Trouble.ENGINE), (400, Trouble.REQUEST), (413, Trouble.REQUEST)])
@in_loop
async def test_a_refusal_of_a_later_question_is_read_by_its_status(status: int, trouble: Trouble) -> None:
    answers = {0: said("good")}
    html = http(b"<html>no</html>", status, "text/html")
    async with scripted(lambda seen: answers.get(seen.number, html)) as server, asking(server.url) as engine:
        await engine.reply(ask("first"))
        with pytest.raises(EngineError, match=f"HTTP {status}") as caught:
            await engine.reply(ask("second"))
    assert caught.value.trouble is trouble
    assert len(server.seen) == 2


# The check before a run


@pytest.mark.parametrize("status", [200, 404, 405, 500])
@in_loop
async def test_a_server_that_answers_is_there(status: int) -> None:
    async with scripted(lambda seen: http(b"<html>", status, "text/html")) as server, asking(server.url) as engine:
        await engine.check()
    assert server.seen[0].path == "/v1/models"


@in_loop
async def test_a_server_that_refuses_the_key_or_is_not_there_fails_the_check() -> None:
    async with scripted(lambda seen: refused(401)) as server, asking(server.url) as engine:
        with pytest.raises(EngineError, match="key"):
            await engine.check()
    async with asking(server.url.replace(server.url[17:22], str(free_port()))) as engine:
        with pytest.raises(EngineError, match="no server answers"):
            await engine.check()
    async with scripted(stall) as server, asking(server.url, call_seconds=0.2) as engine:
        with pytest.raises(EngineError, match="no server answers"):
            await engine.check()


# The model that is served


def models(*names: str, **more: str) -> bytes:
    return http({"object": "list", "data": [{"id": name, **more} for name in names]})


@pytest.mark.parametrize("name", ["a-model", "a-model:latest", "models/a-model"])
@in_loop
async def test_a_server_that_lists_the_model_passes_the_check_and_says_what_it_is(name: str) -> None:
    async with (
        scripted(lambda seen: models("other", name, root="lab/a-model-7B", owned_by="vllm\n\x1b[2J")) as server,
        asking(server.url, same_model=True) as engine,
    ):
        await engine.check()
    assert engine.served == {"root": "lab/a-model-7B", "owned_by": "vllm[2J"}


@in_loop
async def test_a_server_of_another_model_fails_the_check_unless_any_will_do() -> None:
    names = ["evil\n\x1b[31m", *(f"model {number}" for number in range(9)), "x" * 500]
    async with scripted(lambda seen: models(*names)) as server:
        async with asking(server.url, same_model=True) as engine:
            with pytest.raises(EngineError) as caught:
                await engine.check()
        async with asking(server.url) as engine:
            await engine.check()
    assert caught.value.trouble is Trouble.ENGINE
    assert caught.value.reason == "the server serves evil[31m, model 0, model 1 and 8 more, not a-model"


@pytest.mark.parametrize("listed", [models(), http(b"<html>"), http({"data": [{"id": 7}, None]}), http({"data": 7})])
@in_loop
async def test_a_server_that_lists_no_models_passes_the_check(listed: bytes) -> None:
    async with scripted(lambda seen: listed) as server, asking(server.url, same_model=True) as engine:
        await engine.check()


def named(model: Any) -> bytes:
    return http({"model": model, "choices": [{"message": {"content": "x"}}], "system_fingerprint": f"of {model}"})


@in_loop
async def test_a_server_that_goes_over_to_another_model_ends_the_engine() -> None:
    models_in_turn = ["a-model-0806", None, 7, "a-model-0806", "b-model\n", "a-model-0806"]
    async with (
        scripted(lambda seen: named(models_in_turn[seen.number])) as server,
        asking(server.url, same_model=True) as engine,
    ):
        for _ in range(4):
            await engine.reply(ask())
        assert engine.served == {"model": "a-model-0806", "system_fingerprint": "of a-model-0806"}
        for _ in range(2):
            with pytest.raises(EngineError) as caught:
                await engine.reply(ask())
            assert caught.value.trouble is Trouble.ENGINE
            assert caught.value.reason == "the server now answers as b-model, no longer as a-model-0806"
    assert len(server.seen) == 5  # once is enough


@in_loop
async def test_one_of_several_servers_that_serves_another_model_is_noticed() -> None:
    async with (
        scripted(lambda seen: named("a")) as first,
        scripted(lambda seen: named("b")) as second,
        asking(first.url, second.url, same_model=True) as engine,
    ):
        found = await outcomes(engine, 8)
    assert any(isinstance(one, EngineError) and "now answers as" in one.reason for one in found)


@in_loop
async def test_where_any_model_will_do_a_change_is_none() -> None:
    async with scripted(lambda seen: named(f"model {seen.number}")) as server, asking(server.url) as engine:
        assert all(isinstance(one, Reply) for one in await outcomes(engine, 4))
    assert engine.served["model"].startswith("model ")
