"""An image as models get it: upright, RGB, no larger than asked for; the file itself where it is all that already."""

import hashlib
import io

from cfsa_tool.records import Item
from eibench_tasks.engines.engine import Picture
from eibench_tasks.errors import ImagesError

_MIME = {"JPEG": "image/jpeg", "PNG": "image/png"}
_ORIENTATION = 0x0112  # EXIF


def picture(item: Item, side: int) -> Picture:
    """The image of an item.

    Args:
        item: what was taken in.
        side: pixels of the longest side at most.

    Raises:
        ImagesError: the file is gone, or is not the one that was taken in.
    """
    content = content_of(item)
    if max(item.width, item.height) <= side and (mime := as_it_is(content)):
        return Picture(content, mime, item.sha256)
    return Picture(_smaller(content, side), "image/jpeg", hashlib.sha256(f"{item.sha256} {side}".encode()).hexdigest())


def content_of(item: Item) -> bytes:
    """The file of an item.

    Raises:
        ImagesError: it is gone, or is not the one that was taken in.
    """
    try:
        content = item.path.read_bytes()
    except OSError as error:
        raise ImagesError(f"the file cannot be read any more: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != item.sha256:
        raise ImagesError("the file has changed since it was taken in")
    return content


def as_it_is(content: bytes) -> str:
    """The type of an image file that is JPEG or PNG, RGB and upright; "" for any other."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        upright = image.getexif().get(_ORIENTATION, 1) == 1
        plain = image.mode == "RGB" and not image.has_transparency_data and not getattr(image, "is_animated", False)
        return _MIME.get(image.format or "", "") if upright and plain else ""


def _smaller(file: bytes, side: int) -> bytes:
    from eibench_tasks.data.images import decode

    image = decode(file)
    image.thumbnail((side, side))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=92)
    return content.getvalue()
