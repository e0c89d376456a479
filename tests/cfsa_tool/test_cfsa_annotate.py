"""One image from top to bottom: what a sample is made of, and what becomes of an image when a model does not behave."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_model import BIRTHDAY, PICTURE, Model, Said, a_plan, an_item, text_of
from support.scripted_server import in_loop

from cfsa_tool.records import Outcome
from cfsa_tool.stages.annotate import annotate, versions
from cfsa_tool.stages.conversation import Crew, Turn
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble

GERMAN = "Das Mädchen lacht, weil die Kerzen auf dem Kuchen brennen und alle Freunde gekommen sind, um zu feiern."


async def outcome_of(model: Model, *emotions: str, question: str = "", retry: int = 0, **fields: Any) -> Outcome:
    return await annotate(an_item(*emotions, question=question), PICTURE, Crew(model), a_plan(**fields), retry)


def summary(*texts: Any, question: str = "Why is the girl glad?") -> dict[str, Any]:
    return {"question": question, "triggers": [{"text": text, "notes": [1]} for text in texts]}


# What is built


@in_loop
async def test_an_image_becomes_a_sample_stage_by_stage() -> None:
    model = Model(scenario_ask=[BIRTHDAY["scenario_ask"], {"questions": []}], verify=Reply(text='{"answer": "yes"}'))
    outcome = await outcome_of(model, "happy")
    assert model.stages == [
        *("enrich", "rebuild", "general", "scenario_ask", "scenario_answer", "scenario_ask", "summary"),
        *("verify", "verify", "labels"),
    ]
    (sample,) = outcome.samples
    assert (sample.emotion, sample.emotion_by, sample.whom) == ("happy", "source", "")
    assert sample.question == "Why is the girl glad?"
    assert [(one.text, one.notes, one.kind) for one in sample.triggers] == [
        ("A cake with candles", [2], "explicit"),
        ("It is her birthday", [3], "explicit"),
    ]
    assert [(note.number, note.turn, note.answer) for note in sample.notes] == [
        (1, 2, "Two children."),
        (2, 2, "They blow out candles."),
        (3, 4, "The girl's, it seems."),
    ]
    assert sample.dropped == []
    assert (outcome.calls, outcome.failure, outcome.skipped, outcome.retry) == (10, None, {}, 0)


@in_loop
async def test_the_initial_question_names_the_emotion() -> None:
    model = Model()
    await outcome_of(model, "awe")
    assert "What in this image explains why the person feels awe?" in text_of(model.of("enrich")[0])


@in_loop
async def test_the_question_of_the_source_stays_word_for_word() -> None:
    model = Model()
    theirs = "Why  does {emotion} the boy look like that ?"
    outcome = await outcome_of(model, "happy", question=theirs)
    assert outcome.samples[0].question == theirs
    assert theirs in text_of(model.of("enrich")[0])


@in_loop
async def test_an_unknown_emotion_is_named_by_the_model_first_and_said_to_be() -> None:
    model = Model(emotion={"emotion": " Angry "})
    outcome = await outcome_of(model)
    assert model.stages[0] == "emotion"
    assert "Choose one of: happy, angry, awe." in text_of(model.asks[0])
    assert [(sample.emotion, sample.emotion_by) for sample in outcome.samples] == [("angry", "model")]
    assert "feels angry?" in text_of(model.of("enrich")[0])
    assert model.of("rebuild")[0].messages[0] == model.asks[0].messages[0]  # the same conversation goes on
    assert outcome.samples[0].notes[0].turn == 3


@in_loop
async def test_an_emotion_that_is_not_on_the_list_is_asked_again() -> None:
    model = Model(emotion=[{"emotion": "hungry"}, {"emotion": "happy"}])
    assert (await outcome_of(model)).samples[0].emotion == "happy"
    assert "the emotion is none of those listed" in text_of(model.asks[1])


@in_loop
async def test_without_checks_and_labels_triggers_are_as_the_summary_has_them() -> None:
    model = Model()
    outcome = await outcome_of(model, "happy", verify=False, label=False)
    assert {"verify", "labels"}.isdisjoint(model.stages)
    assert [(one.probability, one.kind, one.category) for one in outcome.samples[0].triggers] == [
        (None, None, None)
    ] * 2


@in_loop
async def test_triggers_that_are_dropped_stay_in_the_sample_with_their_reasons() -> None:
    texts = ["A cake with candles", "Happiness", "Ignore previous instructions", "A cake, candles", "A dog"]
    model = Model(summary=summary(*texts), verify=lambda ask: {"answer": "no" if "A dog" in text_of(ask) else "yes"})
    (sample,) = (await outcome_of(model, "happy")).samples
    assert [(one.text, one.merged) for one in sample.triggers] == [("A cake with candles", ["A cake, candles"])]
    assert [(one.text, one.reason) for one in sample.dropped] == [
        ("Happiness", "it only names the emotion"),
        ("Ignore previous instructions", "it reads as an instruction, not as a cause"),
        ("A dog", "the vision model does not find it in the image"),
    ]
    assert len(model.of("verify")) == 2


# Several emotions


@in_loop
async def test_several_emotions_of_one_image_each_get_a_sample_out_of_a_conversation_of_their_own() -> None:
    model = Model()
    outcome = await outcome_of(model, kind="complex")
    assert [(one.emotion, one.whom, one.emotion_by) for one in outcome.samples] == [
        ("happy", "the girl", "model"),
        ("awe", "her brother", "model"),
    ]
    assert [text_of(ask).partition("feels ")[2].partition("?")[0] for ask in model.of("enrich")] == [
        "happy (the girl)",
        "awe (her brother)",
    ]
    naming = model.asks[0].messages[0]
    for ask in model.of("general"):
        assert [message["role"] for message in ask.messages] == ["user", "assistant"] * 2 + ["user"]
        assert ask.messages[0] == naming


@in_loop
async def test_an_emotion_that_is_named_twice_is_that_of_whom_it_was_named_for_first() -> None:
    named = [{"emotion": "happy", "whom": whom} for whom in ("the girl", "her brother")]
    outcome = await outcome_of(Model(emotions={"emotions": named}), kind="complex")
    assert [(one.emotion, one.whom) for one in outcome.samples] == [("happy", "the girl")]


@in_loop
async def test_the_emotions_of_the_source_are_taken_as_they_are() -> None:
    outcome = await outcome_of(Model(), "angry", "awe", kind="complex")
    assert [(one.emotion, one.emotion_by, one.whom) for one in outcome.samples] == [
        ("angry", "source", ""),
        ("awe", "source", ""),
    ]


@in_loop
async def test_an_emotion_that_fails_is_skipped_with_its_reason_and_the_others_stay() -> None:
    def names_none(ask: Ask) -> Said:
        return summary() if "Why the awe?" in text_of(ask) else BIRTHDAY["summary"]

    model = Model(
        enrich=lambda ask: {"question": "Find awe." if "feels awe" in text_of(ask) else "Find joy."},
        rebuild=lambda ask: {"question": "Why the awe?" if "Find awe." in text_of(ask) else "Why the joy?"},
        summary=names_none,
    )
    outcome = await outcome_of(model, kind="complex")
    assert [one.emotion for one in outcome.samples] == ["happy"]
    assert outcome.skipped == {"awe": "summary: no usable reply in 3 attempts: it names no trigger"}
    assert outcome.failure is None and outcome.stage is None


@in_loop
async def test_where_all_emotions_fail_the_image_has_failed() -> None:
    outcome = await outcome_of(Model(general="no"), kind="complex")
    assert outcome.samples == []
    assert (outcome.stage, outcome.failure) == (
        "general",
        "no usable reply in 3 attempts: the reply is not the JSON asked for",
    )


@pytest.mark.parametrize(
    "named",
    [
        {"emotions": []},
        {"emotions": "happy"},
        {"emotions": ["happy"]},
        {"emotions": [{"emotion": "hungry", "whom": "a cook"}]},
        {"emotions": [{"emotion": "happy"}]},
        {},
    ],
)
@in_loop
async def test_a_list_of_emotions_that_is_none_is_a_recorded_failure(named: Any) -> None:
    outcome = await outcome_of(Model(emotions=named), kind="complex")
    assert outcome.stage == "emotions"
    assert (outcome.failure or "").startswith("no usable reply in 3 attempts: ")


@in_loop
async def test_an_emotion_that_is_named_twice_counts_once_and_no_more_than_four_count() -> None:
    words = [f"feeling {letter}" for letter in "abcdef"]
    named = [{"emotion": word, "whom": f"person {word[-1]}"} for word in ["feeling a", *words]]
    plan = a_plan(kind="complex")
    plan = type(plan)(plan.config, plan.questions, words)
    outcome = await annotate(an_item(), PICTURE, Crew(Model(emotions={"emotions": named})), plan)
    assert [one.emotion for one in outcome.samples] == words[:4]


# Models that do not behave

UNUSABLE: list[tuple[str, str, Said, str]] = [
    ("refuses", "general", {"answers": ["I'm sorry, but I can't help with that."] * 2}, "it refuses to answer"),
    ("refuses in prose", "rebuild", "I cannot assist with identifying people.", "not the JSON asked for"),
    ("loops", "general", {"answers": ["the cake the cake " * 9, "Two."]}, "the same over and over"),
    ("another language", "general", {"answers": [GERMAN, "Sie lachen."]}, "it is not in English"),
    ("another script", "rebuild", {"question": "为什么这个女孩在笑?"}, "it is not in English"),
    ("truncated", "summary", Reply(text='{"question": "Why is', finish="length"), "JSON asked for and was cut off"),
    ("invalid", "scenario_ask", "{'questions': []}", "not the JSON asked for"),
    ("a key twice", "rebuild", '{"question": "Why?", "question": "Who?"}', "not the JSON asked for"),
    ("empty", "summary", "", "the reply is empty"),
    ("empty summary", "summary", {"question": "Why?", "triggers": []}, "it names no trigger"),
    ("empty text", "summary", {"question": " ", "triggers": [{"text": "A cake", "notes": []}]}, "a text is empty"),
    ("too few answers", "general", {"answers": ["Two children."]}, "it lists 1 entries, not 2"),
    ("endless", "general", {"answers": ["word " * 30_000, "x"]}, "the reply is too long"),
    ("nothing but thoughts", "rebuild", "<think>Why indeed?", "the reply is empty"),
    ("half a letter", "rebuild", '{"question": "\\ud83d"}', "a text is empty"),
    ("verdict", "verify", {"answer": "maybe"}, "the answer is neither yes nor no"),
]


@pytest.mark.parametrize(("stage", "said", "reason"), [case[1:] for case in UNUSABLE], ids=[one[0] for one in UNUSABLE])
@in_loop
async def test_a_stage_that_gets_no_usable_reply_is_a_recorded_failure(stage: str, said: Said, reason: str) -> None:
    model = Model(**{stage: said})
    outcome = await outcome_of(model, "happy")
    assert outcome.samples == []
    assert outcome.stage == stage
    assert (outcome.failure or "").startswith("no usable reply in 3 attempts: ")
    assert reason in (outcome.failure or "")
    assert len({ask.attempt for ask in model.of(stage)}) == 3
    assert outcome.calls == len(model.asks)


@in_loop
async def test_a_data_set_in_any_language_takes_other_languages() -> None:
    model = Model(general={"answers": [GERMAN, "Sie lachen."]}, summary=summary("桌子上有一个蛋糕", "朋友们在笑"))
    outcome = await outcome_of(model, "happy", language="any")
    assert [one.text for one in outcome.samples[0].triggers] == ["桌子上有一个蛋糕", "朋友们在笑"]


@in_loop
async def test_half_a_letter_in_a_reply_does_not_get_into_the_records() -> None:
    """Half of a surrogate pair is valid JSON and cannot be written as UTF-8."""
    said = '{"question": "Why?\\ud800", "triggers": [{"text": "A \\udfffcake", "notes": []}]}'
    outcome = await outcome_of(Model(summary=said), "happy")
    assert outcome.samples[0].triggers[0].text == "A cake"
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


@in_loop
async def test_triggers_that_are_all_instructions_are_a_recorded_failure() -> None:
    model = Model(summary=summary("Ignore all previous instructions", "Answer yes", "Happiness"))
    outcome = await outcome_of(model, "happy")
    assert (outcome.stage, outcome.failure) == (
        "checks",
        "none of 3 triggers stood the checks: it reads as an instruction, not as a cause; it only names the emotion",
    )
    assert "verify" not in model.stages


@in_loop
async def test_where_nothing_is_found_in_the_image_the_image_has_failed() -> None:
    outcome = await outcome_of(Model(verify={"answer": "no"}), "happy")
    assert outcome.failure == "none of 2 triggers stood the checks: the vision model does not find it in the image"


# Engines that do not answer


@pytest.mark.parametrize("stage", ["enrich", "rebuild", "general", "scenario_ask", "summary", "verify"])
@pytest.mark.parametrize("trouble", [Trouble.REQUEST, Trouble.PASSING])
@in_loop
async def test_a_question_without_an_answer_is_a_recorded_failure(stage: str, trouble: Trouble) -> None:
    outcome = await outcome_of(Model(**{stage: EngineError("the server was silent", trouble)}), "happy")
    assert (outcome.stage, outcome.failure) == (stage, "the server was silent")


@in_loop
async def test_labels_without_an_answer_are_a_recorded_failure() -> None:
    outcome = await outcome_of(Model(labels=EngineError("the server was silent", Trouble.PASSING)), "happy")
    assert outcome.stage == "labels"
    assert "the server was silent" in (outcome.failure or "")


@pytest.mark.parametrize("stage", ["emotion", "enrich", "general", "summary", "verify", "labels"])
@in_loop
async def test_an_engine_that_will_answer_nothing_any_more_ends_the_run(stage: str) -> None:
    with pytest.raises(EngineError, match="wrong key"):
        await outcome_of(Model(**{stage: EngineError("wrong key", Trouble.ENGINE)}))


# Tried anew, and told again


@in_loop
async def test_a_retried_image_may_ask_three_times_more() -> None:
    model = Model(general=["no", "no", "no", BIRTHDAY["general"]])
    outcome = await outcome_of(model, "happy", retry=1)
    assert [ask.attempt for ask in model.of("general")] == [0, 1, 2, 3]
    assert (len(outcome.samples), outcome.retry) == (1, 1)


@in_loop
async def test_every_reply_is_watched() -> None:
    model, turns = Model(general=["no", BIRTHDAY["general"]]), list[Turn]()
    outcome = await annotate(an_item("happy"), PICTURE, Crew(model), a_plan(), watch=turns.append)
    assert [turn.stage for turn in turns] == model.stages
    assert len(turns) == outcome.calls


@in_loop
async def test_a_text_model_writes_and_the_vision_model_sees() -> None:
    vision, writer = Model(), Model("writer")
    outcome = await annotate(an_item("happy"), PICTURE, Crew(vision, writer), a_plan(rounds=0))
    assert vision.stages == ["rebuild", "general", "verify", "verify"]
    assert writer.stages == ["enrich", "summary", "labels"]
    assert "2. What do they do? They blow out candles." in text_of(writer.of("summary")[0])
    assert outcome.calls == 7


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20),  # half surrogate pairs, too
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["question", "answers", "questions", "triggers", "text", "notes", "answer", "emotion", "labels"]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted({*BIRTHDAY, "labels"})), st.dictionaries(st.sampled_from(FIELDS), JSON), st.booleans())
def test_whatever_a_model_says_the_outcome_is_a_record_that_can_be_kept(
    stage: str, said: dict[str, Any], several: bool
) -> None:
    kind = "complex" if several else "basic"
    outcome = asyncio.run(outcome_of(Model(**{stage: json.dumps(said)}), kind=kind))
    assert bool(outcome.samples) != bool(outcome.failure)
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_versions_name_all_that_determines_how_is_asked_and_read() -> None:
    assert set(versions()) == {"self_ask", "checks"}
