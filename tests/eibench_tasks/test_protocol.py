"""The published protocol strings: from `protocol.json` or parsed out of the reference scripts, never run."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reference_scripts import reference_scripts

from eibench_tasks.data import protocol
from eibench_tasks.data.protocol import protocol_from_json, protocol_from_scripts
from eibench_tasks.errors import AnnotationError


@pytest.fixture(scope="module")
def content(published: Path) -> bytes:
    return (published / "protocol.json").read_bytes()


@pytest.fixture(scope="module")
def strings(content: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(content)
    return loaded


@pytest.fixture(scope="module")
def scripts(strings: dict[str, Any]) -> dict[str, bytes]:
    return reference_scripts(strings)


# protocol.json


def test_the_published_file_is_read_word_for_word(content: bytes, strings: dict[str, Any]) -> None:
    read = protocol_from_json(content)
    assert read.model.model_dump() == strings["model"]
    assert {name: judge.model_dump(exclude_none=True) for name, judge in read.judges.items()} == strings["judges"]
    assert protocol.digest(read) == protocol.SHA256


def test_the_published_prompts_hold_their_placeholders_once(content: bytes) -> None:
    read = protocol_from_json(content)
    assert read.model.user.count("{question}") == 1
    for judge in read.judges.values():
        for prompt in (judge.basic, judge.complex):
            assert prompt.count("{answer}") == prompt.count("{triggers}") == 1


@pytest.mark.parametrize(
    ("where", "name"), [("model", "user"), ("model", "cot_suffix"), ("chatgpt", "system"), ("llama3", "complex")]
)
def test_one_changed_letter_is_refused(strings: dict[str, Any], where: str, name: str) -> None:
    changed = json.loads(json.dumps(strings))
    part = changed["model"] if where == "model" else changed["judges"][where]
    part[name] += "."
    with pytest.raises(AnnotationError, match="are not the published ones"):
        protocol_from_json(json.dumps(changed).encode())


def test_a_changed_sampling_setting_is_refused(strings: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(strings))
    changed["judges"]["llama3"]["temperature"] = 0.2
    with pytest.raises(AnnotationError, match="are not the published ones"):
        protocol_from_json(json.dumps(changed).encode())


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff", b"null", b"[]", b"{}", b'{"model": 1, "judges": 2}', b"[" * 200_000, b'{"a": ' + b"1" * 5000],
    ids=lambda garbage: repr(garbage[:20]),
)
def test_a_file_of_something_else_is_refused_with_a_way_out(garbage: bytes) -> None:
    with pytest.raises(AnnotationError, match="does not hold the protocol strings") as caught:
        protocol_from_json(garbage)
    assert "--eibench DIR" in caught.value.mend


# The reference scripts


def test_scripts_and_file_give_the_same_protocol(content: bytes, scripts: dict[str, bytes]) -> None:
    assert protocol_from_scripts(scripts) == protocol_from_json(content)


def test_no_script_holds_a_judge_prompt_in_one_piece(strings: dict[str, Any], scripts: dict[str, bytes]) -> None:
    """Else the test above would show nothing about putting the pieces together."""
    for judge in ("chatgpt", "llama3"):
        for split in ("basic", "complex"):
            source = scripts[f"{judge}_{split}"].decode()
            assert "content = content + f" in source
            assert json.dumps(strings["judges"][judge][split])[1:-1] not in source


def test_the_judge_is_the_model_that_is_asked_not_the_default(scripts: dict[str, bytes]) -> None:
    assert b'model="another-model"' in scripts["chatgpt_basic"]
    assert protocol_from_scripts(scripts).judges["chatgpt"].model != "another-model"


@pytest.mark.parametrize("name", sorted(protocol.SCRIPTS))
def test_a_script_is_never_run(scripts: dict[str, bytes], name: str, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    acting = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nraise SystemExit(3)\n".encode()
    exec_proof = {"__name__": "shows that the script would act"}
    with pytest.raises(SystemExit):
        exec(compile(acting, "script", "exec"), exec_proof)
    assert mark.exists()
    mark.unlink()
    protocol_from_scripts(scripts | {name: acting + scripts[name]})
    assert not mark.exists()


def test_a_changed_script_is_refused(scripts: dict[str, bytes]) -> None:
    changed = scripts["llama3_basic"].replace(b"top_p=0.9", b"top_p=0.8")
    assert changed != scripts["llama3_basic"]
    with pytest.raises(AnnotationError, match="the reference scripts: the protocol strings are not the published"):
        protocol_from_scripts(scripts | {"llama3_basic": changed})


def test_a_missing_script_is_refused(scripts: dict[str, bytes]) -> None:
    with pytest.raises(AnnotationError, match="do not hold the protocol strings"):
        protocol_from_scripts({name: source for name, source in scripts.items() if name != "cot"})


@pytest.mark.parametrize("name", sorted(protocol.SCRIPTS))
@pytest.mark.parametrize(
    "source",
    [b"", b"def (", b"\0", b"\xff\xfe", b"# coding: klingon\n", b"<html>404</html>", b"-" * 100_000 + b"1"],
    ids=["empty", "broken", "nul", "no-utf8", "odd-coding", "html", "deep"],
)
def test_a_script_of_something_else_is_refused(scripts: dict[str, bytes], name: str, source: bytes) -> None:
    with pytest.raises(AnnotationError, match="do not hold the protocol strings"):
        protocol_from_scripts(scripts | {name: source})


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_script_ends_in_the_protocol_or_our_error(scripts: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(scripts)))
    source = scripts[name]
    start = data.draw(st.integers(0, len(source)))
    stop = data.draw(st.integers(start, len(source)))
    damaged = source[:start] + data.draw(st.binary(max_size=3)) + source[stop:]
    with suppress(AnnotationError):
        assert protocol.digest(protocol_from_scripts(scripts | {name: damaged})) == protocol.SHA256
