"""A simulated model behind a real OpenAI-compatible server, in a process of its own; it can be made faulty.

The model is no model. As a judge it finds a trigger named where the answer holds it word for word; as an annotator it
replies as `annotator` does. With faults, a share of all
replies is one of `FAULTS`, chosen by a seeded generator; a question that is asked again may be faulty again.

python -m support.judge_server --latency 0.1 --faults 0.3 --seed 1
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from support import annotator

STATUSES = ("429", "429 wait", "500", "502", "503")
BROKEN = ("reset", "stall", "cut", "empty", "html", "list", "types", "nan", "null")
CONTENTS = ("missing", "twice", "out of range", "invented", "prose", "huge", "bare quote", "text index")
FAULTS = (*STATUSES, *BROKEN, *CONTENTS)

_CAUSES = re.compile(r"^Causes:\n(.*?)\n\n<<<text", re.DOTALL | re.MULTILINE)
_ANSWER = re.compile(r"<<<text (\w+)\n(.*)\ntext \1>>>", re.DOTALL)


def honest(body: dict[str, Any]) -> dict[str, Any]:
    """Verdicts on the causes of a verdict prompt: present where the text holds them."""
    prompt = body["messages"][-1]["content"]
    causes, answer = _CAUSES.search(prompt), _ANSWER.search(prompt)
    assert causes and answer, prompt
    verdicts = []
    for line in causes[1].splitlines():
        number, _, cause = line.partition(". ")
        found = re.search(re.escape(cause.rstrip(" .")), answer[2], re.IGNORECASE)
        verdicts.append({"index": int(number), "quote": found[0] if found else "", "present": bool(found)})
    return {"verdicts": verdicts}


def spoiled_annotation(fault: str, text: str) -> str:
    """An annotator's reply with a fault of `CONTENTS`."""
    if fault == "huge":
        return "x" * 1_000_000
    refusal, german = "I'm sorry, but I can't help with that.", "Das Kind weint, weil das Eis auf den Boden fiel."
    others = {"prose": refusal, "invented": german, "missing": "{}", "twice": text + text, "text index": "[1, 2]"}
    return others.get(fault, text[: len(text) // 2])


def spoiled(fault: str, verdicts: dict[str, Any]) -> str:
    """The reply with a fault of `CONTENTS`."""
    entries = verdicts["verdicts"]
    if fault == "missing":
        entries = entries[1:]
    elif fault == "twice":
        entries = [*entries, entries[0]]
    elif fault == "out of range":
        entries = [{**entries[0], "index": 99}, *entries[1:]]
    elif fault == "invented":
        entries = [{"index": entries[0]["index"], "quote": "words that nobody wrote", "present": True}, *entries[1:]]
    elif fault == "bare quote":
        entries = [{"index": entries[0]["index"], "quote": "", "present": True}, *entries[1:]]
    elif fault == "text index":
        entries = [{**entries[0], "index": str(entries[0]["index"])}, *entries[1:]]
    elif fault == "prose":
        return "All of them are named, {score: 2/5}, I would say."
    elif fault == "huge":
        return "x" * 1_000_000
    return json.dumps({"verdicts": entries})


class Server(asyncio.Protocol):
    """One connection."""

    calls: ClassVar[Counter[str]] = Counter()
    faults: ClassVar[Counter[str]] = Counter()
    busy = most_busy = 0
    options: argparse.Namespace
    generator: random.Random

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].decode("latin-1")
            size = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
            length = int(size[1]) if size else 0
            if len(self.waiting) < end + 4 + length:
                return
            content = self.waiting[end + 4 : end + 4 + length]
            self.waiting = self.waiting[end + 4 + length :]
            self.request(head, content)

    def request(self, head: str, content: bytes) -> None:
        if head.startswith("GET /stats"):
            return self.send(200, json.dumps(self.stats()).encode())
        if head.startswith("GET /v1/models") and self.options.model:
            return self.send(200, json.dumps({"object": "list", "data": [{"id": self.options.model}]}).encode())
        if not head.startswith("POST"):
            return self.send(404, b'{"error": {"message": "no such path"}}')
        body = json.loads(content)
        self.calls[json.dumps(body["messages"])] += 1
        Server.busy += 1
        Server.most_busy = max(Server.most_busy, Server.busy)
        faulty = self.generator.random() < self.options.faults
        fault = self.generator.choice(self.options.kinds) if faulty else ""
        self.faults[fault] += 1
        asyncio.get_running_loop().call_later(self.options.latency, self.reply, body, fault)
        return None

    def stats(self) -> dict[str, Any]:
        calls, questions = sum(self.calls.values()), len(self.calls)
        return {"calls": calls, "questions": questions, "faults": self.faults, "most_busy": Server.most_busy}

    def reply(self, body: dict[str, Any], fault: str) -> None:
        Server.busy -= 1
        if fault in STATUSES:
            wait = {"Retry-After": "0.2"} if fault == "429 wait" else {}
            return self.send(int(fault.split()[0]), b'{"error": {"message": "not now"}}', wait)
        if fault == "reset":
            return self.transport.abort()
        if fault == "stall":
            return None
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if self.options.annotator:
            text = annotator.text(body)
            choice["logprobs"] = annotator.logprobs(body, text) if body.get("logprobs") else None
            text = spoiled_annotation(fault, text) if fault in CONTENTS else text
        else:
            verdicts = honest(body)
            text = spoiled(fault, verdicts) if fault in CONTENTS else json.dumps(verdicts)
        choice["message"] = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600}
        usage |= {"prompt_tokens_details": {"cached_tokens": 400}} if self.options.annotator else {}
        completion = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
        whole = json.dumps(completion | {"choices": [choice], "usage": usage}).encode()
        broken = {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "html": b"<html><body>Bad gateway</body></html>",
            "list": b"[1, 2, 3]",
            "types": b'{"choices": [{"message": {"content": 7}}]}',
            "nan": b'{"choices": NaN}',
            "null": b"null",
        }
        return self.send(200, broken.get(fault, whole))

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(content)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + content)


