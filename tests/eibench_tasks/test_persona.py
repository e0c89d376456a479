"""The persona ablation: who the model is told to be, and nothing else of the prompt."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eibench_tasks.settings.persona import persona, with_persona

PROMPT = "You are a careful reader. You are asked: why is {she} happy?"


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
def test_without_the_variable_the_published_persona_stays(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("EIBENCH_PERSONA", value)
    assert persona() is None
    assert with_persona(PROMPT, persona()) == PROMPT


def test_the_variable_names_the_persona_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_PERSONA", "  an architect\n of old  houses ")
    assert persona() == "an architect of old houses"


def test_only_the_first_sentence_is_replaced() -> None:
    assert with_persona(PROMPT, "an architect") == "You are an architect. You are asked: why is {she} happy?"


def test_a_period_of_the_persona_is_not_doubled() -> None:
    assert with_persona(PROMPT, "an architect.").startswith("You are an architect. You are asked")


def test_a_prompt_without_a_persona_gets_one_in_front() -> None:
    assert with_persona("Why is she happy?", "an architect") == "You are an architect. Why is she happy?"


@pytest.mark.parametrize("prompt", ["You are a reader\nof books. Why?", "Well. You are a reader. Why?"])
def test_what_is_no_opening_sentence_is_left_alone(prompt: str) -> None:
    assert with_persona(prompt, "an architect") == f"You are an architect. {prompt}"


@example(" Why?", r"a \1 \g<0> \d reader")
@given(st.text(), st.text().filter(lambda who: who.rstrip(".")))
def test_the_rest_of_the_prompt_stays_to_the_letter(rest: str, who: str) -> None:
    """Also where the persona holds what a regular expression would read as a reference."""
    assert with_persona(f"You are a reader.{rest}", who) == f"You are {who.rstrip('.')}.{rest}"


def test_the_published_prompt_has_a_persona_that_can_be_replaced(published: Path) -> None:
    strings = json.loads((published / "protocol.json").read_text(encoding="utf-8"))["model"]
    before, _, after = strings["user"].partition(".")
    for prompt, suffix in ((strings["user"], ""), (strings["user"] + strings["cot_suffix"], strings["cot_suffix"])):
        assert before.startswith("You are ")
        assert with_persona(prompt, "an architect") == f"You are an architect.{after}{suffix}"
