"""The user's images: found under their folders, decoded completely, and opened upright in RGB."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.permissions import public_tmp, unprivileged
from support.standins import standin_bytes, write_standins

from eibench_tasks.data.images import MAX_PIXELS, find_images, image_facts, open_image, verify_images
from eibench_tasks.errors import ImagesError

__all__ = ["public_tmp"]  # a fixture

KEYS = ["EmoSet-118k/image/sadness/sadness_1.jpg", "EmoSet-118k/image/anger/anger_2.jpg", "CAER-S/train/Happy/3.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_standins(tmp_path / "data", KEYS)


def blank_png(width: int, height: int) -> bytes:
    """A complete black PNG of one bit a pixel; its size on disk is a thousandth of what it decodes to."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row * 1000) for _ in range(height // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def near(pixel: object, expected: tuple[int, int, int]) -> bool:
    """Equal up to what JPEG loses."""
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 12 for a, b in zip(pixel, expected, strict=True))


# Finding


def test_every_image_is_found_below_the_folder(root: Path) -> None:
    assert find_images([root], KEYS) == ({key: root / key for key in KEYS}, [])


def test_images_that_are_not_there_are_listed(root: Path) -> None:
    (root / KEYS[0]).unlink()
    found, missing = find_images([root], KEYS)
    assert sorted(found) == sorted(KEYS[1:])
    assert missing == [KEYS[0]]


def test_the_two_data_sets_may_lie_in_different_places(tmp_path: Path) -> None:
    emoset = write_standins(tmp_path / "a", KEYS[:2])
    caer = write_standins(tmp_path / "b", KEYS[2:])
    found, missing = find_images([emoset, caer], KEYS)
    assert found[KEYS[2]] == caer / KEYS[2]
    assert not missing


@pytest.mark.parametrize("name", ["emoset-118k", "EMOSET-118K", "EmoSet-118K"])
def test_the_case_of_the_data_sets_folder_does_not_matter(root: Path, name: str) -> None:
    (root / "EmoSet-118k").rename(root / name)
    (root / "CAER-S").rename(root / "caer-s")
    found, missing = find_images([root], KEYS)
    assert not missing
    assert found[KEYS[0]] == root / name / "image/sadness/sadness_1.jpg"


def test_emosets_json_neighbours_are_not_images(root: Path) -> None:
    """EmoSet-118K comes with one annotation file per image and an info file."""
    (root / "EmoSet-118k/info.json").write_text("{}", encoding="utf-8")
    (root / "EmoSet-118k/annotation/sadness").mkdir(parents=True)
    (root / "EmoSet-118k/annotation/sadness/sadness_1.json").write_text("{}", encoding="utf-8")
    (root / "EmoSet-118k/image/sadness/sadness_1.json").write_text("{}", encoding="utf-8")
    found, missing = find_images([root], KEYS)
    facts, broken = verify_images(found)
    assert sorted(facts) == sorted(KEYS)
    assert not missing
    assert not broken


def test_a_folder_in_the_place_of_an_image_is_a_missing_image(root: Path) -> None:
    (root / KEYS[0]).unlink()
    (root / KEYS[0]).mkdir()
    assert find_images([root], KEYS)[1] == [KEYS[0]]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match=r"--images .*/nowhere is not a folder\. Give the folder that holds"):
        find_images([tmp_path / "nowhere"], KEYS)


def test_a_file_instead_of_a_folder_is_named(root: Path) -> None:
    with pytest.raises(ImagesError, match="is not a folder"):
        find_images([root / KEYS[0]], KEYS)


def test_a_folder_that_may_not_be_read_is_named(public_tmp: Path) -> None:
    locked = write_standins(public_tmp / "data", KEYS)
    locked.chmod(0)
    with unprivileged(), pytest.raises(ImagesError, match=r"cannot look into .*/data: Permission denied"):
        find_images([locked], KEYS)


def test_an_image_that_may_not_be_read_is_broken(public_tmp: Path) -> None:
    path = write_standins(public_tmp / "data", KEYS) / KEYS[0]
    path.chmod(0)
    with unprivileged():
        assert verify_images({KEYS[0]: path})[1] == {KEYS[0]: "cannot be read: Permission denied"}


def test_an_empty_folder_is_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImagesError, match=r"--images .*/empty is empty"):
        find_images([root, tmp_path / "empty"], KEYS)


