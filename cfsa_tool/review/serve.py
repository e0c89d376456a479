"""Runs the review server until it is told to stop."""

import contextlib
import errno
import importlib.util
import os
import socket
from typing import TYPE_CHECKING

from cfsa_tool.errors import ReviewError
from cfsa_tool.review.store import Review

if TYPE_CHECKING:
    from cfsa_tool.review.access import Access


_ANOTHER_HOST = "Choose an address of this machine: `cfsa review … --host HOST`"


def check_installed() -> None:
    """Whether the web server is there.

    Raises:
        ReviewError: it is not.
    """
    for name in ("starlette", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            raise ReviewError(f"{name} is not installed", "Run: `pip install 'eibench[review]'`")


def listen(host: str, port: int) -> socket.socket:
    """Takes an address, so that whoever connects from now on will be answered.

    Raises:
        ReviewError: it cannot be had.
    """
    where = f"cannot listen on {host}, port {port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address, family=family)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else an answer waits 40 ms for the next
    except socket.gaierror as error:
        raise ReviewError(f"{where} ({error.strerror})", _ANOTHER_HOST) from None
    except OSError as error:
        mend = _ANOTHER_HOST if error.errno == errno.EADDRNOTAVAIL else "Choose another: `cfsa review … --port PORT`"
        raise ReviewError(f"{where} ({os.strerror(error.errno or 0)})", mend) from None
    return listening


def serve(review: Review, access: "Access", listening: socket.socket) -> None:
    """Serves the review; returns when interrupted."""
    import uvicorn

    from cfsa_tool.review.server import application

    config = uvicorn.Config(
        application(review, access),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how a review ends
        uvicorn.Server(config).run(sockets=[listening])
