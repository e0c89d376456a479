"""Quotes: what occurs in an answer is found and given back as it is written there; what does not is refused."""

import random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.stalls import no_stall

from eibench_tasks.judging.llm.quotes import MOST_CHARACTERS, MOST_WORDS, find_quote

ANSWER = (
    "The boy is smiling because his “best friend” hands him a wrapped gift — a surprise.\n\n"
    "His mother's eyes   are full of tears; the café is crowded, and the ﬁreworks can't be missed."
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCXYZéßñΩжИ"
WORD = st.text(LETTERS, min_size=1, max_size=8)
ANSWERS = st.lists(WORD, min_size=3, max_size=40).map(" ".join)


@pytest.mark.parametrize(
    ("quote", "span"),
    [
        ("wrapped gift", "wrapped gift"),
        ("WRAPPED GIFT", "wrapped gift"),
        ('"best friend"', "best friend"),
        ('his "best friend" hands', "his “best friend” hands"),
        ("gift - a surprise", "gift — a surprise"),
        ("surprise. His mother’s eyes are full", "surprise.\n\nHis mother's eyes   are full"),
        ("the cafe\u0301 is", None),  # decomposed letters are not composed
        ("the fireworks can’t", "the ﬁreworks can't"),
        ("  …the boy is smiling…  ", None),
        ("…The boy is smiling…", "The boy is smiling"),
        ("**smiling**", "smiling"),
        ("wrap\u200bped gift", "wrapped gift"),
        ("ＷＲＡＰＰＥＤ gift", "wrapped gift"),
    ],
)
def test_what_does_not_matter_is_folded(quote: str, span: str | None) -> None:
    found = find_quote(quote, ANSWER)
    if span is None:  # where folding does not reach, few edits are forgiven, or case is
        assert found is None or found in ANSWER
    else:
        assert found == span


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "  \n ",
        "…",
        "a",
        "is",
        '"',
        "mil",
        "smil",
        "oy is smiling because hi",
        "rapped gift",
        "wrapped gif",
        "a birthday cake",
        "his best enemy hands him a wrapped bomb",
        "The boy is smiling ... wrapped gift",
    ],
)
def test_what_is_not_there_is_no_quote(quote: str) -> None:
    found = find_quote(quote, ANSWER)
    assert found is None or (len(quote) >= 10 and found.startswith(("boy", "wrapped", "hi")) and found in ANSWER)


@pytest.mark.parametrize("quote", ["rapped", "wrappe", "oy is", "riend"])
def test_a_part_of_a_longer_word_is_no_quote(quote: str) -> None:
    assert find_quote(quote, ANSWER) is None


def test_few_edits_are_forgiven_and_whole_words_given_back() -> None:
    assert find_quote("the boy is smilling because his", ANSWER) == "The boy is smiling because his"
    assert find_quote("hands hm a wraped gift", ANSWER) is not None
    assert find_quote("full of tear; the", "eyes are full of tears; the café") == "full of tears; the"


def test_a_tenth_is_the_limit() -> None:
    """Twenty letters: two edits are a tenth, three are more."""
    answer = "so abcdefghijklmnopqrst it is"
    assert find_quote("abcdXfghijXlmnopqrst", answer) == "abcdefghijklmnopqrst"
    assert find_quote("abcdXfghijXlmnopXrst", answer) is None
    assert find_quote("abcdefghij", "so abcdefghix it is") == "abcdefghix"
    assert find_quote("abc efghi", "so abcdefghi it is") is None  # below ten characters none is forgiven


def test_scripts_without_spaces_are_quoted_by_character() -> None:
    assert find_quote("他在哭", "因为他在哭泣。") == "他在哭"
    assert find_quote("泪", "眼里有泪水") == "泪"
    assert find_quote("笑", "眼里有泪水") is None


def test_a_quote_may_be_as_long_as_eighty_words_and_no_longer() -> None:
    answer = " ".join(f"w{number}" for number in range(200))
    words = answer.split()
    assert find_quote(" ".join(words[:MOST_WORDS]), answer) == " ".join(words[:MOST_WORDS])
    assert find_quote(" ".join(words[: MOST_WORDS + 1]), answer) is None
    assert find_quote("泪" * MOST_CHARACTERS, "泪" * 5000) is not None
    assert find_quote("泪" * (MOST_CHARACTERS + 1), "泪" * 5000) is None


