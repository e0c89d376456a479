"""The folder of a run: who may work on it, what it keeps, and what it says when it cannot."""

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from support.annotated import add, configured
from support.built_runs import a_sample
from support.permissions import public_tmp, unprivileged

from cfsa_tool import __version__
from cfsa_tool.config import fingerprinted
from cfsa_tool.errors import ConfigError, RunError
from cfsa_tool.records import Item, Outcome
from cfsa_tool.run_folder import LOCK, MANIFEST, QUESTIONS, STATE, Manifest, RunFolder

__all__ = ["public_tmp"]

CONFIG = configured()
DONE = Outcome(samples=[a_sample("happy", "A cake")], calls=3)
FAILED = Outcome(stage="general", failure="it refuses")


def manifest() -> Manifest:
    fingerprint = fingerprinted(CONFIG)
    return Manifest(
        source="photos", config=CONFIG.model_dump(mode="json"), fingerprint=fingerprint, version=__version__
    )


def new(folder: Path, count: int = 0) -> RunFolder:
    run = RunFolder(folder, manifest())
    add(run, [an_image(number) for number in range(count)])
    return run


def an_image(number: int, name: str = "", path: Path | None = None) -> Item:
    sha256 = f"{number:04}".ljust(64, "e")
    file = path or Path(f"/photos/{number}.jpg")
    return Item(sha256[:16], name or f"happy/{number}.jpg", file, sha256, 9, 64, 48, ("happy",), "Why?")


# Opening


def test_a_new_run_reads_back_in_another_process_or_a_later_one(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    new(folder).close()
    run = RunFolder(folder)
    assert run.manifest == manifest()
    assert {file.name for file in folder.iterdir()} >= {MANIFEST, STATE}
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


def test_the_manifest_of_a_run_that_is_there_stays(tmp_path: Path) -> None:
    new(tmp_path / "run")
    other = manifest().model_copy(update={"source": "others"})
    assert RunFolder(tmp_path / "run", other).manifest.source == "photos"


def test_a_folder_without_a_run_is_said_to_be_none(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(RunError, match=r"is not the folder of a run\. Start one: `cfsa run IMAGES -o RUN`"):
            RunFolder(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_a_newer_version_is_refused_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"format": 2, "images": "elsewhere"}')
    with pytest.raises(RunError, match=r"newer version of cfsa \(format 2, this one knows 1\)\. Run: `pip install"):
        RunFolder(tmp_path)
    assert not (tmp_path / STATE).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"7",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"format": "new"}',
        b"[" * 100_000,
        b'{"format": null}',
    ],
)
def test_a_damaged_manifest_is_said_to_be_and_how_its_replies_are_kept(tmp_path: Path, content: bytes) -> None:
    new(tmp_path / "run").close()
    (tmp_path / "run" / MANIFEST).write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is damaged\. Start another run with --reuse") as error:
        RunFolder(tmp_path / "run")
    assert "\n" not in str(error.value)


def test_a_damaged_state_is_said_to_be(tmp_path: Path) -> None:
    new(tmp_path / "run").close()
    (tmp_path / "run" / STATE).write_bytes(b"no database " * 1000)
    with pytest.raises(RunError, match="can be neither read nor written"):
        RunFolder(tmp_path / "run")


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match="can be neither read nor written"):
        new(tmp_path / "run")


def test_a_folder_that_may_not_be_written_to_is_said(public_tmp: Path) -> None:
    (public_tmp / "run").mkdir(mode=0o555)
    with unprivileged(), pytest.raises(RunError, match="mend the permissions"):
        new(public_tmp / "run")


# One at a time

