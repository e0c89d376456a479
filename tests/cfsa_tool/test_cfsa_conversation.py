"""The conversation about one image: what is sent each time, what is asked again, and what a later turn knows."""

from pathlib import Path
from typing import Any

import pytest
from support.scripted_model import PICTURE, Model, stage_of, talk_with, text_of
from support.scripted_server import in_loop

from cfsa_tool.journal import Journal
from cfsa_tool.stages.conversation import Failed, Turn
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.engines.store import ReplyStore
from eibench_tasks.engines.structured import Unusable, object_schema
from eibench_tasks.self_ask.stages import Form


def read_word(said: dict[str, Any]) -> str:
    if said.get("word") == "bad":
        raise Unusable("that word is bad")
    return str(said["word"])


WORD = Form(object_schema({"word": {"type": "string"}}), read_word, lambda text: text, 32)


def word(text: str) -> dict[str, str]:
    return {"word": text}


def images_in(ask: Ask) -> list[int]:
    """Which messages of a question hold an image."""
    contents = [message["content"] for message in ask.messages]
    return [
        place
        for place, content in enumerate(contents)
        if isinstance(content, list) and any(part["type"] == "image_url" for part in content)
    ]


@in_loop
async def test_the_image_comes_first_and_once() -> None:
    model = Model(a=word("one"), b=word("two"), c=word("three"))
    talk = talk_with(model)
    for stage in ("a", "b", "c"):
        await talk.ask(stage, f"{stage}?", WORD)
    assert [images_in(ask) for ask in model.asks] == [[0], [0], [0]]
    first = model.asks[2].messages[0]["content"]
    assert [part["type"] for part in first] == ["image_url", "text"]
    assert first[0]["image_url"]["url"] is PICTURE


@in_loop
async def test_every_turn_extends_the_one_before_word_for_word() -> None:
    """So that an engine with a prefix cache reads only what is new."""
    model = Model(a=word("one"), b=word("two"))
    talk = talk_with(model)
    assert await talk.ask("a", "a?", WORD) == "one"
    assert await talk.ask("b", "b?", WORD) == "two"
    first, second = (ask.messages for ask in model.asks)
    assert second[: len(first)] == first
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == '{"word": "one"}'
    assert second[2]["content"] == "b?"
    assert talk.turns == 2


