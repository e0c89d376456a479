"""Who may talk to the review server: only pages that it has served itself, to raters who have its link.

A page of another site that is open in the same browser must not be able to read images or to mark samples, whatever
address it calls this server by (DNS rebinding), and nobody else in the network may without a token.
"""

import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from cfsa_tool.errors import ReviewError, quoted
from cfsa_tool.review.marks import rater_key, rater_name

CSRF = "x-cfsa-csrf"
RATER = "x-cfsa-rater"
COOKIE = "cfsa_review"
SECRET = "review.secret"
_SAFE = ("GET", "HEAD")
_PORTS = {"http": 80, "https": 443}
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
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Whether an address stands for all addresses of the machine."""
    return host in ("0.0.0.0", "::")


@dataclass(frozen=True)
class Public:
    """The address at which raters reach a server that stands behind a proxy or a tunnel: ``https://NAME[:PORT]``."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Public":
        """That of an address as people write it.

        Raises:
            ValueError: it is none, or has more than scheme, name and port.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise ValueError("it must begin with https:// or http:// and a name")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("the review is served at the root of a name, not below a path")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(parts.scheme, host, parts.port or _PORTS[parts.scheme])

    def __str__(self) -> str:
        return f"{self.scheme}://{min(self.hosts, key=len)}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser may send as its ``Host`` header: without the port where that is the usual one."""
        without = [self.host] if self.port == _PORTS[self.scheme] else []
        return frozenset([f"{self.host}:{self.port}", *without])


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        address: at which raters reach the server.
        hosts: the values of the Host header that are served, in lower case.
        ends: any IP address with one of these behind it will do there, too: of a machine that is reached by several.
            Names are what another site could point here, addresses it cannot.
        raters: who may mark; everybody, by any name, where there are none.
        tokens: by token, the rater whose it is; without any, everybody who can reach the server may come in and says
            who they are.
        csrf: what requests that change something must repeat; only the served page knows it.
    """

    address: Public
    hosts: frozenset[str]
    ends: frozenset[str] = frozenset()
    raters: Sequence[str] = ()
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @classmethod
    def of(
        cls, host: str, port: int, raters: Sequence[str] = (), public: Public | None = None, secret: str = ""
    ) -> "Access":
        """That of a server at an address: by tokens, one for each rater, unless only this machine can reach it.

        Args:
            host, port: where it listens.
            raters: who may mark.
            public: how raters reach it, where that is another address.
            secret: see `secret_of`; with the same one, links and pages stay good when the server is started again.
        """
        secret = secret or secrets.token_hex()
        names = [reached_by(host)] + (["127.0.0.1", "localhost", "[::1]"] if is_loopback(host) else [])
        own = [Public("http", name, port) for name in names]
        ends = {one.removeprefix(names[0]) for one in own[0].hosts} if is_everywhere(host) else ()
        guarded = raters if needs_tokens(host, public) else ()
        return cls(
            address=public or own[0],
            hosts=frozenset().union(*(one.hosts for one in [*own, *([public] if public else [])])),
            ends=frozenset(ends),
            raters=tuple(raters),
            tokens={_derived(secret, f"rater {rater_key(rater)}"): rater for rater in guarded},
            csrf=_derived(secret, "page"),
        )

    def links(self) -> list[str]:
        """What to give to raters: the address, or that of each rater."""
        return [f"{rater}: {self.address}/?token={token}" for token, rater in self.tokens.items()]

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Lets a request in, or refuses it."""
        refused = self._from_elsewhere(request) or self._without_token(request) or self._of_no_page(request)
        response = refused or await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _from_elsewhere(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").lower()
        if not self._serves(host):
            return _no(400, "this server is not called by that name")
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is not None and origin not in (f"http://{host}", str(self.address)):
            return _no(403, "the request comes from another site")
        if site in ("cross-site", "same-site") and request.url.path != "/":
            return _no(403, "the request comes from another site")
        return None

    def _serves(self, host: str) -> bool:
        by_address = any(host.endswith(end) and _is_address(host.removesuffix(end)) for end in self.ends)
        return host in self.hosts or by_address

    def _without_token(self, request: Request) -> Response | None:
        if not self.tokens:
            return None
        given = request.query_params.get("token", "")
        if request.url.path == "/" and self._holder(given):
            response = RedirectResponse("/", status_code=303)
            secure = self.address.scheme == "https"
            response.set_cookie(COOKIE, given, httponly=True, samesite="lax", secure=secure, path="/")
            return response
        if self._holder(request.cookies.get(COOKIE, "")):
            return None
        return _no(401, "open the link with your token, which `cfsa review` prints, in another tab")

    def _of_no_page(self, request: Request) -> Response | None:
        """What is said to a request that would change something, but does not come from the served page."""
        if request.method in _SAFE:
            return None
        if not hmac.compare_digest(request.headers.get(CSRF, "").encode(), self.csrf.encode()):
            return _no(403, "this page is of another server; open the address in another tab")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _no(415, "only JSON is taken")
        return None

    def _holder(self, token: str) -> str | None:
        found = [rater for known, rater in self.tokens.items() if hmac.compare_digest(known.encode(), token.encode())]
        return found[0] if found else None

    def rater(self, request: Request) -> str | None:
        """Who asks; None where a request does not say, or says somebody who may not mark."""
        if self.tokens:
            return self._holder(request.cookies.get(COOKIE, ""))
        name = rater_name(unquote(request.headers.get(RATER, "")))  # a header holds ASCII only
        if name is None or not self.raters:
            return name
        return next((rater for rater in self.raters if rater_key(rater) == rater_key(name)), None)


def needs_tokens(host: str, public: Public | None) -> bool:
    """Whether others than the people at this machine can reach a server."""
    return not is_loopback(host) or not (public is None or is_loopback(public.host))


def reached_by(host: str) -> str:
    """The name of a server in links to it: its address, or the machine's name where that stands for all addresses."""
    if is_everywhere(host):
        return socket.gethostname().lower()
    return f"[{host}]" if ":" in host else host.lower()


def secret_of(folder: Path) -> str:
    """What the tokens of a run are made of: kept in its folder, where only its owner can read it.

    Raises:
        ReviewError: it cannot be kept, or is damaged.
    """
    file = folder / SECRET
    try:
        with suppress(FileExistsError):
            file.touch(mode=0o600, exist_ok=False)
            file.write_text(secrets.token_hex(), encoding="ascii")
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ReviewError(f"cannot keep {file} ({error.strerror})", "Mend the permissions of the run") from None
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ReviewError(f"{file} is damaged", f"Make new links: `rm {quoted(file)}`, then the same command")
    return text


def _derived(secret: str, what: str) -> str:
    return hmac.new(secret.encode(), what.encode(), "sha256").hexdigest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _no(code: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=code)
