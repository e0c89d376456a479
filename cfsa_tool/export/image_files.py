"""The image of a sample as a file that every reader shows alike: JPEG or PNG, RGB, upright."""

import io

from cfsa_tool.pictures import as_it_is, content_of
from cfsa_tool.records import Item
from eibench_tasks.data.images import decode

QUALITY = 95
"""Of JPEG files that are written anew, since they were not upright or not RGB."""
_LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "HEIF")


def image_file(item: Item) -> tuple[bytes, str]:
    """The image's file and its suffix: the file itself where it is upright JPEG or PNG in RGB.

    Raises:
        ImagesError: the file is gone, or is not the one that was taken in.
    """
    content = content_of(item)
    if mime := as_it_is(content):
        return content, "jpg" if mime == "image/jpeg" else "png"
    return _anew(content)


def _anew(content: bytes) -> tuple[bytes, str]:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        lossy = image.format in _LOSSY
    written = io.BytesIO()
    if lossy:
        decode(content).save(written, "JPEG", quality=QUALITY, subsampling=0)
    else:
        decode(content).save(written, "PNG")
    return written.getvalue(), "jpg" if lossy else "png"
