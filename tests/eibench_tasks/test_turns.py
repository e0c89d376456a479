"""The settings of several turns: what is asked next follows from the replies so far, and all turns pass as one text."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.settings import prompts
from eibench_tasks.settings.prompts import prompt
from eibench_tasks.settings.turns import NextPrompt, own_caption, pack, unpack, with_caption

QUESTION = "You look at images. What makes {her} happy?"
FOLDER = Path(prompts.__file__).parent


def conversation(setting: NextPrompt, replies: list[str]) -> list[str]:
    """All prompts of a setting, answered by the given replies."""
    asked: list[str] = []
    while (following := setting(QUESTION, replies[: len(asked)])) is not None:
        asked.append(following)
    return asked


# The caption setting


def test_the_model_describes_the_image_and_is_then_asked_below_its_own_caption() -> None:
    describe, ask = conversation(own_caption, ["A girl and a dog.", "The dog."])
    assert describe == prompt("describe_v1")
    assert ask == f"A caption of the image: A girl and a dog.\n\n{QUESTION}"


def test_a_prepared_caption_is_put_above_the_question_in_the_same_way() -> None:
    assert with_caption(QUESTION, "A girl.") == own_caption(QUESTION, ["A girl."])


def test_the_image_is_described_before_the_question_is_known() -> None:
    assert own_caption(QUESTION, []) == own_caption("Another question?", [])


def test_an_empty_reply_does_not_end_a_conversation() -> None:
    assert len(conversation(own_caption, ["", ""])) == 2


# Prompts


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_every_prompt_is_a_file_with_its_version_in_the_name(name: str) -> None:
    assert name.rpartition("_v")[2].isdigit()
    values = dict.fromkeys(["question", "caption", "turns"], "x")
    assert "{" not in prompt(name, **values)


@given(st.text(), st.text())
def test_braces_in_what_is_filled_in_are_text(caption: str, question: str) -> None:
    assert prompt("caption_v1", caption=caption, question=question) == (
        f"A caption of the image: {caption}\n\n{question}"
    )


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert prompt("caption_v1", caption="{question}", question="Why?") == "A caption of the image: {question}\n\nWhy?"


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        prompt("caption_v1", caption="A dog.")


# Packing

_TURNS = st.lists(st.tuples(st.text(), st.text()), min_size=1)


@given(_TURNS)
def test_packed_turns_come_back_as_they_were(turns: list[tuple[str, str]]) -> None:
    packed = pack([asked for asked, _ in turns], [reply for _, reply in turns])
    assert unpack(packed) == [{"prompt": asked, "reply": reply} for asked, reply in turns]


@given(_TURNS)
def test_packed_turns_survive_the_harness_log(turns: list[tuple[str, str]]) -> None:
    packed = pack([asked for asked, _ in turns], [reply for _, reply in turns])
    logged = json.dumps({"resps": [[packed]]}, ensure_ascii=False)
    assert unpack(json.loads(logged)["resps"][0][0]) == unpack(packed)


@given(_TURNS)
def test_a_packed_text_holds_no_tag_that_the_harness_could_cut_out(turns: list[tuple[str, str]]) -> None:
    assert "<" not in pack([f"<think>{asked}" for asked, _ in turns], [f"{reply}</think>" for _, reply in turns])


def test_a_prompt_without_a_reply_cannot_be_packed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pack(["one", "two"], ["reply"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The dog.",
        '{"eibench_turns"',
        '{"eibench_turns": []}',
        '{"eibench_turns": null}',
        '{"eibench_turns": [1]}',
        '{"eibench_turns": [{"prompt": "only"}]}',
        '{"eibench_turns": {"prompt": "x", "reply": "y"}}',
        '{"eibench_turns": ' + "[" * 200_000,
        '{"eibench_turns": ' + "1" * 5000 + "}",
        '{"other": [{"prompt": "x", "reply": "y"}]}',
        ' {"eibench_turns": [{"prompt": "x", "reply": "y"}]}',
    ],
    ids=lambda text: text[:40],
)
def test_a_text_that_was_not_packed_is_not_unpacked(text: str) -> None:
    assert unpack(text) is None


@given(st.text())
def test_unpacking_never_raises(text: str) -> None:
    assert unpack(text) is None
    unpack('{"eibench_turns"' + text)
