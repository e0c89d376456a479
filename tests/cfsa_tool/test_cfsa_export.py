"""`cfsa export`: what the folder of a split holds, that it is the same bytes every time, and what is refused."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.built_runs import (
    BUILT,
    a_sample,
    a_trigger,
    basic_run,
    complex_run,
    configuration,
    finish,
    leave_out,
    new_run,
    picture_file,
)

from cfsa_tool.errors import ExportError
from cfsa_tool.export.task_files import check_name, taken
from cfsa_tool.export.write import export
from cfsa_tool.run_folder import RunFolder
from eibench_tasks.data.annotations import emotion_of_question, read_basic, read_complex
from eibench_tasks.data.exported import Exported, load_exported, metric_names
from eibench_tasks.errors import EIBenchError

NAME = "my_split"


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An exported split of four images; tests must not change it."""
    root = tmp_path_factory.mktemp("basic")
    return export(basic_run(root), root / "out", NAME)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An exported split of the complex kind; tests must not change it."""
    root = tmp_path_factory.mktemp("complex")
    return export(complex_run(root), root / "out", "many")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rows(split: Exported) -> list[dict[str, Any]]:
    """The samples, read by pyarrow alone."""
    import pyarrow.parquet as pq

    return [row for file in split.files for row in pq.read_table(file).to_pylist()]


# The data set


def test_datasets_loads_the_folder_with_images_and_lists(
    basic: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    loaded = datasets.load_dataset(str(basic.folder), split="test", cache_dir=str(tmp_path))
    assert len(loaded) == len(BUILT)
    assert {(row["emotion"], tuple(row["triggers"])) for row in loaded} == {(e, tuple(t)) for _, e, t in BUILT}
    assert all(isinstance(row["image"], Image.Image) and row["image"].size == (64, 48) for row in loaded)


def test_the_parquet_files_alone_hold_everything_the_tasks_read(basic: Exported) -> None:
    (row,) = [row for row in rows(basic) if row["image_name"] == "angry/coffee.png"]
    assert row["id"] == f"angry-{row['image_id']}"
    assert row["triggers_text"] == "1. spilled coffee on a shirt\n2. a crowded train"
    assert (row["kinds"], row["probabilities"]) == (["explicit"] * 2, [0.9] * 2)
    assert row["question"] in row["prompt_user"] and row["prompt_cot"].startswith(row["prompt_user"])
    assert (row["split"], row["emotion_by"], row["caption"]) == ("basic", "source", "")


def test_the_floor_answer_is_another_image_of_the_same_emotion_where_there_is_one(basic: Exported) -> None:
    by_name = {row["image_name"]: row for row in rows(basic)}
    assert by_name["happy/cake.jpg"]["floor_answer"] == "a dog that fetches a ball\na sunny meadow"
    assert by_name["happy/dog.jpg"]["floor_answer"].startswith("a birthday cake\n")
    storm = by_name["fear/storm.jpg"]  # the only one of its emotion
    others = {"\n".join(row["triggers"]) for row in by_name.values() if row is not storm}
    assert storm["floor_answer"] in others


def test_a_single_image_has_no_floor_answer_not_even_its_own_other_samples(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", configuration(kind="complex"))
    finish(run, picture_file(tmp_path / "a.jpg"), a_sample("happy", "a cake"), a_sample("fear", "a dog"))
    assert [row["floor_answer"] for row in rows(export(run, tmp_path / "out", NAME))] == ["", ""]


def test_large_splits_are_several_files_that_say_of_how_many(tmp_path: Path) -> None:
    split = export(basic_run(tmp_path), tmp_path / "out", NAME, shard_bytes=1)
    assert [file.name for file in split.files] == [f"{NAME}-{number:05}-of-00004.parquet" for number in range(4)]
    assert [shard.samples for shard in split.facts.shards] == [1, 1, 1, 1]
    assert [shard.sha256 for shard in split.facts.shards] == [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in split.files
    ]
    assert len({row["id"] for row in rows(split)}) == 4


def test_upright_files_are_embedded_as_they_are_and_others_are_made_upright_rgb(tmp_path: Path) -> None:
    run, photos = new_run(tmp_path / "run"), tmp_path / "photos"
    turned = Image.Exif()
    turned[0x0112] = 6
    finish(run, picture_file(photos / "plain.jpg", 1), a_sample("happy", "a"))
    finish(run, picture_file(photos / "turned.jpg", 2, exif=turned.tobytes()), a_sample("happy", "b"))
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(photos / "clear.png")
    finish(run, photos / "clear.png", a_sample("happy", "c"))
    picture_file(photos / "bitmap.bmp", 3)
    finish(run, photos / "bitmap.bmp", a_sample("happy", "d"))
    split = export(run, tmp_path / "out", NAME)
    images = {row["image_name"].rpartition("/")[2]: row["image"]["bytes"] for row in rows(split)}
    assert images["plain.jpg"] == (photos / "plain.jpg").read_bytes()
    opened = {name: Image.open(io.BytesIO(found)) for name, found in images.items()}
    assert {name: (image.format, image.mode, image.size) for name, image in opened.items()} == {
        "plain.jpg": ("JPEG", "RGB", (64, 48)),
        "turned.jpg": ("JPEG", "RGB", (48, 64)),
        "clear.png": ("PNG", "RGB", (20, 10)),
        "bitmap.bmp": ("PNG", "RGB", (64, 48)),
    }
    assert opened["turned.jpg"].getexif().get(0x0112, 1) == 1
    assert opened["clear.png"].getpixel((0, 0)) == (255, 255, 255)


# EIBench's own format


def test_eibenchs_reader_reads_the_basic_format_and_its_images_are_there(basic: Exported) -> None:
    folder = basic.folder
    read = read_basic((folder / "user.jsonl").read_bytes(), (folder / "basic_ground_truth.json").read_bytes())
    assert {(item.emotion, tuple(item.triggers)) for item in read} == {(e, tuple(t)) for _, e, t in BUILT}
    by_key = {row["image_file"]: row for row in rows(basic)}
    for item in read:
        assert (folder / item.image_key).read_bytes() == by_key[item.image_key]["image"]["bytes"]
        assert item.question == by_key[item.image_key]["question"]


def test_eibenchs_reader_reads_the_complex_format_and_equal_questions_stay_apart(several: Exported) -> None:
    read = read_complex((several.folder / "ec_complex.jsonl").read_bytes())
    assert sorted(item.triggers[0] for item in read) == ["a burst balloon", "a cake", "a won game", "an empty pier"]
    questions = [item.question for item in read if emotion_of_question(item.question) == "happy"]
    assert questions == ["Why does the person feel happy?", "Why does the person feel happy? (happy, the man)"]
    assert len({row["id"] for row in rows(several)}) == 4
    assert not (several.folder / "user.jsonl").exists()


def test_image_files_may_be_left_out_and_the_data_are_the_same(basic: Exported, tmp_path: Path) -> None:
    split = export(basic_run(tmp_path), tmp_path / "out", NAME, images=False)
    assert not (split.folder / "images").exists()
    assert {row["image_file"] for row in rows(split)} == {""}
    assert split.facts.digest == basic.facts.digest


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_an_emotion_is_called_its_samples_can_be_read_again(emotion: str, trigger: str) -> None:
    from cfsa_tool.export.eibench_format import EIBenchFiles
    from cfsa_tool.export.samples import samples_of
    from cfsa_tool.records import Item, Outcome

    if not " ".join(trigger.split()) or not trigger.isprintable():
        return
    item = Item("0123456789abcdef", "a.jpg", Path("a.jpg"), "0" * 64, 1, 1, 1)
    samples = samples_of(item, Outcome(samples=[a_sample(emotion, trigger, question="Why?")]), "basic")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        files = EIBenchFiles(Path(folder), "basic", True)
        key = files.add(samples, b"image", "jpg")
        files.finish()
        (read,) = read_basic(
            *((Path(folder) / name).read_bytes() for name in ("user.jsonl", "basic_ground_truth.json"))
        )
        assert (Path(folder) / key).resolve().is_relative_to(Path(folder).resolve())
        assert read.image_key == key and read.triggers == [" ".join(trigger.split())]


# Where triggers come from, and what was left out


def test_every_trigger_says_what_supports_it_and_every_dropped_one_why(several: Exported) -> None:
    told = {(entry["emotion"], entry["whom"]): entry for entry in lines(several.folder / "provenance.jsonl")}
    cake = told["happy", "the child"]
    assert [note["question"] for note in cake["triggers"][0]["notes"]] == ["Who is there?"]
    assert cake["triggers"][0]["notes"][0] | {"turn": 2, "stage": "general"} == cake["triggers"][0]["notes"][0]
    assert cake["triggers"][0]["probability"] == 0.9
    assert [note["stage"] for note in cake["other_notes"]] == ["scenario"]
    assert cake["dropped"] == [{"text": "joy", "reason": "it only names the emotion", "probability": None}]
    assert told["sadness", "the girl"]["triggers"][0]["merged"] == ["a popped balloon"]
    assert len(told) == several.facts.samples


def test_whatever_has_no_sample_is_listed_with_its_reason(basic: Exported, several: Exported) -> None:
    found = [(entry["what"], entry["name"], entry["reason"]) for entry in lines(basic.folder / "left_out.jsonl")]
    assert found == [
        ("failed", "fear/fog.jpg", "the model refuses"),
        ("not taken in", "happy/copy.jpg", "near-identical to happy/cake.jpg"),
        ("not taken in", "notes.txt", "is no image"),
    ]
    (skipped,) = lines(several.folder / "left_out.jsonl")
    assert (skipped["what"], skipped["emotion"]) == ("emotion without sample", "awe")


# The same run, the same bytes


def test_the_same_run_gives_the_same_bytes_wherever_it_goes(basic: Exported, tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    for place in (tmp_path / "here", tmp_path / "else" / "where"):
        assert content(export(run, place, NAME).folder) == content(basic.folder)


def test_nothing_of_this_machine_is_in_an_export(tmp_path: Path) -> None:
    model = tmp_path / "models" / "qwen-tiny"
    run = basic_run(tmp_path, vision={"engine": "transformers", "model": str(model)})
    split = export(run, tmp_path / "out", NAME)
    assert "qwen-tiny (transformers)" in split.facts.built_by
    for name, found in content(split.folder).items():
        assert str(tmp_path).encode() not in found.replace(b"\\", b""), name  # Markdown escapes


@pytest.mark.parametrize("fields", [{"rounds": 3}, {"vision": {"engine": "openai", "model": "other"}}])
def test_another_configuration_is_another_fingerprint(basic: Exported, tmp_path: Path, fields: Any) -> None:
    split = export(basic_run(tmp_path, **fields), tmp_path / "out", NAME)
    assert split.facts.fingerprint != basic.facts.fingerprint
    assert split.facts.digest == basic.facts.digest


# The place


def test_an_export_of_the_same_name_is_replaced_as_a_whole(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    first = content(export(run, tmp_path / "out", NAME, shard_bytes=1).folder)
    (tmp_path / "out" / "__pycache__").mkdir()  # as lmms-eval leaves it
    finish(run, picture_file(tmp_path / "photos" / "new.jpg", 50), a_sample("awe", "a peak"))
    second = content(export(run, tmp_path / "out", NAME).folder)
    assert len([name for name in first if name.endswith(".parquet")]) == 4
    assert len([name for name in second if name.endswith(".parquet")]) == 1
    assert load_exported(tmp_path / "out").facts.samples == 5
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "photos", "run"]


def test_other_folders_and_other_splits_are_refused_and_left_alone(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    with pytest.raises(ExportError, match="holds other files and no exported split"):
        export(run, tmp_path / "photos", NAME)
    with pytest.raises(ExportError, match="holds other files and no exported split"):
        export(run, tmp_path / "run", NAME)
    export(run, tmp_path / "out", NAME)
    with pytest.raises(ExportError, match="holds the split my_split, not other"):
        export(run, tmp_path / "out", "other")
    (tmp_path / "out" / "my_notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"'my_notes.txt' beside the split"):
        export(run, tmp_path / "out", NAME)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    for name in ("file", "link"):
        with pytest.raises(ExportError, match="is no folder"):
            export(run, tmp_path / name, NAME)
    assert (tmp_path / "out" / "my_notes.txt").read_text() == "mine"


def test_an_empty_folder_is_a_place(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert export(basic_run(tmp_path), tmp_path / "out", NAME).facts.samples == 4


def test_two_exports_to_one_place_do_not_mix(tmp_path: Path) -> None:
    from filelock import FileLock

    run = basic_run(tmp_path)
    (tmp_path / ".out.part").mkdir()
    with (
        FileLock(tmp_path / ".out.part" / ".lock"),
        pytest.raises(ExportError, match="another export is writing to"),
    ):
        export(run, tmp_path / "out", NAME)
    export(run, tmp_path / "out", NAME)


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from cfsa_tool.export import place, write
from cfsa_tool.run_folder import RunFolder
step, root = {step!r}, Path({root!r})
count = 0
def killed():
    global count
    count += 1
    if count == 3: os.kill(os.getpid(), signal.SIGKILL)
if step != "image":
    rename = Path.rename
    def half(self, target):
        rename(self, target)
        if self.name == step: os.kill(os.getpid(), signal.SIGKILL)
    Path.rename = half
progress = (lambda total: killed) if step == "image" else (lambda total: lambda: None)
write.export(RunFolder(root / "run"), root / "out", "my_split", progress=progress)
"""


