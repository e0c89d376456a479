"""`cfsa compare`: which images and samples meet, what is judged in which direction, and what is counted."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.built_runs import BUILT, a_sample, basic_run, complex_run, configuration, finish, new_run, picture_file

from cfsa_tool.compare import Comparison, Line, compare, render
from cfsa_tool.errors import ExportError
from cfsa_tool.export.write import export
from cfsa_tool.matched import SEVERAL, matched, read_built, same_emotion
from cfsa_tool.references import Images, read_references
from eibench_tasks.errors import EIBenchError, JudgeError
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict


class WordJudge:
    """Finds a trigger named where a line of the answer is the trigger; cannot judge what holds "unjudgeable"."""

    name, protocol, version, comparable, measures_floor = "word", "verdict", "1", False, False
    stopped: str | None = None

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing to prepare."""

    def judge(self, reference: Reference, answer: str) -> Judgement:
        if "unjudgeable" in answer:
            return Judgement(unscored="no words for it")
        found = [text if text in answer.split("\n") else None for text in reference.triggers]
        return Judgement(
            verdicts=[
                Verdict(index=index, trigger=trigger, present=quote is not None, quote=quote)
                for index, (trigger, quote) in enumerate(zip(reference.triggers, found, strict=True))
            ]
        )


def known(file: Path, *entries: dict[str, Any]) -> Path:
    """A reference of lines."""
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return file


def said(image: str, *triggers: str, emotion: str | None = None) -> dict[str, Any]:
    return {"image": image, "triggers": list(triggers)} | ({"emotion": emotion} if emotion else {})


def compared(run: Path, *references: Path, judge: WordJudge | None = None) -> Comparison:
    return compare(matched(run, references), judge or WordJudge())


def line(found: Comparison, emotion: str = "overall") -> Line:
    (one,) = [one for one in found.lines if one.emotion == emotion]
    return one


# What is compared


def test_recall_counts_reference_triggers_and_precision_built_ones(tmp_path: Path) -> None:
    # cake: built 3, reference 2, of which 1 is built: recall 1/2; of the 3 built the reference names 1: 1/3
    # coffee: built 2, reference 1, which is built: recall 1; precision 1/2
    # recall (50 + 100) / 2 = 75; precision (33.3 + 50) / 2 = 41.7; F1 = 2 * 75 * 41.67 / 116.67 = 53.6
    basic_run(tmp_path)
    reference = known(
        tmp_path / "truth.jsonl",
        said("happy/cake.jpg", "a birthday cake", "grandmother's visit", emotion="happy"),
        said("angry/coffee.png", "a crowded train", emotion="angry"),
    )
    found = compared(tmp_path / "run", reference)
    overall = line(found)
    assert (overall.recall.value, overall.precision.value) == (75, pytest.approx(125 / 3))
    assert overall.f1 == pytest.approx(2 * 75 * (125 / 3) / (75 + 125 / 3))
    assert (overall.built, overall.reference, overall.images) == (2.5, 1.5, 2)
    happy = line(found, "happy")
    assert (happy.recall.value, happy.precision.value, happy.images) == (50, pytest.approx(100 / 3), 1)
    assert happy.recall.low is None  # one image gives no interval
    assert overall.recall.low == 0 and overall.recall.high == 100
    assert [one.emotion for one in found.lines] == ["overall", "angry", "happy"]


def test_a_run_and_its_export_compare_alike_and_with_themselves_completely(tmp_path: Path) -> None:
    split = export(basic_run(tmp_path), tmp_path / "out", "my_split")
    found = compared(tmp_path / "run", split.folder)  # the folder holds EIBench's format
    assert found == compared(split.folder, split.folder / "basic_ground_truth.json")
    assert line(found).recall.value == line(found).precision.value == 100
    assert (found.matched_images, found.built_images, found.reference_images) == (4, 4, 4)


def test_samples_of_several_emotions_meet_those_of_their_own(tmp_path: Path) -> None:
    complex_run(tmp_path)
    reference = known(
        tmp_path / "truth.jsonl",
        said("party.jpg", "a cake", "a won game", emotion="happiness"),
        said("party.jpg", "rain", emotion="sad"),
        said("party.jpg", "a bang", emotion="fear"),
    )
    found = compared(tmp_path / "run", reference)
    assert line(found, "happy").recall.value == line(found, "happy").precision.value == 100
    assert line(found, "happy").precision.scored == 2  # the child's and the man's sample
    assert line(found, "sadness").recall.value == 0
    assert found.other_emotion == ["party.jpg (fear)"]


