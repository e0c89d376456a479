"""A folder of images is taken in, with the emotions that its folders name."""

import os
from pathlib import Path

import pytest
from support.permissions import public_tmp, unprivileged
from support.photographs import write_photograph
from support.taken_in import Run, config

from cfsa_tool.errors import ConfigError, SourceError
from cfsa_tool.ingest.emotions import USUAL, emotions_of, known_emotions
from cfsa_tool.ingest.sources import open_source
from cfsa_tool.ingest.take_in import count

__all__ = ["public_tmp"]  # a fixture


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "RUN")


def write_emoset(root: Path) -> Path:
    for seed, emotion in enumerate(("anger", "awe", "sadness")):
        write_photograph(root / "EmoSet-118k" / "image" / emotion / f"{emotion}_00{seed}.jpg", seed)
        annotation = root / "EmoSet-118k" / "annotation" / emotion / f"{emotion}_00{seed}.json"
        annotation.parent.mkdir(parents=True)
        annotation.write_text("{}")
    (root / "EmoSet-118k" / "info.json").write_text("{}")
    return root / "EmoSet-118k"


def write_caer(root: Path) -> Path:
    for seed, (split, emotion) in enumerate([("train", "Happy"), ("train", "Sad"), ("test", "Angry")], start=10):
        write_photograph(root / "CAER-S" / split / emotion / "0001.png", seed)
    return root / "CAER-S"


EMOSET = {
    "anger/anger_000.jpg": ("anger",),
    "awe/awe_001.jpg": ("awe",),
    "sadness/sadness_002.jpg": ("sadness",),
}
CAER = {"train/Happy/0001.png": ("happy",), "train/Sad/0001.png": ("sadness",), "test/Angry/0001.png": ("angry",)}


# Emotions


@pytest.mark.parametrize("below", ["EmoSet-118k", "EmoSet-118k/image", "."])
def test_emoset_is_taken_in_from_any_level(run: Run, tmp_path: Path, below: str) -> None:
    write_emoset(tmp_path / "data")
    run.take_in(tmp_path / "data" / below)
    prefix = str(Path("EmoSet-118k/image").relative_to(below)) if below != "EmoSet-118k/image" else ""
    assert run.emotions == {str(Path(prefix) / name): emotion for name, emotion in EMOSET.items()}


def test_the_annotations_of_emoset_are_one_line_of_the_report(run: Run, tmp_path: Path) -> None:
    taken = run.take_in(write_emoset(tmp_path))
    assert run.left_out == {"*.json": "4 files of this type, which is never an image"}
    assert (taken.found, taken.images, taken.left_out) == (7, 3, {"is of a type that is no image": 4})


def test_caer_s_is_taken_in_with_its_folders_as_emotions(run: Run, tmp_path: Path) -> None:
    taken = run.take_in(write_caer(tmp_path))
    assert run.emotions == CAER
    assert taken.emotions == {"angry": 1, "happy": 1, "sadness": 1}


def test_both_data_sets_are_taken_in_from_the_folder_that_holds_them(run: Run, tmp_path: Path) -> None:
    write_emoset(tmp_path / "data"), write_caer(tmp_path / "data")
    run.take_in(tmp_path / "data")
    expected = {f"EmoSet-118k/image/{name}": emotion for name, emotion in EMOSET.items()}
    assert run.emotions == {**expected, **{f"CAER-S/{name}": emotion for name, emotion in CAER.items()}}


def test_the_nearest_folder_that_names_an_emotion_counts(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "fear" / "awe" / "week 1" / "a.png", 1)
    write_photograph(tmp_path / "in" / "fear" / "b.png", 2)
    run.take_in(tmp_path / "in")
    assert run.emotions == {"fear/awe/week 1/a.png": ("awe",), "fear/b.png": ("fear",)}


def test_the_name_of_the_folder_itself_counts_last(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "Disgust" / "a.png", 1)
    write_photograph(tmp_path / "Disgust" / "awe" / "b.png", 2)
    run.take_in(tmp_path / "Disgust")
    assert run.emotions == {"a.png": ("disgust",), "awe/b.png": ("awe",)}


def test_folders_above_the_one_named_do_not_count(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "fear" / "photos" / "a.png", 1)
    run.take_in(tmp_path / "fear" / "photos")
    assert run.emotions == {"a.png": ()}


def test_where_no_folder_names_an_emotion_it_is_unknown(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "a.png", 1)
    write_photograph(tmp_path / "in" / "holidays" / "b.png", 2)
    taken = run.take_in(tmp_path / "in")
    assert run.emotions == {"a.png": (), "holidays/b.png": ()}
    assert taken.emotions == {}


def test_where_some_folders_name_an_emotion_files_of_others_are_left_out(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "awe" / "a.png", 1)
    write_photograph(tmp_path / "in" / "holidays" / "b.png", 2)
    run.take_in(tmp_path / "in")
    assert run.emotions == {"awe/a.png": ("awe",)}
    assert run.left_out == {"holidays/b.png": "its folder names no known emotion"}


def test_emotions_of_the_configuration_replace_the_usual_ones(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "in" / "Sad" / "a.png", 1)
    write_photograph(tmp_path / "in" / "nostalgia" / "b.png", 2)
    write_photograph(tmp_path / "in" / "awe" / "c.png", 3)
    run.take_in(tmp_path / "in", emotions=["Nostalgia", "sad"])
    assert run.emotions == {"Sad/a.png": ("sad",), "nostalgia/b.png": ("nostalgia",)}
    assert run.left_out == {"awe/c.png": "its folder names no known emotion"}