@pytest.mark.parametrize(
    ("step", "before"), [("image", False), ("image", True), ("out", True), (".out.part", False), (".out.part", True)]
)
def test_a_killed_export_leaves_nothing_half_and_the_next_one_nothing_else(
    basic: Exported, tmp_path: Path, step: str, before: bool
) -> None:
    run = basic_run(tmp_path)
    if before:
        export(run, tmp_path / "out", NAME)
    script = KILLED.format(path=[path for path in sys.path if path], step=step, root=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.returncode == -9, ended.stderr
    if step == "image":
        assert not (tmp_path / "out").exists() if not before else content(tmp_path / "out") == content(basic.folder)
    assert content(export(run, tmp_path / "out", NAME).folder) == content(basic.folder)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "photos", "run"]


def test_a_failed_export_puts_back_what_was_there(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    before = content(export(run, tmp_path / "out", NAME).folder)
    (tmp_path / "photos" / "fear" / "storm.jpg").unlink()
    with pytest.raises(ExportError, match=r"fear/storm.jpg: the file cannot be read any more"):
        export(run, tmp_path / "out", NAME)
    assert content(tmp_path / "out") == before
    assert not list(tmp_path.glob(".out*"))


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    script = (
        f"import sys, resource, signal; sys.path[:0] = {[path for path in sys.path if path]!r}\n"
        "from pathlib import Path\n"
        "from cfsa_tool.export.write import export\n"
        "from cfsa_tool.run_folder import RunFolder\n"
        f"run = RunFolder(Path({str(tmp_path / 'run')!r}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        f"export(run, Path({str(tmp_path / 'out')!r}), 'my_split')\n"
    )
    basic_run(tmp_path).close()
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "ExportError" in ended.stderr and "cannot be written (File too large)" in ended.stderr, ended.stderr
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


# What cannot be exported


def test_a_run_without_a_finished_sample_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    leave_out(run, {"a.txt": "is no image"})
    finish(run, picture_file(tmp_path / "a.jpg"), stage="summary", failure="no")
    with pytest.raises(ExportError, match=r"no finished sample. See what it has: `cfsa status"):
        export(run, tmp_path / "out", NAME)
    assert not (tmp_path / "out").exists()


def test_an_image_that_changed_stops_the_export_or_is_left_out_with_its_reason(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    picture_file(tmp_path / "photos" / "fear" / "storm.jpg", 7)
    with pytest.raises(ExportError, match=r"has changed since it was taken in. .*--allow-missing"):
        export(run, tmp_path / "out", NAME)
    split = export(run, tmp_path / "out", NAME, allow_missing=True)
    assert split.facts.samples == 3 and set(split.facts.metrics) == {"angry", "happy"}
    failed = [entry for entry in lines(split.folder / "left_out.jsonl") if entry["what"] == "failed"]
    assert {(entry["name"], entry["stage"]) for entry in failed} == {
        ("fear/storm.jpg", "export"),
        ("fear/fog.jpg", "summary"),
    }


def test_a_run_that_goes_on_meanwhile_is_exported_as_of_one_moment(tmp_path: Path) -> None:
    run = basic_run(tmp_path)
    other = RunFolder(tmp_path / "run")

    def goes_on(total: int) -> Any:
        def step() -> None:
            if not (tmp_path / "photos" / "late.jpg").exists():
                finish(other, picture_file(tmp_path / "photos" / "late.jpg", 60), a_sample("awe", "a peak"))

        return step

    assert export(run, tmp_path / "out", NAME, progress=goes_on).facts.samples == 4
    assert export(run, tmp_path / "out", NAME).facts.samples == 5


@pytest.mark.parametrize("name", ["", "My", "1st", "a-b", "a b", "../x", "x" * 65, "ü", "a\n"])
def test_names_that_no_task_can_have_are_refused(name: str) -> None:
    with pytest.raises(ExportError, match="is no name of a split"):
        check_name(name)


def test_names_of_other_tasks_are_refused_since_those_would_be_run_instead() -> None:
    with pytest.raises(ExportError, match="one of EIBench's own"):
        check_name("eibench_mine")
    for name in ("mmmu_val", "mme", "mmbench"):  # a task, a task, a group
        with pytest.raises(ExportError, match=f"has a task {name} of its own"):
            check_name(name)
    check_name("my_split")


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("task: mine\n", True),
        ('task: "mine"  # ours\n', True),
        ("group: mine\ntask:\n  - a\n", True),
        ("tag:\n  - mine\n", True),
        ("task: mine_too\n", False),
        ("dataset_path: mine\n", False),
    ],
)
def test_a_name_is_taken_where_a_yaml_defines_it(tmp_path: Path, yaml: str, expected: bool) -> None:
    (tmp_path / "a.yaml").write_text(yaml)
    assert taken("mine", [tmp_path / "a.yaml"]) is expected


