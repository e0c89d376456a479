"""A manifest names images and what is known of them."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from support.photographs import write_photograph
from support.taken_in import Run, config

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Candidate
from cfsa_tool.ingest.sources import open_source
from cfsa_tool.ingest.take_in import count

NAMES = ["a.png", "b.png", "sub/c.png"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        write_photograph(tmp_path / "data" / name, seed)
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "RUN")


def written(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def json_lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def candidates(file: Path, **fields: Any) -> list[Candidate]:
    return list(open_source(str(file), config(**fields)).candidates())


def refusal(file: Path, **fields: Any) -> str:
    with pytest.raises(SourceError) as error:
        open_source(str(file), config(**fields))
    assert error.value.mend and "\n" not in str(error.value)
    return error.value.what.removeprefix(f"{file} ").removeprefix(f"{file}: ")


# What a manifest says


def test_csv_jsonl_and_parquet_say_the_same(run: Run, data: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"image": "a.png", "emotion": "awe", "id": "first", "question": "Why the awe?"},
        {"image": "b.png", "emotion": "Sad", "id": "second", "question": ""},
        {"image": "sub/c.png", "emotion": "", "id": "", "question": ""},
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader(), writer.writerows(rows)
    files = [written(data / "list.csv", text.getvalue()), written(data / "list.jsonl", json_lines(*rows))]
    parquet.write_table(pyarrow.Table.from_pylist(rows), data / "list.parquet")
    found = [candidates(file) for file in (*files, data / "list.parquet")]
    assert found[0] == found[1] == found[2]
    run.take_in(files[0])
    first, second, third = (run.items[name] for name in ("first", "second", "sub/c.png"))
    assert (first.path, first.emotions, first.question) == (data / "a.png", ("awe",), "Why the awe?")
    assert (second.emotions, third.emotions) == (("sadness",), ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_as_spreadsheets_write_it(data: Path, delimiter: str, encoding: str) -> None:
    lines = [["ID", "Image ", "emotion", "other"], ["1", "a.png", "fear", "ü"], [], ["2", "b.png", "awe", ""]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    found = candidates(written(data / "list.csv", text.encode(encoding)))
    assert [(candidate.name, candidate.path.name, candidate.emotions) for candidate in found] == [
        ("1", "a.png", ("fear",)),
        ("2", "b.png", ("awe",)),
    ]


def test_names_of_files_may_hold_newlines_and_bytes_that_are_no_text(run: Run, data: Path) -> None:
    odd = [b"two\nlines.png", b"caf\xe9.png"]
    for seed, name in enumerate(odd):
        write_photograph(data / os.fsdecode(name), 10 + seed)
    run.take_in(written(data / "list.csv", b'image,emotion\n"two\nlines.png",awe\ncaf\xe9.png,fear\n'))
    assert run.emotions == {"two?lines.png": ("awe",), "caf?.png": ("fear",)}


@pytest.mark.parametrize(
    "row",
    ['"awe; fear"', '"[""awe"", ""fear""]"'],
    ids=["semicolons", "JSON"],
)
def test_csv_may_name_several_emotions_for_complex_runs(data: Path, row: str) -> None:
    file = written(data / "list.csv", f"image,emotion\na.png,{row}\n")
    assert candidates(file, kind="complex")[0].emotions == ("awe", "fear")
    assert refusal(file) == "line 2: there is more than one emotion"


def test_json_and_parquet_may_name_several_emotions_for_complex_runs(data: Path) -> None:
    rows = [{"image": "a.png", "emotion": ["awe", "Fear", "awe"]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), data / "list.parquet")
    for file, where in ((written(data / "list.jsonl", json_lines(*rows)), "line"), (data / "list.parquet", "row")):
        assert candidates(file, kind="complex")[0].emotions == ("awe", "fear")
        assert refusal(file).startswith(where)


def test_one_image_in_two_rows_is_taken_once(run: Run, data: Path) -> None:
    run.take_in(written(data / "list.csv", "image,emotion\na.png,awe\n./a.png,awe\na.png,fear\n"))
    assert list(run.items) == ["a.png"]
    assert list(run.folder.left_out()) == [
        ("./a.png", "the same image as a.png"),
        ("a.png", "the same image as a.png, though with another emotion: awe there, fear here"),
    ]


def test_rows_are_counted_without_a_look_at_the_images(data: Path) -> None:
    assert count(str(written(data / "list.csv", "image\nx.png\ny.png\n")), config()) == 2


# Where images may be


def test_paths_are_relative_to_the_manifest_or_absolute(run: Run, data: Path, tmp_path: Path) -> None:
    elsewhere = write_photograph(tmp_path / "elsewhere" / "d.png", 7)
    (tmp_path / "link.png").symlink_to(elsewhere)
    manifest = written(
        data / "sub" / "list.jsonl", json_lines({"image": "c.png"}, {"image": str(tmp_path / "link.png")})
    )
    run.take_in(manifest)
    assert sorted(item.path for item in run.items.values()) == [data / "sub" / "c.png", tmp_path / "link.png"]


@pytest.mark.parametrize("path", ["../a.png", "sub/../../a.png", ".."])
def test_a_path_that_leaves_the_manifests_folder_is_refused(data: Path, path: str) -> None:
    file = written(data / "sub" / "list.csv", f"image\nc.png\n{path}\n")
    assert refusal(file) == f"line 3: image {path!r} leads out of the manifest's folder"


def test_a_link_that_leaves_the_manifests_folder_is_left_out(run: Run, data: Path, tmp_path: Path) -> None:
    write_photograph(tmp_path / "outside" / "d.png", 7)
    (data / "away").symlink_to(tmp_path / "outside")
    run.take_in(written(data / "list.csv", "image\na.png\naway/d.png\ngone.png\nsub/../b.png\n.\n"))
    assert sorted(run.items) == ["a.png", "sub/../b.png"]
    assert run.left_out == {
        "away/d.png": "is a link that leads out of the folder",
        "gone.png": "is not there",
        ".": "is no file but a folder",
    }


# What is refused


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "has no column `image`; it has nothing"),
        ("file,emotion\na.png,awe\n", "has no column `image`; it has file, emotion"),
        ("image,image\na.png,b.png\n", "has two columns `image`"),
        ("image,emotion\n", "names no image"),
        ("image,emotion\na.png,awe\n,awe\n", "line 3: image is empty"),
        ("image,emotion\n\na.png,sky\n", "line 3: emotion 'sky' is not known"),
        ('image,emotion\n"a\n.png",awe\nb.png,sky\n', "line 4: emotion 'sky' is not known"),
        ('image,emotion\n"a\n.png",sky\n', "line 2: emotion 'sky' is not known"),
        ("image,id\na.png,1\nb.png,2\nc.png,1\n", "line 4: id '1' was given before"),
        ("image;emotion\na.png;awe;fear\n", "line 2 has 3 columns, the header 2"),
        ('image,emotion\n"a.png,awe\n', "line 2: unexpected end of data"),
        (b"image,question\na.png,caf\xe9\n", "line 2: question is not UTF-8"),
        (f"image,question\na.png,{'x' * 1001}\n", "line 2: question has 1,001 characters"),
        ("image,emotion\na.png,[awe\n", "line 2: emotion is a list that is not JSON"),
        (b"image\na\0.png\n", "line 2: image is no path"),
        (b"\xff\xfei\0m", "is damaged: no text"),
        (f"image\n{'x' * 200_000}\n", "line 2: field larger than field limit (131072)"),
    ],
)
def test_a_csv_that_has_no_meaning_is_refused_with_its_line(tmp_path: Path, content: str | bytes, what: str) -> None:
    assert refusal(written(tmp_path / "list.csv", content)) == what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "names no image"),
        ('{"file": "a.png"}\n', "line 1 has no column `image`; it has file"),
        ('{"image": "a.png"}\n{"image": "b.p', "line 2 is not JSON, cut short or damaged"),
        ('{"image": "a.png"}\n["b.png"]\n', "line 2 is no JSON object"),
        ('{"image": 7}\n', "line 1: image is no path"),
        ('{"image": "\\ud800"}\n', "line 1: image is no path"),
        ('{"image": "a.png", "emotion": 7}\n', "line 1: emotion is no text"),
        ('{"image": "a.png", "emotion": "\\ud800"}\n', "line 1: emotion '?' is not known"),
        ('{"image": "a.png", "question": "\\ud800"}\n', "line 1: question is not UTF-8"),
        ('{"image": "a.png", "question": ["?"]}\n', "line 1: question is no text"),
        ('{"image": "a.png", "id": 7}\n{"image": "b.png", "id": "7"}\n', "line 2: id '7' was given before"),
    ],
)
def test_json_lines_that_have_no_meaning_are_refused_with_their_line(tmp_path: Path, content: str, what: str) -> None:
    assert refusal(written(tmp_path / "list.jsonl", content)) == what


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"image": ["a.png"]}), tmp_path / "list.parquet")
    content = (tmp_path / "list.parquet").read_bytes()
    assert refusal(written(tmp_path / "cut.parquet", content[:-20])).startswith("is damaged: ")
    assert refusal(written(tmp_path / "text.parquet", "text")).startswith("is damaged: ")
    parquet.write_table(pyarrow.table({"picture": ["a.png"]}), tmp_path / "list.parquet")
    assert refusal(tmp_path / "list.parquet") == "has no column `image`; it has picture"
    parquet.write_table(pyarrow.table({"image": pyarrow.array([], pyarrow.string())}), tmp_path / "list.parquet")
    assert refusal(tmp_path / "list.parquet") == "names no image"


def test_a_refusal_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        open_source(str(written(tmp_path / "list.csv", "image,emotion\na.png,sky\n")), config(emotions=["awe", "joy"]))
    assert error.value.mend == "Known are awe, joy; name others in `emotions:` of the configuration"


def test_nothing_is_taken_in_of_a_manifest_with_a_bad_last_row(run: Run, data: Path) -> None:
    with pytest.raises(SourceError):
        run.take_in(written(data / "list.csv", "image,emotion\na.png,awe\nb.png,sky\n"))
    assert run.items == {}


# Any table at all

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PATHS = CELLS.filter(lambda text: text.strip() and not text.startswith("/") and ".." not in text)
ROWS = st.lists(st.fixed_dictionaries({"image": PATHS, "question": CELLS}), min_size=1, max_size=5)


@given(ROWS, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig"]))
@settings(max_examples=100, deadline=None)
def test_what_is_written_as_csv_is_read(tmp_path_factory: Any, rows: Any, delimiter: str, encoding: str) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["question", "image"], delimiter=delimiter)
    writer.writeheader(), writer.writerows(rows)
    file = tmp_path_factory.getbasetemp() / "any.csv"
    found = candidates(written(file, text.getvalue().encode(encoding)))
    assert [candidate.path for candidate in found] == [file.parent / row["image"] for row in rows]
    assert [candidate.question for candidate in found] == [row["question"].strip() for row in rows]
    assert len({candidate.key for candidate in found}) == len(rows)


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_what_is_written_as_json_lines_is_read(tmp_path_factory: Any, rows: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    found = candidates(written(file, json_lines(*rows)))
    assert [(candidate.path, candidate.question) for candidate in found] == [
        (file.parent / row["image"], row["question"].strip()) for row in rows
    ]


@given(
    st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "parquet"]), st.sampled_from([b"", b"image,emotion\n"])
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, content: bytes, kind: str, start: bytes) -> None:
    file = written(tmp_path_factory.getbasetemp() / f"bytes.{kind}", start + content)
    try:
        found = candidates(file)
    except SourceError as error:
        assert error.mend and str(error).isprintable()
    else:
        assert all(candidate.name.isprintable() for candidate in found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.sampled_from(["image", "emotion", "id", "question"]), JSON), max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_or_refused(tmp_path_factory: Any, rows: Any) -> None:
    file = written(tmp_path_factory.getbasetemp() / "json.jsonl", json_lines(*rows))
    try:
        candidates(file)
    except SourceError as error:
        assert error.mend and str(error).isprintable()
