"""What of an output is the answer: reasoning of any kind is not, nor is what stands for a failed request."""

import operator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.stalls import no_stall

from eibench_tasks.engines.answer import FAILED_REQUEST, failed_request, final_answer

ANSWER = "He is happy because of the dog. 1 < 2 and a > b."
TAGS = ["think", "thinking", "thought", "thoughts", "reasoning", "reason", "analysis", "reflection", "scratchpad"]

# Blocks


@pytest.mark.parametrize("tag", TAGS)
def test_a_reasoning_block_is_no_answer(tag: str) -> None:
    assert final_answer(f"<{tag}>\nA dog, a cat…\n\n</{tag}>\n\n{ANSWER}") == ANSWER


@pytest.mark.parametrize(
    "output",
    [
        f"<THINK>no</THINK>{ANSWER}",
        f"<Think>no</tHINK>{ANSWER}",
        f"< think >no</ think >{ANSWER}",
        f"<think>no< / think>{ANSWER}",
        f'<think budget="high">no</think>{ANSWER}',
        f"<think></think>{ANSWER}",
        f"{ANSWER}<think>no</think>",
        f"<think>no</think><think>no</think>{ANSWER}",
        f"<think>no <b>bold</b> and 1 < 2</think>{ANSWER}",
        f"[THINK]no[/THINK]{ANSWER}",
        f"◁think▷no◁/think▷{ANSWER}",
    ],
)
def test_the_spelling_of_a_tag_does_not_matter(output: str) -> None:
    assert final_answer(output) == ANSWER


def test_what_stands_around_several_blocks_is_kept() -> None:
    assert final_answer("One. <think>no</think>Two. <analysis>no</analysis>Three.") == "One. Two. Three."


@pytest.mark.parametrize(
    "output",
    [
        "Before. <think>no <think>no</think> no</think>After.",
        "Before. <think>no <think>no</think><think>no</think> no</think>After.",
        "Before. <think>no <reasoning>no</reasoning> no</think>After.",
        "Before. <think>no <think>no <think>no</think> no</think> no</think>After.",
        "Before. <think>no <reason> no</think>After.",
        "Before. [THINK]no <think>no</think> no[/THINK]After.",
    ],
)
def test_nested_blocks_are_cut_out_whole_and_nothing_around_them(output: str) -> None:
    assert final_answer(output) == "Before. After."


def test_an_output_that_is_all_reasoning_has_no_answer() -> None:
    assert final_answer("<think>I see a dog.</think>\n") == ""


# Lone tags


def test_before_a_lone_closing_tag_all_is_reasoning() -> None:
    """Chat templates put the opening tag into the prompt."""
    assert final_answer(f"I see a dog. So…\n</think>\n\n{ANSWER}") == ANSWER


def test_the_last_of_several_lone_closing_tags_counts() -> None:
    assert final_answer(f"I see.\n</think>\nOr do I?\n</think>\n{ANSWER}") == ANSWER


def test_after_a_lone_opening_tag_nothing_is_an_answer() -> None:
    """The tokens ran out before the model came to an end."""
    assert final_answer("<think>\nI see a dog, and the dog") == ""
    assert final_answer(f"{ANSWER}\n<think>\nBut wait") == ANSWER


def test_a_closed_block_may_be_followed_by_one_that_never_ends() -> None:
    assert final_answer(f"<think>no</think>{ANSWER}<think>but wait") == ANSWER


@pytest.mark.parametrize(
    "output",
    [
        "Before. <think><think>no</think>After.",
        "Before. <think>no</thinking>After.",
        "Before. <think>no <reason>no</reason> no</thinking>After.",
    ],
)
def test_tags_that_do_not_balance_close_all_the_same(output: str) -> None:
    """Models repeat their opening tag, and confuse the names."""
    assert final_answer(output) == "Before. After."


def test_a_block_in_reasoning_that_never_ends_does_not_end_it() -> None:
    assert final_answer("Before. <think>no <analysis>no</analysis> no") == "Before."


@pytest.mark.parametrize("output", ["[THINK]I see a dog", "◁think▷I see a dog"])
def test_other_marks_may_be_lone_too(output: str) -> None:
    assert final_answer(output) == ""


# Tags and marks around the answer


@pytest.mark.parametrize("tag", ["answer", "final", "response", "Answer"])
def test_tags_around_the_answer_are_taken_off(tag: str) -> None:
    assert final_answer(f"<think>no</think>\n<{tag}>\n{ANSWER}\n</{tag}>") == ANSWER


def test_control_tokens_are_taken_off() -> None:
    assert final_answer(f"<|begin_of_box|>{ANSWER}<|end_of_box|><|im_end|>") == ANSWER


# gpt-oss


def test_of_the_channels_the_final_one_is_the_answer() -> None:
    output = (
        "<|channel|>analysis<|message|>I see a dog.<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
    )
    assert final_answer(output) == ANSWER


