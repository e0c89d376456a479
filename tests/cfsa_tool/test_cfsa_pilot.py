"""The pilot: general questions proposed over a sample of the images, counted, and filled up to four."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support import annotator
from support.annotated import add, configured, images_of, item_of
from support.scripted_model import Model, text_of
from support.scripted_server import in_loop

from cfsa_tool.config import load_config
from cfsa_tool.errors import ConfigError, RunError
from cfsa_tool.questions import MOST, read, write
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import hold_pilot, open_run
from cfsa_tool.stages.conversation import Crew, Failed, Turn
from cfsa_tool.stages.pilot import Proposal, chosen, most_frequent, propose
from eibench_tasks.engines.engine import Ask, EngineError, Picture, Trouble
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS
from eibench_tasks.self_ask.wording import Wording

DESCRIBED = {"description": "A girl beside a cake."}
PROPOSED = {"questions": ["Who is there?", "What do they hold?"]}


def pictures(count: int) -> list[Picture]:
    return [Picture(b"%d" % number, "image/jpeg", f"d{number}") for number in range(count)]


def by_image(ask: Ask) -> dict[str, str]:
    return {"description": f"Image {ask.place} shows a cake."}


@in_loop
async def test_each_image_is_described_and_questions_are_proposed_over_four_descriptions_at_once() -> None:
    vision, writer = Model(describe=by_image), Model("writer", propose=PROPOSED)
    proposals = await propose(pictures(6), Crew(vision, writer), Wording())
    assert proposals == [PROPOSED["questions"]] * 2
    assert sorted(ask.place for ask in vision.asks) == [f"d{number}" for number in range(6)]
    first, second = (text_of(ask) for ask in writer.asks)
    assert "1. Image d0 shows a cake.\n2. Image d1" in first and "4. Image d3" in first
    assert "1. Image d4 shows a cake.\n2. Image d5" in second
    assert "d4" not in first


@pytest.mark.parametrize("trouble", ["I cannot help with that.", EngineError("too large", Trouble.REQUEST)])
@in_loop
async def test_images_of_which_no_description_comes_are_passed_over(trouble: Any) -> None:
    def said(ask: Ask) -> Any:
        return trouble if ask.place == "d1" else by_image(ask)

    model = Model(describe=said, propose=PROPOSED)
    assert await propose(pictures(3), Crew(model), Wording()) == [PROPOSED["questions"]]
    told = text_of(model.of("propose")[0])
    assert "1. Image d0" in told and "2. Image d2" in told and "d1" not in told


@in_loop
async def test_proposals_that_cannot_be_used_are_passed_over() -> None:
    def said(ask: Ask) -> Any:
        return {"questions": []} if "d0" in text_of(ask) else PROPOSED

    model = Model(describe=by_image, propose=said)
    assert await propose(pictures(8), Crew(model), Wording()) == [PROPOSED["questions"]]


@pytest.mark.parametrize("said", [{"describe": "no"}, {"describe": DESCRIBED, "propose": "no"}])
@in_loop
async def test_no_proposal_at_all_is_a_failure(said: dict[str, Any]) -> None:
    with pytest.raises(Failed, match="pilot: the models described no image or proposed no question"):
        await propose(pictures(2), Crew(Model(**said)), Wording())


@in_loop
async def test_an_engine_that_stops_ends_the_pilot() -> None:
    with pytest.raises(EngineError):
        await propose(pictures(2), Crew(Model(describe=EngineError("wrong key", Trouble.ENGINE))), Wording())


# What is most frequent, by the real encoder


def test_near_identical_questions_are_counted_as_one_by_the_proposals_that_hold_them() -> None:
    proposals = [
        ["What is the weather like?", "How many people are in the image?"],
        ["How many people are there in the image?", "What number of people are in the image?"],
        ["How many people are in the picture?", "What expression is on their faces?"],
    ]
    found = most_frequent(proposals)
    assert found[0] == Proposal(
        question="How many people are in the image?",
        count=3,
        alike=(
            "How many people are in the picture?",
            "How many people are there in the image?",
            "What number of people are in the image?",
        ),
    )
    assert [(one.question, one.count) for one in found[1:]] == [
        ("What is the weather like?", 1),
        ("What expression is on their faces?", 1),
    ]


def test_the_same_words_in_one_proposal_count_once() -> None:
    assert most_frequent([["Who is there?", "Who is there?"]]) == [Proposal("Who is there?", 1, ())]


def test_the_four_most_frequent_are_chosen() -> None:
    proposals = [Proposal(f"Question {letter}?", 9 - number, ()) for number, letter in enumerate("abcdef")]
    assert chosen(proposals) == ["Question a?", "Question b?", "Question c?", "Question d?"]


def test_the_papers_questions_stand_in_where_fewer_were_proposed() -> None:
    proposals = [Proposal("Who is there?", 2, ()), Proposal(PAPER_QUESTIONS[1], 1, ())]
    assert chosen(proposals) == ["Who is there?", PAPER_QUESTIONS[1], PAPER_QUESTIONS[0], PAPER_QUESTIONS[2]]
    assert chosen([]) == list(PAPER_QUESTIONS)


# Over a run


def a_run(tmp_path: Path, count: int, **fields: Any) -> RunFolder:
    run = open_run("images", tmp_path / "run", configured(**fields))
    add(run, [item_of(file) for file in images_of(tmp_path / "images", count)])
    return run


def test_the_sample_is_the_first_images_by_id(tmp_path: Path) -> None:
    run, model = a_run(tmp_path, 6, pilot_images=3), Model(describe=DESCRIBED, propose=PROPOSED)
    turns: list[Turn] = []
    found, proposals = asyncio.run(hold_pilot(run, Crew(model), configured(pilot_images=3), turns.append))
    assert proposals == 1
    assert [one.question for one in found] == PROPOSED["questions"]
    assert [ask.place[:16] for ask in model.of("describe")] == [item.id for item in run.items(most=3)]
    assert [turn.stage for turn in turns] == ["describe"] * 3 + ["propose"]


def test_an_image_that_is_gone_is_left_to_its_own_annotation(tmp_path: Path) -> None:
    run, model = a_run(tmp_path, 2), Model(describe=DESCRIBED, propose=PROPOSED)
    run.items()[0].path.unlink()
    asyncio.run(hold_pilot(run, Crew(model), configured()))
    assert [ask.place[:16] for ask in model.of("describe")] == [run.items()[1].id]


def test_a_pilot_without_result_says_what_to_do_instead(tmp_path: Path) -> None:
    run = a_run(tmp_path, 2)
    with pytest.raises(RunError, match=r"no general question: .*`general: paper`"):
        asyncio.run(hold_pilot(run, Crew(Model(describe="no")), configured()))


def test_the_simulated_annotator_comes_to_four_questions(tmp_path: Path) -> None:
    def answered(ask: Ask) -> str:
        return annotator.text({"messages": list(ask.messages)})

    run = a_run(tmp_path, 9)
    found, proposals = asyncio.run(hold_pilot(run, Crew(Model(describe=answered, propose=answered)), configured()))
    assert proposals == 3
    assert len(chosen(found)) == 4
    assert [one.count for one in found] == sorted((one.count for one in found), reverse=True)


# The file of questions


def test_the_file_reads_back_and_tells_what_was_proposed(tmp_path: Path) -> None:
    file = tmp_path / "questions.yaml"
    proposals = [Proposal("Who: is #there?", 3, ("Who is here?",)), Proposal("Warum?", 1, ())]
    write(file, ["Who: is #there?", "Ünïcode — 'quoted'?"], proposals, 8)
    assert read(file) == ["Who: is #there?", "Ünïcode — 'quoted'?"]
    text = file.read_text(encoding="utf-8")
    assert "by how many of 8 proposals" in text
    assert "#    3  Who: is #there?\n#         = Who is here?\n#    1  Warum?" in text
    assert [one.name for one in tmp_path.iterdir()] == ["questions.yaml"]


def test_questions_may_be_edited_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text("questions:\n- Who is\n  there?\n- '  What  now? '\n", encoding="utf-8")
    assert read(file) == ["Who is there?", "What now?"]


def test_without_a_file_there_are_no_questions(tmp_path: Path) -> None:
    assert read(tmp_path / "questions.yaml") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"questions: []",
        b"questions: Who?",
        b"- Who?",
        b"questions: [Who?, 7]",
        b"questions: [' ']",
        b"questions: [Who?",
        b"questions: [2024-02-31]",
        b"[" * 5000,
        b"\xff\xfe\x00",
        b"questions: [%s]" % b", ".join([b"Who?"] * (MOST + 1)),
    ],
)
def test_a_file_that_lists_no_questions_is_refused_with_what_it_should_hold(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "questions.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"questions\.yaml.*it lists 1 to 12 texts under `questions:`") as error:
        read(file)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Make room"):
        write(tmp_path / "gone" / "questions.yaml", ["Who?"])


def test_questions_of_the_configuration_are_a_list_too() -> None:
    assert load_config(None, {"vision.model": "m", "general": ["Who?"]}).general == ["Who?"]
