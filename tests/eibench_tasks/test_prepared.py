"""Reading the current prepared data set: what is said when there is none, or when it is no longer what it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.few_images import write_few

from eibench_tasks.data.prepare import add_captions, prepare
from eibench_tasks.data.prepared import Prepared, check_images, load_prepared
from eibench_tasks.errors import EIBenchError, ImagesError, NotPreparedError


@pytest.fixture
def images(published: Path, tmp_path: Path) -> Path:
    return write_few(tmp_path / "few", published)


@pytest.fixture
def made(images: Path, published: Path) -> Prepared:
    """A small prepared data set that a test may damage."""
    return prepare([images], published, allow_missing=True)


def refusal() -> EIBenchError:
    with pytest.raises(NotPreparedError) as caught:
        load_prepared()
    assert "\n" not in str(caught.value)
    return caught.value


# Not prepared


def test_without_a_prepared_data_set_the_command_that_makes_one_is_named(home: Path) -> None:
    error = refusal()
    assert error.what == f"EIBench is not prepared in {home}"
    assert error.mend.startswith("Run: `eibench prepare --images DIR` with the folder that holds EmoSet-118k/")


def test_an_empty_home_is_not_prepared(home: Path) -> None:
    home.mkdir()
    assert "is not prepared" in refusal().what


def test_a_home_below_a_file_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "file/below"))
    assert "cannot read" in refusal().what


def test_another_home_is_another_data_set(made: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_prepared() == made
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "another"))
    assert "is not prepared" in refusal().what


# Damaged, cut, outdated


def cut_in_a_line(folder: Path) -> None:
    content = (folder / "samples.jsonl").read_bytes()
    (folder / "samples.jsonl").write_bytes(content[:-50])


def cut_between_lines(folder: Path) -> None:
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "samples.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")


def edit(file: str, **changes: object) -> Callable[[Path], None]:
    """Changes fields of a JSON file."""

    def change(folder: Path) -> None:
        data = json.loads((folder / file).read_text(encoding="utf-8"))
        (folder / file).write_text(json.dumps(data | changes), encoding="utf-8")

    return change


def overwrite(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(content) and None


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "samples cut in a line": cut_in_a_line,
    "samples cut between lines": cut_between_lines,
    "samples gone": remove("samples.jsonl"),
    "samples no text": overwrite("samples.jsonl", b"\xff\xfe\x00"),
    "manifest of another format": edit("manifest.json", format=2),
    "manifest of an older version": edit("manifest.json", a_field_that_is_gone=1),
    "manifest empty": overwrite("manifest.json", b""),
    "manifest no object": overwrite("manifest.json", b"[]"),
    "protocol gone": remove("protocol.json"),
    "protocol of a later version": edit("protocol.json", a_new_field="x"),
    "table gone": lambda folder: shutil.rmtree(folder / "arrow"),
    "all gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_data_set_is_refused_with_the_command_that_mends_it(
    made: Prepared, damage: Callable[[Path], None]
) -> None:
    damage(made.folder)
    error = refusal()
    assert "damaged or outdated" in error.what or "cut short" in error.what
    assert error.mend == "Run: `eibench prepare --images DIR` again"


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"current": 7}', '{"current": null}', '{"current": "prepared-gone"}', "\0"]
)
def test_a_damaged_pointer_is_refused(made: Prepared, home: Path, content: str) -> None:
    (home / "current.json").write_text(content, encoding="utf-8")
    assert "damaged or outdated" in refusal().what


def test_a_pointer_does_not_lead_out_of_the_home(made: Prepared, home: Path, tmp_path: Path) -> None:
    outside = Path(shutil.move(made.folder, tmp_path / "outside"))
    (home / "current.json").write_text(json.dumps({"current": f"../{outside.name}"}), encoding="utf-8")
    assert "damaged or outdated" in refusal().what


def test_preparing_again_mends_a_damaged_data_set(made: Prepared, images: Path, published: Path) -> None:
    cut_in_a_line(made.folder)
    refusal()
    prepare([images], published, allow_missing=True)
    assert load_prepared().manifest == made.manifest


# What is read


def test_a_process_sees_what_another_prepare_has_made_since(made: Prepared, images: Path, published: Path) -> None:
    assert load_prepared().folder == made.folder
    again = prepare([images], published, allow_missing=True)
    assert load_prepared().folder == again.folder != made.folder


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0c", "\x1e", "\r"])
def test_a_caption_may_hold_any_kind_of_line_separator(made: Prepared, tmp_path: Path, separator: str) -> None:
    file = tmp_path / "captions.jsonl"
    image, caption = made.samples[0].image_id, f"A man.{separator}A dog."
    file.write_text(json.dumps({"image": image, "caption": caption}), encoding="utf-8")
    add_captions(file, "a painter")
    assert load_prepared().samples[0].caption == caption


def test_samples_are_given_by_split(made: Prepared) -> None:
    assert {sample.split for sample in made.split("basic")} == {"basic"}
    assert made.split("basic") + made.split("complex") == made.samples


# The images since then


def test_images_that_are_as_they_were_pass(made: Prepared) -> None:
    check_images(made.samples)


def test_an_image_that_is_gone_is_named(made: Prepared) -> None:
    Path(made.samples[-1].image).unlink()
    with pytest.raises(ImagesError, match="is gone since it was prepared") as caught:
        check_images(made.samples)
    assert caught.value.what.startswith(made.samples[-1].image)
    assert caught.value.mend == "Run: `eibench prepare --images DIR` again"


def test_an_image_that_has_another_size_is_named(made: Prepared) -> None:
    with Path(made.samples[0].image).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ImagesError, match="has changed since it was prepared"):
        check_images(made.samples)
