"""`eibench prepare`: what it makes of the published annotations, and what it leaves when it fails or is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.few_images import few_keys, write_few
from support.permissions import public_tmp, unprivileged

from eibench_tasks.data import annotations, source
from eibench_tasks.data.lite import lite_ids
from eibench_tasks.data.prepare import add_captions, prepare
from eibench_tasks.data.prepared import Prepared, load_prepared
from eibench_tasks.errors import AnnotationError, EIBenchError, ImagesError

__all__ = ["public_tmp"]  # a fixture

ROOT = Path(__file__).resolve().parents[2]
RUN = "import sys; from eibench_tasks.cli import main; main(sys.argv[1:])"
RUN_WITH_SMALL_FILES = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); " + RUN
)  # as on a full disk, a write fails half-way


@pytest.fixture(scope="module")
def full(standins: Path, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """All of EIBench, prepared once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIBENCH_HOME", str(tmp_path_factory.mktemp("full")))
        yield prepare([standins], published)


@pytest.fixture
def few(published: Path, tmp_path: Path) -> Path:
    return write_few(tmp_path / "few", published)


@pytest.fixture
def captions(published: Path, tmp_path: Path) -> Path:
    file = tmp_path / "captions.jsonl"
    lines = [json.dumps({"image": key, "caption": f"What {key} shows."}) for key in few_keys(published)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def command(*arguments: object, code: str = RUN) -> list[str]:
    return [sys.executable, "-c", code, "prepare", *map(str, arguments)]


def folders_named(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("prepared-")]


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("prepared-*"))


# The whole data set


def test_all_of_eibench_is_1615_basic_and_50_complex_samples_over_23_images(full: Prepared) -> None:
    assert (len(full.split("basic")), len(full.split("complex"))) == (1615, 50)
    assert len({sample.image_id for sample in full.split("complex")}) == 23
    assert {name: (counts.n, counts.of) for name, counts in full.manifest.counts.items()} == {
        "basic": (1615, 1615),
        "complex": (50, 50),
    }
    assert full.manifest.left_out == {}


def test_the_basic_emotions_are_720_462_342_91(full: Prepared) -> None:
    counts = Counter(sample.emotion for sample in full.split("basic"))
    assert counts == {"excitement": 720, "sadness": 462, "angry": 342, "happy": 91}


def test_the_table_on_disk_holds_the_same_samples_and_the_lite_ones(full: Prepared) -> None:
    import datasets

    table = datasets.load_from_disk(str(full.arrow))
    assert {name: len(rows) for name, rows in table.items()} == {"basic": 1615, "complex": 50, "lite": 200}
    assert list(table["basic"]) == [sample.model_dump() for sample in full.split("basic")]
    assert list(table["complex"]) == [sample.model_dump() for sample in full.split("complex")]
    assert set(table["lite"]["id"]) == lite_ids()


def test_every_sample_carries_its_question_in_both_published_prompts(full: Prepared) -> None:
    strings = full.protocol.model
    before, _, after = strings.user.partition("{question}")
    for sample in full.samples:
        assert sample.prompt_user == before + sample.question + after
        assert sample.prompt_cot == sample.prompt_user + strings.cot_suffix


def test_images_are_given_by_absolute_path(full: Prepared, standins: Path) -> None:
    for sample in full.samples[::100]:
        assert sample.image == str((standins / sample.image_id).resolve())


def test_a_floor_answer_names_the_triggers_of_another_image_of_the_same_emotion(full: Prepared) -> None:
    blocks: dict[str, set[tuple[str, str, str]]] = {}
    for sample in full.samples:
        blocks.setdefault("\n".join(sample.triggers), set()).add((sample.split, sample.emotion, sample.image_id))
    for sample in full.split("basic"):
        sources = blocks[sample.floor_answer]
        assert any(
            (split, emotion) == ("basic", sample.emotion) and image != sample.image_id
            for split, emotion, image in sources
        )


def test_a_prepared_data_set_is_read_as_it_was_made(few: Path, published: Path) -> None:
    made = prepare([few], published, allow_missing=True)
    assert load_prepared() == made


# The digest


def test_preparing_twice_gives_the_same_digest_and_leaves_one_folder(few: Path, published: Path, home: Path) -> None:
    first = prepare([few], published, allow_missing=True)
    second = prepare([few], published, allow_missing=True)
    assert second.manifest == first.manifest
    assert folders(home) == [second.folder.name]


def test_the_digest_does_not_depend_on_where_the_images_lie(few: Path, published: Path, tmp_path: Path) -> None:
    first = prepare([few], published, allow_missing=True)
    moved = Path(shutil.move(few, tmp_path / "elsewhere"))
    second = prepare([moved], published, allow_missing=True)
    assert second.samples[0].image != first.samples[0].image
    assert second.manifest.digest == first.manifest.digest


def test_the_digest_depends_on_what_the_images_hold(few: Path, published: Path) -> None:
    first = prepare([few], published, allow_missing=True)
    keys = few_keys(published)
    shutil.copyfile(few / keys[-1], few / keys[-2])
    assert prepare([few], published, allow_missing=True).manifest.digest != first.manifest.digest


