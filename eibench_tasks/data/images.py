"""Finds and verifies the user's images, and opens one for the model."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eibench_tasks.data.schema import ImageFacts
from eibench_tasks.errors import ImagesError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 100_000_000
"""Larger images are refused: they are no photographs of these data sets and can exhaust memory."""

_LAYOUT = "the folder that holds EmoSet-118k/ and CAER-S/"


def find_images(roots: list[Path], keys: Iterable[str]) -> tuple[dict[str, Path], list[str]]:
    """Looks every image key up under the roots; the data set's own folder may differ in case.

    Returns:
        The path of each image found, and the keys of those that are not there.

    Raises:
        ImagesError: a root is not a folder, is empty, cannot be read, or is the wrong level of the tree.
    """
    check_roots(roots)
    try:
        return _find_images(roots, sorted(set(keys)))
    except OSError as error:
        raise ImagesError(f"cannot look into {error.filename}: {error.strerror}", f"Give {_LAYOUT}") from None


def check_roots(roots: list[Path]) -> None:
    """Looks whether the folders can hold images at all, before anything is downloaded for them.

    Raises:
        ImagesError: one is not a folder, is empty or cannot be read.
    """
    for root in roots:
        try:
            if not root.is_dir():
                raise ImagesError(f"--images {root} is not a folder", f"Give {_LAYOUT}")
            if not any(root.iterdir()):
                raise ImagesError(f"--images {root} is empty", f"Give {_LAYOUT}")
        except OSError as error:
            raise ImagesError(f"cannot look into {root}: {error.strerror}", f"Give {_LAYOUT}") from None


def _find_images(roots: list[Path], wanted: list[str]) -> tuple[dict[str, Path], list[str]]:
    found: dict[str, Path] = {}
    folders = [(root, {entry.name.lower(): entry.name for entry in root.iterdir()}) for root in roots]
    for key in wanted:
        top, _, rest = key.partition("/")
        for root, names in folders:
            path = root / names.get(top.lower(), top) / rest
            if path.is_file():
                found[key] = path
                break
    if wanted and not found:
        raise ImagesError(f"no EIBench image is under --images {', '.join(map(str, roots))}", _hint(roots, wanted))
    return found, [key for key in wanted if key not in found]


def _hint(roots: list[Path], keys: list[str]) -> str:
    """Where the images seem to be instead: some levels up, or one level down."""
    tops = {key.partition("/")[0].lower() for key in keys}
    for root in roots:
        resolved = root.resolve()
        for folder in (resolved, *resolved.parents):
            if folder.name.lower() in tops:
                return f"Give its parent: `eibench prepare --images {folder.parent}`"
        for child in root.iterdir():
            if child.is_dir() and any(entry.name.lower() in tops for entry in _entries(child)):
                return f"Go one level down: `eibench prepare --images {child}`"
    return f"Give {_LAYOUT}, for example {keys[0]} below it"


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def verify_images(
    paths: dict[str, Path], on_done: Callable[[], object] = lambda: None
) -> tuple[dict[str, ImageFacts], dict[str, str]]:
    """Decodes every image, in parallel, and hashes it.

    Args:
        paths: image file by key.
        on_done: called after each image, for a progress bar.

    Returns:
        The facts of each image that decodes, and for each other the reason why it does not.
    """
    facts: dict[str, ImageFacts] = {}
    broken: dict[str, str] = {}

    def verify(item: tuple[str, Path]) -> None:
        key, path = item
        try:
            facts[key] = image_facts(path)
        except ImagesError as error:
            broken[key] = error.what
        on_done()

    with strict_pillow(), warnings.catch_warnings(), ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 2)) as pool:
        warnings.simplefilter("ignore")  # Pillow's notes on odd metadata; what matters is checked here
        list(pool.map(verify, paths.items()))
    return facts, broken


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Lets damaged images fail; parts of lmms-eval tell Pillow, for the whole process, to accept them."""
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def image_facts(path: Path) -> ImageFacts:
    """Decodes one image file completely.

    Raises:
        ImagesError: the file is empty, cannot be read, is no image, is truncated, or is too large.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImagesError(f"cannot be read: {error.strerror}") from None
    if not content:
        raise ImagesError("is empty (0 bytes)")
    width, height = decode(content).size
    return ImageFacts(
        path=str(path.resolve()),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
    )


def open_image(path: str | Path) -> "Image":
    """The image as models get it: upright (EXIF), RGB, transparency on white.

    Raises:
        ImagesError: as `image_facts`.
    """
    try:
        return _decode(Path(path).read_bytes())
    except OSError as error:
        raise ImagesError(f"{path} cannot be read: {error.strerror}") from None


def decode(content: bytes, formats: tuple[str, ...] | None = None) -> "Image":
    """As `open_image`, of the bytes of a file, all of which must decode.

    Args:
        formats: names of Pillow's formats that count as images; None for all.

    Raises:
        ImagesError: it is no image, is truncated, or is too large.
    """
    with strict_pillow():
        return _decode(content, formats)


def _decode(content: bytes, formats: tuple[str, ...] | None = None) -> "Image":
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(content), formats=formats)
        if image.width * image.height > MAX_PIXELS:
            raise ImagesError(f"is too large: {image.width} x {image.height} pixels")
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to white
            upright = upright.convert("I").point(lambda value: value / 256).convert("L")
        if upright.has_transparency_data:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        return upright.convert("RGB")
    except ImagesError:
        raise
    except Image.DecompressionBombError:
        raise ImagesError("is too large to be decoded safely") from None
    except UnidentifiedImageError:
        raise ImagesError("is not an image") from None
    except Exception as error:  # damaged files raise OSError, SyntaxError, RuntimeError, struct.error …
        raise ImagesError(f"does not decode: {error}") from None
