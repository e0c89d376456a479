"""The demo split: complete, self-made, with images whose sources are stated, and the same as a prepared data set."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from eibench_tasks.data import source
from eibench_tasks.data.demo import FOLDER, PROMPT, demo_samples
from eibench_tasks.data.images import open_image
from eibench_tasks.data.schema import Sample
from eibench_tasks.engines.answer import final_answer

ANSWERS = sorted((FOLDER / "answers").glob("*.jsonl"))


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return demo_samples()


def answers(file: Path) -> dict[str, str]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row["answer"] for row in rows}


def table() -> dict[str, list[str]]:
    """The table of images in the README: cells by file name."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_samples_are_those_of_the_file_with_names_of_their_own(samples: list[Sample]) -> None:
    lines = (FOLDER / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({sample.id for sample in samples}) == len(samples) == len(lines) >= 15
    assert {sample.split for sample in samples} == {"demo"}


def test_every_emotion_of_the_benchmark_occurs(samples: list[Sample]) -> None:
    assert {"happy", "angry", "sadness", "excitement"} <= {sample.emotion for sample in samples}


def test_two_images_carry_two_samples_so_that_clustering_shows(samples: list[Sample]) -> None:
    counts = Counter(sample.image_id for sample in samples)
    assert sorted(counts.values())[-2:] == [2, 2]
    for sample in samples:
        assert Path(sample.image).stem == sample.image_id


def test_triggers_are_two_to_ten_different_ones(samples: list[Sample]) -> None:
    for sample in samples:
        assert 2 <= len(set(sample.triggers)) == len(sample.triggers) <= 10
        assert all(trigger.strip() == trigger != "" for trigger in sample.triggers)


def test_the_trigger_block_is_numbered_as_in_the_published_files(samples: list[Sample]) -> None:
    first = samples[0]
    assert first.triggers_text.split("\n")[:2] == [f"1. {first.triggers[0]}", f"2. {first.triggers[1]}"]


def test_prompts_carry_the_question(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.prompt_user == PROMPT.replace("{question}", sample.question)
        assert sample.prompt_cot.startswith(sample.prompt_user)
        assert len(sample.prompt_cot) > len(sample.prompt_user)


def test_floor_answers_are_the_triggers_of_another_image(samples: list[Sample]) -> None:
    by_block = {"\n".join(sample.triggers): sample for sample in samples}
    for sample in samples:
        other = by_block[sample.floor_answer]
        assert other.image_id != sample.image_id
        same = [s for s in samples if s.emotion == sample.emotion and s.image_id != sample.image_id]
        assert not same or other.emotion == sample.emotion


def test_every_image_opens_and_is_what_the_sample_says(samples: list[Sample]) -> None:
    for sample in samples:
        path = Path(sample.image)
        assert path.is_absolute()
        assert path.stat().st_size == sample.image_size
        assert min(open_image(path).size) >= 200


def test_images_are_small_enough_to_travel_with_the_package() -> None:
    files = list((FOLDER / "images").iterdir())
    assert sum(file.stat().st_size for file in files) < 1_000_000
    assert all(max(Image.open(file).size) <= 1024 for file in files)


def test_every_image_is_used_and_its_source_and_licence_are_stated(samples: list[Sample]) -> None:
    files = {file.name for file in (FOLDER / "images").iterdir()}
    assert files == {Path(sample.image).name for sample in samples} == set(table())
    for emotions, origin, licence, author in table().values():
        assert emotions and origin and author
        assert licence.startswith(("CC0-1.0", "public domain"))


def test_the_readme_names_the_emotions_that_are_asked_about(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.emotion in table()[Path(sample.image).name][0]


@pytest.mark.parametrize("file", ANSWERS, ids=lambda file: file.stem)
def test_every_set_of_answers_answers_every_sample(samples: list[Sample], file: Path) -> None:
    given = answers(file)
    assert set(given) == {sample.id for sample in samples}
    assert all(final_answer(text) == text != "" for text in given.values())


def test_there_are_attentive_and_hasty_answers_and_they_differ() -> None:
    attentive, hasty = map(answers, ANSWERS)
    assert [file.stem for file in ANSWERS] == ["attentive", "hasty"]
    assert not set(attentive.values()) & set(hasty.values())


def test_attentive_answers_use_words_of_their_own(samples: list[Sample]) -> None:
    """An answer that copies the triggers would be scored by any judge and show nothing."""
    attentive = answers(FOLDER / "answers/attentive.jsonl")
    for sample in samples:
        copied = [trigger for trigger in sample.triggers if trigger.lower() in attentive[sample.id].lower()]
        assert not copied


def test_nothing_of_eibench_is_in_the_demo(samples: list[Sample], published: Path) -> None:
    annotations, strings = source.load(published)
    assert not {sample.question for sample in samples} & {item.question for item in annotations}
    ours = {trigger.lower() for sample in samples for trigger in sample.triggers}
    assert not ours & {trigger.lower() for item in annotations for trigger in item.triggers}
    assert strings.model.user.partition("{question}")[0] not in (FOLDER / "__init__.py").read_text(encoding="utf-8")