def test_the_digest_depends_on_which_images_there_are(few: Path, published: Path) -> None:
    first = prepare([few], published, allow_missing=True)
    (few / few_keys(published)[0]).unlink()
    assert prepare([few], published, allow_missing=True).manifest.digest != first.manifest.digest


# Missing images


def test_missing_images_are_refused_with_five_examples_and_their_number(few: Path, published: Path) -> None:
    with pytest.raises(ImagesError, match="images are missing or broken: ") as caught:
        prepare([few], published)
    assert caught.value.what.count(" is missing; ") == 5
    assert caught.value.what.endswith(f"and {1615 + 23 - len(few_keys(published)) - 5 - shared(published)} more")
    assert "--allow-missing" in caught.value.mend


def shared(published: Path) -> int:
    """Images that are in both splits."""
    samples, _ = source.load(published)
    keys = {split: {item.image_key for item in samples if item.split == split} for split in ("basic", "complex")}
    return len(keys["basic"] & keys["complex"])


def test_broken_images_are_refused_with_the_reason(published: Path, standins: Path, tmp_path: Path) -> None:
    images = Path(shutil.copytree(standins, tmp_path / "all", copy_function=os.link))
    broken = few_keys(published)[0]
    (images / broken).unlink()
    (images / broken).write_bytes(b"")
    with pytest.raises(ImagesError, match=rf"^1 images are missing or broken: {broken} is empty \(0 bytes\)\."):
        prepare([images], published)


def test_with_allow_missing_the_counts_say_n_of_all_and_every_image_left_out_has_a_reason(
    few: Path, published: Path
) -> None:
    samples, _ = source.load(published)
    keys = few_keys(published)
    (few / keys[0]).write_bytes(b"no image")
    manifest = prepare([few], published, allow_missing=True).manifest
    there = set(keys[1:])
    for split, of in (("basic", 1615), ("complex", 50)):
        n = sum(item.split == split and item.image_key in there for item in samples)
        assert (manifest.counts[split].n, manifest.counts[split].of) == (n, of)
    assert set(manifest.left_out) == {item.image_key for item in samples} - there
    assert manifest.left_out[keys[0]] == "is not an image"
    assert Counter(manifest.left_out.values())["is missing"] == len(manifest.left_out) - 1


def test_the_floor_answers_do_not_depend_on_which_images_there_are(few: Path, published: Path, full: Prepared) -> None:
    floors = {sample.id: sample.floor_answer for sample in full.samples}
    for sample in prepare([few], published, allow_missing=True).samples:
        assert sample.floor_answer == floors[sample.id]


def test_images_that_are_all_broken_are_refused_even_with_allow_missing(few: Path, published: Path) -> None:
    for key in few_keys(published):
        (few / key).write_bytes(b"")
    with pytest.raises(ImagesError, match="no image could be decoded"):
        prepare([few], published, allow_missing=True)


def test_progress_is_told_the_number_of_images_and_every_step(few: Path, published: Path) -> None:
    totals: list[int] = []
    steps: list[int] = []

    def progress(total: int) -> object:
        totals.append(total)
        return lambda: steps.append(1)

    prepare([few], published, allow_missing=True, progress=progress)
    assert totals == [sum(steps)] == [len(few_keys(published))]


# Captions


def test_captions_are_joined_by_image_and_counted(few: Path, published: Path, captions: Path) -> None:
    data = prepare([few], published, True, captions, "a painter")
    assert {sample.caption for sample in data.samples} == {f"What {key} shows." for key in few_keys(published)}
    assert data.manifest.captions is not None
    assert (data.manifest.captions.model, data.manifest.captions.count) == ("a painter", len(few_keys(published)))


def test_captions_can_be_added_to_what_is_prepared(few: Path, published: Path, captions: Path) -> None:
    plain = prepare([few], published, allow_missing=True)
    added = add_captions(captions, "a painter")
    assert added.manifest.digest != plain.manifest.digest
    at_once = prepare([few], published, True, captions, "a painter")
    assert (at_once.manifest, at_once.samples) == (added.manifest, added.samples)


def test_only_captions_of_eibenchs_images_are_counted(few: Path, published: Path, captions: Path) -> None:
    with captions.open("a", encoding="utf-8") as file:
        file.write('\n{"image": "holiday/beach.jpg", "caption": "A beach."}\n')
    data = prepare([few], published, True, captions, "a painter")
    assert data.manifest.captions is not None
    assert data.manifest.captions.count == len(few_keys(published))


def test_captions_of_other_images_alone_are_refused(few: Path, published: Path, tmp_path: Path) -> None:
    prepare([few], published, allow_missing=True)
    other = tmp_path / "other.jsonl"
    other.write_text('{"image": "holiday/beach.jpg", "caption": "A beach."}\n', encoding="utf-8")
    with pytest.raises(EIBenchError, match="holds no caption of an image of EIBench"):
        prepare([few], published, True, other, "a painter")
    with pytest.raises(EIBenchError, match="holds no caption of an image of EIBench"):
        add_captions(other, "a painter")


