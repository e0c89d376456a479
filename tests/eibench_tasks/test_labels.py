"""Labels of the reference triggers: what a judge is asked, what of its reply counts, and the file that keeps them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dialogues import after
from support.openai_server import ChatServer, Request

from eibench_tasks.engines.engine import EngineError
from eibench_tasks.engines.openai_chat import Limits, OpenAIEngine
from eibench_tasks.engines.store import Kept, ReplyStore
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.llm.dialogue import ROUNDS
from eibench_tasks.judging.llm.labels import (
    CATEGORIES,
    Labelled,
    Labels,
    LabelsProtocol,
    label,
    labels_file,
    load_labels,
    save_labels,
)

REFERENCE = Reference(["Birthday cake", "She has waited for this day"], "Why is she happy?")
DATA = {"user.jsonl": "ab" * 32}
CAKE, WAITED = ("explicit", "objects"), ("implicit", "other")


def said(*labels: tuple[Any, Any]) -> str:
    """A reply with the labels of triggers 1, 2, …"""
    entries = [{"index": i, "kind": kind, "category": name} for i, (kind, name) in enumerate(labels, start=1)]
    return json.dumps({"labels": entries})


def read(*replies: str) -> Labelled:
    """What comes of these replies, one after the other."""
    return after(LabelsProtocol().about(REFERENCE), *replies)


# --- through a real server


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(lambda request: said(CAKE, WAITED)).running() as server:
        yield server


def ask(server: ChatServer, references: dict[str, Reference], store: Path | None = None, **more: Any) -> Labels:
    async def run() -> Labels:
        engine = OpenAIEngine("judge", [server.base_url], "", Limits(backoff=0.001, request_seconds=0.5))
        try:
            asked = Kept(engine, ReplyStore(store)) if store else engine
            return await label(asked, engine.name, references, DATA, **more)
        finally:
            await engine.close()

    return asyncio.run(run())


def test_every_trigger_gets_a_kind_and_a_category(server: ChatServer) -> None:
    done: list[None] = []
    labels = ask(server, {"a": REFERENCE, "b": REFERENCE}, on_done=lambda: done.append(None))
    assert labels.labels == {"a": [CAKE, WAITED], "b": [CAKE, WAITED]}
    assert labels.unlabelled == {} and len(done) == 2
    assert (labels.judge, labels.version) == ("openai:judge", LabelsProtocol().version)
    request = server.requests[0]
    assert "Why is she happy?" in request.text and "2. She has waited for this day" in request.text
    entry = request.body["response_format"]["json_schema"]["schema"]["properties"]["labels"]["items"]["properties"]
    assert entry["kind"]["enum"] == ["explicit", "implicit"]
    assert entry["category"]["enum"] == list(CATEGORIES)
    assert all(f"- {name}: " in request.text for name in CATEGORIES), "a category is not explained"


def test_only_the_trigger_without_a_usable_label_is_asked_again(server: ChatServer) -> None:
    replies = iter(
        [said(CAKE, ("implied", "other")), json.dumps({"labels": json.loads(said(CAKE, WAITED))["labels"][1:]})]
    )
    server.answer = lambda request: next(replies)
    assert ask(server, {"a": REFERENCE}).labels == {"a": [CAKE, WAITED]}
    again = server.requests[1]
    assert "2. She has waited" in again.text and "1. Birthday cake" not in again.text
    assert "its kind is none of those listed" in again.text
    labels = again.body["response_format"]["json_schema"]["schema"]["properties"]["labels"]
    assert labels["items"]["properties"]["index"]["enum"] == [2]


def test_a_sample_whose_labelling_fails_is_unlabelled_and_said_so(server: ChatServer) -> None:
    def answer(request: Request) -> str:
        return "no" if "A torn letter" in request.text else said(CAKE, WAITED)

    server.answer = answer
    labels = ask(server, {"good": REFERENCE, "bad": Reference(["A torn letter"])})
    assert set(labels.labels) == {"good"}
    assert set(labels.unlabelled) == {"bad"} and "trigger 1: the reply is not the JSON" in labels.unlabelled["bad"]
    assert len(server.requests) == 1 + ROUNDS


def test_labelling_again_costs_nothing(server: ChatServer, tmp_path: Path) -> None:
    first, second = (ask(server, {"a": REFERENCE}, tmp_path / "replies.sqlite") for _ in range(2))
    assert first == second and len(server.requests) == 1


def test_a_server_that_does_not_know_the_model_ends_the_labelling(server: ChatServer) -> None:
    from support.openai_server import Reply as Sent

    server.answer = lambda request: Sent(status=404)
    with pytest.raises(EngineError, match="does not know the model"):
        ask(server, {str(i): REFERENCE for i in range(20)})


# --- what of a reply counts


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "{}",
        '{"labels": [' * 50_000,
        said(CAKE),  # none for the second
        said(CAKE, WAITED)[:-1] + ', "labels": []}',  # a key twice
        said(CAKE, ("implicit", None)),
        said(CAKE, ("implicit", ["other"])),
        said(CAKE, ("implicit", "food")),
        said(CAKE, ("Implicit", "other")),
        said(CAKE, (float("nan"), "other")),
        json.dumps({"labels": [{"index": 2, "kind": "implicit", "category": name} for name in CATEGORIES]}),
        said(CAKE, WAITED) + " " * 1_000_000,
    ],
    ids=lambda reply: reply[:40],
)
def test_a_reply_without_one_label_for_each_trigger_labels_nothing(reply: str) -> None:
    assert read(reply).labels == [] and read(reply).unlabelled
    assert read(reply, said(CAKE, WAITED)).labels == [CAKE, WAITED]


def test_entries_on_other_triggers_do_not_matter() -> None:
    assert read(said(CAKE, WAITED, CAKE)).labels == [CAKE, WAITED]


anything = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.sampled_from(["explicit", "other", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["labels", "index", "kind", "category"]), inner)
    ),
    max_leaves=20,
)


@given(st.text() | anything.map(json.dumps) | st.lists(anything).map(lambda said: json.dumps({"labels": said})))
def test_no_reply_raises(reply: str) -> None:
    found = read(reply)
    assert found.unlabelled or len(found.labels) == 2


def test_a_changed_prompt_is_a_new_version() -> None:
    """Change a prompt, and this fails: give its files a new number."""
    assert LabelsProtocol().version == "1-dcb127cb"


# --- the file

LABELS = Labels(
    judge="openai:org/Model-7B",
    version="1",
    annotations_sha256=DATA,
    labels={"a": [CAKE, WAITED]},
    unlabelled={"b": "x"},
)


def test_labels_are_kept_by_data_and_judge(home: Path) -> None:
    file = save_labels(LABELS)
    assert file.parent == home / "labels" and "openai-org-model-7b" in file.name
    assert list(file.parent.iterdir()) == [file]  # nothing temporary is left
    assert load_labels(DATA, LABELS.judge) == LABELS
    assert json.loads(file.read_text())["labels"] == {"a": [["explicit", "objects"], ["implicit", "other"]]}
    assert load_labels(DATA, "openai:another") is None
    assert load_labels({"user.jsonl": "cd" * 32}, LABELS.judge) is None


@pytest.mark.parametrize(
    "judge", ["../../etc/passwd", "openai:../x", "openai:" + "m" * 500, "", "openai:ü", "OPENAI:A"]
)
def test_any_judge_has_a_file_of_its_own_in_the_folder(home: Path, judge: str) -> None:
    file = labels_file(DATA, judge)
    assert file.resolve().parent == home / "labels" and len(file.name) < 150
    assert file != labels_file(DATA, judge + "/") and not file.name.startswith(".")


GOOD = LABELS.model_dump(mode="json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b'{"labels": ' * 50_000,
        json.dumps(GOOD).encode()[:-5],
        json.dumps(GOOD | {"format": 2}).encode(),
        json.dumps(GOOD | {"labels": {"a": [["explicit"]]}}).encode(),
        json.dumps(GOOD | {"labels": {"a": [["explicit", "food"]]}}).encode(),
        json.dumps(GOOD | {"labels": {"a": []}}).encode(),
        json.dumps(GOOD | {"labels": {"a": float("nan")}}).encode(),
        json.dumps(GOOD | {"labels": {"\ud800": [["explicit", "objects"]]}}).encode(),
        json.dumps(GOOD | {"judge": "openai:another"}).encode(),
        json.dumps(GOOD | {"annotations_sha256": {}}).encode(),
        json.dumps(GOOD | {"more": 1}).encode(),
    ],
    ids=lambda content: str(content[:30]),
)
def test_a_damaged_file_ends_in_one_line_that_names_the_command(content: bytes) -> None:
    save_labels(LABELS).write_bytes(content)
    with pytest.raises(EIBenchError, match=r"`eibench label --judge openai:org/Model-7B`") as caught:
        load_labels(DATA, LABELS.judge)
    assert "\n" not in str(caught.value)
    save_labels(LABELS)  # what the command does
    assert load_labels(DATA, LABELS.judge) == LABELS


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Who reads the old file while a new one is written sees the old one to its end."""
    old = tmp_path / "old.json"
    old.hardlink_to(save_labels(LABELS))
    before = old.read_bytes()
    save_labels(LABELS.model_copy(update={"labels": {}}))
    assert old.read_bytes() == before


def test_where_the_file_cannot_be_written_the_old_one_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_labels(LABELS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EIBenchError, match="No space left on device"):
        save_labels(LABELS.model_copy(update={"labels": {}}))
    assert load_labels(DATA, LABELS.judge) == LABELS
    assert len(list((home / "labels").iterdir())) == 1


def test_a_folder_in_the_files_place_ends_in_one_line(home: Path) -> None:
    labels_file(DATA, LABELS.judge).mkdir(parents=True)
    with pytest.raises(EIBenchError, match="cannot read the labels"):
        load_labels(DATA, LABELS.judge)
    with pytest.raises(EIBenchError, match="cannot write"):
        save_labels(LABELS)