def test_a_reference_without_emotions_is_about_everything_built_of_an_image(tmp_path: Path) -> None:
    complex_run(tmp_path)
    reference = known(tmp_path / "truth.jsonl", said("party.jpg", "a cake", "a burst balloon"))
    found = compared(tmp_path / "run", reference)
    assert [one.emotion for one in found.lines] == ["overall", SEVERAL]
    assert line(found).recall.value == 100
    assert line(found).precision.value == pytest.approx(200 / 3)  # all but the won game


def test_what_a_judge_cannot_judge_is_counted_and_no_score(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    finish(run, picture_file(tmp_path / "photos" / "a.jpg", 1), a_sample("happy", "a"))
    finish(run, picture_file(tmp_path / "photos" / "b.jpg", 2), a_sample("happy", "unjudgeable"))
    reference = known(tmp_path / "truth.jsonl", said("a.jpg", "a"), said("b.jpg", "b"))
    found = compared(tmp_path / "run", reference)
    assert (line(found).recall.value, line(found).recall.scored, line(found).recall.unscored) == (100, 1, 1)
    assert line(found).precision.unscored == 0
    assert found.reasons == {"no words for it": 1}
    assert "Unscored, and no score: 1 of 4 judgements (1: no words for it)." in render(found)


def test_a_judge_that_stopped_gives_no_result(tmp_path: Path) -> None:
    basic_run(tmp_path)
    judge = WordJudge()
    judge.stopped = "the budget of 3 requests is spent"
    with pytest.raises(JudgeError, match=r"word stopped: the budget.*goes on"):
        compared(tmp_path / "run", known(tmp_path / "r.jsonl", said("cake.jpg", "a")), judge=judge)


def test_the_table_says_who_judged_and_what_is_unmatched(tmp_path: Path) -> None:
    basic_run(tmp_path)
    reference = known(
        tmp_path / "truth.jsonl",
        said("happy/cake.jpg", "a birthday cake"),
        said("fear/storm.jpg", "rain", emotion="joy"),
        *(said(f"gone{number}\x1b.jpg", "x") for number in range(7)),
    )
    text = render(compared(tmp_path / "run", reference))
    assert text.splitlines()[0].split("  ")[0] == "emotion"
    assert "Images in both: 2; 4 of the run, 9 of the reference." in text
    assert "in the run: 7 (gone0?.jpg, gone1?.jpg, gone2?.jpg, gone3?.jpg, gone4?.jpg, …)" in text
    assert "the reference does not have: 2" in text and "happy/dog.jpg" in text
    assert "no sample for the emotion: 1 (fear/storm.jpg (joy))" in text
    assert "Judged by word 1 (verdict)." in text


def test_the_offline_judge_finds_triggers_in_other_words(tmp_path: Path) -> None:
    from eibench_tasks.judging.registry import load_judge

    basic_run(tmp_path)
    reference = known(
        tmp_path / "truth.jsonl", said("cake.jpg", "a cake with candles"), said("storm.jpg", "the smell of hot bread")
    )
    found = compare(matched(tmp_path / "run", [reference]), load_judge("offline"))
    assert line(found, "happy").recall.value == 100 and line(found, "fear").recall.value == 0


# Which images are meant


def test_an_image_is_known_by_its_id_its_hash_its_exported_file_and_the_end_of_its_path(tmp_path: Path) -> None:
    basic_run(tmp_path)
    cake = next(one for one in read_built(tmp_path / "run") if one.name == "happy/cake.jpg")
    for name in (cake.image, cake.sha256, f"images/happy/{cake.image}.jpg", "cake.jpg", "/data/x/happy/cake.jpg"):
        found = matched(tmp_path / "run", [known(tmp_path / "r.jsonl", said(name, "a"))])
        assert [pair.image for pair in found.pairs] == [cake.image], name


IMAGES = Images(
    [
        ("1", "train/Happy/0001.png", "a"),
        ("2", "test/Happy/0001.png", "b"),
        ("3", "Sad/0001.png", "c"),
        ("4", "x.png", "d"),
    ]
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CAER-S/train/Happy/0001.png", "1"),
        ("CAER-S\\test\\Happy\\0001.png", "2"),
        ("./Sad/0001.png", "3"),
        ("y/x.png", "4"),
        ("0001.png", None),  # it may be any of three
        ("Happy/0001.png", None),  # it may be either
        ("train/Sad/0001.png", "3"),
        ("y.png", None),
        ("", None),
        ("/", None),
    ],
)
def test_the_longest_end_of_a_path_that_only_one_image_has_decides(name: str, expected: str | None) -> None:
    assert IMAGES.meant_by([name]).get(name) == expected


