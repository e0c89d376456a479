"""`cfsa review` as a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def start(folder: Path, port: int, *options: str) -> "subprocess.Popen[str]":
    """Starts the command; returns when it listens."""
    command = [str(Path(sys.executable).with_name("cfsa")), "review", str(folder), "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0]) from None
            time.sleep(0.1)
    raise AssertionError("the review server does not listen")


@contextmanager
def reviewing(folder: Path, *options: str) -> Iterator[str]:
    """The address of a server for a run."""
    port = free_port()
    process: Any = start(folder, port, *options)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