@given(ANSWERS, st.data())
def test_every_run_of_words_is_found_as_it_is(answer: str, data: st.DataObject) -> None:
    words = answer.split()
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, min(len(words), start + MOST_WORDS)))
    quote = " ".join(words[start:end])
    assume(sum(map(str.isalnum, quote)) >= 3)
    assert find_quote(quote, answer) == quote


@given(ANSWERS, st.data())
def test_case_and_space_and_dashes_do_not_hide_it(answer: str, data: st.DataObject) -> None:
    answer = answer.replace("X", " “so” — ").replace("Y", "'")
    words = answer.split()
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    quote = " ".join(words[start:end])
    assume(sum(map(str.isalnum, quote)) >= 3)
    change = data.draw(st.sampled_from([str.upper, str.lower, str.swapcase, str.casefold]))
    changed = change(quote).replace(" ", data.draw(st.sampled_from(["  ", "\n", "\t ", "\u00a0"])))
    changed = changed.replace("“", '"').replace("”", '"').replace("—", "–").replace("'", "’")
    found = find_quote(changed, answer)
    assert found is not None
    assert found in answer
    assert " ".join(found.casefold().split()) in " ".join(quote.casefold().split())


@given(st.lists(st.text("abcdefghij", min_size=3, max_size=8), min_size=6, max_size=30).map(" ".join), st.data())
def test_a_tenth_of_wrong_letters_is_forgiven(answer: str, data: st.DataObject) -> None:
    words = answer.split()
    start = data.draw(st.integers(0, len(words) - 4))
    quote = " ".join(words[start : data.draw(st.integers(start + 3, len(words)))])
    letters = [place for place, letter in enumerate(quote) if letter != " "]
    count = data.draw(st.integers(1, len(quote) // 10))
    wrong = list(quote)
    for place in data.draw(st.lists(st.sampled_from(letters), min_size=count, max_size=count, unique=True)):
        wrong[place] = "#"
    found = find_quote("".join(wrong).strip("#"), answer)
    assume(len("".join(wrong).strip("#")) == len(quote))
    assert found is not None
    assert found in answer


@given(ANSWERS, st.text("0123456789 ", min_size=5, max_size=60))
def test_what_shares_no_letter_is_refused(answer: str, quote: str) -> None:
    assert find_quote(quote, answer) is None


@given(st.text(max_size=200), st.text(max_size=200))
@example("ǆ İİİ ǆ", "ǆ i̇İİ ǆ")
@example("ﷺﷺﷺ", "aﷺﷺﷺ")
@example("aa\u0301a" * 9, "aáa" * 9)
def test_a_quote_is_a_part_of_the_answer_or_none(quote: str, answer: str) -> None:
    for text in (quote, answer[5:50], answer[3:80] + quote[:2]):
        found = find_quote(text, answer)
        assert found is None or (found and found in answer)


@pytest.mark.parametrize("kind", ["word for word", "folded", "edited", "invented", "one letter", "no spaces", "near"])
def test_a_long_answer_does_not_stall_the_search(kind: str) -> None:
    chosen = random.Random(1)
    words = ["".join(chosen.choices("abcdefghijklmnop", k=chosen.randint(3, 12))) for _ in range(14_000)]
    answer = " ".join(words)[:100_000]
    quote = " ".join(words[6000:6075])
    if kind == "folded":
        quote = quote.upper()
    elif kind == "edited":
        quote = "".join("#" if place % 17 == 5 else letter for place, letter in enumerate(quote))
    elif kind == "invented":
        quote = " ".join(chosen.choices(words, k=75))
    elif kind == "one letter":
        quote, answer = "a" * 999 + "b", "a" * 100_000
    elif kind == "no spaces":
        answer = "".join(chosen.choices("泪水在她的眼里因为", k=100_000))
        quote = "".join("哭" if place % 12 == 0 else letter for place, letter in enumerate(answer[5000:6000]))
    elif kind == "near":
        quote, answer = "the boy smiles at the dog " * 13 + "and leaves", "The boy smiled at a dog. " * 4000
    with no_stall():
        found = find_quote(quote, answer)
    if kind in ("word for word", "folded", "edited"):
        assert found == " ".join(words[6000:6075])
