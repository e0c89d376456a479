"""What a model gets of an image: the file itself where that will do, else a smaller or upright copy."""

import hashlib
import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.annotated import item_of

from cfsa_tool.pictures import as_it_is, picture
from cfsa_tool.records import Item
from eibench_tasks.engines.engine import Picture
from eibench_tasks.errors import ImagesError

RED, BLUE = (220, 20, 20), (20, 20, 220)


def saved(file: Path, size: tuple[int, int] = (60, 40), mode: str = "RGB", **how: Any) -> Path:
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    image.convert(mode).save(file, **how)
    return file


def taken_in(file: Path) -> Item:
    """As `item_of`, with the size after orientation."""
    item = item_of(file)
    with Image.open(file) as image:
        if image.getexif().get(0x0112, 1) >= 5:
            return Item(**(vars(item) | {"width": item.height, "height": item.width}))
    return item


def file_in(found: Picture) -> tuple[str, bytes]:
    head, _, content = found.partition(",")
    return head, b64decode(content)


def decoded(found: Picture) -> Image.Image:
    return Image.open(io.BytesIO(file_in(found)[1]))


def is_near(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(("name", "mime"), [("a.jpg", "image/jpeg"), ("a.png", "image/png")])
def test_a_small_upright_image_is_sent_as_it_is(tmp_path: Path, name: str, mime: str) -> None:
    file = saved(tmp_path / name)
    found = picture(taken_in(file), 60)
    assert file_in(found) == (f"data:{mime};base64", file.read_bytes())
    assert found.digest == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "P"), ("a.png", "RGBA"), ("a.png", "L"), ("a.jpg", "CMYK"), ("a.webp", "RGB"), ("a.gif", "P")],
)
def test_what_models_may_not_read_becomes_a_jpeg(tmp_path: Path, name: str, mode: str) -> None:
    item = taken_in(saved(tmp_path / name, mode=mode))
    found = picture(item, 60)
    assert found.startswith("data:image/jpeg;base64,")
    assert (decoded(found).mode, decoded(found).size) == ("RGB", (60, 40))
    assert found.digest != item.sha256


def test_an_image_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it: what is left comes to the top
    file = saved(tmp_path / "a.jpg", exif=exif)
    assert as_it_is(file.read_bytes()) == ""
    image = decoded(picture(taken_in(file), 60))
    assert image.size == (40, 60)
    assert is_near(image.getpixel((20, 5)), RED) and is_near(image.getpixel((20, 55)), BLUE)
    assert image.getexif().get(0x0112, 1) == 1


def test_a_large_image_is_scaled_down_to_the_side(tmp_path: Path) -> None:
    item = taken_in(saved(tmp_path / "a.jpg", (600, 200)))
    found = picture(item, 300)
    assert decoded(found).size == (300, 100)
    assert is_near(decoded(found).getpixel((20, 50)), RED)
    assert picture(item, 600).digest == item.sha256
    assert len({picture(item, side).digest for side in (100, 300, 600)}) == 3


def test_the_same_image_is_the_same_picture_every_time(tmp_path: Path) -> None:
    item = taken_in(saved(tmp_path / "a.jpg", (600, 200)))
    assert (picture(item, 300), picture(item, 300).digest) == (picture(item, 300), picture(item, 300).digest)


def test_an_image_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    item = taken_in(saved(tmp_path / "a.jpg"))
    item.path.unlink()
    with pytest.raises(ImagesError, match="the file cannot be read any more: No such file"):
        picture(item, 60)


def test_an_image_that_is_another_now_is_not_sent(tmp_path: Path) -> None:
    item = taken_in(saved(tmp_path / "a.jpg"))
    saved(item.path, (61, 40))
    with pytest.raises(ImagesError, match="has changed since it was taken in"):
        picture(item, 60)


def test_what_is_sent_is_what_was_compared_even_if_the_file_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = taken_in(saved(tmp_path / "a.jpg", (600, 200)))
    read = Path.read_bytes

    def read_and_change(path: Path) -> bytes:
        content = read(path)
        Image.new("RGB", (600, 200), "white").save(path)
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_change)
    assert is_near(decoded(picture(item, 300)).getpixel((20, 50)), RED)
