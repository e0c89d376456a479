"""vLLM on the CPU, from an environment of its own, serves a tiny model with random weights."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support.tiny_qwen import write_tiny_qwen

PYTHON = Path(__file__).parents[2] / ".venv-engine" / "bin" / "python"
CONTEXT = 4096  # tokens
START_LIMIT = 300  # seconds; it takes 60-80 on two cores

_MODEL = "tiny-qwen"
_OPTIONS = [
    *("--enforce-eager", "--dtype", "bfloat16", "--max-model-len", str(CONTEXT), "--max-num-seqs", "32"),
    *("--enable-prefix-caching", "--enable-prompt-tokens-details"),
    *("--limit-mm-per-prompt", '{"image": 4, "video": 0}'),
    # without disable_any_whitespace, a random model writes white space until the tokens are used up
    *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
]
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}  # the space in GiB


@dataclass(frozen=True)
class VLLMServer:
    """A running server, as clients name it. Ask it at temperature 0: above, a request with a seed ends it."""

    base_url: str
    model: str


def write_checkpoint(folder: Path) -> Path:
    """The tiny Qwen2.5-VL, its heads of 16 read as half as many of 32, the smallest that vLLM computes on the CPU."""
    path = write_tiny_qwen(folder) / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    text = config["text_config"]
    text["num_attention_heads"] //= 2
    text["num_key_value_heads"] //= 2
    text["rope_parameters"]["mrope_section"] = [4, 6, 6]
    path.write_text(json.dumps(config), encoding="utf-8")
    return folder


@contextmanager
def serving(checkpoint: Path, log: Path) -> Iterator[VLLMServer]:
    """Serves until the block is left; ``log`` gets what the server writes."""
    port = _free_port()
    address = ["--host", "127.0.0.1", "--port", str(port), "--model", str(checkpoint), "--served-model-name", _MODEL]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", *address, *_OPTIONS],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | ENVIRONMENT,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(process, f"http://127.0.0.1:{port}/health", log)
        yield VLLMServer(f"http://127.0.0.1:{port}/v1", _MODEL)
    finally:
        _end(process)


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(url, timeout=5).is_success:
                return
        time.sleep(0.5)
    ended = f"not healthy after {START_LIMIT} s" if process.returncode is None else f"exit code {process.returncode}"
    tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    pytest.fail(f"vLLM did not start ({ended}). The end of {log}:\n{tail}", pytrace=False)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends the server and its workers, which are of its process group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):  # all had ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
