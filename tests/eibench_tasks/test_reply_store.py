"""Replies on disk: what kills, crowds, damage and full disks leave of them."""

import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support.permissions import public_tmp, unprivileged
from support.scripted_server import in_loop

from eibench_tasks.engines.engine import Ask, EngineError, Reply, Sampling, Trouble
from eibench_tasks.engines.store import Kept, ReplyStore, StoreError

__all__ = ["public_tmp"]


def reply(number: int) -> Reply:
    return Reply(text=f"reply {number} " + "x" * 300, finish="stop", prompt_tokens=number, completion_tokens=2)


def filled(file: Path, count: int = 400) -> Path:
    """A closed store with so many replies."""
    store = ReplyStore(file)
    for number in range(count):
        store.put(f"key {number}", reply(number))
    store.close()
    return file


def whole(store: ReplyStore, count: int = 400) -> int:
    """How many are there; each that is there is right."""
    found = {number: store.get(f"key {number}") for number in range(count)}
    assert all(one in (None, reply(number)) for number, one in found.items())
    return sum(one is not None for one in found.values())


def test_a_reply_is_kept_under_its_key_and_the_first_one_stays(tmp_path: Path) -> None:
    file = tmp_path / "not" / "there yet" / "replies.sqlite"
    store = ReplyStore(file)
    assert store.get("a") is None
    assert store.put("a", reply(1)) == reply(1)
    assert store.put("a", reply(2)) == reply(1)
    store.close()
    assert ReplyStore(file).get("a") == reply(1)
    assert ReplyStore(file).set_aside is None


def test_what_was_put_is_there_for_another_store_at_once(tmp_path: Path) -> None:
    one, other = ReplyStore(tmp_path / "r.sqlite"), ReplyStore(tmp_path / "r.sqlite")
    one.put("a", reply(1))
    assert other.get("a") == reply(1)


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = ReplyStore(tmp_path / "r.sqlite")
    failed: list[Exception] = []

    def work(offset: int) -> None:
        try:
            for number in range(100):
                assert store.put(f"key {(number + offset) % 200}", reply((number + offset) % 200))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert whole(store, 200) == 200


def _write(file: Path, start: int, count: int) -> None:
    store = ReplyStore(file)
    for number in range(start, start + count):
        store.put(f"key {number}", reply(number))


def test_processes_write_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write, args=(file, start, 200)) for start in (0, 100, 200)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert whole(ReplyStore(file)) == 400


_KILLED = """
import sys
from pathlib import Path
from eibench_tasks.engines.engine import Reply
from eibench_tasks.engines.store import ReplyStore
store = ReplyStore(Path(sys.argv[1]))
for number in range(100_000):
    text = f"reply {number} " + "x" * 300
    store.put(f"key {number}", Reply(text=text, prompt_tokens=number, completion_tokens=2))
    print(number, flush=True)
"""


