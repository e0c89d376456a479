"""Any server that speaks OpenAI's chat completions: OpenAI, Azure, vLLM and others; several at once are balanced."""

import asyncio
import json
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.limiter import Limiter, NoTurn
from eibench_tasks.errors import JudgeError

OPENAI_URL = "https://api.openai.com/v1"
MAX_BYTES = 4 << 20  # of a reply; what is longer is no reply to any question of ours
_GARBLED_TRIES = 6  # how often a server may send what is no completion at all to one question
_LONGEST_WAIT = 30.0  # seconds between two tries, unless the server asks for more
_PASSING = {408, 409, 425, 429}  # and everything from 500 on
_OVERLOADED = {429, 503}


@dataclass(frozen=True)
class Limits:
    """How hard a server may be asked, and for how long.

    Attributes:
        concurrency: the most requests in flight, over all servers.
        call_seconds: after which one try is given up.
        request_seconds: after which a question is given up that passing troubles have kept from being answered; a
            server from which nothing came for so long is given up altogether.
        backoff: seconds before the second try; doubles with every try, with jitter.
    """

    concurrency: int = 64
    call_seconds: float = 60.0
    request_seconds: float = 600.0
    backoff: float = 0.5


class _Failed(Exception):
    """One try failed; another may succeed."""

    def __init__(self, reason: str, garbled: bool = False) -> None:
        self.reason = reason
        self.garbled = garbled
        super().__init__(reason)