class Running:
    """A server in its own process, and what can be asked of it."""

    def __init__(self, port: int, process: "subprocess.Popen[str]") -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.port = port
        self.process = process

    def stats(self) -> dict[str, Any]:
        """``calls``, different ``questions``, ``faults`` by kind, and the most calls at once."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as reply:
            found: dict[str, Any] = json.load(reply)
            return found

    def kill(self) -> None:
        """Ends it at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def judge_server(
    latency: float = 0.0,
    faults: float = 0.0,
    seed: int = 1,
    port: int = 0,
    annotator: bool = False,
    model: str = "",
    kinds: Sequence[str] = FAULTS,
) -> Iterator[Running]:
    """Serves until the block is left.

    Args:
        latency: seconds before each reply.
        faults: share of faulty replies, 0 to 1.
        seed: of the faults.
        port: 0 for any that is free.
        annotator: whether it annotates images instead of judging.
        model: the name under which it lists its model; "" for a server that lists none.
        kinds: of the faults.
    """
    tests = Path(__file__).resolve().parents[1]
    arguments = ["--latency", str(latency), "--faults", str(faults), "--seed", str(seed), "--port", str(port)]
    arguments += ["--kinds", ",".join(kinds), "--model", model, *(["--annotator"] if annotator else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "support.judge_server", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tests,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )
    assert process.stdout
    running = Running(int(process.stdout.readline()), process)
    try:
        yield running
    finally:
        running.kill()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", Server.options.port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--annotator", action="store_true")
    parser.add_argument("--model", default="")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(FAULTS))
    Server.options = parser.parse_args()
    Server.generator = random.Random(Server.options.seed)
    asyncio.run(_serve())