@in_loop
async def test_questions_of_one_image_share_a_place_and_those_without_it_have_none() -> None:
    model = Model(a=word("one"), b=word("two"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    await talk.ask_text("b", "b?", WORD)
    assert [ask.place for ask in model.asks] == ["d1", ""]


@in_loop
async def test_an_unusable_reply_is_asked_again_with_its_reason_warmer_and_under_another_key() -> None:
    model = Model(a=["no JSON", word("bad"), word("good")])
    assert await talk_with(model).ask("a", "a?", WORD) == "good"
    first, second, third = model.asks
    assert text_of(first) == "a?"
    assert text_of(second).startswith("a?\n\n")
    assert "could not be used: the reply is not the JSON asked for." in text_of(second)
    assert "that word is bad" in text_of(third)
    assert "not the JSON" not in text_of(third)
    assert [ask.sampling.temperature for ask in model.asks] == [0.0, 0.7, 0.7]
    assert [ask.attempt for ask in model.asks] == [0, 1, 2]
    assert len({ask.key("model") for ask in model.asks}) == 3


@in_loop
async def test_the_attempt_alone_makes_another_key() -> None:
    model = Model(a=word("bad"))
    with pytest.raises(Failed):
        await talk_with(model).ask("a", "a?", WORD)
    second, third = model.asks[1:]
    assert second.messages == third.messages
    assert second.key("model") != third.key("model")


@in_loop
async def test_what_failed_does_not_stay_in_the_conversation() -> None:
    model = Model(a=["no JSON", word("good")], b=word("two"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    await talk.ask("b", "b?", WORD)
    told = str(model.asks[-1].messages)
    assert "no JSON" not in told and "could not be used" not in told
    assert model.asks[-1].messages[:1] == model.asks[0].messages


@in_loop
async def test_after_the_last_attempt_the_stage_has_failed_and_says_why() -> None:
    model = Model(a=["no JSON", word("bad"), word("bad"), word("too late")])
    with pytest.raises(Failed) as failed:
        await talk_with(model).ask("a", "a?", WORD)
    assert (failed.value.stage, failed.value.reason) == ("a", "no usable reply in 3 attempts: that word is bad")
    assert len(model.asks) == 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ('{"word": "go', "the reply is not the JSON asked for and was cut off"),
        ("<think>It might be", "the reply is empty and was cut off"),
        ("", "the reply is empty and was cut off"),
    ],
)
@in_loop
async def test_a_reply_that_was_cut_off_is_said_to_be_so_once(reply: str, reason: str) -> None:
    model = Model(a=Reply(text=reply, finish="length"))
    with pytest.raises(Failed) as failed:
        await talk_with(model).ask("a", "a?", WORD)
    assert failed.value.reason == f"no usable reply in 3 attempts: {reason}"


@in_loop
async def test_reasoning_is_not_sent_back() -> None:
    model = Model(a='<think>Perhaps {"word": "no"}?</think>\n{"word": "one"}', b=word("two"))
    talk = talk_with(model)
    assert await talk.ask("a", "a?", WORD) == "one"
    await talk.ask("b", "b?", WORD)
    assert model.asks[1].messages[1] == {"role": "assistant", "content": '{"word": "one"}'}


@in_loop
async def test_branches_go_on_by_themselves_from_where_they_part() -> None:
    model = Model(a=word("one"), b=word("two"), c=word("three"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    left, right = talk.branch(), talk.branch()
    await left.ask("b", "b?", WORD)
    await right.ask("c", "c?", WORD)
    assert "b?" not in str(model.asks[2].messages)
    assert model.asks[2].messages[:2] == model.asks[1].messages[:2]
    assert (talk.turns, left.turns, right.turns) == (1, 2, 2)
    assert talk.spent.calls == 3


@in_loop
async def test_a_conversation_afresh_has_the_image_and_nothing_else() -> None:
    model = Model(a=word("one"), b=word("two"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    await talk.afresh().ask("b", "b?", WORD)
    assert len(model.asks[1].messages) == 1
    assert images_in(model.asks[1]) == [0]
    assert talk.spent.calls == 2


@in_loop
async def test_a_choice_is_asked_with_its_choices_and_leaves_no_turn() -> None:
    model = Model(a=word("one"), b=Reply(text='{"word": "yes"}', likely={"yes": 0.8, "no": 0.1}), c=word("three"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    said, reply = await talk.choose("b", "b?", WORD, ("yes", "no"))
    assert (said, reply.likely) == ("yes", {"yes": 0.8, "no": 0.1})
    assert model.asks[1].choices == ("yes", "no")
    await talk.ask("c", "c?", WORD)
    assert "b?" not in str(model.asks[2].messages)


# Two models


@in_loop
async def test_the_text_model_gets_neither_the_image_nor_the_conversation() -> None:
    vision, writer = Model(a=word("one")), Model("writer", b=word("two"), c=word("three"))
    talk = talk_with(vision, writer)
    await talk.ask("a", "a?", WORD)
    await talk.ask_text("b", "b?", WORD)
    await talk.conclude("c", "c?", WORD)
    assert vision.stages == ["a"]
    assert [ask.messages for ask in writer.asks] == [
        ({"role": "user", "content": "b?"},),
        ({"role": "user", "content": "c?"},),
    ]
    assert talk.turns == 1


@in_loop
async def test_without_a_text_model_the_one_that_sees_writes_and_concludes_in_the_conversation() -> None:
    model = Model(a=word("one"), b=word("two"), c=word("three"))
    talk = talk_with(model)
    await talk.ask("a", "a?", WORD)
    await talk.ask_text("b", "b?", WORD)
    await talk.conclude("c", "c?", WORD)
    assert [len(ask.messages) for ask in model.asks] == [1, 1, 3]
    assert [images_in(ask) for ask in model.asks] == [[0], [], [0]]


# What is told and counted


@in_loop
async def test_every_reply_is_watched_the_unusable_ones_with_their_problem() -> None:
    turns: list[Turn] = []
    model = Model(a=["no JSON", word("one")], b=word("two"), c=word("yes"))
    talk = talk_with(model, Model("writer", w=word("w")), watch=turns.append)
    await talk.ask("a", "a?", WORD)
    await talk.ask("b", "b?", WORD)
    await talk.afresh().choose("c", "c?", WORD, ("yes", "no"))
    await talk.ask_text("w", "w?", WORD)
    assert [(turn.stage, turn.number, turn.asked) for turn in turns] == [
        ("a", 1, "vision"),
        ("a", 1, "vision"),
        ("b", 2, "vision"),
        ("c", 0, "vision"),
        ("w", 0, "text"),
    ]
    assert [turn.problem for turn in turns] == ["the reply is not the JSON asked for", "", "", "", ""]
    assert turns[0].reply == "no JSON"
    assert turns[1].prompt.startswith("a?") and "could not be used" in turns[1].prompt


@in_loop
async def test_calls_and_tokens_are_summed_over_all_replies() -> None:
    cut = Reply(text="no", prompt_tokens=10, completion_tokens=1, cached_tokens=4)
    good = Reply(text='{"word": "one"}', prompt_tokens=20, completion_tokens=2)
    talk = talk_with(Model(a=[cut, good]))
    await talk.ask("a", "a?", WORD)
    assert vars(talk.spent) == {"calls": 2, "prompt_tokens": 30, "cached_tokens": 4, "completion_tokens": 3}


# Errors of engines


@pytest.mark.parametrize("trouble", [Trouble.REQUEST, Trouble.PASSING])
@in_loop
async def test_an_error_about_this_question_fails_the_stage_and_is_not_asked_again(trouble: Trouble) -> None:
    model = Model(a=EngineError("the prompt is too long", trouble))
    with pytest.raises(Failed, match=r"^a: the prompt is too long$"):
        await talk_with(model).ask("a", "a?", WORD)
    assert len(model.asks) == 1


@in_loop
async def test_an_error_about_all_questions_goes_through() -> None:
    with pytest.raises(EngineError, match="wrong key"):
        await talk_with(Model(a=EngineError("wrong key", Trouble.ENGINE))).ask("a", "a?", WORD)


# Tried anew


@in_loop
async def test_a_retried_image_asks_only_what_had_no_usable_reply(tmp_path: Path) -> None:
    store = ReplyStore(tmp_path / "journal.sqlite")
    first = Model(a=word("one"), b=["no", "no", "no"])
    talk = talk_with(Journal("model", first, store))
    assert await talk.ask("a", "a?", WORD) == "one"
    with pytest.raises(Failed):
        await talk.ask("b", "b?", WORD)
    second = Model(b=["no", word("two")])
    again = talk_with(Journal("model", second, store), attempts=6)
    assert await again.ask("a", "a?", WORD) == "one"
    assert await again.ask("b", "b?", WORD) == "two"
    assert [(stage_of(ask), ask.attempt) for ask in second.asks] == [("b", 3), ("b", 4)]
    assert again.spent.calls == 1 + 3 + 2