_HOLDS = """
import sys
from pathlib import Path
from cfsa_tool.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    """Another process that works on the run until its input ends."""
    command = [sys.executable, "-c", _HOLDS, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "locked\n"
    return process


def test_a_second_process_is_refused_and_told_which_is_at_work(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    process = holder(run.folder)
    assert run.is_locked()
    told = (
        rf"another `cfsa` is at work on .*run \(process {process.pid}\)\. Wait for it, or watch it: `cfsa status .*run`"
    )
    with pytest.raises(RunError, match=told), run.locked():
        pytest.fail("both are at work")
    process.communicate("")
    assert not run.is_locked()
    with run.locked():
        assert run.is_locked()
    assert not run.is_locked()


def test_a_killed_process_leaves_the_run_to_the_next(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    process = holder(run.folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not run.is_locked()
    with run.locked():
        assert (run.folder / "lock.pid").read_text() == str(os.getpid())


def test_a_run_that_somebody_works_on_can_be_read(tmp_path: Path) -> None:
    run = new(tmp_path / "run", 2)
    run.finish(an_image(0), DONE)
    process = holder(run.folder)
    assert [item.id for item, _ in RunFolder(run.folder).outcomes()] == [an_image(0).id]
    process.communicate("")


def test_who_only_looks_does_not_keep_others_from_starting(tmp_path: Path) -> None:
    """Whoever looks whether the run is locked holds the lock for a moment."""
    run = new(tmp_path / "run")
    glance = FileLock(run.folder / LOCK, thread_local=False)
    glance.acquire()
    over = threading.Timer(0.2, glance.release)
    over.start()
    with run.locked():
        over.join()
        assert run.is_locked()


def test_work_that_fails_gives_the_run_free(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    with pytest.raises(ValueError, match="no"), run.locked():
        raise ValueError("no")
    assert not run.is_locked()
    assert not (run.folder / "lock.pid").exists()


# Images


def test_images_come_page_by_page_in_the_order_of_their_ids(tmp_path: Path) -> None:
    run = new(tmp_path / "run", 5)
    first = run.items(most=3)
    assert [item.id for item in first] == [an_image(number).id for number in range(3)]
    assert run.items(after=first[-1].id, most=3) == [an_image(3), an_image(4)]
    assert run.items(after=an_image(4).id) == []


def test_an_image_keeps_a_path_that_is_no_text(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    path = Path(os.fsdecode(b"/photos/caf\xe9\n1.jpg"))
    add(run, [an_image(1, "caf??1.jpg", path)])
    assert run.items()[0].path == path


def test_an_image_is_found_by_its_id_the_start_of_it_or_its_name(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    add(run, [an_image(1), an_image(2, "caf?/2.jpg"), an_image(3, "0001")])
    assert run.find(an_image(1).id) == run.find("0001e") == run.find("happy/1.jpg") == an_image(1)
    assert run.find("caf\udce9/2.jpg").id == run.find("caf\n/2.jpg").id == an_image(2).id


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("0001", "'0001' names more than one image"),
        ("000", "no image of the run is called '000'"),
        ("", "no image of the run is called ''"),
        ("happy/%.jpg", "no image of the run is called"),
        ("000_e", "no image of the run is called"),
    ],
)
def test_what_names_no_image_or_several_is_said(tmp_path: Path, wanted: str, problem: str) -> None:
    run = new(tmp_path / "run")
    add(run, [an_image(1), an_image(2), an_image(3, "0001")])
    with pytest.raises(RunError) as error:
        run.find(wanted)
    assert problem in str(error.value)
    assert "cfsa status" in str(error.value)


def test_what_was_left_out_is_told_with_its_reason_in_the_order_of_the_names(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    rows = [(f"{number:04}".encode(), f"{number}.txt", f"reason {number}") for number in range(1200)]
    with run.writing() as db:
        db.executemany("INSERT INTO files VALUES (?, ?, '', NULL, NULL, ?, NULL, 1)", reversed(rows))
        db.execute("INSERT INTO files VALUES (?, 'good.jpg', '', 'id', NULL, NULL, NULL, 1)", (b"0000a",))
    assert list(run.left_out()) == [(name, reason) for _, name, reason in rows]


# Outcomes


def test_outcomes_read_back_and_the_last_one_counts(tmp_path: Path) -> None:
    run = new(tmp_path / "run", 3)
    assert run.outcome(an_image(0)) is None
    run.finish(an_image(1), FAILED)
    run.finish(an_image(1), DONE)
    run.finish(an_image(0), FAILED)
    assert run.outcome(an_image(1)) == DONE
    assert list(RunFolder(run.folder).outcomes()) == [(an_image(0), FAILED), (an_image(1), DONE)]


@pytest.mark.parametrize("most", [None, 0, 1, 499, 500, 501, 1200, 5000])
def test_the_standing_of_images_comes_in_pages_up_to_a_limit(tmp_path: Path, most: int | None) -> None:
    run = new(tmp_path / "run", 1200)
    run.finish(an_image(2), Outcome(retry=2, stage="a", failure="no"))
    run.finish(an_image(700), DONE)
    found = list(run.standing(most))
    expected = range(1200)[: 1200 if most is None else most]
    assert [item.id for item, _, _ in found] == [an_image(number).id for number in expected]
    known = {item.id: (retry, failure) for item, retry, failure in found if retry is not None}
    both = {an_image(2).id: (2, "no"), an_image(700).id: (0, None)}
    assert known == {id_: one for id_, one in both.items() if id_ in {item.id for item, _, _ in found}}


def test_what_fails_half_way_is_not_written(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    with pytest.raises(ValueError, match="half way"), run.writing() as db:
        db.execute("INSERT INTO facts VALUES ('a', '1')")
        raise ValueError("half way")
    assert run.fact("a") is None
    run.note("a", 2)
    assert run.fact("a") == 2


def _fill_up(folder: Path, state: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = RunFolder(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (state, state))
    kept = 0
    try:
        for number in range(1000):
            run.finish(an_image(number), Outcome(stage="a", failure="x" * 2000))
            kept += 1
    except RunError as error:
        assert "Make room" in str(error)
        assert "rollback" not in str(error), error  # that is no reason
        assert run.outcome(an_image(0))  # what is there can still be read
        os._exit(100 + (kept > 10))
    os._exit(1)


def test_a_full_disk_is_said_and_keeps_what_was_there(tmp_path: Path) -> None:
    new(tmp_path / "run", 1000).close()
    size = (tmp_path / "run" / STATE).stat().st_size
    worker = multiprocessing.get_context("spawn").Process(target=_fill_up, args=(tmp_path / "run", size + 100_000))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 101
    run = RunFolder(tmp_path / "run")
    kept = len(list(run.outcomes()))
    assert kept > 10
    run.finish(an_image(kept), DONE)


def _begin_on_full_disk(folder: Path, work: Callable[[Path], None]) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        work(folder)
    except RunError as error:
        os._exit(7 if "Make room" in str(error) else 1)
    os._exit(2)


def _lock(folder: Path) -> None:
    run = RunFolder(folder)
    try:
        with run.locked():
            pass
    except RunError:
        assert not run.is_locked()
        raise


def _start(folder: Path) -> None:
    new(folder)


@pytest.mark.parametrize("work", [_start, _lock])
def test_a_disk_that_was_full_before_is_said_and_the_same_command_goes_on_later(
    tmp_path: Path, work: Callable[[Path], None]
) -> None:
    folder = tmp_path / "run"
    if work is _lock:
        new(folder)  # stays open, so that its state is not written anew
    worker = multiprocessing.get_context("spawn").Process(target=_begin_on_full_disk, args=(folder, work))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 7
    with new(folder).locked():
        pass


# Facts and questions


def test_facts_are_json_and_the_last_one_counts(tmp_path: Path) -> None:
    run = new(tmp_path / "run")
    assert run.fact("limit") is None
    for value in (5, None, {"vision": "é\udce9"}, [1, "two"]):
        run.note("limit", value)
        assert RunFolder(run.folder).fact("limit") == value


def test_questions_may_change_until_images_are_annotated_with_them(tmp_path: Path) -> None:
    run = new(tmp_path / "run", 1)
    run.keep_questions(["Who?"])
    run.keep_questions(["Who?", "What?"])
    run.finish(an_image(0), FAILED)
    run.keep_questions(("Who?", "What?"))
    with pytest.raises(ConfigError, match=rf"{QUESTIONS} was changed after images were annotated\. .*--reuse"):
        run.keep_questions(["Who?"])
    assert run.fact("questions") == ["Who?", "What?"]


def test_the_manifest_is_readable_by_people_and_programs(tmp_path: Path) -> None:
    new(tmp_path / "run")
    fields = json.loads((tmp_path / "run" / MANIFEST).read_text(encoding="utf-8"))
    assert fields["format"] == 1
    assert fields["config"]["vision"]["model"] == "m"
