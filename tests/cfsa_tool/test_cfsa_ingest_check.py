"""Each file is decoded; what cannot be used is left out with its reason."""

import hashlib
import io
import os
import socket
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from support.permissions import public_tmp, unprivileged
from support.photographs import photograph, photograph_bytes, write_photograph

from cfsa_tool.ingest.candidate import Candidate, LeftOut
from cfsa_tool.ingest.check import MAX_BYTES, Checked, check

__all__ = ["public_tmp"]  # a fixture


def of(content: bytes) -> Checked:
    return check(Candidate(b"1", "1", Path(), content=lambda: content), hashed=True)


def of_file(path: Path, inside: Path | None = None) -> Checked:
    return check(Candidate(b"1", "1", path, inside=inside), hashed=True)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and has none."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# Images


@pytest.mark.parametrize(
    ("form", "suffix"),
    [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif"), ("BMP", ".bmp"), ("TIFF", ".tif")],
)
def test_an_image_gives_hash_size_and_pixels(form: str, suffix: str) -> None:
    content = photograph_bytes(1, form)
    found = of(content)
    assert (found.sha256, found.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (found.width, found.height, found.suffix) == (64, 48, suffix)


def test_pixels_are_counted_as_exif_turns_the_image() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    found = of(encoded(photograph(1), "JPEG", exif=exif))
    assert (found.width, found.height) == (48, 64)


def test_the_perceptual_hash_is_that_of_the_upright_image() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = of(encoded(photograph(1), "JPEG", exif=exif, quality=95))
    upright = of(encoded(photograph(1).transpose(Image.Transpose.ROTATE_270), "JPEG", quality=95))
    assert turned.hash is not None and upright.hash is not None
    assert (turned.hash ^ upright.hash).bit_count() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16", "CMYK"])
def test_images_of_every_mode_are_taken(mode: str) -> None:
    image = Image.new("I;16", (64, 48), 40_000) if mode == "I;16" else photograph(1).convert(mode)
    assert of(encoded(image, "TIFF")).hash is not None


def test_a_telephones_photograph_with_a_second_rendering_is_one_image() -> None:
    content = encoded(photograph(1), "MPO", save_all=True, append_images=[photograph(2)])
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    assert of(content).suffix == ".jpg"


def test_no_perceptual_hash_is_made_where_none_is_wanted() -> None:
    candidate = Candidate(b"1", "1", Path(), content=lambda: photograph_bytes(1))
    assert check(candidate, hashed=False).hash is None


# What is left out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"I am text", "is not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n", "is not an image"),
        (photograph_bytes(1, "JPEG")[:-200], "does not decode: .*truncated"),
        (photograph_bytes(1, "PNG")[:-200], "does not decode: "),
        (header_only_png(20_000, 20_000), "is too large"),
        (header_only_png(10_000, 10_001), "is too large: 10000 x 10001 pixels"),
        (header_only_png(50, 50), "does not decode: "),
        (b"\xff" * (MAX_BYTES + 1), "is too large: more than 100,000,000 bytes"),
    ],
    ids=["empty", "text", "program", "cut jpeg", "cut png", "bomb", "many pixels", "no pixels", "many bytes"],
)
def test_what_is_no_whole_image_is_left_out(content: bytes, reason: str) -> None:
    with pytest.raises(LeftOut, match=rf"^{reason}"):
        of(content)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animated_images_are_left_out_with_the_number_of_frames(form: str) -> None:
    content = encoded(photograph(1), form, save_all=True, append_images=[photograph(2), photograph(3)])
    with pytest.raises(LeftOut, match=r"^is animated: 3 frames$"):
        of(content)


def test_a_document_of_several_pages_is_left_out() -> None:
    with pytest.raises(LeftOut, match=r"^has more than one page: 2$"):
        of(encoded(photograph(1), "TIFF", save_all=True, append_images=[photograph(2)]))


def test_damage_counts_even_where_pillow_was_told_to_accept_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(LeftOut, match=r"^does not decode"):
        of(photograph_bytes(1, "JPEG")[:-200])


def test_what_cannot_be_opened_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.png"))
        for name, what in (("pipe.png", "pipe"), ("socket.png", "socket")):
            with pytest.raises(LeftOut, match=rf"^is no file but a {what}$"):
                of_file(tmp_path / name, tmp_path)
    with pytest.raises(LeftOut, match=r"^is no file but a device$"):
        of_file(Path("/dev/zero"))
    with pytest.raises(LeftOut, match=r"^is no file but a folder$"):
        of_file(tmp_path)


def test_a_file_of_a_size_that_no_photograph_has_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(10**13)
    with pytest.raises(LeftOut, match=r"^is too large: 10,000,000,000,000 bytes$"):
        of_file(tmp_path / "a.png")


def test_a_file_that_may_not_be_read_is_left_out(public_tmp: Path) -> None:
    path = write_photograph(public_tmp / "a.png", 1)
    path.chmod(0)
    with unprivileged(), pytest.raises(LeftOut, match=r"^cannot be read: Permission denied$"):
        of_file(path)


def test_reasons_are_printable_whatever_the_file_holds() -> None:
    content = photograph_bytes(1, "PNG").replace(b"IDAT", b"\x1b[2J")
    with pytest.raises(LeftOut) as error:
        of(content)
    assert error.value.reason.isprintable() and len(error.value.reason) <= 200


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_taken_or_left_out_and_nothing_else(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"]))
    content = bytearray(photograph_bytes(1, form))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        found = of(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except LeftOut as left_out:
        assert left_out.reason and left_out.reason.isprintable()
    else:
        assert found.width * found.height > 0
