"""Sentences, words and denials of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.judging.offline.english import not_english
from eibench_tasks.judging.offline.language import MAX_WORDS, denied, sentences, words


def texts(answer: str) -> list[str]:
    return [span.text for span in sentences(answer)]


def test_an_answer_is_split_into_sentences() -> None:
    assert texts("She cries. Is she alone? Yes!") == ["She cries.", "Is she alone?", "Yes!"]


def test_list_items_are_sentences_and_lose_their_marks() -> None:
    assert texts("1. Tears\n2) No smile\n- A torn letter\n* Rain; cold wind") == [
        "Tears",
        "No smile",
        "A torn letter",
        "Rain",
        "cold wind",
    ]


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert texts("He lost something, e.g. a ball. Mr. Smith left.") == [
        "He lost something, e.g. a ball.",
        "Mr. Smith left.",
    ]


def test_a_sentence_without_end_is_cut() -> None:
    spans = sentences("word " * 500)
    assert len(spans) >= 500 // MAX_WORDS
    assert all(len(span.text.split()) <= MAX_WORDS for span in spans)


def test_an_endless_word_is_cut_too() -> None:
    assert all(len(span.text) <= 12 * MAX_WORDS for span in sentences("x" * 100_000))


@given(st.text(max_size=400))
def test_spans_are_pieces_of_the_answer_in_order(answer: str) -> None:
    end = 0
    for span in sentences(answer):
        assert span.start >= end
        assert span.text == answer[span.start : span.end]
        end = span.end


def scope(text: str) -> str:
    """The denied characters of a sentence."""
    return "".join(character for character, no in zip(text, denied(text), strict=True) if no)


@pytest.mark.parametrize(
    ("sentence", "inside"),
    [
        ("There are no tears on her face.", "tears"),
        ("Without any friends around him.", "friends"),
        ("He isn't shouting.", "shouting"),
        ("Balloons are nowhere to be seen.", "Balloons"),
        ("no tears, shouting or slammed doors", "slammed doors"),
        ("She smiles rather than frowns.", "frowns"),
    ],
)
def test_what_is_denied(sentence: str, inside: str) -> None:
    assert inside in scope(sentence)


@pytest.mark.parametrize(
    ("sentence", "outside"),
    [
        ("There are no tears, but the room is dark.", "room is dark"),
        ("He can't stop smiling.", "smiling"),
        ("Not only is the crowd cheering.", "crowd"),
        ("No doubt the trophy matters.", "trophy"),
        ("Nothing but rubble is left.", "rubble"),
    ],
)
def test_what_only_looks_denied(sentence: str, outside: str) -> None:
    assert outside not in scope(sentence)


@given(st.text(max_size=300))
def test_denial_marks_every_character_once(text: str) -> None:
    assert len(denied(text)) == len(text)


def test_words_are_stemmed_and_know_their_place() -> None:
    found = words("The girls’ torn letters")
    assert [(word.stem, word.content) for word in found] == [
        ("the", False),
        ("girl", True),
        ("torn", True),
        ("letter", True),
    ]
    assert found[3].start == 16


@pytest.mark.parametrize(
    "answer",
    [
        "他看起来很生气,因为有人打翻了他的咖啡,电脑也坏了,而且已经很晚了,他还在加班。" * 3,
        "Der Mann wirkt verärgert, weil jemand seinen Kaffee über den Schreibtisch verschüttet hat und der Rechner"
        " nicht mehr funktioniert.",
        "De man is boos omdat iemand in het bureau koffie over zijn computer heeft gemorst en hij nu hard moet werken.",
        "La mujer parece estar triste porque ha perdido a un ser querido y no hay nadie que la consuele.",
    ],
)
def test_answers_in_other_languages_are_noticed(answer: str) -> None:
    reason = not_english(answer)
    assert reason is not None and "not English" in reason


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Tears",
        "Sad facial expression. Slumped shoulders. Gloomy weather. Empty bench in the park. Torn letter.",
        "42 !!",
    ],
)
def test_short_and_terse_english_is_read(answer: str) -> None:
    assert not_english(answer) is None


def test_no_reference_list_is_taken_for_another_language(published: object) -> None:
    from eibench_tasks.data import source

    items, _ = source.load(published)
    flagged = [
        item.id for item in items for text in ("\n".join(item.triggers), ". ".join(item.triggers)) if not_english(text)
    ]
    assert not flagged


def test_words_are_the_same_in_many_threads() -> None:
    """lmms-eval judges in threads; the stemmer keeps state."""
    import sys
    from concurrent.futures import ThreadPoolExecutor

    from eibench_tasks.judging.offline import language

    nouns = [
        f"{head}{tail}"
        for head in ("walk", "celebrat", "happi", "frown", "run", "argu")
        for tail in ("ing", "ed", "s", "ness", "ation", "ment", "er", "ers", "able")
    ]
    alone = [language._stem(noun) for noun in nouns]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                language._stem.cache_clear()
                assert list(pool.map(language._stem, nouns)) == alone
    finally:
        sys.setswitchinterval(before)


def test_hostile_abbreviations_take_no_longer_than_other_text() -> None:
    assert len(sentences("e.g. " * 20_000)) > 100  # quadratic, this would take minutes
