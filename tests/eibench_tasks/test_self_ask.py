"""Self-ask: what is asked after what, which replies count, and the same stages inside an evaluation harness."""

import itertools
import json
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_server import in_loop

from eibench_tasks.engines.structured import Unusable
from eibench_tasks.self_ask.replayed import answer, self_ask
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS, Form, Found, Note, SelfAsk, prompt, unasked
from eibench_tasks.self_ask.wording import Wording, lines, loops

T = TypeVar("T")
QUESTION = "Why is {she} happy?"
ANSWERS = ["Two girls, sisters perhaps.", "They blow out candles.", "Both smile widely.", "They lean towards the cake."]
REPLIES: dict[str, dict[str, Any]] = {
    "enrich": {"question": "Look for causes of her joy."},
    "rebuild": {"question": "Why is the girl beside the cake happy?"},
    "general": {"answers": ANSWERS},
    "scenario_ask": {"questions": ["Whose birthday is it?", "What is on the table?"]},
    "scenario_answer": {"answers": ["The taller girl's, it seems.", "A cake with six candles."]},
    "summary": {
        "question": "Why is the girl happy?",
        "triggers": [{"text": "A cake with candles", "notes": [2, 6]}, {"text": "It is her birthday", "notes": [5]}],
    },
}


class Talk:
    """A conversation that replies by stage and remembers what it was asked; later replies may be given by round."""

    def __init__(self, **changed: Any) -> None:
        self.turns = 0
        self.asked: list[tuple[str, str, str]] = []
        self._replies = REPLIES | changed

    async def ask(self, stage: str, text: str, form: Form[T]) -> T:
        self.turns += 1
        return self._reply("ask", stage, text, form)

    async def ask_text(self, stage: str, text: str, form: Form[T]) -> T:
        return self._reply("ask_text", stage, text, form)

    async def conclude(self, stage: str, text: str, form: Form[T]) -> T:
        return self._reply("conclude", stage, text, form)

    def _reply(self, how: str, stage: str, text: str, form: Form[T]) -> T:
        self.asked.append((how, stage, text))
        reply = self._replies[stage]
        if isinstance(reply, list):
            reply = reply[sum(1 for _, other, _ in self.asked if other == stage) - 1]
        return form.read(reply)

    def text(self, stage: str) -> str:
        """What was asked last at a stage."""
        return next(text for _, other, text in reversed(self.asked) if other == stage)


def found(talk: Talk, **settings: Any) -> Found:
    """What self-ask finds; nothing waits, so no loop is needed."""
    running = SelfAsk(**settings)(talk, QUESTION)
    with pytest.raises(StopIteration) as done:
        running.send(None)
    result: Found = done.value.value
    return result


# The stages


def test_the_question_is_made_specific_before_anything_is_asked_about_the_image() -> None:
    talk = Talk()
    found(talk)
    assert [(how, stage) for how, stage, _ in talk.asked] == [
        ("ask_text", "enrich"),
        ("ask", "rebuild"),
        ("ask", "general"),
        ("ask", "scenario_ask"),
        ("ask", "scenario_answer"),
        ("conclude", "summary"),
    ]
    assert QUESTION in talk.text("enrich")
    assert "Look for causes of her joy." in talk.text("rebuild")
    for stage in ("scenario_ask", "summary"):
        assert "Why is the girl beside the cake happy?" in talk.text(stage)


def test_notes_are_numbered_through_and_know_the_turn_that_answered_them() -> None:
    notes = found(Talk()).notes
    assert [note.number for note in notes] == [1, 2, 3, 4, 5, 6]
    assert [note.stage for note in notes] == ["general"] * 4 + ["scenario"] * 2
    assert [note.turn for note in notes] == [2, 2, 2, 2, 4, 4]
    assert [note.question for note in notes[:4]] == list(PAPER_QUESTIONS)
    assert notes[5].answer == "A cake with six candles."


def test_the_summary_is_given_all_notes_and_its_triggers_keep_the_numbers_that_there_are() -> None:
    summary = {"question": "Why?", "triggers": [{"text": "A cake", "notes": [6, 2, 2, 77, "x"]}]}
    talk = Talk(summary=summary)
    assert found(talk).triggers == [("A cake", [2, 6])]
    assert "6. What is on the table? A cake with six candles." in talk.text("summary")


