"""Taking a source in again does only what is new; whatever ended it, the next time goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import killed_take_in
from support.permissions import public_tmp, unprivileged
from support.photographs import write_photograph
from support.taken_in import Run, config

from cfsa_tool.errors import RunError, SourceError
from cfsa_tool.ingest import take_in as module
from cfsa_tool.ingest.candidate import Candidate
from cfsa_tool.ingest.check import Checked, check
from cfsa_tool.ingest.keep import Keeper
from cfsa_tool.ingest.left_out import write_report
from cfsa_tool.ingest.take_in import take_in
from cfsa_tool.records import Outcome
from eibench_tasks.data.images import image_facts

__all__ = ["public_tmp"]  # a fixture


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "RUN")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for seed in range(4):
        write_photograph(tmp_path / "in" / f"{seed}.png", seed)
    (tmp_path / "in" / "broken.png").write_text("no image")
    return tmp_path / "in"


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded."""
    names: list[str] = []

    def noted(candidate: Candidate, hashed: bool) -> Checked:
        names.append(candidate.name)
        return check(candidate, hashed)

    monkeypatch.setattr(module, "check", noted)
    return names


def state(run: Run) -> list[tuple[object, ...]]:
    """Everything that a run holds of its source."""
    tables = ("images ORDER BY id", "bands ORDER BY band, image")
    files = run.folder.rows("SELECT key, name, stamp, image, kind, reason, hash FROM files ORDER BY key")
    return [row for table in tables for row in run.folder.rows(f"SELECT * FROM {table}")] + files


# Once


def test_an_image_is_kept_with_its_facts(run: Run, source: Path) -> None:
    run.take_in(source)
    item, facts = run.items["1.png"], image_facts(source / "1.png")
    assert item.id == facts.sha256[:16]
    assert (item.sha256, item.size, item.width, item.height) == (facts.sha256, facts.size, facts.width, facts.height)
    assert item.path == source / "1.png" and item.path.is_absolute()


def test_what_was_taken_in_is_counted(run: Run, source: Path) -> None:
    shutil.copy(source / "0.png", source / "z.png")
    (source / "notes.txt").write_text("text")
    taken = run.take_in(source)
    assert (taken.found, taken.images, taken.new) == (7, 4, 4)
    assert taken.left_out == {"is not an image": 1, "the same image as another": 1, "is of a type that is no image": 1}


def test_progress_is_told_of_every_file(run: Run, source: Path) -> None:
    totals: list[int] = []
    steps: list[int] = []

    def progress(total: int) -> object:
        totals.append(total)
        return lambda: steps.append(1)

    take_in(str(source), run.folder, config(), progress)  # type: ignore[arg-type]
    take_in(str(source), run.folder, config(), progress)  # type: ignore[arg-type]
    assert (totals, len(steps)) == ([5, 5], 10)


def test_the_order_of_names_decides_not_the_time_that_decoding_takes(run: Run, source: Path) -> None:
    for number in range(20):
        write_photograph(source / "same" / f"{number:02}.jpg", 50, quality=70 + number)
    write_photograph(source / "same" / "00.jpg", 50, quality=100).rename(source / "same" / "00.tmp")
    from PIL import Image

    with Image.open(source / "same" / "00.tmp") as image:
        image.resize((2000, 1500)).save(source / "same" / "00.jpg")  # the slowest to decode
    (source / "same" / "00.tmp").unlink()
    run.take_in(source)
    assert [name for name in run.items if name.startswith("same")] == ["same/00.jpg"]


# Again


def test_unchanged_files_are_not_decoded_again(run: Run, source: Path, looked_at: list[str]) -> None:
    run.take_in(source)
    assert len(looked_at) == 5
    before = state(run)
    taken = run.take_in(source)
    assert len(looked_at) == 5
    assert (taken.images, taken.new, taken.left_out) == (4, 0, {"is not an image": 1})
    assert state(run) == before


def test_new_files_are_taken_in(run: Run, source: Path, looked_at: list[str]) -> None:
    run.take_in(source)
    looked_at.clear()
    write_photograph(source / "more" / "9.png", 9)
    taken = run.take_in(source)
    assert (looked_at, taken.images, taken.new) == (["more/9.png"], 5, 1)