# Names of metrics


def test_emotions_give_their_names_to_metrics() -> None:
    assert metric_names(["happy", "mixed feelings"]) == {
        "happy": "recall_happy",
        "mixed feelings": "recall_mixed_feelings",
    }
    assert metric_names(["fear", "fearful"]) == {"fear": "recall_2_fear", "fearful": "recall_fearful"}
    assert metric_names(["overall"]) == {"overall": "recall_2_overall"}


@given(
    st.sets(st.text(min_size=1, max_size=6) | st.sampled_from(["over", "overall", "a", "aa", "a b", "a_b", "2", "2_a"]))
)
def test_no_metric_is_part_of_another_whatever_the_emotions(emotions: set[str]) -> None:
    names = metric_names(emotions)
    assert set(names) == emotions
    others = [*names.values(), "recall_overall", "ci95_low", "chance_recall", "floor_recall", "coverage"]
    for place, one in enumerate(others):
        assert not [other for number, other in enumerate(others) if number != place and one in other]


# Reading it again


def write_other_rows(file: Path, count: int) -> None:
    """Another Parquet file with as many rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": [str(number) for number in range(count)]}), file)


@pytest.fixture
def broken(basic: Exported, tmp_path: Path) -> Iterator[Path]:
    """A copy that a test may break."""
    yield Path(shutil.copytree(basic.folder, tmp_path / "copy"))


def test_a_whole_copy_passes_and_its_samples_name_their_images(broken: Path) -> None:
    split = load_exported(broken)
    split.check()
    samples = list(split.samples())
    assert {sample["recall_metric"] for sample in samples} == {"recall_angry", "recall_fear", "recall_happy"}
    assert all(Path(sample["image"]).is_file() for sample in samples)


@pytest.mark.parametrize("name", ["../private.png", "/etc/hostname", "images/../../private.png"])
def test_a_split_of_somebody_else_names_no_file_outside_of_it(broken: Path, name: str) -> None:
    (broken.parent / "private.png").write_bytes(b"private")
    split = load_exported(broken)
    row = rows(split)[0]
    assert split.as_doc(row)["image"] and split.as_doc(row | {"image_file": name})["image"] == ""


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda file: file.unlink(), "cannot be read"),
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), "is not the file that was exported"),
        (lambda file: file.write_bytes(b"x" * file.stat().st_size), "is not the file that was exported"),
        (lambda file: write_other_rows(file, 4), "is not the file that was exported"),
    ],
    ids=["gone", "cut", "garbage", "another"],
)
def test_a_damaged_data_file_is_said_before_it_is_used(broken: Path, harm: Any, expected: str) -> None:
    split = load_exported(broken)
    harm(split.files[0])
    with pytest.raises(EIBenchError, match=expected):
        split.check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 2}', "newer version"),
    ],
    ids=["empty", "list", "deep", "fields", "newer"],
)
def test_a_damaged_manifest_is_an_error_of_ours(broken: Path, text: str, expected: str) -> None:
    (broken / "split.json").write_text(text)
    with pytest.raises(EIBenchError, match=expected):
        load_exported(broken)


def test_a_folder_without_a_split_says_so(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match="is no exported split"):
        load_exported(tmp_path)


def test_labels_travel_with_the_split(basic: Exported, tmp_path: Path) -> None:
    from eibench_tasks.judging.llm.labels import labels_of

    found = labels_of(basic)
    assert len(found.labels) == 4 and {label for one in found.labels.values() for label in one} == {
        ("explicit", "objects")
    }
    run = new_run(tmp_path / "run", configuration(label=False))
    finish(run, picture_file(tmp_path / "a.jpg"), a_sample("happy", a_trigger("a cake", kind=None, category=None)))
    with pytest.raises(EIBenchError, match="are not labelled"):
        labels_of(export(run, tmp_path / "out", NAME))
