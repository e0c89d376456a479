"""The web application of `cfsa review`: a page, and what it asks for.

The marks are read and written in the event loop, one request at a time, so that a mark is on disk before its request is
answered; only images are read beside it.
"""

import html
from dataclasses import asdict
from importlib.resources import files
from string import Template
from typing import Any

from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
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

_LARGEST = 200_000
"""Bytes of a request; a mark of the longest texts is smaller."""
_OWN = {
    "review.css": ("cfsa_tool.review", "text/css"),
    "review.js": ("cfsa_tool.review", "text/javascript"),
    "shared.css": ("eibench_tasks.report", "text/css"),
    "shared.js": ("eibench_tasks.report", "text/javascript"),
}
"""The files of the page, each with the package in whose ``page`` folder it lies, and its type."""


class Saved(Record):
    """What the page sends: a mark, and the number of the one that it was made of."""

    base: int = Field(ge=0)
    mark: Mark


def application(review: Review, access: Access) -> Starlette:
    """The application for one run."""
    pages = _Pages(review, access)
    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/own/{name}", pages.own),
            Route("/favicon.ico", pages.no_icon),
            Route("/api/next", pages.next),
            Route("/api/progress", pages.progress),
            Route("/api/samples/{id}", pages.sample),
            Route("/api/samples/{id}", pages.save, methods=["PUT"]),
            Route("/api/undo", pages.undo, methods=["POST"]),
            Route("/images/{id}", pages.image),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=access)],
        exception_handlers={HTTPException: _refused, EIBenchError: _failed},
    )


async def _refused(request: Request, error: Any) -> Response:
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def _failed(request: Request, error: Any) -> Response:
    """What a user can mend: the message says how, to whoever looks at the page."""
    return JSONResponse({"error": str(error)}, status_code=503)


class _Pages:
    """What is answered to each request that was let in."""

    def __init__(self, review: Review, access: Access) -> None:
        self._review = review
        self._access = access

    async def page(self, request: Request) -> Response:
        """The page, with what only it knows: the word that requests must repeat, and who may mark."""
        access = self._access
        only = access.raters[0] if len(access.raters) == 1 else ""
        text = Template(_text("cfsa_tool.review", "review.html")).substitute(
            csrf=html.escape(access.csrf),
            rater=html.escape((access.rater(request) if access.tokens else only) or ""),
            raters=html.escape("\n".join(access.raters)),
        )
        return Response(text, media_type="text/html")

    async def own(self, request: Request) -> Response:
        """A file of the page."""
        name = request.path_params["name"]
        if name not in _OWN:
            raise HTTPException(404, "there is nothing of that name")
        package, kind = _OWN[name]
        return Response(_text(package, name), media_type=kind)

    async def no_icon(self, request: Request) -> Response:
        """Browsers ask for one."""
        return Response(status_code=204)

    async def next(self, request: Request) -> Response:
        """The id of the sample that needs the rater most, null where none does; and how far everybody is."""
        rater = self._rater(request)
        wanted = self._review.next(rater, request.query_params.get("passing", ""))
        return JSONResponse({"sample": wanted, **self._standing(rater)})

    async def progress(self, request: Request) -> Response:
        """How far everybody is, the rater included."""
        rater = self._rater(request)
        self._review.expect([rater])
        return JSONResponse(self._standing(rater))

    async def sample(self, request: Request) -> Response:
        """A sample with what the rater has said of it."""
        rater, sample = self._rater(request), self._sample(request)
        kept = self._review.kept(rater, sample)
        return JSONResponse({"sample": _shown(sample), "base": kept.seq, "mark": kept.mark.model_dump()})

    async def save(self, request: Request) -> Response:
        """Keeps a mark of a sample; it is on disk when this answers."""
        rater, sample = self._rater(request), self._sample(request)
        body = await request.body()
        if len(body) > _LARGEST:
            raise HTTPException(413, "the mark is too long")
        try:
            said = Saved.model_validate_json(body)
            seq = self._review.save(rater, sample, said.mark, said.base)
        except Conflict:
            kept = self._review.kept(rater, sample)
            found = {
                "error": "you have changed this sample elsewhere",
                "base": kept.seq,
                "mark": kept.mark.model_dump(),
            }
            return JSONResponse(found, status_code=409)
        except ValidationError as error:
            raise HTTPException(422, error.errors(include_url=False, include_input=False)[0]["msg"]) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse({"base": seq, "done": said.mark.done})

    async def undo(self, request: Request) -> Response:
        """Takes the rater's last action back; says whose sample it was of."""
        return JSONResponse({"sample": self._review.undo(self._rater(request))})

    async def image(self, request: Request) -> Response:
        """The image of a sample; no other file can be asked for."""
        content, suffix = await run_in_threadpool(image_file, self._sample(request).item)
        return Response(content, media_type="image/jpeg" if suffix == "jpg" else "image/png")

    def _standing(self, rater: str) -> dict[str, Any]:
        """Who asks, how many samples are left for that rater, and what those have done who have come or are named."""
        named = (rater, *self._access.raters)
        raters = [asdict(one) for one in self._review.progress() if one.done or one.begun or one.rater in named]
        return {"rater": rater, "left": self._review.left(rater), "raters": raters}

    def _rater(self, request: Request) -> str:
        if rater := self._access.rater(request):
            return self._review.known_as(rater)
        raise HTTPException(401, "say who you are; this name may not mark here")

    def _sample(self, request: Request) -> Sample:
        try:
            return self._review.sample(request.path_params["id"])
        except KeyError:
            raise HTTPException(404, "the run has no such sample, or has built it anew") from None


def _text(package: str, name: str) -> str:
    return files(package).joinpath("page").joinpath(name).read_text(encoding="utf-8")


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
