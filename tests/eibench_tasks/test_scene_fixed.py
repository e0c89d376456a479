"""The fixed set of scenes: drawn on first use, once, and never half; or another folder that the user names."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from eibench_tasks.errors import EIBenchError, RunStopped
from eibench_tasks.harness import scenes as task
from eibench_tasks.scenes import fixed
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.fixed import FOLDER, SCENES, SEED, docs_of, fixed_folder, fixed_scenes, scenes_of_run
from eibench_tasks.scenes.samples import pairs
from eibench_tasks.scenes.scene import held_out


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller set; all else is as it is."""
    monkeypatch.setattr(fixed, "SCENES", 3)


FIXED = "6a07dd5a434cc82cd5166223c2701fd6c8734828905e466569a078761a029739"
"""Of the lines of all samples. If it must change, count `scene.RULES` up, say so in CHANGELOG.md, and put here what the
test says that it found."""


def test_the_fixed_set_is_pinned() -> None:
    drawn = [one for pair in pairs(SEED, SCENES, "held out") for one in pair]
    samples = [sample for one in drawn for sample in one.samples]
    assert (len(drawn), len(samples)) == (480, 520)
    assert all(len(sample.causes) == 1 or held_out(sample.causes) for sample in samples)
    lines = "\n".join(sample.model_dump_json() for sample in samples)
    assert hashlib.sha256(lines.encode()).hexdigest() == FIXED


@pytest.mark.usefixtures("few")
def test_it_is_drawn_on_first_use_and_then_only_read(home: Path) -> None:
    first = fixed_scenes()
    assert first.folder == fixed_folder() and first.folder.parent == home
    before = {file: file.stat().st_mtime_ns for file in first.folder.rglob("*")}
    assert fixed_scenes().facts == first.facts
    assert {file: file.stat().st_mtime_ns for file in first.folder.rglob("*")} == before


@pytest.mark.usefixtures("few")
def test_what_a_killed_process_left_is_drawn_anew(home: Path) -> None:
    (fixed_folder() / ".unfinished" / "images").mkdir(parents=True)
    fixed_scenes().check()


def test_two_processes_draw_it_once(home: Path) -> None:
    program = (
        "from eibench_tasks.scenes import fixed; fixed.SCENES = 6;"
        "print(fixed.fixed_scenes().facts.digest)"
    )  # fmt: skip
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0] and len(said) == 1
    assert not list(fixed_folder().glob(".unfinished"))


@pytest.mark.usefixtures("few")
def test_a_home_that_cannot_be_written_says_which_variable_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(EIBenchError, match=r"cannot write to .*EIBENCH_HOME"):
        fixed_scenes()


@pytest.mark.usefixtures("few")
def test_a_damaged_set_is_to_be_deleted(home: Path) -> None:
    (fixed_scenes().folder / "scenes.jsonl").write_text("{")
    with pytest.raises(EIBenchError, match=r"damaged.*Delete .*: the next run draws them again"):
        fixed_scenes()


def test_a_folder_of_the_users_own_stands_in_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scenes(tmp_path / "mine", "mine", 1)
    monkeypatch.setenv(FOLDER, str(tmp_path / "mine"))
    assert scenes_of_run().facts.seed == "mine"
    assert task.check_scenes().facts.seed == "mine"
    assert task.facts["data"]["samples"] == {"eibench_scenes": "2 of 2"}
    assert task.files == {"data_files": {"scenes": str(tmp_path / "mine" / "scenes.jsonl")}}


@pytest.mark.parametrize(
    ("folder", "said"), [("/nowhere", "no folder of scenes"), ("~nobody-there/x", "home of nobody")]
)
def test_a_folder_that_is_none_stops_a_run(folder: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, folder)
    with pytest.raises(RunStopped, match=said):
        task.check_scenes()


def test_answers_can_be_judged_where_an_image_is_gone(tmp_path: Path) -> None:
    drawn = write_scenes(tmp_path / "scenes", "mine", 1)
    (drawn.folder / drawn.samples[0].image).unlink()
    assert [doc["image_size"] > 0 for doc in docs_of(drawn)] == [False, True]
