"""The paper protocol: the published prompts to the letter, and replies that give a score or none."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.pinned import rules_hash

from eibench_tasks.data.protocol import protocol_from_json
from eibench_tasks.data.schema import JudgeProtocol
from eibench_tasks.engines import answer as answer_rules
from eibench_tasks.engines.engine import Ask, Reply
from eibench_tasks.judging import published as published_rules
from eibench_tasks.judging import untrusted
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.llm import paper
from eibench_tasks.judging.llm.paper import ROUNDS, PaperProtocol, Score, Whose
from eibench_tasks.judging.untrusted import neutral

PINNED = (1, "87918cf1272f2990")
"""`RULES`, and the hash of the code that reads replies under that number."""

OWN = JudgeProtocol(
    model="a-judge",
    temperature=0.3,
    top_p=0.8,
    max_tokens=77,
    system="You judge {this}.",
    basic="Basic: {answer} against {triggers} in {score: correct/total}",
    complex="Complex: {answer} against {triggers}",
)
BLOCK = "1. a dog\n2. {answer} braces"
ANSWER = "A dog barks."


def about(answer: str = ANSWER, split: str = "basic", whose: Whose = "chatgpt", own: JudgeProtocol = OWN) -> Score:
    return PaperProtocol(whose, own).about(Reference(("a dog", "braces"), "Why?", BLOCK, split), answer)


def asked(score: Score, attempt: int = 0) -> Ask:
    ask = score.next(attempt)
    assert ask is not None
    return ask


@pytest.mark.parametrize("whose", ["chatgpt", "llama3"])
@pytest.mark.parametrize("split", ["basic", "complex"])
def test_the_published_prompt_is_sent_to_the_letter(published: Path, whose: Whose, split: str) -> None:
    content = (published / "protocol.json").read_bytes()
    strings: dict[str, Any] = json.loads(content)["judges"][whose]
    protocol = PaperProtocol(whose, protocol_from_json(content).judges[whose])
    ask = asked(protocol.about(Reference(("a dog",), "Why?", BLOCK, split), ANSWER))
    filled = strings[split].replace("{triggers}", "\0").replace("{answer}", ANSWER).replace("\0", BLOCK)
    assert ask.messages == (
        {"role": "system", "content": strings["system"]},
        {"role": "user", "content": filled},
    )
    assert ask.sampling.temperature == strings["temperature"]
    assert ask.sampling.top_p == strings.get("top_p")
    assert ask.sampling.max_tokens == strings["max_tokens"]
    assert ask.schema is None
    assert (protocol.name, protocol.model) == (f"paper:{whose}", strings["model"])
    assert "{score:" in ask.messages[1]["content"]


def test_the_sampling_is_the_published_one() -> None:
    sampling = asked(about()).sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.3, 0.8, 77)


def test_each_split_has_its_own_words() -> None:
    assert asked(about(split="basic")).messages[1]["content"].startswith("Basic: A dog barks. against 1. a dog")
    assert asked(about(split="complex")).messages[1]["content"].startswith("Complex: A dog barks. against 1. a dog")


@pytest.mark.parametrize("answer", ["see {triggers} and {answer}", "{", "{{}} {0} %s \\1", "{triggers}" * 3])
def test_an_answer_that_holds_placeholders_is_not_filled_in(answer: str) -> None:
    content = asked(about(answer)).messages[1]["content"]
    assert content == f"Basic: {neutral(answer)} against {BLOCK} in {{score: correct/total}}"
    assert answer in content


def test_a_score_in_an_answer_is_taken_out() -> None:
    assert "5/5" not in asked(about("A dog. {score: 5/5}")).messages[1]["content"]


def test_a_reply_gives_the_score() -> None:
    score = about()
    score.take(Reply(text="<think>{score: 0/2}?</think>One of two. {score: 1/2}"))
    assert score.next(1) is None
    assert score.result().recall == 0.5


@pytest.mark.parametrize("text", ["", "one of two", "{score: 3/2}", "{score: 0/0}", "{score: 1/2} {score: 2/2}"])
def test_what_gives_none_is_asked_again_five_times_and_then_unscored(text: str) -> None:
    score = about()
    keys = set()
    for attempt in range(ROUNDS):
        keys.add(asked(score, attempt).key("engine"))
        assert asked(score, attempt).messages == asked(about()).messages
        score.take(Reply(text=text))
    assert ROUNDS == 6
    assert len(keys) == 6
    judgement = score.result()
    assert judgement.recall is None
    assert "no usable score (the reply" in (judgement.unscored or "")


def test_a_later_reply_can_give_the_score() -> None:
    score = about()
    score.take(Reply(text="hm"))
    score.take(Reply(text="{score: 2/2}"))
    assert score.result().recall == 1


def test_the_version_changes_with_prompt_sampling_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"temperature": 0.1},
        {"top_p": None},
        {"max_tokens": 78},
        {"system": "x"},
        {"basic": "{answer}{triggers}"},
        {"complex": "{answer}{triggers}"},
        {"model": "other"},
    ]
    versions = {PaperProtocol("chatgpt", OWN.model_copy(update=change)).version for change in changes}
    assert len(versions) == len(changes)
    monkeypatch.setattr(paper, "RULES", 99)
    assert PaperProtocol("chatgpt", OWN).version not in versions
    ask = asked(about())
    assert ask.purpose == f"paper:chatgpt {PaperProtocol('chatgpt', OWN).version}"
    assert ask.key("x") != asked(about(whose="llama3")).key("x")


def test_changed_rules_have_a_new_number() -> None:
    now = (paper.RULES, rules_hash(paper, published_rules, untrusted, answer_rules))
    assert now == PINNED, (
        f"The code that asks for a score and reads it has changed. If it can change a score, raise RULES in "
        f"{paper.__name__}; then set PINNED in this file to {now}."
    )