@dataclass
class _Server:
    """One base URL: its client, how many requests it bears, which parameters it does not know, and how it fares."""

    client: Any
    wire: Any
    limiter: Limiter
    unknown: set[str] = field(default_factory=set)
    asked: int = 0  # questions that are with it
    failures: int = 0
    avoided_until: float = 0.0

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request, once there is room for it.

        The openai client builds and reads the first question to a server. What it says of address, login and headers
        holds for all others, which differ in their bodies only: to build each anew would take 0.4 ms, more than all
        else that a question takes.

        Returns:
            Status, and what the reply holds as JSON; None where it is none or too long.

        Raises:
            NoTurn, aiohttp.ClientError, asyncio.TimeoutError, OSError: no reply came.
        """
        import openai

        try:
            if method == "GET":
                return 200, await self.client.get(path, cast_to=object)
            if self.wire.question is None:
                return 200, await self.client.post(path, body=body, cast_to=object)
            status, _, content = await self.wire.exchange("POST", *self.wire.question, json.dumps(body).encode())
            return status, _json_or_none(content)
        except openai.APIStatusError as error:
            return error.status_code, error.body
        except openai.APIConnectionError as error:
            raise error.__cause__ or OSError from None
        except (openai.OpenAIError, ValueError, RecursionError):
            return 200, None

    def failed(self, backoff: float) -> None:
        """Other servers are asked rather than this one, for longer with every failure in a row."""
        now = time.monotonic()
        if now >= self.avoided_until:  # what fails together counts once
            self.failures = min(self.failures + 1, 16)
            self.avoided_until = now + min(_LONGEST_WAIT, backoff * 2**self.failures)

    def answered(self) -> None:
        """It works."""
        self.failures, self.avoided_until = 0, 0.0

    @property
    def order(self) -> tuple[float, float]:
        """The least of it marks the server to ask: how long it should rest, then how full it is."""
        return max(self.limiter.pause, self.avoided_until - time.monotonic()), self.asked / self.limiter.bound


class OpenAIEngine:
    """Asks chat servers; see `engine.Engine`.

    Args:
        model: as the servers call it.
        urls: base URLs, for example ``http://localhost:8000/v1``; requests go where there is most room.
        key: API key; never shown.
        limits: see there.
        budget: counts, and stops the engine where it is spent.
    """

    def __init__(
        self, model: str, urls: Sequence[str], key: str, limits: Limits | None = None, budget: Budget | None = None
    ) -> None:
        self.name = f"openai:{model}"
        self.budget = budget or Budget()
        self._model = model
        self._limits = limits or Limits()
        share = max(1, -(-self._limits.concurrency // len(urls)))
        self._servers = [_server(url, key, share, self._limits) for url in urls]
        self._last_reply = 0.0
        self._ended: str | None = None

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return sum(server.limiter.in_flight for server in self._servers)

    async def reply(self, ask: Ask) -> Reply:
        """Asks until there is a reply, time or budget are over, or a server says that asking is no use.

        Where a server says so once, no more is sent.
        """
        started = time.monotonic()
        garbled = tries = 0
        while not self._ended:
            server = min(self._servers, key=lambda server: server.order)
            server.asked += 1
            try:
                reply = await self._try(server, ask)
                self._last_reply = time.monotonic()
                server.answered()
                return reply
            except _Failed as failed:
                server.failed(self._limits.backoff)
                tries += 1
                garbled += failed.garbled
                wait = random.uniform(0.5, 1.0) * min(_LONGEST_WAIT, self._limits.backoff * 2 ** (tries - 1))
                rest = min(server.limiter.pause for server in self._servers)
                wait = max(wait, rest)
                end = time.monotonic() + wait
                if end - started > self._limits.request_seconds or garbled >= _GARBLED_TRIES:
                    self.budget.failures += 1
                    silent = end - self._last_reply > self._limits.request_seconds
                    raise self._give_up(failed, tries, silent and not rest) from None
            finally:
                server.asked -= 1
            self.budget.retries += 1
            await asyncio.sleep(wait)
        raise EngineError(self._ended, Trouble.ENGINE)

    def _give_up(self, failed: _Failed, tries: int, silent: bool) -> EngineError:
        if silent and not failed.garbled:
            seconds = self._limits.request_seconds
            return self._end(f"no server has answered for {seconds:.0f} s ({failed.reason})")
        return EngineError(f"{failed.reason}, {tries} times", Trouble.PASSING)

    def _end(self, reason: str) -> EngineError:
        """Sends nothing more, whoever waits."""
        self._ended = reason
        for server in self._servers:
            server.limiter.close()
        return EngineError(reason, Trouble.ENGINE)

    async def _try(self, server: _Server, ask: Ask) -> Reply:
        """One request to one server, sent once more where it refuses a parameter that can be left out."""
        import aiohttp

        unknown = set(server.unknown)
        while True:
            aside = self.budget.send(ask)
            try:
                status, data = await server.call("POST", "/chat/completions", _body(self._model, ask, unknown))
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, NoTurn) as error:
                raise self._lost(error, aside) from None
            if 200 <= status < 300:
                reply = _read(data)
                self.budget.settle(aside, reply)
                server.unknown |= unknown  # now that the rest was accepted
                return reply
            self.budget.settle(aside, None)
            code, parameter = _refusal(data)
            if not _leave_out(unknown, status, parameter, ask):
                refused = _refused(status, code)
                final = isinstance(refused, EngineError) and refused.trouble is Trouble.ENGINE
                raise self._end(str(refused)) if final else refused

    def _lost(self, error: BaseException, aside: float) -> Exception:
        """What is to be said of a request that got no reply."""
        import aiohttp

        if isinstance(error, NoTurn):
            self.budget.unsent(aside)
            ended = EngineError(self._ended, Trouble.ENGINE) if self._ended else None
            return ended or _Failed("the server wants no request now")
        if isinstance(error, asyncio.TimeoutError):
            return _Failed(f"no reply within {self._limits.call_seconds:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            self.budget.settle(aside, None)  # it never got there
        return _Failed("no connection")

    async def close(self) -> None:
        """Closes all connections."""
        for server in self._servers:
            await server.client.close()

    async def check(self) -> None:
        """Looks whether a server is there and takes the key, without asking a model.

        Raises:
            EngineError: none answers, or one refuses the key.
        """
        import aiohttp

        for server in self._servers:
            try:
                status, _ = await server.call("GET", "/models")  # not every server lists its models
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, NoTurn):
                raise EngineError("no server answers at its address", Trouble.ENGINE) from None
            if status in (401, 403):
                raise _refused(status, "")


def _server(url: str, key: str, concurrency: int, limits: Limits) -> _Server:
    from urllib.request import getproxies, proxy_bypass

    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise JudgeError("a judge's address must begin with http:// or https://", "Set EIBENCH_JUDGE_URL=URL[,URL…]")
    if not (key.isascii() and key.isprintable()):
        raise JudgeError("the judge's API key holds characters that no key has", "Set EIBENCH_JUDGE_KEY to it alone")
    import openai

    login, _, place = parts.netloc.rpartition("@")
    headers = {"api-key": key} if key and "azure" in place else {}
    if login:  # takes the place of the key
        headers["Authorization"] = f"Basic {b64encode(unquote(login).encode()).decode()}"
    limiter = Limiter(concurrency, limits.call_seconds, limits.request_seconds)
    # not by `trust_env`, which would have a login of ~/.netrc take the place of the key
    proxy = None if proxy_bypass(place) else getproxies().get(parts.scheme)
    wire = _wire(limiter, limits.call_seconds, proxy)
    client = openai.AsyncOpenAI(
        base_url=urlunsplit(parts._replace(netloc=place, query="", fragment="")),
        api_key=key or "none",
        max_retries=0,  # `OpenAIEngine.reply` tries again
        default_query=dict(parse_qsl(parts.query)),  # Azure: ?api-version=…
        default_headers=headers,
        http_client=wire,
    )
    return _Server(client, wire, limiter)


def _wire(limiter: Limiter, seconds: float, proxy: str | None) -> Any:
    """The HTTP client below the openai client: it holds back requests for which there is no room.

    Requests go out by aiohttp, which bears many at once far better than the default.
    """
    from importlib import import_module

    import aiohttp
    import openai

    base: Any = openai.DefaultAsyncHttpxClient.__base__
    http: Any = import_module(base.__module__.partition(".")[0])  # httpx, or what has followed it

    class Wire(openai.DefaultAsyncHttpxClient):
        """See `_wire`. ``question`` is address and headers of a question, as the openai client has built them."""

        session: Any = None
        question: tuple[str, dict[str, str]] | None = None
        turn = asyncio.Lock()

        async def send(self, request: Any, **_: Any) -> Any:
            url = str(request.url)
            headers = {name: text for name, text in request.headers.items() if name not in ("host", "content-length")}
            if request.method == "POST":
                self.question = url, headers
            status, kind, content = await self.exchange(request.method, url, headers, request.content or None)
            return http.Response(status, headers={"content-type": kind}, content=content, request=request)

        async def exchange(
            self, method: str, url: str, headers: dict[str, str], body: bytes | None
        ) -> tuple[int, str, bytes]:
            """One request, once there is room for it: status, content type and content of the reply.

            The limiter's slot spans the time on the wire only: requests are built and replies read while others fly.
            """
            self.session = self.session or aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=seconds),
                connector=aiohttp.TCPConnector(limit=0),  # the limiter has one
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            async with limiter.slot():
                started = time.monotonic()
                try:
                    # a redirect would carry the key elsewhere
                    async with self.session.request(
                        method, url, data=body, headers=headers, allow_redirects=False, proxy=proxy
                    ) as response:
                        content = await _content(response)
                except asyncio.TimeoutError:
                    limiter.overloaded(started)
                    raise
                async with self.turn:  # of replies that come together: the next request leaves before another is read
                    await asyncio.sleep(0)
                _adapt(limiter, started, response)
            return response.status, response.headers.get("content-type", ""), content

        async def aclose(self) -> None:
            if self.session:
                await self.session.close()
            await super().aclose()

    return Wire(timeout=None, trust_env=False)


def _adapt(limiter: Limiter, started: float, response: Any) -> None:
    """Tells the limiter how a request fared."""
    if (rest := _retry_after(response.headers)) or response.status in _OVERLOADED:
        limiter.overloaded(started, rest)
    elif response.status < 400:
        limiter.answered(time.monotonic() - started)


def _json_or_none(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


async def _content(response: Any) -> bytes:
    """The body of a reply as far as `MAX_BYTES`."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            break
    return bytes(content)