def test_rounds_go_on_until_nothing_new_is_asked() -> None:
    asked = [{"questions": ["Whose birthday is it?", "What is on the table?"]}, {"questions": ["whose BIRTHDAY is it"]}]
    talk = Talk(scenario_ask=asked)
    assert len(found(talk, rounds=5).notes) == 6
    assert [stage for _, stage, _ in talk.asked].count("scenario_answer") == 1


def test_rounds_end_at_their_limit_and_number_on() -> None:
    asked = [{"questions": ["Whose birthday is it?"]}, {"questions": ["Who baked the cake?"]}]
    answers = [{"answers": ["Hers."]}, {"answers": ["Her father, perhaps."]}]
    notes = found(Talk(scenario_ask=asked, scenario_answer=answers), rounds=2).notes
    assert [(note.number, note.answer) for note in notes[4:]] == [(5, "Hers."), (6, "Her father, perhaps.")]


def test_without_rounds_nothing_is_asked_about_the_scenario() -> None:
    talk = Talk()
    assert len(found(talk, rounds=0).notes) == 4
    assert "scenario_ask" not in [stage for _, stage, _ in talk.asked]


def test_more_triggers_than_allowed_are_cut_off() -> None:
    summary = {"question": "Why?", "triggers": [{"text": f"Cause {number}", "notes": []} for number in "abc"]}
    assert len(found(Talk(summary=summary), most_triggers=2).triggers) == 2


@pytest.mark.parametrize(
    ("summary", "problem"),
    [
        ({"question": "Why?", "triggers": []}, "names no trigger"),
        ({"question": "Why?"}, "list of triggers is missing"),
        ({"question": "Why?", "triggers": ["A cake"]}, "list of triggers is missing"),
        ({"question": "", "triggers": [{"text": "A cake", "notes": []}]}, "empty"),
        ({"question": "Why?", "triggers": [{"text": " ", "notes": []}]}, "empty"),
        ({"question": "Why?", "triggers": [{"notes": []}]}, "a text is missing"),
    ],
)
def test_a_summary_that_is_none_is_unusable(summary: Any, problem: str) -> None:
    with pytest.raises(Unusable, match=problem):
        found_or_unusable(Talk(summary=summary))


def found_or_unusable(talk: Talk) -> None:
    SelfAsk()(talk, QUESTION).send(None)


# Wording


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I do not see images.",
        "I cannot assist with identifying people.",
        "Sorry, I am not able to provide this.",
    ],
)
def test_a_refusal_is_no_text(reply: str) -> None:
    with pytest.raises(Unusable, match="refuses"):
        Wording().text(reply)


def test_one_question_that_the_image_does_not_answer_is_no_refusal() -> None:
    texts = ["Two girls.", "I cannot identify people by name, but one is taller."]
    assert Wording().many(texts, 2, 2) == texts
    assert Wording().text("The image gives no hint; it cannot be told.")


@pytest.mark.parametrize(
    "text", ["the cake the cake " * 9, "a girl who smiles and then " * 5, "ha" * 40, "so " * 30, "!" * 60]
)
def test_a_model_that_goes_round_in_circles_is_found_out(text: str) -> None:
    assert loops(text)
    with pytest.raises(Unusable, match=r"over and over|longer"):
        Wording().text(text)


def test_ordinary_prose_does_not_loop() -> None:
    assert not loops("The girl on the left smiles, the girl on the right smiles too, and behind them the crowd cheers.")


def test_another_language_is_unusable_where_the_run_says_so() -> None:
    wording = Wording(foreign=lambda text: "it is not in English" if "Das" in text else None)
    with pytest.raises(Unusable, match="not in English"):
        wording.many(["Das Kind lacht."], 1, 1)
    assert Wording().text("Das Kind lacht.")


@given(st.text(min_size=1, max_size=200))
def test_a_text_is_one_printable_line_or_unusable(text: str) -> None:
    try:
        line = Wording().text(text)
    except Unusable:
        return
    assert line == " ".join(line.split())
    assert not any(ord(character) < 32 or character in "\u200b\u202e\ufffd\u2028" for character in line)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=8))
