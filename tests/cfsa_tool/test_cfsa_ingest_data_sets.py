"""Data sets of Hugging Face's kind hold the images themselves."""

from pathlib import Path
from typing import Any

import datasets
import huggingface_hub.constants
import pyarrow
import pytest
from pyarrow import parquet
from support.photographs import photograph_bytes, write_photograph
from support.taken_in import Run, config

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.data_sets import DataSetSource, hub_name
from cfsa_tool.ingest.emotions import emotions_of
from cfsa_tool.ingest.sources import open_source
from cfsa_tool.ingest.take_in import count


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "RUN")


def table(**columns: Any) -> datasets.Dataset:
    """Three images with further columns."""
    images = [{"bytes": photograph_bytes(seed, "JPEG"), "path": None} for seed in range(3)]
    features = datasets.Features({"image": datasets.Image()})
    for name, values in columns.items():
        is_label = isinstance(values[0], int) and name != "id"
        features[name] = datasets.ClassLabel(names=["Happy", "Sad"]) if is_label else datasets.Value("string")
    return datasets.Dataset.from_dict({"image": images, **columns}, features=features)


def saved(what: datasets.Dataset | datasets.DatasetDict, folder: Path) -> Path:
    what.save_to_disk(str(folder))
    return folder


def refusal(source: Path | str) -> SourceError:
    with pytest.raises(SourceError) as error:
        open_source(str(source), config())
    assert error.value.mend and "\n" not in str(error.value)
    return error.value


# What a data set says


def test_a_saved_data_set_is_taken_in(run: Run, tmp_path: Path) -> None:
    source = saved(table(emotion=["awe", "Fear", ""], question=["Why?", None, None]), tmp_path / "faces")
    taken = run.take_in(source)
    assert run.emotions == {"faces[all][0]": ("awe",), "faces[all][1]": ("fear",), "faces[all][2]": ()}
    assert (taken.found, taken.images, taken.emotions) == (3, 3, {"awe": 1, "fear": 1})
    assert run.items["faces[all][0]"].question == "Why?"


def test_the_encoded_bytes_are_kept_as_they_are_in_the_folder_of_the_run(run: Run, tmp_path: Path) -> None:
    run.take_in(saved(table(), tmp_path / "faces"))
    for seed, item in enumerate(run.items[f"faces[all][{number}]"] for number in range(3)):
        assert item.path == run.folder.folder / "images" / f"{item.sha256[:16]}.jpg"
        assert item.path.read_bytes() == photograph_bytes(seed, "JPEG")
    assert len(list((run.folder.folder / "images").iterdir())) == 3


def test_every_split_of_a_saved_data_set_is_taken_in(run: Run, tmp_path: Path) -> None:
    splits = datasets.DatasetDict({"train": table().select([0, 1]), "test": table().select([2, 0])})
    run.take_in(saved(splits, tmp_path / "faces"))
    assert sorted(run.items) == ["faces[test][0]", "faces[train][0]", "faces[train][1]"]
    assert run.left_out == {"faces[test][1]": "the same image as faces[train][0]"}


def test_labels_are_emotions_where_their_names_are(run: Run, tmp_path: Path) -> None:
    run.take_in(saved(table(label=[0, 1, -1]), tmp_path / "faces"))
    assert run.emotions == {"faces[all][0]": ("happy",), "faces[all][1]": ("sadness",), "faces[all][2]": ()}


def test_labels_of_something_else_are_passed_over(run: Run, tmp_path: Path) -> None:
    things = table(label=[0, 1, 0]).cast_column("label", datasets.ClassLabel(names=["cat", "dog"]))
    run.take_in(saved(things, tmp_path / "things"))
    assert set(run.emotions.values()) == {()}


def test_ids_name_the_images(run: Run, tmp_path: Path) -> None:
    run.take_in(saved(table(id=["x", "y", "z"]), tmp_path / "faces"))
    assert sorted(run.items) == ["x", "y", "z"]


def test_a_parquet_file_that_holds_images_is_a_data_set(run: Run, tmp_path: Path) -> None:
    table(emotion=["awe", "fear", "awe"]).to_parquet(str(tmp_path / "faces [1]" / "b.parquet"))
    plain = pyarrow.table({"image": [photograph_bytes(7)], "emotion": ["anger"]})
    parquet.write_table(plain, tmp_path / "faces [1]" / "a.parquet")
    run.take_in(tmp_path / "faces [1]")
    assert run.emotions == {
        "faces [1][a.parquet][0]": ("anger",),
        "faces [1][b.parquet][0]": ("awe",),
        "faces [1][b.parquet][1]": ("fear",),
        "faces [1][b.parquet][2]": ("awe",),
    }
    alone = Run(tmp_path / "RUN2")
    alone.take_in(tmp_path / "faces [1]" / "a.parquet")
    assert alone.emotions == {"faces [1][a.parquet][0]": ("anger",)}


def test_rows_that_hold_no_image_are_left_out(run: Run, tmp_path: Path) -> None:
    images = [photograph_bytes(1), None, b"text", photograph_bytes(2)[:-100]]
    parquet.write_table(pyarrow.table({"image": images}), tmp_path / "faces.parquet")
    run.take_in(tmp_path / "faces.parquet")
    name = f"{tmp_path.name}[faces.parquet]"
    assert list(run.items) == [f"{name}[0]"]
    assert run.left_out[f"{name}[1]"] == "has no image in its row"
    assert run.left_out[f"{name}[2]"] == "is not an image"
    assert run.left_out[f"{name}[3]"].startswith("does not decode")


