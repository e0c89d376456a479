"""Looks at one candidate: is it an image that can be used, and what is known of it?"""

import hashlib
import io
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cfsa_tool.ingest.candidate import Candidate, LeftOut
from eibench_tasks.data.images import decode
from eibench_tasks.data.lines import printable
from eibench_tasks.errors import ImagesError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 100_000_000
"""Larger files are left out unopened: they are no photographs."""

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .bmp .dib .tif .tiff .avif .jp2 .ppm .pgm".split()
)
"""How the names of images end, as a rule; what counts is in the file."""

CANNOT_BE_READ, GONE = "cannot be read", "is not there"
"""Kinds of reasons that may have passed the next time."""

# Photographs come in these; others that Pillow knows are no images, have no mark of their own, or run programs (EPS).
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM")
_SUFFIX = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2", "TIFF": ".tif"}  # others are called as they end
_NO_FILES = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}


@dataclass(frozen=True)
class Checked:
    """What is known of an image.

    Attributes:
        sha256: of the file.
        size: bytes.
        width, height: pixels, after EXIF orientation.
        suffix: with which files of its format end.
        hash: perceptual hash of the upright image, 64 bits; None where it was not asked for.
    """

    sha256: str
    size: int
    width: int
    height: int
    suffix: str
    hash: int | None


def check(candidate: Candidate, hashed: bool) -> Checked:
    """Reads a candidate and decodes it completely.

    Args:
        candidate: of a source.
        hashed: whether its perceptual hash is wanted.

    Raises:
        LeftOut: it cannot be used.
    """
    if candidate.left_out:
        raise LeftOut(candidate.left_out)
    content = candidate.content() if candidate.content else read_file(candidate.path, candidate.inside)
    if not content:
        raise LeftOut("is empty (0 bytes)")
    if len(content) > MAX_BYTES:
        raise LeftOut(f"is too large: more than {MAX_BYTES:,} bytes")
    try:
        image = decode(content, _formats())
        form = _single(content)
    except ImagesError as error:
        raise LeftOut(printable(error.what)[:200]) from None
    return Checked(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        width=image.width,
        height=image.height,
        suffix=_SUFFIX.get(form, f".{form.lower()}"),
        hash=_hash(image) if hashed else None,
    )


def read_file(path: Path, inside: Path | None) -> bytes:
    """The content of a regular file; other kinds, which may never end, are not opened.

    Args:
        path: of the file.
        inside: see `Candidate`; resolved.

    Raises:
        LeftOut: it is not there, leads out of ``inside``, is no regular file, is too large, or cannot be read.
    """
    try:
        if inside and not path.resolve(strict=True).is_relative_to(inside):
            raise LeftOut("is a link that leads out of the folder")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise LeftOut(f"is no file but a {_NO_FILES.get(stat.S_IFMT(found.st_mode), 'device')}")
        if found.st_size > MAX_BYTES:
            raise LeftOut(f"is too large: {found.st_size:,} bytes")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # it may have grown
    except (FileNotFoundError, NotADirectoryError):
        raise LeftOut(GONE) from None
    except OSError as error:
        raise LeftOut(f"{CANNOT_BE_READ}: {error.strerror}") from None
    except (RuntimeError, ValueError):  # links in a circle, up to Python 3.12; a name that no file can have
        raise LeftOut(f"{CANNOT_BE_READ}: its path leads to no file") from None


@cache
def _formats() -> tuple[str, ...]:
    """Those that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _single(content: bytes) -> str:
    """The format of an image that has no further frames or pages.

    Raises:
        LeftOut: it has.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=_formats()) as image:
            form = image.format or ""
            # Telephones hide a second rendering of the same photograph in an MPO
            frames = 1 if form == "MPO" else getattr(image, "n_frames", 1)
    except Exception as error:  # as many kinds as in eibench_tasks.data.images
        raise ImagesError(f"does not decode: {error}") from None
    if frames > 1:
        raise LeftOut(f"has more than one page: {frames}" if form == "TIFF" else f"is animated: {frames} frames")
    return form


def _hash(image: "Image") -> int:
    import imagehash

    return int(str(imagehash.phash(image)), 16)