def test_whatever_a_model_puts_into_a_form_is_read_or_unusable(value: Any) -> None:
    for reply in (
        {"answers": value},
        {"questions": value},
        {"question": value},
        {"triggers": value, "question": "Why?"},
    ):
        for stage in REPLIES:
            try:
                found_or_unusable(Talk(**{stage: reply}))
            except (Unusable, StopIteration):
                continue


def test_the_schema_forbids_what_would_not_come_to_an_end() -> None:
    pattern = Wording(40).schema()["pattern"]
    assert pattern == '^[^"\\\\\\x00-\\x1f]{1,40}$'


def test_questions_in_other_order_or_case_are_the_same() -> None:
    asked = ["What is on the table?"]
    assert unasked(["what is ON the table", "On the table is what?", "Who is there?", "Who is there"], asked) == [
        "Who is there?"
    ]


def test_lines_lose_bullets_and_numbers() -> None:
    assert lines("1. One\n- Two\n\n3) Three\n***\n• Four") == ["One", "Two", "Three", "Four"]


# Inside a harness


def conversation(replies: list[str]) -> list[str]:
    """All prompts, answered by these replies."""
    asked: list[str] = []
    while (following := self_ask(QUESTION, replies[: len(asked)])) is not None:
        asked.append(following)
    return asked


JSON_REPLIES = [json.dumps(reply) for reply in REPLIES.values()]


def test_the_harness_asks_the_same_stages_one_prompt_at_a_time() -> None:
    prompts = conversation(JSON_REPLIES)
    talk = Talk()
    found(talk, questions_a_round=4, rounds=1)
    for asked, (_, stage, text) in zip(prompts, talk.asked, strict=True):
        assert asked.endswith(text), stage


def test_each_prompt_tells_what_was_said_before_but_for_the_question_in_full() -> None:
    enrich, rebuild, general, *_, summary = conversation(JSON_REPLIES)
    assert rebuild.startswith(prompt("rebuild_v1", question="Look for causes of her joy."))
    assert general.startswith("You were asked:\n" + rebuild)
    assert JSON_REPLIES[1] in general and JSON_REPLIES[2] in summary
    assert enrich not in summary


def test_every_prompt_begins_as_the_one_before_went_on() -> None:
    """So that an engine with a prefix cache reads what is new only."""
    prompts = conversation(JSON_REPLIES)[2:]
    for earlier, later in itertools.pairwise(prompts):
        told = earlier[: earlier.rindex("\n\n")] if "You were asked" in earlier else ""
        before = told.rpartition("You replied:")[0]
        assert later.startswith(before)


def test_the_answer_is_the_triggers_of_the_summary() -> None:
    summary = conversation(JSON_REPLIES)[-1]
    assert answer(summary, JSON_REPLIES[-1]) == "A cake with candles\nIt is her birthday"


@pytest.mark.parametrize(
    "reply", ["A cake, and friends.", '{"triggers": []}', '{"triggers": [1, {"text": 2}]}', "{", ""]
)
def test_a_summary_of_another_form_is_the_answer_as_it_is(reply: str) -> None:
    assert answer(conversation(JSON_REPLIES)[-1], reply) == reply


def test_a_reply_in_the_form_of_a_summary_to_another_prompt_is_left_alone() -> None:
    assert answer("Why is she happy?", JSON_REPLIES[-1]) == JSON_REPLIES[-1]


def test_a_model_that_never_writes_json_gets_through_all_stages() -> None:
    replies = [
        "What makes her glad?",
        "Why is the girl glad?",
        "1. Two.\n2. They eat.\n3. Smiles.\n4. Upright.",
        "1. Whose cake is it?\n2. Who came?",
        "Hers, and friends came.",
        "- A cake\n- Her friends",
    ]
    prompts = conversation(replies)
    assert len(prompts) == 6
    assert "6. Who came?" in prompts[4]
    assert (
        "2. What are they doing, and how do they act on each other and on the things around them? They eat."
        in prompts[5]
    )
    assert "5. Whose cake is it? Hers, and friends came." in prompts[5]


@given(st.lists(st.text(), min_size=6, max_size=6))
def test_whatever_is_replied_the_conversation_ends(replies: list[str]) -> None:
    assert 5 <= len(conversation(replies)) <= 6


# Records


@in_loop
async def test_a_note_is_kept_as_json() -> None:
    note = Note(number=1, stage="general", question="How many?", answer="Two.", turn=2)
    assert Note.model_validate_json(note.model_dump_json()) == note