# Killed


def test_a_prepare_killed_at_any_file_operation_leaves_the_old_data_set_or_the_new_one(
    few: Path, published: Path, captions: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = prepare([few], published, allow_missing=True)
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "new"))
    new = prepare([few], published, True, captions, "somebody")
    (tmp_path / "work").mkdir()
    arguments = [few, published, captions, home, tmp_path / "work"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/killed_prepare.py"), *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) > 8
    replaced = False
    for found in rounds:
        assert found["digest"] == (new if replaced else old).manifest.digest, found
        assert found["rows"] >= len(old.samples)
        replaced |= found["where"].startswith("os.rename /.current.json")  # killed just before the pointer moves
    assert replaced
    assert any(len(found["files"]) > 3 for found in rounds), "some round must leave half a data set"
    assert rounds[-1]["where"] == "another prepare"
    assert set(rounds[-1]["files"]) - {".prepare.lock", "current.json"} == set(folders_named(rounds[-1]["files"]))
    assert len(folders_named(rounds[-1]["files"])) == 1


def test_the_command_killed_from_outside_leaves_the_old_data_set(
    few: Path, standins: Path, published: Path, home: Path
) -> None:
    old = prepare([few], published, allow_missing=True)
    process = subprocess.Popen(
        command("--images", standins, "--eibench", published),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    while len(folders(home)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert len(folders(home)) == 2
    assert load_prepared().manifest.digest == old.manifest.digest


# Failures to write


def one_line_error(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    return errors[0]


def test_a_home_below_a_file_ends_in_one_line(
    few: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "file/below"))
    with pytest.raises(EIBenchError, match=r"^cannot write to .*/file/below: Not a directory\. Free some space"):
        prepare([few], published, allow_missing=True)


def test_a_home_that_may_not_be_written_ends_in_one_line(
    published: Path, public_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_few(public_tmp / "images", published)
    home = public_tmp / "home"
    monkeypatch.setenv("EIBENCH_HOME", str(home))
    prepare([images], published, allow_missing=True)
    before = load_prepared()
    (home / ".prepare.lock").unlink(missing_ok=True)
    home.chmod(0o555)
    with unprivileged():
        if not os.access(published / "user.jsonl", os.R_OK, effective_ids=True):
            pytest.skip("the published annotations may be read by their owner alone")
        with pytest.raises(EIBenchError, match=r"^cannot write to .*/home: Permission denied"):
            prepare([images], published, allow_missing=True)
    home.chmod(0o755)
    assert load_prepared() == before


def test_a_full_disk_ends_in_one_line_and_keeps_the_old_data_set(
    few: Path, standins: Path, published: Path, home: Path
) -> None:
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(home)], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        old = prepare([few], published, allow_missing=True)
        with pytest.raises(EIBenchError, match=r"^cannot write to .*/home: No space left on device\. Free some space"):
            prepare([standins], published)
        assert folders(home) == [old.folder.name]
        assert load_prepared() == old
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_a_write_that_fails_half_way_ends_in_one_line_and_keeps_the_old_data_set(
    few: Path, standins: Path, published: Path, home: Path
) -> None:
    old = prepare([few], published, allow_missing=True)
    done = subprocess.run(
        command("--images", standins, "--eibench", published, code=RUN_WITH_SMALL_FILES),
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert f"cannot write to {home}: File too large" in one_line_error(done)
    assert folders(home) == [old.folder.name]
    assert load_prepared() == old


def test_the_command_ends_in_one_line_when_images_are_missing(few: Path, published: Path, home: Path) -> None:
    done = subprocess.run(command("--images", few, "--eibench", published), capture_output=True, text=True, cwd=ROOT)
    assert "images are missing or broken" in one_line_error(done)
    assert not home.exists()


def test_a_damaged_annotation_file_changes_nothing(few: Path, published: Path, tmp_path: Path) -> None:
    old = prepare([few], published, allow_missing=True)
    for name in (*annotations.SHA256, "protocol.json"):
        content = (published / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-100] if name == "ec_complex.jsonl" else content)
    with pytest.raises(AnnotationError):
        prepare([few], tmp_path, allow_missing=True)
    assert load_prepared() == old


# Side by side


def test_prepares_that_run_side_by_side_all_end_well_and_leave_one_data_set(
    few: Path, published: Path, home: Path
) -> None:
    expected = prepare([few], published, allow_missing=True)
    arguments = command("--images", few, "--eibench", published, "--allow-missing")
    running = [
        subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(4)
    ]
    while any(process.poll() is None for process in running):  # readers are never disturbed
        assert load_prepared().manifest.digest == expected.manifest.digest
        time.sleep(0.002)
    assert [process.wait() for process in running] == [0] * 4, [process.communicate()[1] for process in running]
    (left,) = folders(home)
    assert load_prepared().folder.name == left
