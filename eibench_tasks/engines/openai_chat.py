"""Any server that speaks OpenAI's chat completions: OpenAI, Azure, vLLM and others; several at once are balanced."""

import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.limiter import Limiter
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

    concurrency: int = 16
    call_seconds: float = 60.0
    request_seconds: float = 600.0
    backoff: float = 0.5


class _Failed(Exception):
    """One try failed; another may succeed."""

    def __init__(self, reason: str, retry_after: float | None = None, garbled: bool = False) -> None:
        self.reason = reason
        self.retry_after = retry_after
        self.garbled = garbled
        super().__init__(reason)


@dataclass
class _Server:
    """One base URL: its client, how many requests it bears, and which parameters it does not know."""

    client: Any
    limiter: Limiter
    unknown: set[str] = field(default_factory=set)


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
        self._last_reply = time.monotonic()

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return sum(server.limiter.in_flight for server in self._servers)

    async def reply(self, ask: Ask) -> Reply:
        """Asks until there is a reply, time or budget are over, or a server says that asking is no use."""
        started = time.monotonic()
        garbled = tries = 0
        while True:
            server = min(self._servers, key=lambda server: server.limiter.load)
            try:
                reply = await self._try(server, ask)
                self._last_reply = time.monotonic()
                return reply
            except _Failed as failed:
                tries += 1
                garbled += failed.garbled
                wait = random.uniform(0.5, 1.0) * min(_LONGEST_WAIT, self._limits.backoff * 2 ** (tries - 1))
                wait = max(wait, failed.retry_after or 0.0)
                over = time.monotonic() + wait - started > self._limits.request_seconds
                if over or garbled >= _GARBLED_TRIES:
                    self.budget.failures += 1
                    raise self._give_up(failed, tries) from None
            self.budget.retries += 1
            await asyncio.sleep(wait)

    def _give_up(self, failed: _Failed, tries: int) -> EngineError:
        if not failed.garbled and time.monotonic() - self._last_reply > self._limits.request_seconds:
            seconds = self._limits.request_seconds
            return EngineError(f"no server has answered for {seconds:.0f} s ({failed.reason})", Trouble.ENGINE)
        return EngineError(f"{failed.reason}, {tries} times", Trouble.PASSING)

    async def _try(self, server: _Server, ask: Ask) -> Reply:
        """One request to one server, sent once more where it refuses a parameter that can be left out."""
        import openai

        unknown = set(server.unknown)
        while True:
            aside = self.budget.send(ask)
            sent = time.monotonic()
            try:
                # not `chat.completions.create`, whose checks of every field take longer than all the rest
                data = await server.client.post(
                    "/chat/completions", body=_body(self._model, ask, unknown), cast_to=object
                )
            except openai.APIStatusError as error:
                self.budget.settle(aside, None)
                status, headers, code, parameter = _refusal(error)
                if status in _OVERLOADED:
                    server.limiter.overloaded(sent, _retry_after(headers))
                if not _leave_out(unknown, status, parameter, ask):
                    raise _refused(status, code, headers) from None
            except openai.APIConnectionError as error:
                late = isinstance(error, openai.APITimeoutError) or isinstance(error.__cause__, TimeoutError)
                if late:
                    server.limiter.overloaded(sent)
                reason = f"no reply within {self._limits.call_seconds:g} s" if late else "no connection"
                raise _Failed(reason) from None
            except (ValueError, RecursionError):
                raise _garbled() from None
            else:
                reply = _read(data)
                self.budget.settle(aside, reply)
                server.unknown |= unknown  # now that the rest was accepted
                return reply

    async def close(self) -> None:
        """Closes all connections."""
        for server in self._servers:
            await server.client.close()

    async def check(self) -> None:
        """Looks whether a server is there and takes the key, without asking a model.

        Raises:
            EngineError: none answers, or one refuses the key.
        """
        import openai

        for server in self._servers:
            try:
                await server.client.models.list()
            except openai.APIConnectionError:
                raise EngineError("no server answers at its address", Trouble.ENGINE) from None
            except openai.APIStatusError as error:
                if error.status_code in (401, 403):
                    raise _refused(error.status_code, "", error.response.headers) from None
            except openai.OpenAIError:
                pass  # it is there; not every server lists its models


def _server(url: str, key: str, concurrency: int, limits: Limits) -> _Server:
    import openai

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise JudgeError("a judge's address must begin with http:// or https://", "Set EIBENCH_JUDGE_URL=URL[,URL…]")
    limiter = Limiter(concurrency, limits.call_seconds)
    client = openai.AsyncOpenAI(
        base_url=urlunsplit(parts._replace(query="", fragment="")),
        api_key=key or "none",
        max_retries=0,
        timeout=limits.call_seconds,
        default_query=dict(parse_qsl(parts.query)),  # Azure: ?api-version=…
        default_headers={"api-key": key} if key and "azure" in parts.netloc else None,
        http_client=_gated_client(limiter, limits.call_seconds),
    )
    return _Server(client, limiter)


def _gated_client(limiter: Limiter, seconds: float) -> Any:
    """An HTTP client that holds back requests for which there is no room, and reads replies of bounded size.

    The limiter's slot spans the time on the wire only: requests are built and replies read while others fly.
    """
    import anyio
    import openai

    class Gated(openai.DefaultAioHttpClient):
        async def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
            async with limiter.slot():
                with anyio.fail_after(seconds):
                    response = await super().send(request, stream=True, **options)
                    try:
                        content = bytearray()
                        async for chunk in response.aiter_bytes():
                            content += chunk
                            if len(content) > MAX_BYTES:
                                break
                    finally:
                        await response.aclose()
            coded = ("content-encoding", "content-length", "transfer-encoding")
            headers = [(name, text) for name, text in response.headers.items() if name.lower() not in coded]
            return type(response)(response.status_code, headers=headers, content=bytes(content), request=request)

    return Gated(timeout=seconds, follow_redirects=False)  # a redirect would carry the key elsewhere


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
            text=text or "",
            finish=str(choice.get("finish_reason") or "stop")[:40],
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise _garbled() from None


def _garbled() -> _Failed:
    return _Failed("the server sent no completion", garbled=True)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else None


def _refusal(error: Any) -> tuple[int, Any, str, str]:
    """Status, headers, and the server's own code and parameter where they are plain words; never its message."""
    body: dict[str, Any] = error.body if isinstance(error.body, dict) else {}
    if isinstance(inner := body.get("error"), dict):
        body = inner
    words = [str(body.get(name) or "") for name in ("code", "param")]
    code, parameter = (word if re.fullmatch(r"[A-Za-z0-9_.]{1,40}", word) else "" for word in words)
    return error.status_code, error.response.headers, code, parameter


def _refused(status: int, code: str, headers: Any) -> Exception:
    reason = f"HTTP {status}" + (f" ({code})" if code and code != str(status) else "")
    if code == "insufficient_quota":
        return EngineError(f"the account's quota is spent ({reason})", Trouble.ENGINE)
    if status in _PASSING or status >= 500:
        return _Failed(reason, _retry_after(headers))
    if status in (401, 403):
        return EngineError(f"the server refuses the key ({reason})", Trouble.ENGINE)
    if status == 404:
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