def test_what_was_put_before_a_kill_is_there(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    last = 0
    for line in process.stdout:
        if line.endswith("\n"):
            last = int(line)
        if last == 300:
            process.send_signal(signal.SIGKILL)
    process.wait()
    store = ReplyStore(file)
    assert store.set_aside is None
    assert whole(store, last + 1) == last + 1


# Damage


def damage(file: Path, kind: str) -> None:
    content = bytearray(file.read_bytes().replace(b"reply 7 xxx", b"reply 7 xyx"))
    middle, noise = len(content) // 2, random.Random(1)
    if kind == "middle":
        content[middle : middle + 8192] = noise.randbytes(8192)
    elif kind == "cut off":
        content = content[: len(content) * 2 // 3]
    elif kind == "header":
        content[:100] = noise.randbytes(100)
    elif kind == "first page":
        content[:4096] = noise.randbytes(4096)
    elif kind == "no database":
        content = bytearray(b"{}" * 5000)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("kind", "least"), [("middle", 360), ("cut off", 200), ("header", 399), ("first page", 399), ("no database", 0)]
)
def test_a_damaged_file_is_set_aside_and_what_is_whole_in_it_moves(tmp_path: Path, kind: str, least: int) -> None:
    folder = tmp_path / "50 %20? #1"  # nothing that an address could read in another way
    file = filled(folder / "r.sqlite")
    damage(file, kind)
    before = file.read_bytes()
    store = ReplyStore(file)
    assert store.set_aside is not None
    assert store.set_aside.name.startswith("r-damaged-")
    assert store.set_aside.read_bytes() == before
    saved = whole(store)
    assert least <= saved < 400
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM replies").fetchone() == (saved,)
    store.put("new", reply(1))
    store.close()
    again = ReplyStore(file)
    assert again.set_aside is None
    assert whole(again) == saved
    assert again.get("new") == reply(1)


def test_a_changed_byte_makes_its_row_and_no_other_unknown(tmp_path: Path) -> None:
    file = filled(tmp_path / "r.sqlite")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"reply 250 xxx", b"reply 250 xyx"))
    store = ReplyStore(file)
    assert store.get("key 250") is None
    assert whole(store) == 399
    assert store.put("key 250", reply(250)) == reply(250)
    assert whole(store) == 400


@pytest.mark.parametrize("byte", [b"\xff", b"\x00"])
def test_bytes_that_are_no_text_make_their_row_unknown(tmp_path: Path, byte: bytes) -> None:
    file = filled(tmp_path / "r.sqlite")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"reply 250 xxx", b"reply 250 x" + byte + b"x"))
    store = ReplyStore(file)
    assert whole(store) == 399
    assert store.put("key 250", reply(250)) == reply(250)
    assert whole(store) == 400


def test_a_row_moved_under_another_key_is_not_used(tmp_path: Path) -> None:
    file = filled(tmp_path / "r.sqlite", 2)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("UPDATE replies SET key = 'other' WHERE key = 'key 1'")
    assert ReplyStore(file).get("other") is None


def test_a_row_of_another_version_is_unknown(tmp_path: Path) -> None:
    import hashlib

    file = filled(tmp_path / "r.sqlite", 1)
    text = '{"words": "of a format to come"}'
    checksum = hashlib.sha256(f"key\n{text}".encode()).hexdigest()[:16]
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("INSERT INTO replies VALUES ('key', ?, ?)", (text, checksum))
    assert ReplyStore(file).get("key") is None


def test_a_write_ahead_log_of_another_file_does_no_harm(tmp_path: Path) -> None:
    file = filled(tmp_path / "r.sqlite")
    file.with_name("r.sqlite-wal").write_bytes(random.Random(1).randbytes(50_000))
    assert whole(ReplyStore(file)) == 400


def test_every_random_damage_leaves_a_store_that_works(tmp_path: Path) -> None:
    content = filled(tmp_path / "whole.sqlite", 60).read_bytes()
    for seed in range(60):
        noise = random.Random(seed)
        spoiled = bytearray(content)
        for _ in range(noise.choice([1, 5, 50])):
            spoiled[noise.randrange(len(spoiled))] = noise.randrange(256)
        file = tmp_path / f"{seed}" / "r.sqlite"
        file.parent.mkdir()
        file.write_bytes(spoiled)
        store = ReplyStore(file)
        whole(store, 60)
        store.put("new", reply(7))
        assert store.get("new") == reply(7)
        store.close()


# Formats


@pytest.mark.parametrize("format_", [0, 1])
def test_a_file_of_this_format_or_from_before_formats_had_numbers_is_read(tmp_path: Path, format_: int) -> None:
    file = filled(tmp_path / "r.sqlite", 3)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        db.execute(f"PRAGMA user_version = {format_}")
    assert whole(ReplyStore(file), 3) == 3
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE answers (of_another TEXT)")
        db.execute("PRAGMA user_version = 2")
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"newer version \(format 2, this one knows 1\)\. Run: `pip install --upgrade"):
        ReplyStore(file)
    assert file.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"r.sqlite", "r.sqlite.lock"}