@pytest.mark.parametrize("below", ["EmoSet-118k", "EmoSet-118k/image", "EmoSet-118k/image/sadness", "CAER-S/train"])
def test_a_folder_too_deep_is_answered_with_the_right_one(root: Path, below: str) -> None:
    with pytest.raises(ImagesError, match="no EIBench image is under") as caught:
        find_images([root / below], KEYS)
    assert caught.value.mend == f"Give its parent: `eibench prepare --images {root}`"


def test_a_folder_too_high_is_answered_with_the_right_one(root: Path) -> None:
    with pytest.raises(ImagesError) as caught:
        find_images([root.parent], KEYS)
    assert caught.value.mend == f"Go one level down: `eibench prepare --images {root}`"


def test_a_folder_of_something_else_is_answered_with_an_example(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(standin_bytes("holiday.jpg"))
    with pytest.raises(ImagesError) as caught:
        find_images([tmp_path], KEYS)
    assert caught.value.mend == f"Give the folder that holds EmoSet-118k/ and CAER-S/, for example {KEYS[2]} below it"


# Verifying


def test_facts_are_those_of_the_file(root: Path) -> None:
    content = (root / KEYS[0]).read_bytes()
    facts = image_facts(root / KEYS[0])
    assert facts.path == str((root / KEYS[0]).resolve())
    assert (facts.width, facts.height) == (56, 56)
    assert (facts.size, facts.sha256) == (len(content), hashlib.sha256(content).hexdigest())


DAMAGE: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("zero bytes", lambda content: b"", r"is empty \(0 bytes\)"),
    ("truncated", lambda content: content[: len(content) // 2], "does not decode"),
    ("a text file", lambda content: b"version https://git-lfs.github.com/spec/v1\n", "is not an image"),
    ("a web page", lambda content: b"<!DOCTYPE html><html>Sign in</html>", "is not an image"),
    ("the head only", lambda content: content[:8], "is not an image|does not decode"),
]


@pytest.mark.parametrize(("damage", "reason"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
@pytest.mark.parametrize("key", [KEYS[0], KEYS[2]], ids=["jpeg", "png"])
def test_a_damaged_image_is_refused_with_the_reason(
    root: Path, key: str, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = root / key
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ImagesError, match=reason):
        image_facts(path)


def test_one_flipped_bit_in_the_pixels_of_a_png_is_noticed(root: Path) -> None:
    content = bytearray((root / KEYS[2]).read_bytes())
    content[content.index(b"IDAT") + 12] ^= 4
    (root / KEYS[2]).write_bytes(content)
    with pytest.raises(ImagesError, match="does not decode"):
        image_facts(root / KEYS[2])


def test_a_damaged_avif_under_the_name_of_a_jpeg_is_refused(root: Path) -> None:
    """Its decoder raises RuntimeError, unlike every other of Pillow."""
    buffer = io.BytesIO()
    try:
        Image.linear_gradient("L").convert("RGB").save(buffer, "AVIF")
    except (KeyError, OSError):
        pytest.skip("this Pillow writes no AVIF")
    content = buffer.getvalue()
    media = content.index(b"mdat") + 4
    (root / KEYS[0]).write_bytes(content[:media] + bytes(len(content) - media))
    with pytest.raises(ImagesError, match="does not decode"):
        image_facts(root / KEYS[0])


@cache
def images_of_all_formats() -> list[bytes]:
    """A small image in every format that this Pillow writes and people keep photographs in, with EXIF where it fits."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    exif[0x011A] = 72.0
    images = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        buffer = io.BytesIO()
        with suppress(KeyError, OSError):
            Image.linear_gradient("L").resize((20, 15)).convert("RGB").save(buffer, kind, exif=exif)
            images.append(buffer.getvalue())
    return images


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's notes on odd metadata
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_image_decodes_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(images_of_all_formats())))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with suppress(ImagesError):
        assert image_facts(path).size == len(content)


def test_an_image_of_30000_by_30000_pixels_is_refused_before_it_fills_the_memory(root: Path) -> None:
    bomb = blank_png(30_000, 30_000)
    assert len(bomb) < 1_000_000
    (root / KEYS[2]).write_bytes(bomb)
    with pytest.raises(ImagesError, match="is too large"):
        image_facts(root / KEYS[2])
    with pytest.raises(ImagesError, match="is too large"):
        open_image(root / KEYS[2])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_is_ours_and_lies_below_pillows(root: Path) -> None:
    (root / KEYS[2]).write_bytes(blank_png(MAX_PIXELS // 10_000 + 1, 10_000))
    with pytest.raises(ImagesError, match="is too large: 10001 x 10000 pixels"):
        image_facts(root / KEYS[2])


def test_verifying_tells_good_from_broken_and_counts_every_image(root: Path) -> None:
    (root / KEYS[1]).write_bytes(b"")
    seen: list[None] = []
    facts, broken = verify_images({key: root / key for key in KEYS}, lambda: seen.append(None))
    assert sorted(facts) == sorted([KEYS[0], KEYS[2]])
    assert broken == {KEYS[1]: "is empty (0 bytes)"}
    assert len(seen) == 3


def test_an_image_that_vanishes_while_others_are_verified_is_reported(root: Path) -> None:
    paths = {key: root / key for key in KEYS}
    (root / KEYS[1]).unlink()
    assert verify_images(paths)[1] == {KEYS[1]: "cannot be read: No such file or directory"}


# Opening


def test_a_plain_image_keeps_its_pixels(tmp_path: Path) -> None:
    image = Image.new("RGB", (3, 2), (10, 200, 30))
    image.putpixel((2, 1), (255, 0, 0))
    opened = open_image(saved(tmp_path / "a.png", image))
    assert (opened.mode, opened.size, opened.tobytes()) == ("RGB", (3, 2), image.tobytes())


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    opened = open_image(saved(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=95))
    assert opened.mode == "RGB"
    assert near(opened.getpixel((8, 8)), (255, 0, 0))


def test_a_palette_with_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 255, 0, 0, 0])  # colour 0 blue, colour 1 black
    image.putpixel((1, 0), 1)
    opened = open_image(saved(tmp_path / "a.png", image, transparency=1))
    assert [opened.getpixel((0, 0)), opened.getpixel((1, 0))] == [(0, 0, 255), (255, 255, 255)]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_channel_lies_on_white(tmp_path: Path, mode: str) -> None:
    black = (0,) * (len(mode) - 1)
    image = Image.new(mode, (3, 1))
    for x, alpha in enumerate((0, 51, 255)):
        image.putpixel((x, 0), (*black, alpha))
    opened = open_image(saved(tmp_path / "a.png", image))
    # black over white: 255 · (1 - alpha / 255)
    assert [opened.getpixel((x, 0)) for x in range(3)] == [(255,) * 3, (204,) * 3, (0,) * 3]


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    assert open_image(saved(tmp_path / "a.jpg", Image.new("L", (8, 8), 128))).getpixel((4, 4)) == (128,) * 3


def test_16_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    opened = open_image(saved(tmp_path / "a.png", Image.new("I;16", (8, 8), 0x8000)))
    assert near(opened.getpixel((4, 4)), (128, 128, 128))


def turned(path: Path) -> Path:
    """A picture of 40 x 20, red on its left half, whose EXIF says: turn by 90 degrees clockwise."""
    image = Image.new("RGB", (40, 20), "blue")
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(path, image, exif=exif, quality=95)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    opened = open_image(turned(tmp_path / "a.jpg"))
    assert opened.size == (20, 40)
    assert near(opened.getpixel((10, 5)), (255, 0, 0))  # what was left is on top
    assert near(opened.getpixel((10, 35)), (0, 0, 255))


def test_facts_give_the_size_after_exif_rotation(tmp_path: Path) -> None:
    facts = image_facts(turned(tmp_path / "a.jpg"))
    assert (facts.width, facts.height) == (20, 40)


def test_opening_an_image_that_is_gone_names_it(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match=r"gone\.jpg cannot be read: No such file"):
        open_image(tmp_path / "gone.jpg")


def test_damage_is_noticed_in_a_process_that_told_pillow_to_accept_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    file = tmp_path / "cut.png"
    Image.effect_noise((64, 64), 90).save(file)
    file.write_bytes(file.read_bytes()[:-800])
    with pytest.raises(ImagesError):
        image_facts(file)
    assert ImageFile.LOAD_TRUNCATED_IMAGES  # as it was found
