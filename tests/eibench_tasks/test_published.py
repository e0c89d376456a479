"""Judge replies in the published format: which can be used, and what a file of them scores."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.cli import main
from eibench_tasks.errors import AnnotationError, EIBenchError
from eibench_tasks.judging.published import UnusableReply, read_reply
from eibench_tasks.metrics.published import read_replies, score_file

HAPPY = "CAER-S/train/Happy/0001.png"
ANGRY = "CAER-S/train/Angry/0006.png"
SAD = "EmoSet-118k/image/sadness/sadness_01800.jpg"
EXCITED = "EmoSet-118k/image/excitement/excitement_00001.jpg"


def replies_file(folder: Path, *lines: dict[str, Any]) -> Path:
    """A file of judge replies, one object a line."""
    file = folder / "replies.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


# One reply


@pytest.mark.parametrize(
    ("reply", "correct", "total"),
    [
        ("{score: 2/5}", 2, 5),
        ("The record names two.\n{score: 2/5} Explanation: …", 2, 5),
        ("{score: 0/4}, that is {score: 0/4}", 0, 4),
        ("{score: 05/9999}", 5, 9999),
    ],
)
def test_a_reply_gives_its_score(reply: str, correct: int, total: int) -> None:
    score = read_reply(reply)
    assert (score.correct, score.total, score.recall) == (correct, total, correct / total)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "holds no"),
        ("{score:2/5}", "holds no"),
        ("{Score: 2/5}", "holds no"),
        ("{score: 2.5/5}", "holds no"),
        ("{score: -2/5}", "holds no"),
        ("{score: correct/total}", "holds no"),
        ("As in the format {score: 2/5}, I say {score: 3/5}", "names several scores"),
        ("{score: 1/2} or {score: 2/4}", "names several scores"),
        ("{score: 6/5}", "more triggers than there are"),
        ("{score: 0/0}", "out of 0"),
        ("{score: 1/10000}", "more than 4 digits"),
        ("{score: " + "1" * 9000 + "/5}", "more than 4 digits"),
        ("{score: ٢/٥}", "digits other than"),
        ("{score: ٢/٥} {score: 5/5}", "digits other than"),
        (None, "is not text"),
        (["{score: 2/5}"], "is not text"),
        (1.0, "is not text"),
    ],
)
def test_a_reply_that_gives_no_one_score_is_unusable_with_its_reason(reply: Any, reason: str) -> None:
    with pytest.raises(UnusableReply, match=re.escape(reason)):
        read_reply(reply)


@given(st.text(alphabet="{score: /0125}٢x", max_size=60))
def test_no_text_breaks_the_reader(reply: str) -> None:
    try:
        assert 0 <= read_reply(reply).recall <= 1
    except UnusableReply as error:
        assert error.reason


# A file of replies


def as_published(lines: list[dict[str, str]]) -> dict[str, float]:
    """What the published scorer computes where every reply parses: emotion by the path, plain means, 0 of nothing."""
    scores: dict[str, list[float]] = {name: [] for name in ("happy", "sadness", "angry", "excitement", "overall")}
    for line in lines:
        for image, reply in line.items():
            correct, total = re.search(r"\{score: (\d+)/(\d+)\}", reply).groups()
            value = int(correct) / int(total)
            scores["overall"].append(value)
            if "Happy" in image:
                scores["happy"].append(value)
            elif "sad" in image:
                scores["sadness"].append(value)
            elif "Angry" in image:
                scores["angry"].append(value)
            elif "excit" in image:
                scores["excitement"].append(value)
    return {name: sum(values) / len(values) if values else 0 for name, values in scores.items()}


fraction = st.integers(1, 12).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
parsable = st.tuples(st.text(st.characters(codec="utf-8"), max_size=8), fraction).map(
    lambda parts: f"{parts[0]} {{score: {parts[1][0]}/{parts[1][1]}}}"
)
image = st.sampled_from([HAPPY, ANGRY, SAD, EXCITED, "Happy/sad.jpg", "Angry/excit.png", "elsewhere.jpg"])


@given(st.lists(st.dictionaries(image, parsable, min_size=1), min_size=1, max_size=30))
def test_where_every_reply_parses_the_score_is_the_published_one_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, str]]
) -> None:
    expected = as_published(lines)
    for split in ("basic", "complex"):
        found = score_file(replies_file(tmp_path_factory.mktemp("replies"), *lines), split)
        assert found.overall.score == expected["overall"]
        assert {name: share.score or 0 for name, share in found.emotions.items()} == (
            {name: value for name, value in expected.items() if name != "overall"} if split == "basic" else {}
        )


def test_an_unusable_reply_is_counted_and_no_earlier_score_takes_its_place(tmp_path: Path) -> None:
    lines = [{HAPPY: "{score: 4/4}"}, {ANGRY: "I cannot say."}, {SAD: "{score: 1/4}"}, {EXCITED: "{score: 9/4}"}]
    found = score_file(replies_file(tmp_path, *lines), "basic")
    # the published scorer would put HAPPY's 4/4 into angry, and fail nowhere
    assert (found.emotions["angry"].scored, found.emotions["angry"].unusable) == (0, 1)
    assert found.emotions["angry"].score is None and found.emotions["angry"].recall is None
    # (1 + 1/4) / 2; at least (1 + 1/4) / 4, at most (1 + 1/4 + 2) / 4
    assert found.overall.score == 0.625
    assert (found.overall.bound_low, found.overall.bound_high) == (31.25, 81.25)
    assert found.reasons == {"holds no {score: correct/total}": 1, "names more triggers than there are": 1}


def test_replies_that_the_reference_script_gave_up_on_are_counted(tmp_path: Path) -> None:
    lines = [{HAPPY: "{score: 0/1}"}, {SAD: "{score: 0/1} since nothing is named"}, {ANGRY: "{score: 1/1}"}]
    found = score_file(replies_file(tmp_path, *lines), "basic")
    assert found.gave_up == 1 and found.overall.scored == 3


def test_repeated_images_and_images_of_no_emotion_are_counted(tmp_path: Path) -> None:
    lines = [{SAD: "{score: 1/2}"}, {SAD: "{score: 0/2}"}, {"else/where.jpg": "{score: 2/2}"}]
    found = score_file(replies_file(tmp_path, *lines), "basic")
    assert (found.repeated_images, found.no_emotion) == (1, 1)
    assert found.emotions["sadness"].score == 0.25 and found.overall.score == 0.5


def test_the_reference_list_as_denominator(tmp_path: Path, published: Path) -> None:
    # SAD has three reference triggers. 2/5 chose another denominator: 2 of 3. 4/4 did too: min(4, 3) of 3.
    lines = [{SAD: "{score: 2/5}"}, {SAD: "{score: 4/4}"}, {SAD: "{score: 1/3}"}, {SAD: "nothing"}]
    found = score_file(replies_file(tmp_path, *lines), "basic", published)
    assert (found.other_total, found.with_reference) == (2, 3)
    assert found.overall.reference_recall == pytest.approx(100 * (2 / 3 + 1 + 1 / 3) / 3)
    assert found.emotions["happy"].reference_recall is None


def test_the_questions_about_one_complex_image_are_told_apart_by_their_order(tmp_path: Path) -> None:
    counts = {"a.jpg": [5, 3], "b.jpg": [4, 4]}
    lines = [{"a.jpg": "{score: 1/5}"}, {"a.jpg": "{score: 1/3}"}, {"b.jpg": "{score: 1/4}"}]
    triggers = [reply.triggers for reply in read_replies(replies_file(tmp_path, *lines), "complex", counts)]
    assert triggers == [5, 3, None]  # b.jpg has two questions and one reply: no one knows to which


def test_what_is_prepared_serves_as_the_reference(tmp_path: Path, published: Path, standins: Path) -> None:
    file = replies_file(tmp_path, {SAD: "{score: 1/2}"})
    assert score_file(file, "basic").other_total is None
    prepared = CliRunner().invoke(main, ["prepare", "--images", str(standins), "--eibench", str(published)])
    assert prepared.exit_code == 0
    assert score_file(file, "basic").other_total == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": "{score: 1/2}"}\n{"b": "{sc', "line 2 is not JSON"),
        (b'\n["{score: 1/2}"]\n', "line 2 is no JSON object"),
        (b"\xff\xfe\x00", "line 1 is not JSON"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (b'{"a": ' * 100_000, "line 1 is not JSON"),
        (b'{"a": "{score: 1/2}", "a": "{score: 2/2}"}', "line 1 names a key twice"),
        (b"", "holds no score"),
        (b'{"a": "Because it rains."}', "holds no score: its first reply holds no {score: correct/total}"),
        (b'{"a": NaN}', "its first reply is not text"),
    ],
)
def test_a_damaged_file_is_one_line_that_says_where(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_bytes(content)
    with pytest.raises(EIBenchError) as error:
        score_file(file, "basic")
    assert expected in str(error.value)


def test_a_lone_half_of_a_surrogate_pair_harms_nothing(tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_bytes(rb'{"Happy/\ud83d.png": "\ud83d {score: 1/2}"}')
    assert score_file(file, "basic").overall.score == 0.5


def test_the_wrong_annotations_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError):
        score_file(replies_file(tmp_path, {SAD: "{score: 1/2}"}), "basic", tmp_path)


# The command


def score(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `eibench score`."""
    result = CliRunner().invoke(main, ["score", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_table_says_scores_reasons_and_how_many(tmp_path: Path) -> None:
    lines = [{HAPPY: "{score: 2/3}"}, {SAD: "{score: 0/1}"}, {SAD: "none"}]
    code, text = score(str(replies_file(tmp_path, *lines)), "--split", "basic")
    assert code == 0
    assert re.search(r"^happy +1 +0 +0\.66667 +66\.7 +66\.7 – 66\.7$", text, re.MULTILINE)
    assert re.search(r"^angry +0 +0 +– +– +–$", text, re.MULTILINE)
    assert re.search(r"^overall +2 +1 +0\.33333 +33\.3 +22\.2 – 55\.6$", text, re.MULTILINE)
    assert "1  the reply holds no {score: correct/total}" in text
    assert "Scored: 2 of 1615 samples of the basic split" in text
    assert "Replies that are exactly {score: 0/1}: 1." in text
    assert "Replies that repeat an image: 1." in text
    assert "denominator" not in text


def test_json_has_the_full_precision_and_null_for_nothing(tmp_path: Path) -> None:
    code, text = score(str(replies_file(tmp_path, {HAPPY: "{score: 1/3}"})), "--split", "basic", "--json")
    data = json.loads(text)
    assert code == 0
    assert data["overall"]["score"] == 1 / 3 and data["overall"]["recall"] == 100 * (1 / 3)
    assert data["emotions"]["angry"]["score"] is None and data["other_total"] is None


def test_a_file_without_a_score_is_not_exit_code_0(tmp_path: Path) -> None:
    code, text = score(str(replies_file(tmp_path, {HAPPY: "none"})), "--split", "basic")
    assert code == 1 and "holds no score" in text


def test_the_complex_split_has_no_emotions_and_repeats_images(tmp_path: Path) -> None:
    lines = [{SAD: "{score: 1/2}"}, {SAD: "{score: 2/2}"}]
    code, text = score(str(replies_file(tmp_path, *lines)), "--split", "complex")
    assert code == 0 and "0.75000" in text and "Scored: 2 of 50 samples of the complex split" in text
    assert "sadness" not in text and "repeat" not in text
