"""How likely each choice was: read at the token with which the reply's value begins, however it was cut into tokens."""

import json
import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.engines.choices import Token, likely

YES_NO = ("yes", "no")


def token(text: str, share: float = 1.0, **others: float) -> Token:
    """A token of this probability, and others that might have been; ``_`` in their names stands for a quote."""
    alternatives = [(name.replace("_", '"'), math.log(one)) for name, one in others.items()]
    return Token(text, math.log(share), [(text, math.log(share)), *alternatives])


def rounded(found: dict[str, float] | None) -> dict[str, float]:
    assert found is not None
    return {choice: round(one, 6) for choice, one in found.items()}


@pytest.mark.parametrize(
    "tokens",
    [
        [token('{"'), token("answer"), token('":'), token(' "'), token("yes", 0.7, no=0.2, maybe=0.1), token('"}')],
        [token('{"answer":'), token(' "yes', 0.7, _no=0.2, _maybe=0.1), token('"}')],  # merged with its quote
        [token('{"answer": "'), token("y", 0.7, n=0.2, m=0.1), token("es"), token('"}')],  # letter by letter
        [token('{"answer": "'), token("Yes", 0.4, yes=0.3, NO=0.2), token('"}')],  # in capitals
        [token('{"answer": "'), token('yes"}', 0.7, no=0.1, no_=0.1)],  # merged with its end
        [token('{"answer": "yes"}', 0.7, **{"{_answer_: _no_}": 0.2})],  # all in one
        [token("```json\n{"), token('"answer":"'), token("yes", 0.7, no=0.2), token('"}\n```')],
        [token("<think>"), token('is it "x": "no"? '), token("</think>"), token(" yes", 0.7, no=0.2), token(".")],
        [token("Yes", 0.7, No=0.2), token(", it does")],
        [token('"yes"', 0.7, _no_=0.2)],
    ],
)
def test_the_probability_of_each_choice_is_that_of_the_tokens_that_begin_it(tokens: list[Token]) -> None:
    assert rounded(likely(tokens, YES_NO)) == {"yes": 0.7, "no": 0.2}


def test_the_field_is_meant_and_not_a_word_before_it() -> None:
    reason = [token('{"reason": "'), token("no", 0.9, yes=0.1), token(' one smiles", "answer": "')]
    assert rounded(likely([*reason, token("yes", 0.6, no=0.4), token('"}')], YES_NO)) == {"yes": 0.6, "no": 0.4}


def test_a_word_that_only_begins_like_a_choice_is_another_word() -> None:
    found = likely([token('{"answer": "'), token("yes", 0.5, no=0.2, nothing=0.2), token('"}')], YES_NO)
    assert rounded(found) == {"yes": 0.5, "no": 0.2}


def test_choices_that_begin_alike_are_told_apart_by_what_follows() -> None:
    """h might be any; then "ap" and "opeful" each begin one choice, 0.8 * 0.75 and 0.8 * 0.25; s stands for sad."""
    tokens = [token('{"emotion": "'), token("h", 0.8, s=0.2), token("ap", 0.75, opeful=0.25), token("py"), token('"}')]
    assert rounded(likely(tokens, ("happy", "hopeful", "sad"))) == {"happy": 0.6, "hopeful": 0.2, "sad": 0.2}


@pytest.mark.parametrize("rest", [[token('"', 0.9, **{"t sure": 0.1}), token("}")], []])
def test_a_choice_that_another_one_continues_counts_once_it_has_ended(rest: list[Token]) -> None:
    begin = [token('{"answer": "')] if rest else []
    found = rounded(likely([*begin, token("no", 0.5, **{"not sure": 0.3}), *rest], ("no", "not sure")))
    assert found == ({"no": 0.45, "not sure": 0.35} if rest else {"no": 0.5, "not sure": 0.3})


@pytest.mark.parametrize(
    "text", ["", "perhaps", '{"answer": "perhaps"}', '{"yes": "x"}', "<think>yes", '{"answer": "yesterday"}', "nobody"]
)
def test_a_reply_that_is_none_of_the_choices_says_nothing(text: str) -> None:
    assert likely([token(text)], YES_NO) is None


@pytest.mark.parametrize(
    ("logprob", "share"), [(1e6, 1.0), (math.inf, 1.0), (-1e6, None), (-math.inf, None), (math.nan, None)]
)
def test_a_logarithm_that_is_none_of_a_probability_is_read_as_the_nearest(logprob: float, share: float | None) -> None:
    found = likely([Token("yes", logprob)], YES_NO)
    assert found == (None if share is None else {"yes": share, "no": 0.0})


WORDS = st.text(st.characters(codec="utf-8", categories=["Ll"]), min_size=1, max_size=8)


@given(
    st.lists(WORDS, min_size=1, max_size=5, unique_by=str.lower),
    st.sampled_from(['{{"a": {}}}', '{{"n": 3, "a":{}, "b": true}}', "{}", "<think>x</think>{}"]),
    st.data(),
)
def test_a_reply_of_sure_tokens_is_the_choice_that_it_names(choices: list[str], form: str, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(choices))
    text = form.format(json.dumps(chosen, ensure_ascii=False))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1))))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert rounded(likely([token(part) for part in parts], choices)) == {one: float(one == chosen) for one in choices}


def cut(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


ODD = st.floats() | st.floats(-5, 0)


@given(
    st.lists(st.text('yesno"{}: \n<>/think,', max_size=12) | st.text(max_size=4), max_size=8),
    st.lists(st.tuples(st.sampled_from(["yes", "no", '"', "y", ""]) | st.text(max_size=3), ODD), max_size=6),
    ODD,
    st.lists(st.text(max_size=6), min_size=1, max_size=4, unique=True),
)
def test_whatever_the_tokens_say_probabilities_lie_between_0_and_1(
    texts: list[str], alternatives: list[tuple[str, float]], logprob: float, choices: list[str]
) -> None:
    for asked in (YES_NO, tuple(choices)):
        found = likely([Token(text, logprob, alternatives) for text in texts], asked)
        assert found is None or (set(found) == set(asked) and all(0 <= one <= 1 for one in found.values()))


@given(st.sampled_from(YES_NO), st.lists(st.floats(0.01, 1), min_size=2, max_size=2), st.lists(st.integers(0, 99)))
def test_shares_that_sum_to_1_still_do(chosen: str, weights: list[float], cuts: list[int]) -> None:
    """Where yes and no share one place, however the text before it was cut, their probabilities are what they were."""
    other = "no" if chosen == "yes" else "yes"
    share = weights[0] / sum(weights)
    before = [token(part) for part in cut('{"answer": "', cuts)]
    found = likely([*before, token(chosen, share, **{other: 1 - share}), token('"}')], YES_NO)
    assert found == pytest.approx({chosen: share, other: 1 - share})
