"""Who may talk to the review server: only pages that it has served itself, to raters who have its link.

A page of another site that is open in the same browser must not be able to read images or to mark samples, whatever
address it calls this server by (DNS rebinding), and nobody else in the network may without a token.
"""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from cfsa_tool.review.marks import is_name

CSRF = "x-cfsa-csrf"
RATER = "x-cfsa-rater"
COOKIE = "cfsa_review"
_SAFE = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Next = Callable[[Request], Awaitable[Response]]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Whether an address stands for all addresses of the machine."""
    return host in ("0.0.0.0", "::")


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        hosts: the values of the Host header that are served.
        addresses: whether any IP address will do there, too: of a machine that is reached by several. Names are what
            another site could point here, addresses it cannot.
        tokens: by token, the rater whose it is; without any, everybody who can reach the server may come in and says
            who they are.
        csrf: what requests that change something must repeat; only the served page knows it.
    """

    hosts: frozenset[str]
    addresses: bool = False
    tokens: Mapping[str, str] = field(default_factory=dict)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @classmethod
    def of(cls, host: str, port: int, raters: Sequence[str]) -> "Access":
        """That of a server at an address: by tokens, one for each rater, unless only this machine can reach it."""
        if is_loopback(host):
            return cls(frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")))
        tokens = {secrets.token_urlsafe(24): rater for rater in raters}
        return cls(frozenset([f"{reached_by(host)}:{port}"]), is_everywhere(host), tokens)

    def _serves(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        by_address = self.addresses and _is_address(name) and any(one.endswith(f":{port}") for one in self.hosts)
        return host in self.hosts or by_address

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Lets a request in, or refuses it."""
        refused = self.refusal(request) or self._without_token(request)
        response = refused or await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def refusal(self, request: Request) -> Response | None:
        """What is said to a request from elsewhere; None where it comes from the served page."""
        host = request.headers.get("host", "")
        if not self._serves(host):
            return _no(400, "this server is not called by that name")
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is not None and origin != f"http://{host}":
            return _no(403, "the request comes from another site")
        if site in ("cross-site", "same-site") and request.url.path != "/":
            return _no(403, "the request comes from another site")
        if request.method in _SAFE:
            return None
        if not hmac.compare_digest(request.headers.get(CSRF, ""), self.csrf):
            return _no(403, "the page is of a server that was started before; load it again")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _no(415, "only JSON is taken")
        return None

    def _without_token(self, request: Request) -> Response | None:
        if not self.tokens:
            return None
        given = request.query_params.get("token", "")
        if request.url.path == "/" and self._rater(given):
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(COOKIE, given, httponly=True, samesite="strict", path="/")
            return response
        if self._rater(request.cookies.get(COOKIE, "")):
            return None
        return _no(401, "open the link with the token that `cfsa review` has printed for you")

    def _rater(self, token: str) -> str | None:
        found = [rater for known, rater in self.tokens.items() if hmac.compare_digest(known.encode(), token.encode())]
        return found[0] if found else None

    def rater(self, request: Request) -> str | None:
        """Who asks; None where a request does not say."""
        if self.tokens:
            return self._rater(request.cookies.get(COOKIE, ""))
        name = unquote(request.headers.get(RATER, ""))  # a header holds ASCII only
        return name if is_name(name) else None


def reached_by(host: str) -> str:
    """The name of a server in links to it: its address, or the machine's name where that stands for all addresses."""
    if is_everywhere(host):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _no(code: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=code)
