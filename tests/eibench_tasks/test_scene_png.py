"""PNG files whose bytes depend on the pixels alone, read back by Pillow and zlib."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from eibench_tasks.scenes.png import deflated, png_bytes
from eibench_tasks.scenes.render import HEIGHT, WIDTH, render
from eibench_tasks.scenes.scene import compose

Bytes = npt.NDArray[np.uint8]

RUNS = (1, 2, 3, 4, *range(257, 263), *range(516, 521))
"""Lengths of runs where the writing changes: a run is a first byte and references of 3 to 258 bytes; what is too short
for one is spelled out. 259 = 1 + 258 is the longest run of one reference, 517 = 1 + 2 * 258 of two."""


def read(content: bytes) -> Bytes:
    """The pixels of a PNG file; Pillow checks the checksum of every part."""
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.mode) == ("PNG", "RGB")
    image.load()
    return np.asarray(image)


def parts(content: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Kind, content and checksum of each part of a PNG file."""
    place = 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, held = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", content[place + 8 + length : place + 12 + length])
        yield kind, held, checksum
        place += 12 + length


def of(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8)


def whole(stream: bytes) -> bytes:
    """What a zlib stream holds; nothing may stand behind its end, and its checksum must be right."""
    reader = zlib.decompressobj()
    found = reader.decompress(stream)
    assert reader.eof and not reader.unused_data
    return found


@st.composite
def pictures(draw: st.DrawFn) -> Bytes:
    """Small pictures; of few colors, so that there are runs, or of any."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    values = st.integers(0, 255) if draw(st.booleans()) else st.sampled_from([0, 255, 7])
    size = height * width * 3
    listed = draw(st.lists(values, min_size=size, max_size=size))
    return np.array(listed, np.uint8).reshape(height, width, 3)


@st.composite
def runs(draw: st.DrawFn) -> bytes:
    """Bytes in runs of all lengths, those where the writing changes most of all."""
    length = st.sampled_from(RUNS) | st.integers(1, 700)
    return b"".join(
        bytes([value]) * number for value, number in draw(st.lists(st.tuples(st.integers(0, 255), length), min_size=1))
    )


# Files


@settings(deadline=None)
@given(pictures())
def test_pillow_reads_what_was_written(picture: Bytes) -> None:
    assert (read(png_bytes(picture)) == picture).all()


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (1, 2, 3)])
def test_a_picture_of_one_pixel(color: tuple[int, int, int]) -> None:
    assert read(png_bytes(np.array([[color]], np.uint8))).tolist() == [[list(color)]]


@pytest.mark.parametrize("length", RUNS)
def test_a_row_and_a_column_of_one_color(length: int) -> None:
    row = np.full((1, length, 3), 200, np.uint8)
    assert (read(png_bytes(row)) == row).all()
    column = row.transpose(1, 0, 2)
    assert (read(png_bytes(column)) == column).all()


def test_rows_may_grow_lighter_and_darker_past_the_ends_of_a_byte() -> None:
    # a row is written as its difference from the one above, which is taken modulo 256: 250 -> 3 is 9, 3 -> 250 is 247
    picture = np.array([[[250] * 3], [[3] * 3], [[250] * 3]], np.uint8)
    assert (read(png_bytes(picture)) == picture).all()


def test_a_file_is_a_signature_and_three_parts_with_right_checksums() -> None:
    content = png_bytes(np.zeros((2, 5, 3), np.uint8))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    listed = list(parts(content))
    assert [kind for kind, _, _ in listed] == [b"IHDR", b"IDAT", b"IEND"]
    assert all(checksum == zlib.crc32(kind + held) for kind, held, checksum in listed)
    # width 5, height 2, 8 bits, color type 2 (RGB), and the only compression, filter set and interlacing there is: 0
    assert listed[0][1] == bytes([0, 0, 0, 5, 0, 0, 0, 2, 8, 2, 0, 0, 0])
    # each row is a 2 (difference from the row above) and three times five zeros
    assert whole(listed[1][1]) == (b"\2" + bytes(15)) * 2


def test_the_same_pixels_give_the_same_bytes_however_they_lie_in_memory() -> None:
    picture = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    turned = picture[:, ::-1][:, ::-1]
    columns = np.asfortranarray(picture)
    assert png_bytes(picture) == png_bytes(picture.copy()) == png_bytes(turned) == png_bytes(columns)
    assert png_bytes(picture) != png_bytes(picture[:, ::-1])


def test_writing_leaves_the_pixels_as_they_are() -> None:
    picture = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    before = picture.copy()
    png_bytes(picture)
    assert (picture == before).all()


@pytest.mark.parametrize("number", [0, 5])
def test_a_drawn_scene_comes_back_and_is_less_than_a_tenth_of_its_pixels(number: int) -> None:
    pixels = render(compose("file size", number))
    content = png_bytes(pixels)
    assert (read(content) == pixels).all()
    assert pixels.nbytes == WIDTH * HEIGHT * 3
    assert len(content) < pixels.nbytes / 10


# Compression


@settings(deadline=None)
@given(runs())
def test_zlib_reads_what_was_compressed(data: bytes) -> None:
    assert whole(deflated(of(data))) == data


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_zlib_reads_bytes_without_runs(data: bytes) -> None:
    assert whole(deflated(of(data))) == data


@pytest.mark.parametrize("length", RUNS)
@pytest.mark.parametrize("value", [0, 143, 144, 255])
def test_a_run_of_every_length_where_the_writing_changes(length: int, value: int) -> None:
    # up to 143 a byte is written with 8 bits, from 144 on with 9
    run = bytes([value]) * length
    for data in (run, b"\1" + run, run + b"\1", b"\1" + run + b"\2" + run):
        assert whole(deflated(of(data))) == data


def test_every_length_of_a_reference() -> None:
    # one run of each length from 1 to 259, set apart by their values
    data = b"".join(bytes([length % 256]) * length for length in range(1, 260))
    assert whole(deflated(of(data))) == data


def test_every_value_of_a_byte() -> None:
    for data in (bytes(range(256)), bytes(range(255, -1, -1)), b"".join(bytes([value]) * 5 for value in range(256))):
        assert whole(deflated(of(data))) == data
    assert all(whole(deflated(of(bytes([value])))) == bytes([value]) for value in range(256))


def test_a_stream_ends_with_the_checksum_of_its_data() -> None:
    data = bytes(range(50)) + bytes(500)
    stream = deflated(of(data))
    assert stream[:2] == b"\x78\x01"  # deflate with a window of 32 KiB, without a dictionary, fastest
    assert int.from_bytes(stream[:2], "big") % 31 == 0  # as the format demands of these two bytes
    assert int.from_bytes(stream[-4:], "big") == zlib.adler32(data)


def test_the_size_of_a_run_by_hand() -> None:
    # 2 bytes at the front; 3 bits that open the block; the first zero, 8 bits; three references to 258 bytes, each
    # 8 bits for the length and 5 for the distance; the end, 7 bits; 4 bytes at the back.
    # 3 + 8 + 3 * 13 + 7 = 57 bits -> 8 bytes
    assert len(deflated(of(bytes(1 + 3 * 258)))) == 2 + 8 + 4
    # a rest of 2 is spelled out: 2 * 8 bits more are 73 -> 10 bytes
    assert len(deflated(of(bytes(1 + 3 * 258 + 2)))) == 2 + 10 + 4
    # a rest of 3 is a reference of 7 + 5 bits more: 69 -> 9 bytes
    assert len(deflated(of(bytes(1 + 3 * 258 + 3)))) == 2 + 9 + 4