def test_of_two_names_that_end_like_one_image_the_longer_match_means_it() -> None:
    images = Images([("1", "Happy/0001.png", "a")])
    assert images.meant_by(["Sad/0001.png", "x/Happy/0001.png"]) == {"x/Happy/0001.png": "1"}
    assert images.meant_by(["train/Happy/0001.png", "test/Happy/0001.png"]) == {}


@given(st.lists(st.text("ab/.", max_size=8)), st.lists(st.text("ab/.", max_size=8)))
def test_no_image_is_meant_by_two_paths(ours: list[str], theirs: list[str]) -> None:
    images = Images([(f"id{number}", name, f"hash{number}") for number, name in enumerate(ours)])
    found = images.meant_by(theirs)
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("angry", "anger", True),
        ("happiness", "happy", True),
        ("sad", "sadness", True),
        ("Fear", "fear", True),
        ("joy", "fear", False),
        ("excitement", "happy", False),
        ("радость", "страх", False),
        ("mood", "fear", False),
        ("🙂", "fear", False),
    ],
)
def test_words_of_one_family_name_one_emotion(one: str, other: str, expected: bool) -> None:
    assert same_emotion(one, other) is expected


# References


def test_published_annotations_are_read_whole(published: Path) -> None:
    found = read_references([published])
    assert len(found) == 1665
    assert {one.emotion for one in found} >= {"happy", "angry", "sadness", "excitement"}


def test_the_ground_truth_needs_no_questions_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"EmoSet/image/awe/1.jpg": "1. a peak\n2. fog"}), encoding="utf-8")
    (one,) = read_references([file])
    assert (one.image, one.emotion, one.triggers) == ("EmoSet/image/awe/1.jpg", "awe", ["a peak", "fog"])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json", "", "not valid JSON"),
        ("a.json", "[]", "expected an object"),
        ("a.json", "[" * 100_000, "not valid JSON"),
        ("a.json", '{"../../x/y.jpg": "1. a"}', "leaves the images folder"),
        ("a.json", '{"x/y.jpg": "none"}', "no numbered triggers"),
        ("a.json", "{}", "holds no sample"),
        ("a.jsonl", "", "holds no sample"),
        ("a.jsonl", "nothing", "line 1 is not JSON"),
        ("a.jsonl", '{"x/y.jpg": 3}', "expected questions"),
        ("a.jsonl", '{"image": "a"}', "line 1 has no list of triggers"),
        ("a.jsonl", '{"triggers": ["a"]}', "line 1 names no image"),
        ("a.jsonl", '{"image": "a", "triggers": []}', "line 1 has no trigger"),
        ("a.jsonl", '{"image": "a", "triggers": [" "]}', "line 1 has no list of triggers"),
        ("a.jsonl", '{"image": "a", "triggers": ["b"], "emotion": 3}', "line 1 has an emotion that is no text"),
        ("a.jsonl", '{"image": "a", "triggers": ["b"]}\n7', "line 2 is no JSON object"),
    ],
)
def test_a_damaged_reference_is_one_line_that_says_where(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ExportError, match=expected) as stopped:
        read_references([tmp_path / name])
    assert "\n" not in str(stopped.value) and "basic_ground_truth.json" in stopped.value.mend


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "triggers", "emotion", "a/b.jpg", "1. a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3), st.sampled_from(["a.json", "a.jsonl"]))
def test_whatever_a_reference_holds_it_is_samples_or_an_error_of_ours(entries: list[Any], name: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_text("\n".join(json.dumps(entry) for entry in entries), encoding="utf-8")
        try:
            found = read_references([file])
        except EIBenchError:
            return
    assert all(one.image and one.triggers and all(isinstance(text, str) for text in one.triggers) for one in found)


def test_missing_files_and_folders_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot read .*none\.jsonl"):
        read_references([tmp_path / "none.jsonl"])
    with pytest.raises(ExportError, match=r"holds neither basic_ground_truth\.json nor ec_complex\.jsonl"):
        read_references([tmp_path])
    reference = known(tmp_path / "r.jsonl", said("a.jpg", "a"))
    with pytest.raises(ExportError, match="is neither a run nor an exported split"):
        matched(tmp_path, [reference])


def test_nothing_in_common_is_an_error_that_says_how_images_are_named(tmp_path: Path) -> None:
    basic_run(tmp_path)
    with pytest.raises(ExportError, match=rf"no sample in common \({len(BUILT)} and 1 images\)"):
        matched(tmp_path / "run", [known(tmp_path / "r.jsonl", said("z.jpg", "a"))])


def test_a_run_with_no_sample_has_nothing_in_common_with_anything(tmp_path: Path) -> None:
    new_run(tmp_path / "run", configuration())
    with pytest.raises(ExportError, match="no sample in common"):
        matched(tmp_path / "run", [known(tmp_path / "r.jsonl", said("z.jpg", "a"))])
