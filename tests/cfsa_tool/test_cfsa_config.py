"""The configuration: a file, flags over it, what is refused, and what of it determines a run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfsa_tool.config import QUESTION, Config, Model, commented, differences, fingerprinted, load_config
from cfsa_tool.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cfsa.yaml"


def flags(**more: Any) -> dict[str, Any]:
    return {"vision.model": "m", **more}


# The printed configuration


def test_the_printed_configuration_holds_the_defaults(file: Path) -> None:
    file.write_text(commented(), encoding="utf-8")
    assert load_config(file, {}) == Config(vision=Model(model="NAME"))


def test_the_printed_configuration_names_every_setting_below_its_meaning() -> None:
    text = commented()
    fields = yaml.safe_load(text)
    assert set(fields) == set(Config.model_fields)
    assert set(fields["vision"]) == set(Model.model_fields)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("#") and line.strip() and line != "vision:":
            assert lines[number - 1].lstrip().startswith("# "), line
    assert "# of scenario self-ask, at most." in lines
    assert max(map(len, lines)) <= 130


# File and flags


def test_flags_stand_over_the_file(file: Path) -> None:
    file.write_text("vision: {model: a, batch: 4}\nrounds: 1\nlabel: false\n", encoding="utf-8")
    config = load_config(file, {"vision.model": "b", "rounds": 3})
    assert (config.vision.model, config.vision.batch, config.rounds, config.label) == ("b", 4, 3, False)


def test_flags_alone_are_enough() -> None:
    config = load_config(None, flags(**{"vision.engine": "openai", "text.model": "w"}))
    assert config.vision == Model(engine="openai", model="m")
    assert config.text == Model(engine="openai", model="w")


def test_the_text_model_runs_on_the_engine_of_the_vision_model_unless_it_has_its_own(file: Path) -> None:
    file.write_text("vision: {model: a, engine: vllm}\ntext: {model: b}\n", encoding="utf-8")
    loaded = load_config(file, {})
    assert loaded.text and loaded.text.engine == "vllm"
    own = load_config(file, {"text.engine": "openai"})
    assert own.text and own.text.engine == "openai"
    plain = load_config(None, flags(**{"text.model": "w"}))
    assert plain.text and plain.text.engine == "transformers"


def test_a_run_that_goes_on_keeps_its_fields_unless_a_flag_says_otherwise() -> None:
    before = load_config(None, flags(rounds=3, **{"vision.engine": "vllm"})).model_dump(mode="json")
    kept = load_config(None, {"concurrency": 8}, before)
    assert (kept.rounds, kept.vision.engine, kept.concurrency) == (3, "vllm", 8)
    assert before["concurrency"] == 64


def test_a_file_stands_in_the_place_of_the_runs_fields(file: Path) -> None:
    file.write_text("vision: {model: a}\n", encoding="utf-8")
    before = load_config(None, flags(rounds=3)).model_dump(mode="json")
    assert load_config(file, {}, before).rounds == 2


# What is refused, each in one line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("vision: {model: a}\nronds: 1", "cfsa.yaml: ronds: there is no such setting"),
        ("vision: {model: a, gpu: 1}", "cfsa.yaml: vision.gpu: there is no such setting"),
        ("vision: {model: a, engine: llama}", "vision.engine: Input should be 'openai', 'vllm' or 'transformers'"),
        ("vision: {model: a}\nrounds: many", "cfsa.yaml: rounds: Input should be a valid integer"),
        ("vision: {model: a}\nrounds: 9", "cfsa.yaml: rounds: Input should be less than or equal to 8"),
        ("vision: {model: a}\nthreshold: 1.5", "threshold: Input should be less than or equal to 1"),
        ("vision: {model: a}\nlimit: 0", "limit: Input should be greater than or equal to 1"),
        ("vision: {model: a}\ngeneral: some", "cfsa.yaml: general"),
        ("vision: {model: a}\nkind: simple", "kind: Input should be 'basic' or 'complex'"),
        ("vision: {model: a}\ntext: some-model", "cfsa.yaml: text: Input should be"),
        ("vision: {model: a, engine: vllm}\ntext: some-model", "cfsa.yaml: text: Input should be"),
        ("vision: {model: a}\ntext: {}", "cfsa.yaml: text.model: it is missing"),
        ("vision: {model: a}\n7: rounds", "cfsa.yaml: 7: Keys should be strings"),
        ("vision: a", "no vision model is named"),
        ("vision: [a]\ntext: {model: b}", "no vision model is named"),
        ("vision: {model: ''}", "no vision model is named"),
        ("", "no vision model is named"),
        ("- vision", "cfsa.yaml holds no fields"),
        ("just words", "cfsa.yaml holds no fields"),
        ("vision: {model: a", "cfsa.yaml is not YAML"),
        ("vision: {model: a}\nlicense: 2024-02-31", "cfsa.yaml is not YAML"),
        ("vision: !!python/object/apply:os.getcwd []", "cfsa.yaml is not YAML"),
        ("[" * 5000, "cfsa.yaml is not YAML"),
    ],
)
def test_a_file_that_has_no_meaning_is_refused_in_one_line(file: Path, text: str, problem: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(file, {})
    assert problem in str(error.value)
    assert "cfsa init" in str(error.value) or "--model" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*cfsa\.yaml: No such file"):
        load_config(file, {})
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_config(file, {})


def test_a_wrong_flag_is_said_to_be_one() -> None:
    with pytest.raises(ConfigError, match="the command line: rounds: Input should be"):
        load_config(None, flags(rounds=99))


def test_a_flag_cannot_reach_into_a_field_that_holds_none(file: Path) -> None:
    file.write_text("vision: a\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="vision must hold fields"):
        load_config(file, {"vision.engine": "openai"})


@given(
    st.dictionaries(
        st.sampled_from([*Config.model_fields, "other"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.lists(st.integers() | st.text(max_size=3), max_size=2)
        | st.dictionaries(st.sampled_from(["model", "engine", "options"]), st.none() | st.text(max_size=3)),
    )
)
def test_whatever_the_fields_hold_they_are_a_configuration_or_refused(fields: dict[str, Any]) -> None:
    try:
        config = load_config(None, {"rounds": 1}, fields)
    except ConfigError:
        return
    assert load_config(None, {}, config.model_dump(mode="json")) == config


# What determines a run


def test_how_hard_a_run_works_and_where_its_servers_are_does_not_determine_it() -> None:
    same = {
        "concurrency": 8,
        "limit": 5,
        "license": "CC-BY-4.0",
        "vision.base_url": ["http://other/v1"],
        "vision.batch": 2,
        "vision.options": {"tensor_parallel_size": 2},
    }
    base = fingerprinted(load_config(None, flags()))
    assert fingerprinted(load_config(None, flags(**same))) == base
    changed = {"vision.model": "n", "rounds": 1, "general": ["Who?"], "language": "any", "vision.revision": "abc"}
    for name, value in changed.items():
        assert differences(base, fingerprinted(load_config(None, flags(**{name: value})))), name


def test_every_other_field_determines_a_run() -> None:
    left_out = {"base_url", "batch", "concurrency", "limit", "license", "options"}
    names = set(fingerprinted(load_config(None, flags(**{"text.model": "w"}))))
    expected = set(Config.model_fields) | {
        f"{role}.{name}" for role in ("vision", "text") for name in Model.model_fields
    }
    assert names == {name for name in expected - {"vision", "text"} if name.rpartition(".")[2] not in left_out}


def test_differences_are_readable() -> None:
    before = fingerprinted(load_config(None, flags()))
    now = fingerprinted(
        load_config(
            None,
            flags(rounds=3, general=["Who is there, and what do they do to one another? " * 2], **{"text.model": "w"}),
        )
    )
    assert differences(before, now) == [
        "general: pilot → ['Who is there, and what do they do to one another? Who i…",
        "rounds: 2 → 3",
        "text.engine: none → transformers",
        "text.model: none → w",
    ]
    assert differences(now, now) == []
    lines = fingerprinted(load_config(None, flags(question="Why\n{emotion}?")))
    assert differences(before, lines) == [f"question: {QUESTION} → Why {{emotion}}?"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("general: []", "general: it is pilot, paper, or a list of 1 to 12 questions"),
        ("general: ['']", "general: it is pilot, paper, or a list of 1 to 12 questions"),
        (f"general: {['Who?'] * 13}", "general: it is pilot, paper, or a list of 1 to 12 questions"),
        ("question: ''", "question: it is empty"),
        ("question: Why is that?", "it must hold {emotion}"),
        ("rouds: 3", "rouds: there is no such setting"),
    ],
)
def test_a_setting_without_meaning_is_named_in_plain_words(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "cfsa.yaml"
    file.write_text(f"vision: {{model: m}}\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_config(file, {})


def test_an_anchor_that_holds_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cfsa.yaml"
    file.write_text("vision: &v {model: m, options: {x: *v}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="anchor that refers to itself"):
        load_config(file, {})


def test_one_server_may_be_named_without_a_list(tmp_path: Path) -> None:
    file = tmp_path / "cfsa.yaml"
    file.write_text("vision: {model: m, engine: openai, base_url: http://a/v1}\n", encoding="utf-8")
    assert load_config(file, {}).vision.base_url == ["http://a/v1"]