def _body(model: str, ask: Ask, unknown: set[str]) -> dict[str, Any]:
    limit = "max_completion_tokens" if "max_tokens" in unknown else "max_tokens"
    wanted: dict[str, Any] = {"temperature": ask.sampling.temperature, "top_p": ask.sampling.top_p}
    if ask.schema:
        schema = {"name": "reply", "strict": True, "schema": ask.schema}
        wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {
        "model": model,
        "messages": list(ask.messages),
        limit: ask.sampling.max_tokens,
        **{name: value for name, value in wanted.items() if value is not None and name not in unknown},
    }


def _leave_out(unknown: set[str], status: int, parameter: str, ask: Ask) -> bool:
    """Whether a refused request can be sent without the parameter that the server does not know.

    Some servers name it; those without structured output often do not.
    """
    if status not in (400, 422, 501):
        return False
    parameter = parameter.partition(".")[0] or "response_format"
    sent = {"max_tokens", "temperature", "top_p"} | ({"response_format"} if ask.schema else set())
    if parameter not in sent - unknown:
        return False
    unknown.add(parameter)
    return True


def _read(data: Any) -> Reply:
    """The completion in a reply's body.

    Raises:
        _Failed: there is none.
    """
    try:
        choice = data["choices"][0]
        text, usage = choice["message"].get("content"), data.get("usage") or {}
        if not isinstance(text, str | None):
            raise TypeError
        return Reply(
            text=(text or "").encode("utf-8", "replace").decode(),  # half a surrogate pair cannot be kept
            finish=ascii(choice.get("finish_reason") or "stop").strip("'")[:40],
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise _garbled() from None


def _garbled() -> _Failed:
    return _Failed("the server sent no completion", garbled=True)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else None


def _refusal(data: Any) -> tuple[str, str]:
    """The server's own code and parameter where they are plain words; never its message."""
    body = data if isinstance(data, dict) else {}
    if isinstance(inner := body.get("error"), dict):
        body = inner
    words = [str(body.get(name) or "") for name in ("code", "param")]
    code, parameter = (word if re.fullmatch(r"[A-Za-z0-9_.]{1,40}", word) else "" for word in words)
    return code, parameter


def _refused(status: int, code: str) -> Exception:
    reason = f"HTTP {status}" + (f" ({code})" if code and code != str(status) else "")
    if code == "insufficient_quota":
        return EngineError(f"the account's quota is spent ({reason})", Trouble.ENGINE)
    if status in _PASSING or status >= 500:
        return _Failed(reason)
    if status in (401, 403):
        return EngineError(f"the server refuses the key ({reason})", Trouble.ENGINE)
    if status == 404 or 300 <= status < 400:
        return EngineError(f"the server does not know the model or the address ({reason})", Trouble.ENGINE)
    return EngineError(f"the server rejects the request ({reason})", Trouble.REQUEST)


def _retry_after(headers: Any) -> float | None:
    """Seconds that the server asks to wait, as a number or as a date; at most an hour."""
    value = headers.get("retry-after", "")
    seconds: Callable[[], float]
    for seconds in (lambda: float(value), lambda: parsedate_to_datetime(value).timestamp() - time.time()):
        try:
            found = seconds()
        except (ValueError, TypeError, OverflowError):
            continue
        if 0 <= found < float("inf"):
            return min(found, 3600.0)
    return None
