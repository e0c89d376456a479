"""The web application of `cfsa review`: a page, and what it asks for.

The marks are read and written in the event loop, one request at a time, so that a mark is on disk before its request is
answered; only images are read beside it.
"""

from dataclasses import asdict
from importlib.resources import files
from typing import Any

from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cfsa_tool.export.image_files import image_file
from cfsa_tool.export.samples import Sample
from cfsa_tool.review.access import Access
from cfsa_tool.review.marks import Mark
from cfsa_tool.review.store import Conflict, Review
from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError

_OWN = {"review.css": "text/css", "review.js": "text/javascript"}
_LARGEST = 200_000
"""Bytes of a request; a mark of the longest texts is smaller."""


class Saved(Record):
    """What the page sends: a mark, and the number of the one that it was made of."""

    base: int = Field(ge=0)
    mark: Mark


def application(review: Review, access: Access) -> Starlette:
    """The application for one run."""
    return Starlette(
        routes=[
            Route("/", _Page(access)),
            Route("/own/{name}", _own),
            Route("/favicon.ico", _no_icon),
            Route("/api/next", _Next(review, access)),
            Route("/api/samples/{id}", _Sample(review, access), methods=["GET", "PUT"]),
            Route("/api/undo", _Undo(review, access), methods=["POST"]),
            Route("/images/{id}", _Image(review)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=access)],
    )


async def _own(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _OWN:
        return _error(404, "there is nothing of that name")
    return Response(_text(name), media_type=_OWN[name])


async def _no_icon(request: Request) -> Response:
    return Response(status_code=204)


def _text(name: str) -> str:
    return files("cfsa_tool.review").joinpath("page").joinpath(name).read_text(encoding="utf-8")


def _error(code: int, why: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": why, **more}, status_code=code)


class _Endpoint:
    """A part of the application; Starlette takes an object that is called like a function for an ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except KeyError:
            response = _error(404, "the run has no sample of that id")
        except EIBenchError as error:
            response = _error(503, str(error))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The response to a request."""
        raise NotImplementedError


class _Page(_Endpoint):
    def __init__(self, access: Access) -> None:
        self._access = access

    async def answer(self, request: Request) -> Response:
        """The page, with what only it knows: the word that requests must repeat, and who the rater is by the token."""
        import html

        rater = self._access.rater(request) or ""
        page = _text("review.html").replace("@CSRF@", html.escape(self._access.csrf))
        return Response(page.replace("@RATER@", html.escape(rater)), media_type="text/html")


class _ForRater(_Endpoint):
    def __init__(self, review: Review, access: Access) -> None:
        self._review = review
        self._access = access

    async def answer(self, request: Request) -> Response:
        """The response to a rater; nobody else gets one."""
        rater = self._access.rater(request)
        return await self.to(rater, request) if rater else _error(401, "say who you are")

    async def to(self, rater: str, request: Request) -> Response:
        """The response to a rater."""
        raise NotImplementedError


class _Next(_ForRater):
    async def to(self, rater: str, request: Request) -> Response:
        """The id of the sample that needs the rater most; null where none does."""
        wanted = self._review.next(rater, request.query_params.get("besides", ""))
        return JSONResponse({"sample": wanted, "progress": self._progress()})

    def _progress(self) -> dict[str, Any]:
        return {"total": self._review.total, "raters": [asdict(one) for one in self._review.progress()]}


class _Sample(_ForRater):
    async def to(self, rater: str, request: Request) -> Response:
        """A sample with what the rater has said of it; or what is said now."""
        sample = self._review.sample(request.path_params["id"])
        if request.method == "PUT":
            return await self._save(rater, sample, request)
        kept = self._review.kept(rater, sample)
        return JSONResponse({"sample": _shown(sample), "base": kept.seq, "mark": kept.mark.model_dump()})

    async def _save(self, rater: str, sample: Sample, request: Request) -> Response:
        body = await request.body()
        if len(body) > _LARGEST:
            return _error(413, "the mark is too long")
        try:
            said = Saved.model_validate_json(body)
            seq = self._review.save(rater, sample, said.mark, said.base)
        except Conflict:
            kept = self._review.kept(rater, sample)
            return _error(409, "you have changed this sample elsewhere", base=kept.seq, mark=kept.mark.model_dump())
        except ValidationError as error:
            return _error(422, error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"])
        except ValueError as error:
            return _error(422, str(error))
        return JSONResponse({"base": seq, "done": said.mark.done})


class _Undo(_ForRater):
    async def to(self, rater: str, request: Request) -> Response:
        """Takes the rater's last action back; says whose sample it was of."""
        return JSONResponse({"sample": self._review.undo(rater)})


class _Image(_Endpoint):
    def __init__(self, review: Review) -> None:
        self._review = review

    async def answer(self, request: Request) -> Response:
        """The image of a sample; no other file can be asked for."""
        item = self._review.sample(request.path_params["id"]).item
        content, suffix = await run_in_threadpool(image_file, item)
        return Response(content, media_type="image/jpeg" if suffix == "jpg" else "image/png")


def _shown(sample: Sample) -> dict[str, Any]:
    """A sample as the page reads it."""
    built = sample.built
    return {
        "id": sample.id,
        "name": sample.item.name,
        "emotion": built.emotion,
        "emotion_by": built.emotion_by,
        "whom": built.whom,
        "question": sample.question,
        "triggers": [one.model_dump() for one in built.triggers],
        "dropped": [one.model_dump() for one in built.dropped],
        "notes": [one.model_dump() for one in built.notes],
    }