def test_a_row_may_name_a_file_of_its_own_folder_and_no_other(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "faces" / "own.png", 1)
    write_photograph(tmp_path / "secret.png", 2)
    paths = [str(tmp_path / "faces" / "own.png"), str(tmp_path / "secret.png"), "../secret.png", "a\0.png"]
    features = datasets.Features({"image": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}})
    rows = {"image": [{"bytes": None, "path": path} for path in paths]}
    run.take_in(saved(datasets.Dataset.from_dict(rows, features=features), tmp_path / "faces"))
    assert list(run.items) == ["faces[all][0]"]
    out = "is a link that leads out of the folder"
    assert [reason for _, reason in run.folder.left_out()] == [out, out, "cannot be read: its path leads to no file"]


# Again


@pytest.mark.parametrize("kind", ["saved", "Parquet"])
def test_a_data_set_is_not_read_again_unless_an_image_has_gone(run: Run, tmp_path: Path, kind: str) -> None:
    if kind == "saved":
        source = saved(table(), tmp_path / "faces")
    else:
        table().to_parquet(str(source := tmp_path / "faces.parquet"))
    run.take_in(source)
    images = sorted((run.folder.folder / "images").iterdir())
    before = {path.name: path.stat().st_mtime_ns for path in images}
    images[0].unlink()
    assert run.take_in(source).new == 0
    after = {path.name: path.stat().st_mtime_ns for path in images}
    assert [name for name in before if before[name] != after[name]] == [images[0].name]


def test_duplicates_are_not_written(run: Run, tmp_path: Path) -> None:
    images = [photograph_bytes(1), photograph_bytes(1), photograph_bytes(1, "JPEG")]
    parquet.write_table(pyarrow.table({"image": images}), tmp_path / "faces.parquet")
    run.take_in(tmp_path / "faces.parquet")
    assert len(list((run.folder.folder / "images").iterdir())) == 1


# What is refused


def test_a_data_set_without_images_is_refused(tmp_path: Path) -> None:
    source = saved(datasets.Dataset.from_dict({"picture": ["a.png"], "text": ["b"]}), tmp_path / "texts")
    assert refusal(source).what == "texts[all] has no column `image` of images; it has picture, text"
    paths = saved(datasets.Dataset.from_dict({"image": ["a.png"]}), tmp_path / "paths")
    assert "paths of files belong into a manifest" in refusal(paths).mend


def test_an_unknown_emotion_is_refused_with_its_row(tmp_path: Path) -> None:
    source = saved(table(emotion=["awe", "sky", "awe"]), tmp_path / "faces")
    assert refusal(source).what == "faces[all][1]: emotion 'sky' is not known"


def test_an_id_that_comes_twice_is_refused_with_its_row(tmp_path: Path) -> None:
    source = saved(table(id=["x", "y", "x"]), tmp_path / "faces")
    assert refusal(source).what == "faces[all][2]: id 'x' was given before"


def test_a_data_set_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^faces has no rows\."):
        DataSetSource("faces", {"train": table().select([])}, None, emotions_of(config()), several=False)
    parquet.write_table(pyarrow.table({"image": pyarrow.array([], pyarrow.binary())}), tmp_path / "faces.parquet")
    assert "faces.parquet cannot be loaded: " in refusal(tmp_path / "faces.parquet").what


def test_a_damaged_data_set_is_refused(tmp_path: Path) -> None:
    source = saved(table(), tmp_path / "faces")
    next(source.glob("*.arrow")).write_bytes(b"text")
    assert refusal(source).what.startswith(f"{source} cannot be loaded: ")


def test_a_data_set_that_cannot_be_had_is_refused_in_one_line() -> None:
    assert refusal("hf:nobody/nothing").what.startswith("hf:nobody/nothing cannot be loaded: ")
    with pytest.raises(SourceError, match="cannot be loaded"):
        count("hf:nobody/nothing:train", config())


def test_a_name_with_branch_and_split_is_read() -> None:
    assert hub_name("hf:a/b") == ("a/b", None, None)
    assert hub_name("hf:a/b@refs/pr/1:test") == ("a/b", "refs/pr/1", "test")
    assert hub_name("hf:a-b.c:train") == ("a-b.c", None, "train")


@pytest.mark.parametrize("source", ["hf:", "hf:a/b/c", "hf:a b", "hf:a:b:c", "hf:../up", "hf:a@"])
def test_what_is_no_name_of_a_data_set_is_refused(source: str) -> None:
    with pytest.raises(SourceError, match="names no data set"):
        hub_name(source)


def test_a_folder_after_hf_is_that_folder(run: Run, tmp_path: Path) -> None:
    run.take_in(f"hf:{saved(table(), tmp_path / 'faces')}")
    assert len(run.items) == 3
    assert count(f"hf:{tmp_path / 'faces'}", config()) == 3


def test_images_may_be_of_any_format(run: Run, tmp_path: Path) -> None:
    forms = ["PNG", "JPEG", "WEBP", "BMP"]
    images = [photograph_bytes(seed, form) for seed, form in enumerate(forms)]
    parquet.write_table(pyarrow.table({"image": images}), tmp_path / "faces.parquet")
    run.take_in(tmp_path / "faces.parquet")
    assert sorted(item.path.suffix for item in run.items.values()) == [".bmp", ".jpg", ".png", ".webp"]