def test_a_file_that_was_mended_is_taken_in_and_no_longer_reported(run: Run, source: Path) -> None:
    run.take_in(source)
    write_photograph(source / "broken.png", 9)
    run.take_in(source)
    assert "broken.png" in run.items and run.left_out == {}


def test_a_file_that_was_touched_stays_as_it_is(run: Run, source: Path) -> None:
    run.take_in(source)
    run.folder.finish(run.items["1.png"], Outcome(failure="refused"))
    os.utime(source / "1.png", ns=(1, 1))
    taken = run.take_in(source)
    assert (taken.images, taken.new, run.left_out) == (4, 0, {"broken.png": "is not an image"})
    assert run.folder.outcome(run.items["1.png"])


def test_an_image_that_became_another_is_annotated_anew(run: Run, source: Path) -> None:
    run.take_in(source)
    before = run.items["1.png"]
    run.folder.finish(before, Outcome(failure="refused"))
    write_photograph(source / "1.png", 9)
    run.take_in(source)
    assert run.items["1.png"].id != before.id
    assert len(run.items) == 4 and not list(run.folder.outcomes())


def test_other_content_of_the_same_size_is_noticed(run: Run, source: Path) -> None:
    path = write_photograph(source / "a.bmp", 20)
    run.take_in(source)
    before, size = run.items["a.bmp"], path.stat().st_size
    write_photograph(path, 21)
    os.utime(path, ns=(1, 1))
    run.take_in(source)
    assert path.stat().st_size == size and run.items["a.bmp"].id != before.id


def test_an_image_that_became_unusable_is_left_out(run: Run, source: Path) -> None:
    run.take_in(source)
    (source / "1.png").write_text("no image now")
    run.take_in(source)
    assert sorted(run.items) == ["0.png", "2.png", "3.png"]
    assert run.left_out["1.png"] == "is not an image"


def test_an_image_whose_emotion_changed_is_annotated_anew_and_others_are_not(run: Run, source: Path) -> None:
    manifest = source / "list.csv"
    manifest.write_text("image,emotion\n0.png,awe\n1.png,fear\n")
    run.take_in(manifest)
    for item in run.items.values():
        run.folder.finish(item, Outcome(failure="refused"))
    manifest.write_text("image,emotion\n1.png,fear\n0.png,disgust\n")
    run.take_in(manifest)
    assert run.emotions == {"0.png": ("disgust",), "1.png": ("fear",)}
    assert [item.name for item, _ in run.folder.outcomes()] == ["1.png"]


def test_an_image_that_is_gone_stays_in_the_run(run: Run, source: Path) -> None:
    run.take_in(source)
    (source / "1.png").unlink()
    taken = run.take_in(source)
    assert "1.png" in run.items and taken.images == 4


def test_a_file_that_was_left_out_and_is_gone_is_no_longer_reported(run: Run, source: Path) -> None:
    (source / "a.txt").write_text("text")
    run.take_in(source)
    (source / "broken.png").unlink(), (source / "a.txt").unlink()
    run.take_in(source)
    assert run.left_out == {}


def test_a_source_that_moved_is_found_in_its_new_place(run: Run, source: Path) -> None:
    run.take_in(source)
    moved = source.rename(source.with_name("moved"))
    taken = run.take_in(moved)
    assert (taken.images, taken.new) == (4, 0)
    assert {item.path.parent for item in run.items.values()} == {moved}


def test_a_file_that_could_not_be_read_is_tried_again(public_tmp: Path) -> None:
    path = write_photograph(public_tmp / "in" / "a.png", 1)
    write_photograph(public_tmp / "in" / "b.png", 2)
    path.chmod(0)
    public_tmp.chmod(0o777)
    with unprivileged():
        run = Run(public_tmp / "RUN")
        run.take_in(public_tmp / "in")
        assert run.left_out == {"a.png": "cannot be read: Permission denied"}
    path.chmod(0o644)  # neither size nor time of the file changes
    with unprivileged():
        run.take_in(public_tmp / "in")
        assert sorted(run.items) == ["a.png", "b.png"]
        run.folder.close()


