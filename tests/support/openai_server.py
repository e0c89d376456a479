"""A small local OpenAI-compatible chat server: records every request and answers with a function of the test."""

import base64
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire; ``body`` is its JSON."""

    body: dict[str, Any]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The content parts of all messages, in order; plain text counts as one part."""
        contents = [message["content"] for message in self.body["messages"]]
        return [
            part
            for content in contents
            for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
        ]

    @property
    def text(self) -> str:
        """All that the model gets to read."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def image_bytes(self) -> list[bytes]:
        """The image files that were sent along, decoded from their data URLs."""
        urls = [part["image_url"]["url"] for part in self.parts if part["type"] == "image_url"]
        return [base64.b64decode(url.partition(";base64,")[2], validate=True) for url in urls]

    @property
    def images(self) -> list[Image.Image]:
        """The images that were sent along."""
        return [Image.open(io.BytesIO(content)) for content in self.image_bytes]


@dataclass(frozen=True)
class Reply:
    """What the server says: ``content`` may be None, as reasoning models send it; or an HTTP error."""

    content: str | None = ""
    reasoning: str | None = None
    status: int = 200


Answer = Callable[[Request], "str | Reply"]


class ChatServer:
    """A running server. ``answer`` may be set to another function at any time.

    Attributes:
        answer: called with each request, from several threads.
        requests: all requests so far, those that got an error included.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._http = _Quiet(("127.0.0.1", 0), self._handler())

    @property
    def base_url(self) -> str:
        """What clients want as ``base_url``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @contextmanager
    def running(self) -> Iterator["ChatServer"]:
        """Serves until the block is left."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def _reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
        said = self.answer(request)
        return Reply(said) if isinstance(said, str) else said

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != "/v1/chat/completions":
                    return self._send(404, {"error": {"message": f"no such path: {self.path}"}})
                request = Request(json.loads(content))
                reply = server._reply(request)
                if reply.status != 200:
                    return self._send(reply.status, {"error": {"message": "refused by the test"}})
                return self._send(200, _completion(request, reply))

            def do_GET(self) -> None:
                self._send(404, {"error": {"message": f"no such path: {self.path}"}})

            def _send(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("x-should-retry", "false")  # the openai client retries errors by itself
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        return Handler


class _Quiet(ThreadingHTTPServer):
    """Says nothing about clients that hang up."""

    daemon_threads = True
    request_queue_size = 128  # clients may open many connections at once

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _completion(request: Request, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": request.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
