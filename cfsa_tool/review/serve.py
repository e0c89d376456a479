"""Runs the review server until it is told to stop."""

import contextlib
import importlib.util
import socket
from typing import TYPE_CHECKING

from cfsa_tool.errors import ReviewError
from cfsa_tool.review.store import Review

if TYPE_CHECKING:
    from cfsa_tool.review.access import Access


def check_installed() -> None:
    """Whether the web server is there.

    Raises:
        ReviewError: it is not.
    """
    for name in ("starlette", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            raise ReviewError(f"{name} is not installed", "Run: `pip install 'eibench[review]'`")


def serve(review: Review, access: "Access", host: str, port: int) -> None:
    """Serves the review at an address; returns when interrupted.

    Raises:
        ReviewError: the address cannot be had.
    """
    import uvicorn

    from cfsa_tool.review.server import application

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else an answer waits 40 ms for the next
    except OSError as error:
        mend = "Choose another: `cfsa review … --port PORT`"
        raise ReviewError(f"cannot listen on {host}, port {port} ({error.strerror})", mend) from None
    config = uvicorn.Config(
        application(review, access),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how a review ends
        uvicorn.Server(config).run(sockets=[listening])
