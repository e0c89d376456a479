"""Any server that speaks OpenAI's chat completions: OpenAI, Azure, vLLM and others; several at once are balanced."""

import asyncio
import hashlib
import json
import random
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.chat_completions import (
    Failed,
    body,
    leave_out,
    listed_models,
    read,
    refusal,
    refused,
    retry_after,
    served_as,
    some,
)
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.limiter import Limiter, NoTurn
from eibench_tasks.errors import JudgeError

OPENAI_URL = "https://api.openai.com/v1"
MAX_BYTES = 4 << 20  # of a reply; what is longer is no reply to any question of ours
_GARBLED_TRIES = 6  # how often a server may send what is no completion at all to one question
_LONGEST_WAIT = 30.0  # seconds between two tries, unless the server asks for more
_OVERLOADED = {429, 503}
_FULLER, _FEW = 1.5, 4  # a server with more than 1.5 times the questions of another, and 4, has too many


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


@dataclass
class _Server:
    """One base URL: its client, how many requests it bears, which parameters it does not know, and how it fares."""

    client: Any
    wire: Any
    limiter: Limiter
    address: str = field(repr=False)
    unknown: set[str] = field(default_factory=set)
    asked: int = 0  # questions that are with it
    failures: int = 0
    avoided_until: float = 0.0

    async def call(self, method: str, path: str, content: Any = None) -> tuple[int, Any]:
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
                return 200, await self.client.post(path, body=content, cast_to=object)
            status, _, answer = await self.wire.exchange("POST", *self.wire.question, json.dumps(content).encode())
            return status, _json_or_none(answer)
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

    def draw(self, place: str) -> bytes:
        """What the server draws for a place; the highest gets it (rendezvous hashing: Thaler and Ravishankar, 1998).

        Where a server joins or leaves, only its own places move.
        """
        return hashlib.sha256(f"{place}\n{self.address}".encode("utf-8", "replace")).digest()


class OpenAIEngine:
    """Asks chat servers; see `engine.Engine`.

    Attributes:
        served: what the servers say of the model, as far as they do: ``model`` as the first reply names it,
            ``system_fingerprint``, and from the list of models ``root`` and ``owned_by``. Untrusted; printable.

    Args:
        model: as the servers call it.
        urls: base URLs, for example ``http://localhost:8000/v1``; requests go where there is most room, those of one
            place to one server as long as it works and is not much fuller than the others.
        key: API key; never shown.
        limits: see there.
        budget: counts, and stops the engine where it is spent.
        same_model: whether a server that serves another model than the one named, or goes over to another one, ends
            the engine.
    """

    def __init__(
        self,
        model: str,
        urls: Sequence[str],
        key: str,
        limits: Limits | None = None,
        budget: Budget | None = None,
        same_model: bool = False,
    ) -> None:
        self.name = f"openai:{model}"
        self.served: dict[str, str] = {}
        self.budget = budget or Budget()
        self._model = model
        self._same_model = same_model
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
            server = self._server_for(ask.place)
            server.asked += 1
            try:
                reply = await self._try(server, ask)
                self._last_reply = time.monotonic()
                server.answered()
                return reply
            except Failed as failed:
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

    def _server_for(self, place: str) -> _Server:
        """The server to ask: where there is most room; of a place its own one, or the next in its order."""
        working = [server for server in self._servers if server.order[0] <= 0]
        if place and working:
            most = _FULLER * min(server.asked for server in working) + _FEW
            return max((server for server in working if server.asked <= most), key=lambda server: server.draw(place))
        return min(self._servers, key=lambda server: server.order)

    def _give_up(self, failed: Failed, tries: int, silent: bool) -> EngineError:
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
                status, data = await server.call("POST", "/chat/completions", body(self._model, ask, unknown))
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, NoTurn) as error:
                raise self._lost(error, aside) from None
            if 200 <= status < 300:
                reply = read(data, ask.choices)
                self.budget.settle(aside, reply)
                server.unknown |= unknown  # now that the rest was accepted
                self._compare(served_as(data))
                return reply
            self.budget.settle(aside, None)
            code, parameter = refusal(data)
            if not leave_out(unknown, status, parameter, ask):
                trouble = refused(status, code)
                final = isinstance(trouble, EngineError) and trouble.trouble is Trouble.ENGINE
                raise self._end(str(trouble)) if final else trouble

    def _compare(self, said: dict[str, str]) -> None:
        """Notes what the first reply says of the model.

        Raises:
            EngineError: a later one names another model.
        """
        before, now = self.served.get("model"), said.get("model")
        if self._same_model and before and now and before != now:
            raise self._end(f"the server now answers as {now}, no longer as {before}")
        self.served = said | self.served

    def _lost(self, error: BaseException, aside: float) -> Exception:
        """What is to be said of a request that got no reply."""
        import aiohttp

        if isinstance(error, NoTurn):
            self.budget.unsent(aside)
            ended = EngineError(self._ended, Trouble.ENGINE) if self._ended else None
            return ended or Failed("the server wants no request now")
        if isinstance(error, asyncio.TimeoutError):
            return Failed(f"no reply within {self._limits.call_seconds:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            self.budget.settle(aside, None)  # it never got there
        return Failed("no connection")

    async def close(self) -> None:
        """Closes all connections."""
        for server in self._servers:
            await server.client.close()

    async def check(self) -> None:
        """Looks whether a server is there and takes the key, without asking a model.

        Raises:
            EngineError: none answers, or one refuses the key or lists its models and not the one named.
        """
        import aiohttp

        for server in self._servers:
            try:
                status, data = await server.call("GET", "/models")  # not every server lists its models
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, NoTurn):
                raise EngineError("no server answers at its address", Trouble.ENGINE) from None
            if status in (401, 403):
                raise refused(status, "")
            if self._same_model and status == 200 and (models := listed_models(data)):
                self._look_up(models)

    def _look_up(self, models: dict[str, dict[str, str]]) -> None:
        """Notes what a server says of the model that was named.

        Raises:
            EngineError: it is not among those that it lists.
        """
        aliases = (self._model, f"{self._model}:latest", f"models/{self._model}")  # as Ollama and Google list them
        said = next((models[name] for name in aliases if name in models), None)
        if said is None:
            raise EngineError(f"the server serves {some(sorted(models))}, not {self._model}", Trouble.ENGINE)
        self.served = said | self.served


def _server(url: str, key: str, concurrency: int, limits: Limits) -> _Server:
    from urllib.request import getproxies, proxy_bypass

    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise JudgeError("a server's address must begin with http:// or https://", "Set EIBENCH_JUDGE_URL=URL[,URL…]")
    if not (key.isascii() and key.isprintable()):
        raise JudgeError("the API key holds characters that no key has", "Set EIBENCH_JUDGE_KEY to it alone")
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
    return _Server(client, wire, limiter, place + parts.path)


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
    if (rest := retry_after(response.headers)) or response.status in _OVERLOADED:
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