@pytest.mark.parametrize("word", ["", "two\nlines", "a;b", "x" * 41])
def test_an_emotion_that_is_no_short_text_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=r"is no name of an emotion\. Give short words in `emotions:`"):
        known_emotions(config(emotions=["awe", word]))


def test_the_model_chooses_among_words_of_which_no_two_mean_one_emotion() -> None:
    assert known_emotions(config()) == USUAL
    assert emotions_of(config()).read("anger") == "anger"  # EmoSet's word, which its images keep
    assert "anger" not in USUAL


@pytest.mark.parametrize(
    ("word", "emotion"), [("Sad", "sadness"), ("joy", "happy"), ("HAPPINESS", "happy"), (" awe ", "awe"), ("sky", None)]
)
def test_spellings_of_eibenchs_words_become_them(word: str, emotion: str | None) -> None:
    assert emotions_of(config()).read(word) == emotion


def test_a_spelling_of_a_word_that_the_configuration_leaves_out_names_no_emotion() -> None:
    assert emotions_of(config(emotions=["awe"])).read("sad") is None


# Files


def test_files_come_in_the_order_of_their_names_whatever_the_disk_says(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.png", "b/10.png", "C/x.png", "z.png"):
        write_photograph(tmp_path / name, 1)
    names = [candidate.name for candidate in open_source(str(tmp_path), config()).candidates()]
    assert names == ["C/x.png", "a.png", "b/10.png", "b/2.png", "z.png"]


def test_names_with_newlines_and_bytes_that_are_no_text_are_taken_in(run: Run, tmp_path: Path) -> None:
    for seed, name in enumerate((b"two\nlines.png", b"caf\xe9.png", b"\x1b[31m.png", "naïve 😀.png".encode())):
        path = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name))
        write_photograph(path, seed)
    run.take_in(tmp_path / "in")
    assert sorted(run.items) == ["?[31m.png", "caf?.png", "naïve 😀.png", "two?lines.png"]
    assert all(item.path.read_bytes().startswith(b"\x89PNG") for item in run.items.values())


def test_links_that_lead_out_of_the_folder_are_left_out(run: Run, tmp_path: Path) -> None:
    outside = write_photograph(tmp_path / "outside" / "secret.png", 1)
    inside = write_photograph(tmp_path / "in" / "a.png", 2)
    (tmp_path / "in" / "link.png").symlink_to(outside)
    (tmp_path / "in" / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "in" / "circle.png").symlink_to(tmp_path / "in" / "circle.png")
    (tmp_path / "in" / "outside").symlink_to(outside.parent)
    (tmp_path / "in" / "up").symlink_to(inside.parent)
    (tmp_path / "in" / "z.png").symlink_to(inside)
    run.take_in(tmp_path / "in")
    circle = run.left_out["circle.png"]
    assert list(run.items) == ["a.png"]
    assert circle.startswith("cannot be read: ")
    expected = {
        "link.png": "is a link that leads out of the folder",
        "nowhere.png": "is not there",
        "outside": "is a link to a folder, which is not followed",
        "up": "is a link to a folder, which is not followed",
        "z.png": "the same image as a.png",
    }
    assert {name: reason for name, reason in run.left_out.items() if name != "circle.png"} == expected


def test_a_folder_that_is_itself_a_link_is_followed(run: Run, tmp_path: Path) -> None:
    write_photograph(tmp_path / "disk" / "a.png", 1)
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    run.take_in(tmp_path / "photos")
    assert list(run.items) == ["a.png"]


def test_a_run_within_the_folder_is_no_source_of_images(tmp_path: Path) -> None:
    write_photograph(tmp_path / "a.png", 1)
    write_photograph(tmp_path / "RUN" / "images" / "b.png", 2)
    run = Run(tmp_path / "RUN")
    run.take_in(tmp_path)
    assert (list(run.items), run.left_out) == (["a.png"], {"RUN": "is the folder of a run"})


def test_a_folder_that_may_not_be_read_is_reported(public_tmp: Path, tmp_path: Path) -> None:
    write_photograph(public_tmp / "a.png", 1)
    write_photograph(public_tmp / "closed" / "b.png", 2)
    (public_tmp / "closed").chmod(0)
    with unprivileged():
        found = list(open_source(str(public_tmp), config()).candidates())
    assert {candidate.name: candidate.left_out for candidate in found} == {
        "a.png": "",
        "closed": "cannot be read: Permission denied",
    }


# Nothing to take in


def test_a_folder_of_other_files_is_refused_with_what_it_holds(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.txt").write_text("text")
    (tmp_path / "in" / "a.jpg").write_text("no image")
    with pytest.raises(SourceError) as error:
        run.take_in(tmp_path / "in")
    assert error.value.what == (
        f"{tmp_path}/in holds 4 files, none of them an image (*.txt: 3 files of this type, which is never an image;"
        " a.jpg: is not an image)"
    )


def test_an_empty_folder_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SourceError, match=r"in is empty\. Name a folder of images"):
        run.take_in(tmp_path / "in")


def test_a_source_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"photos does not exist\. Name a folder of images, a manifest"):
        run.take_in(tmp_path / "photos")


def test_a_file_that_is_no_manifest_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.png is no manifest"):
        run.take_in(write_photograph(tmp_path / "a.png", 1))


def test_a_pipe_as_source_is_refused(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    with pytest.raises(SourceError, match="is neither a file nor a folder"):
        run.take_in(tmp_path / "list.csv")


def test_images_are_counted_by_their_names_alone(tmp_path: Path) -> None:
    write_emoset(tmp_path)
    (tmp_path / "broken.JPG").write_text("no image")
    (tmp_path / "README").write_text("no image")
    assert count(str(tmp_path), config()) == 4