def test_an_image_that_cannot_be_read_for_a_while_stays(public_tmp: Path) -> None:
    path = write_photograph(public_tmp / "in" / "a.png", 1)
    public_tmp.chmod(0o777)
    with unprivileged():
        run = Run(public_tmp / "RUN")
        run.take_in(public_tmp / "in")
    path.chmod(0)
    os.utime(path, ns=(1, 1))
    with unprivileged():
        run.take_in(public_tmp / "in")
        assert (list(run.items), run.left_out) == (["a.png"], {})
        run.folder.close()


# Ended early


def test_a_take_in_that_was_killed_goes_on_to_the_same_end(source: Path, tmp_path: Path) -> None:
    for number in range(30):
        write_photograph(source / f"{number % 7}" / f"{number}.jpg", 100 + number % 20, quality=60 + number)
    whole = Run(tmp_path / "WHOLE")
    whole.take_in(source)
    for transactions in (0, 2, 5):
        command = [sys.executable, killed_take_in.__file__, str(source), str(tmp_path / "RUN"), str(transactions)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(command, env=environment, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    run = Run(tmp_path / "RUN")
    kept = run.folder.rows("SELECT count(*) FROM files")[0][0]
    assert 0 < kept < 35
    run.take_in(source)
    assert state(run) == state(whole)


def test_what_cannot_be_written_ends_with_an_error_and_goes_on_later(
    run: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Keeper, *arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(RunError, match=r"No space left on device.*Make room"):
        patch.setattr(Keeper, "_take", full)
        run.take_in(source)
    assert run.items == {}
    assert run.take_in(source).images == 4


def test_a_source_that_went_away_is_refused_and_the_images_stay(run: Run, source: Path) -> None:
    run.take_in(source)
    shutil.rmtree(source)
    with pytest.raises(SourceError, match="does not exist"):
        run.take_in(source)
    assert len(run.items) == 4


# Many


class Endless:
    """A source of so many rows, each a file that is not there."""

    def __init__(self, total: int) -> None:
        self.total = self.likely = total
        self.passed_over: module.Counter[str] = module.Counter()
        self.given = 0

    def candidates(self) -> Iterator[Candidate]:
        for number in range(self.total):
            self.given = number + 1
            yield Candidate(f"{number:09}".encode(), f"{number}.png" * 10, Path(f"/nowhere/{number}.png"))


def test_memory_does_not_grow_with_the_number_of_files(run: Run, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.take_in(source)

    def most(total: int) -> int:
        monkeypatch.setattr(module, "open_source", lambda *_: Endless(total))
        tracemalloc.start()
        run.take_in("many")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few, many = most(1_000), most(6_000)
    assert many < few + 500_000  # 5,000 names alone would be more


def test_candidates_are_asked_for_no_faster_than_they_are_looked_at(run: Run, source: Path) -> None:
    many = Endless(100_000)
    keeper = Keeper(run.folder, None)
    results = module._results(many.candidates(), keeper, hashed=False)
    assert next(results).candidate.name.startswith("0.png")
    results.close()  # type: ignore[attr-defined]
    assert many.given < 300


# The report


def test_the_report_is_one_object_a_line(run: Run, source: Path, tmp_path: Path) -> None:
    (source / "naïve\n.png").write_text("no image")
    run.take_in(source)
    assert write_report(run.folder, tmp_path / "left_out.jsonl") == 2
    assert [json.loads(line) for line in (tmp_path / "left_out.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {"name": "broken.png", "reason": "is not an image"},
        {"name": "naïve?.png", "reason": "is not an image"},
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RUN", "in", "left_out.jsonl"]


def test_every_file_is_an_image_of_the_run_or_in_the_report(run: Run, source: Path) -> None:
    for number in range(1_200):  # more than a page of the report
        (source / f"{number}.jpg").write_bytes(b"no image")
    taken = run.take_in(source)
    assert len(list(run.folder.left_out())) + taken.images == taken.found == 1_205


def test_a_report_that_cannot_be_written_is_refused(run: Run, source: Path, tmp_path: Path) -> None:
    run.take_in(source)
    with pytest.raises(RunError, match=r"cannot write .*: No such file or directory"):
        write_report(run.folder, tmp_path / "nowhere" / "left_out.jsonl")