def test_channels_without_a_final_one_hold_no_answer() -> None:
    assert final_answer("<|channel|>analysis<|message|>I see a dog, and the") == ""
    assert final_answer("<|channel|>commentary<|message|>I see a dog.<|end|>") == ""


# Failed requests


def test_a_failed_request_is_recognised_with_its_reason() -> None:
    reason = failed_request("[LMMS_EVAL_REQUEST_FAILED after 5 retries] Error:  code 500\n on the server")
    assert reason == (
        "the request to the model failed: LMMS_EVAL_REQUEST_FAILED after 5 retries] Error: code 500 on the server"
    )


def test_the_mark_is_the_one_that_lmms_eval_writes() -> None:
    package = find_spec("lmms_eval")
    assert package is not None and package.origin is not None
    source = Path(package.origin).parent / "models/chat/openai.py"
    assert f'f"{FAILED_REQUEST} after' in source.read_text(encoding="utf-8")


def test_a_long_reason_is_cut() -> None:
    reason = failed_request(f"{FAILED_REQUEST}] " + "x" * 5000)
    assert reason is not None
    assert len(reason) < 250


@pytest.mark.parametrize("output", ["", ANSWER, f"The log said {FAILED_REQUEST}]"])
def test_an_answer_is_no_failed_request(output: str) -> None:
    assert failed_request(output) is None


# Properties

_PLAIN = st.text(st.characters(exclude_characters="<>[]◁▷|", exclude_categories=["Cs"]))
_PIECES = st.sampled_from(
    "<think> </think> <reasoning> </reasoning> <reason </ [THINK] [/THINK] ◁think▷ ◁/think▷ <answer> </answer> < > text"
    " <|channel|>final<|message|> <|channel|>analysis<|message|> <|end|>".split(" ")
)
_SECRET = "SECRET"
_OPEN_CLOSE = [(f"<{tag}>", f"</{tag}>") for tag in TAGS] + [("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")]


@st.composite
def block(draw: st.DrawFn, depth: int = 2) -> str:
    """A well-formed reasoning block, perhaps with others inside."""
    opening, closing = draw(st.sampled_from(_OPEN_CLOSE))
    inner = [draw(_PLAIN), _SECRET, draw(_PLAIN)]
    if depth and draw(st.booleans()):
        inner.insert(draw(st.integers(0, 3)), draw(block(depth - 1)))
    return opening + "".join(inner) + closing


@given(st.text() | st.lists(_PIECES).map("".join))
def test_whatever_a_model_writes_it_has_an_answer_without_tags_of_reasoning(output: str) -> None:
    answer = final_answer(output)
    assert answer == answer.strip()
    for mark in ("<think>", "</think>", "<reasoning>", "</reasoning>", "[THINK]", "◁think▷"):
        assert mark not in answer


@given(_PLAIN)
def test_text_without_tags_stays_as_it_is_but_for_space_around_it(text: str) -> None:
    assert final_answer(text) == text.strip()


@given(st.lists(st.tuples(_PLAIN, block())), _PLAIN)
def test_text_around_blocks_is_kept_and_text_in_blocks_is_not(pairs: list[tuple[str, str]], last: str) -> None:
    output = "".join(before + inside for before, inside in pairs) + last
    assume("".join(before for before, _ in pairs) + last.strip())  # else a block may be the answer itself, see below
    answer = final_answer(output)
    assert _SECRET not in answer or _SECRET in last + "".join(before for before, _ in pairs)
    assert answer == ("".join(before for before, _ in pairs) + last).strip()


@pytest.mark.parametrize(
    "output",
    [
        "<think>" * 100_000,
        "</think>" * 100_000,
        "<think>a</think>" * 100_000,
        "<think>" * 100_000 + "</think>" * 100_000,
        "<think><think></think>" * 50_000,
        "<think></reason>" * 100_000,
        "<think " * 150_000,
        "[THINK]" * 100_000,
        "<" + " " * 1_000_000,
        "< / " * 200_000,
        "<|" * 400_000,
    ],
    ids=lambda output: f"{output[:9]}-{output[-9:]}-{len(output)}",
)
def test_a_model_that_repeats_itself_to_the_last_token_does_not_stall_the_run(output: str) -> None:
    with no_stall():
        final_answer(output)


@pytest.mark.parametrize("tag", ["reason", "analysis", "reflection"])
def test_an_answer_that_is_wrapped_as_a_whole_is_the_answer(tag: str) -> None:
    assert final_answer(f"<{tag}>The cake and the friends.</{tag}>\n") == "The cake and the friends."
    assert final_answer(f"<{tag}>The cake.</{tag}> The friends.") == "The friends."


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert final_answer("A cut emoji: \ud83d") == "A cut emoji: ?"


def test_a_reply_without_content_is_empty_whatever_the_model_class_writes_for_it() -> None:
    with pytest.raises(TypeError) as caught:  # what async_openai runs into, and whose message it keeps
        operator.iadd("", None)
    assert final_answer(f"Error: {caught.value}") == ""
    assert final_answer("Error: the man's plan failed.") == "Error: the man's plan failed."
