"""A raw HTTP server in the event loop of the test: what it sends is written by the test, byte for byte."""

import asyncio
import functools
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it came: ``number`` counts from 0, ``at`` is `time.monotonic`."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float

    @property
    def text(self) -> str:
        """The last message."""
        said: str = self.body["messages"][-1]["content"]
        return said


Answer = Callable[[Seen], "bytes | Awaitable[bytes | None] | None"]


@dataclass
class Scripted:
    """A running server.

    Attributes:
        answer: called with each request; None hangs up without a word.
        seen: all requests so far.
        most_busy: requests at once, at most.
        sent: bytes written.
    """

    answer: Answer
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    sent: int = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                size = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                content = await reader.readexactly(int(size[1])) if size else b"{}"
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
                seen = Seen(len(self.seen), first.split()[1], headers, json.loads(content), time.monotonic())
                self.seen.append(seen)
                self.busy += 1
                self.most_busy = max(self.most_busy, self.busy)
                try:
                    reply = self.answer(seen)
                    if not isinstance(reply, bytes | None):
                        reply = await reply
                finally:
                    self.busy -= 1
                if reply is None:
                    break
                self.sent += len(reply)
                writer.write(reply)
                await writer.drain()
        with suppress(ConnectionError):
            writer.transport.abort()


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncIterator[Scripted]:
    """Serves until the block is left."""
    script = Scripted(answer)
    server = await asyncio.start_server(script.connected, "127.0.0.1", 0, limit=1 << 24)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield script
    finally:
        server.close()


def http(
    body: bytes | dict[str, Any] = b"", status: int = 200, kind: str = "application/json", **headers: str
) -> bytes:
    """A response; names of headers are written with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{extra}\r\n"
    return head.encode() + content


def said(text: Any, prompt_tokens: int = 10, completion_tokens: int = 5, **headers: str) -> bytes:
    """A completion."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return http({"choices": [choice], "usage": usage}, **headers)


def refused(status: int, code: str = "", param: str = "", **headers: str) -> bytes:
    """An error as OpenAI words it."""
    return http({"error": {"message": "no", "code": code, "param": param}}, status, **headers)


async def later(seconds: float, reply: bytes | None) -> bytes | None:
    """A reply after a while."""
    await asyncio.sleep(seconds)
    return reply


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an asynchronous test, for a minute at most."""

    @functools.wraps(test)
    def run(*values: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*values, **named), 60))

    return run