def test_a_format_that_no_version_will_have_is_damage_and_its_replies_are_read(tmp_path: Path) -> None:
    file = filled(tmp_path / "r.sqlite", 3)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 1442840577")
    assert whole(ReplyStore(file), 3) == 3


# No permission, no space


def test_a_folder_that_may_not_be_written_to_is_said(public_tmp: Path) -> None:
    folder = public_tmp / "home"
    folder.mkdir(mode=0o555)
    with unprivileged(), pytest.raises(StoreError, match="EIBENCH_HOME"):
        ReplyStore(folder / "cache" / "r.sqlite")


def test_a_file_that_may_not_be_read_is_said_and_not_touched(public_tmp: Path) -> None:
    public_tmp.chmod(0o777)
    file = filled(public_tmp / "r.sqlite", 3)
    (public_tmp / "r.sqlite.lock").chmod(0o666)
    file.chmod(0o000)
    with unprivileged(), pytest.raises(StoreError, match=r"r\.sqlite"):
        ReplyStore(file)
    file.chmod(0o600)
    assert whole(ReplyStore(file), 3) == 3


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").mkdir()
    with pytest.raises(StoreError):
        ReplyStore(tmp_path / "r.sqlite")


def _fill_up(file: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    store = ReplyStore(file)
    kept = 0
    try:
        for number in range(1000):
            store.put(f"key {number}", reply(number))
            kept += 1
    except StoreError as error:
        assert "Make room" in str(error)
        assert store.get("key 0") == reply(0)  # what is there can still be read
        os._exit(100 + (kept > 10))
    os._exit(1)


def test_a_full_disk_is_said_and_keeps_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "r.sqlite"
    worker = multiprocessing.get_context("spawn").Process(target=_fill_up, args=(file,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 101
    store = ReplyStore(file)
    assert store.set_aside is None
    assert whole(store) > 10


# An engine whose replies are kept


class Counting:
    name = "counting"

    def __init__(self) -> None:
        self.asked = 0

    async def reply(self, ask: Ask) -> Reply:
        self.asked += 1
        if ask.purpose == "fail":
            raise EngineError("no", Trouble.PASSING)
        return reply(self.asked)

    async def close(self) -> None:
        pass


def ask(text: str = "why?", **more: object) -> Ask:
    return Ask(({"role": "user", "content": text},), Sampling(10), **more)


@in_loop
async def test_the_second_time_nothing_is_asked(tmp_path: Path) -> None:
    engine = Counting()
    kept = Kept(engine, ReplyStore(tmp_path / "r.sqlite"))
    assert not kept.knows(ask())
    first = await kept.reply(ask())
    assert kept.knows(ask())
    assert await kept.reply(ask()) == first
    assert (engine.asked, kept.asked, kept.known) == (1, 1, 1)


@in_loop
async def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    kept = Kept(Counting(), ReplyStore(tmp_path / "r.sqlite"))
    for _ in range(2):
        with pytest.raises(EngineError):
            await kept.reply(ask(purpose="fail"))
    assert (kept.asked, kept.known) == (2, 0)


def test_the_key_changes_with_all_that_determines_a_reply() -> None:
    base = ask()
    others = [
        ask("who?"),
        ask(purpose="verdict 2"),
        ask(schema={"type": "object"}),
        ask(attempt=1),
        Ask(base.messages, Sampling(11)),
        Ask(base.messages, Sampling(10, temperature=0.1)),
        Ask(base.messages, Sampling(10, top_p=0.9)),
        Ask(({"role": "system", "content": "why?"},), Sampling(10)),
        Ask((*base.messages, *base.messages), Sampling(10)),
    ]
    keys = {one.key("a") for one in (base, *others)} | {base.key("b")}
    assert len(keys) == len(others) + 2
    assert base.key("a") == ask().key("a") == base.again(1).again(0).key("a")
