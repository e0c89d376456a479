"""Of images that are one, the first stays."""

import itertools
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.photographs import photograph, write_photograph
from support.taken_in import Run

from cfsa_tool.ingest import near
from cfsa_tool.run_folder import RunFolder

HASHES = st.integers(0, 2**64 - 1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "RUN")


def index_of(hashes: dict[str, int]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE bands (band, image, hash, PRIMARY KEY (band, image))")
    for image, hash_ in hashes.items():
        near.add(db, image, hash_)
    return db


# The index


@given(HASHES, st.lists(st.integers(0, 63), unique=True, max_size=12), st.integers(0, 7))
@settings(max_examples=400)
def test_a_hash_is_found_exactly_where_no_more_bits_differ_than_allowed(
    hash_: int, flipped: list[int], distance: int
) -> None:
    other = hash_
    for bit in flipped:
        other ^= 1 << bit
    found = near.nearest(index_of({"a": hash_}), other, distance)
    assert found == ("a" if len(flipped) <= distance else None)


def test_however_the_bits_that_differ_lie_in_the_bands_the_hash_is_found() -> None:
    hash_ = 0x0123456789ABCDEF
    db = index_of({"a": hash_})
    for in_bands in itertools.product(range(8), repeat=4):
        if (distance := sum(in_bands)) <= 7:
            other = hash_ ^ sum(((1 << bits) - 1) << 16 * band + band for band, bits in enumerate(in_bands))
            assert near.nearest(db, other, distance) == "a", in_bands


def test_the_hash_that_differs_least_is_found() -> None:
    db = index_of({"a": 0b111, "b": 0b1, "c": 0b11})
    assert near.nearest(db, 0, 4) == "b"
    near.remove(db, "b", 0b1)
    assert near.nearest(db, 0, 4) == "c"


def test_a_search_looks_at_few_of_many_hashes() -> None:
    generator = random.Random(1)
    db = index_of({str(number): generator.getrandbits(64) for number in range(20_000)})
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    db.set_progress_handler(count, 1)  # called at every instruction of SQLite's machine
    for _ in range(20):
        near.nearest(db, generator.getrandbits(64), 7)
    assert 0 < steps < 20 * 2_000  # a scan takes several instructions for each of 80,000 rows


# Images


def test_the_same_image_is_taken_once(run: Run, tmp_path: Path) -> None:
    first = write_photograph(tmp_path / "in" / "a.png", 1)
    shutil.copy(first, tmp_path / "in" / "b.png")
    taken = run.take_in(tmp_path / "in")
    assert (list(run.items), run.left_out) == (["a.png"], {"b.png": "the same image as a.png"})
    assert taken.left_out == {"the same image as another": 1}


def test_the_same_image_in_two_folders_says_that_the_emotions_differ(run: Run, tmp_path: Path) -> None:
    first = write_photograph(tmp_path / "in" / "awe" / "a.png", 1)
    (tmp_path / "in" / "fear").mkdir()
    shutil.copy(first, tmp_path / "in" / "fear")
    photograph(1).save(tmp_path / "in" / "fear" / "b.jpg", quality=90)
    run.take_in(tmp_path / "in")
    assert run.left_out == {
        "fear/a.png": "the same image as awe/a.png, though with another emotion: awe there, fear here",
        "fear/b.jpg": "near-identical to awe/a.png, though with another emotion: awe there, fear here",
    }


def test_another_encoding_or_size_of_an_image_is_left_out(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "a.png", 1)
    write_photograph(tmp_path / "in" / "b.jpg", 1, quality=60)
    photograph(1).resize((200, 150)).save(tmp_path / "in" / "c.webp")
    write_photograph(tmp_path / "in" / "d.png", 2)
    run.take_in(tmp_path / "in")
    assert list(run.left_out.items()) == [("b.jpg", "near-identical to a.png"), ("c.webp", "near-identical to a.png")]
    assert sorted(run.items) == ["a.png", "d.png"]


def test_near_identical_images_stay_where_they_are_not_asked_after(run: Run, tmp_path: Path) -> None:
    first = write_photograph(tmp_path / "in" / "a.png", 1)
    write_photograph(tmp_path / "in" / "b.jpg", 1)
    shutil.copy(first, tmp_path / "in" / "c.png")
    run.take_in(tmp_path / "in", near_duplicates=None)
    assert sorted(run.items) == ["a.png", "b.jpg"]
    assert run.left_out == {"c.png": "the same image as a.png"}
    assert run.folder.rows("SELECT count(*) FROM bands") == [(0,)]


def test_an_image_that_was_renamed_stays_and_is_found_under_its_new_name(run: Run, tmp_path: Path) -> None:
    path = write_photograph(tmp_path / "in" / "b.png", 1)
    run.take_in(tmp_path / "in")
    (id_,) = (item.id for item in run.items.values())
    path.rename(tmp_path / "in" / "a.png")
    taken = run.take_in(tmp_path / "in")
    assert {name: (item.id, item.path.exists()) for name, item in run.items.items()} == {"a.png": (id_, True)}
    assert (taken.images, taken.new, run.left_out) == (1, 0, {})


def test_the_image_that_came_into_the_run_first_stays_when_one_with_an_earlier_name_comes(
    run: Run, tmp_path: Path
) -> None:
    first = write_photograph(tmp_path / "in" / "b.png", 1)
    run.take_in(tmp_path / "in")
    shutil.copy(first, tmp_path / "in" / "a.png")
    run.take_in(tmp_path / "in")
    assert (list(run.items), run.left_out) == (["b.png"], {"a.png": "the same image as b.png"})


def test_an_image_that_was_edited_takes_the_place_of_its_former_self(run: Run, tmp_path: Path) -> None:
    path = write_photograph(tmp_path / "in" / "a.jpg", 1, quality=90)
    run.take_in(tmp_path / "in")
    before = run.items["a.jpg"]
    photograph(1).save(path, quality=80)
    os.utime(path, ns=(1, 1))
    taken = run.take_in(tmp_path / "in")
    assert (taken.images, run.left_out) == (1, {})
    assert run.items["a.jpg"].sha256 != before.sha256


def test_the_index_holds_what_the_run_holds(run: Run, tmp_path: Path) -> None:
    for seed in range(5):
        write_photograph(tmp_path / "in" / f"{seed}.png", seed)
    run.take_in(tmp_path / "in")
    write_photograph(tmp_path / "in" / "2.png", 20)
    write_photograph(tmp_path / "in" / "3.png", 30).rename(tmp_path / "in" / "9.png")
    run.take_in(tmp_path / "in")
    indexed = {image for (image,) in run.folder.rows("SELECT image FROM bands")}
    assert indexed == {item.id for item in run.items.values()}
    assert run.folder.rows("SELECT count(*) FROM bands") == [(4 * len(indexed),)]


def test_a_run_opened_again_knows_its_images(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "a.png", 1)
    run.take_in(tmp_path / "in")
    run.folder.close()
    run.folder = RunFolder(run.folder.folder)
    write_photograph(tmp_path / "in" / "b.jpg", 1)
    run.take_in(tmp_path / "in")
    assert run.left_out == {"b.jpg": "near-identical to a.png"}
