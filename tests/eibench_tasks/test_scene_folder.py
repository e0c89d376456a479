"""A folder of scenes: what is written, who can read it, and what is said when something is wrong with it."""

import hashlib
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from support.taken_in import config

from cfsa_tool.ingest.emotions import emotions_of
from cfsa_tool.ingest.manifests import ManifestSource
from cfsa_tool.references import Images, read_references
from eibench_tasks.cli import main
from eibench_tasks.data.annotations import read_basic, read_complex
from eibench_tasks.errors import EIBenchError
from eibench_tasks.scenes.catalogue import EMOTIONS, causes, distractors
from eibench_tasks.scenes.drawing import write_scenes
from eibench_tasks.scenes.folder import Scenes, load_scenes
from eibench_tasks.scenes.png import png_bytes
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.samples import SceneSample, pairs
from eibench_tasks.scenes.scene import RULES, compose, held_out, twin

SEED, COUNT = "seven", 7
"""Six scenes with one person, of which the emotions take turns, and number 5 with two."""
MARK = hashlib.sha256(f"{RULES} {SEED} any".encode()).hexdigest()[:4]
"""Tells samples of one seed and kind from those of others."""
KINDS = ("happy", "angry", "sadness", "excitement", "fear", "complex", "surprise")
NAMES = [f"{kind}-{number:04}-{MARK}" for number, kind in enumerate(KINDS)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """Tests must not change it."""
    return write_scenes(tmp_path_factory.mktemp("scenes") / "seven", SEED, COUNT)


@pytest.fixture
def copy(written: Scenes, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(written.folder, tmp_path / "copy"))


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """Content by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(call: Callable[[], object]) -> EIBenchError:
    """The error of a call: one line, with what to do."""
    with pytest.raises(EIBenchError) as error:
        call()
    assert error.value.what and error.value.mend and "\n" not in str(error.value)
    return error.value


def about_scenes(written: Scenes) -> list[SceneSample]:
    return [sample for sample in written.samples if not sample.twin_of]


def about_twins(written: Scenes) -> list[SceneSample]:
    return [sample for sample in written.samples if sample.twin_of]


# What is written


def test_a_folder_holds_what_its_description_says(written: Scenes) -> None:
    assert set(files(written.folder)) == {
        "scenes.json",
        "scenes.jsonl",
        "twins.jsonl",
        "manifest.jsonl",
        "manifest_complex.jsonl",
        "EI_Basic/user.jsonl",
        "EI_Basic/basic_ground_truth.json",
        "EI_Complex/ec_complex.jsonl",
        *(f"images/{kind}/{name}.png" for kind, name in zip(KINDS, NAMES, strict=True)),
        *(f"twins/{kind}/{name}-twin.png" for kind, name in zip(KINDS, NAMES, strict=True)),
    }


def test_facts_say_what_was_drawn(written: Scenes) -> None:
    facts = written.facts
    assert (facts.format, facts.rules, facts.seed, facts.scenes) == (1, RULES, SEED, COUNT)
    assert (facts.combinations, facts.shuffled) == ("any", False)
    # 6 scenes with one question, 1 with two, and 7 twins with one each
    assert facts.samples == len(written.samples) == 6 + 2 + 7
    assert json.loads((written.folder / "scenes.json").read_bytes()) == facts.model_dump()


def test_each_sample_about_a_scene_is_followed_by_that_about_its_twin(written: Scenes) -> None:
    ids = [sample.id for sample in written.samples]
    assert len(set(ids)) == len(ids)
    assert ids[:4] == [NAMES[0], f"{NAMES[0]}-twin", NAMES[1], f"{NAMES[1]}-twin"]
    for before, after in zip(written.samples, written.samples[1:], strict=False):
        if after.twin_of:
            assert (after.twin_of, after.id) == (before.id, f"{before.id}-twin")
    assert Counter(sample.scene for sample in about_scenes(written))[NAMES[5]] == 2
    assert [sample.id for sample in about_scenes(written) if sample.split == "complex"] == [
        f"{NAMES[5]}-1",
        f"{NAMES[5]}-2",
    ]


def test_images_are_the_drawn_scenes(written: Scenes) -> None:
    for number, (kind, name) in enumerate(zip(KINDS, NAMES, strict=True)):
        scene = compose(SEED, number)
        content = (written.folder / f"images/{kind}/{name}.png").read_bytes()
        assert content == png_bytes(render(scene))
        changed = (written.folder / f"twins/{kind}/{name}-twin.png").read_bytes()
        assert changed == png_bytes(render(twin(scene, SEED, number).scene))
        assert Image.open(io.BytesIO(content)).size == (560, 448)


def test_samples_say_everything_that_is_known(written: Scenes) -> None:
    known = causes()
    for sample in written.samples:
        listed = [known[name] for name in sample.causes]
        assert sample.triggers == [cause.trigger for cause in listed]
        assert sample.kinds == [cause.kind for cause in listed]
        assert sample.categories == [cause.category for cause in listed]
        assert {cause.emotion for cause in listed} == {sample.emotion}
        assert {cause.words for cause in listed} <= set(sample.objects)
        assert set(sample.distractors) <= set(sample.objects) & {one.words for one in distractors().values()}
        assert sample.whom in sample.question
        assert sample.split == ("complex" if sample.scene.startswith("complex") else "basic")
        assert sample.image.endswith(f"/{sample.scene}.png")


def test_what_two_people_see_is_all_there_is(written: Scenes) -> None:
    one, other = (sample for sample in about_scenes(written) if sample.split == "complex")
    assert one.emotion != other.emotion and one.question != other.question
    assert one.image == other.image and one.objects == other.objects
    words = [causes()[name].words for name in (*one.causes, *other.causes)]
    assert sorted(one.objects) == sorted([*words, *one.distractors])


def test_twins_say_what_is_gone_and_what_is_new(written: Scenes) -> None:
    by_id = {sample.id: sample for sample in written.samples}
    assert len(about_twins(written)) == COUNT
    for after in about_twins(written):
        before = by_id[after.twin_of]
        assert set(before.triggers) - set(after.triggers) == {after.removed}
        assert set(after.triggers) - set(before.triggers) == ({after.added} if after.added else set())
        same = {"split", "emotion", "whom", "question", "distractors"}
        assert before.model_dump(include=same) == after.model_dump(include=same)
    for before in about_scenes(written):
        assert (before.twin_of, before.removed, before.added) == ("", "", "")


def test_a_twin_of_two_people_is_about_the_one_whose_cause_was_changed() -> None:
    asked = Counter[str]()
    for before, after in pairs("two people", 60):
        (sample,) = after.samples
        (original,) = (one for one in before.samples if one.id == sample.twin_of)
        assert (sample.whom, sample.question) == (original.whom, original.question)
        assert sample.removed in original.triggers and sample.removed not in sample.triggers
        if len(before.samples) == 2:
            asked[original.id[-2:]] += 1
    assert set(asked) == {"-1", "-2"} and asked.total() == 10


def test_lines_are_ascii_and_each_is_a_sample(written: Scenes) -> None:
    for name, expected in (("scenes.jsonl", about_scenes(written)), ("twins.jsonl", about_twins(written))):
        assert (written.folder / name).read_bytes().isascii()
        assert [SceneSample.model_validate(entry) for entry in lines(written.folder / name)] == expected


def test_the_same_seed_gives_the_same_bytes(written: Scenes, tmp_path: Path) -> None:
    again = write_scenes(tmp_path / "again", SEED, COUNT)
    assert files(again.folder) == files(written.folder)
    assert again.samples == written.samples


def test_another_seed_gives_another_digest_and_other_names(written: Scenes, tmp_path: Path) -> None:
    drawn = [write_scenes(tmp_path / "one", "one", 1), write_scenes(tmp_path / "held", SEED, 1, "held out"), written]
    assert len({scenes.facts.digest for scenes in drawn}) == 3
    assert len({scenes.samples[0].id for scenes in drawn}) == 3
    assert all(scenes.samples[0].id.startswith("happy-0000-") for scenes in drawn)


def test_fewer_scenes_of_a_seed_are_the_first_of_more(written: Scenes, tmp_path: Path) -> None:
    fewer = write_scenes(tmp_path / "fewer", SEED, 2)
    assert fewer.samples == written.samples[:4]


def test_held_out_scenes_show_sets_that_are(tmp_path: Path) -> None:
    drawn = write_scenes(tmp_path / "held out", SEED, 3, "held out")
    assert drawn.facts.combinations == "held out"
    assert all(held_out(sample.causes) or len(sample.causes) == 1 for sample in drawn.samples)


def test_an_empty_folder_may_be_there_already_and_folders_above_it_need_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(write_scenes(tmp_path / "empty", SEED, 1).samples) == 2
    assert len(write_scenes(tmp_path / "a" / "b" / "c", SEED, 1).samples) == 2


def test_progress_is_told_the_number_and_each_step(tmp_path: Path) -> None:
    told: list[object] = []

    def start(total: int) -> Callable[[], object]:
        told.append(total)
        return lambda: told.append("step")

    write_scenes(tmp_path / "scenes", SEED, 2, progress=start)
    assert told == [2, "step", "step"]


# Dealt out of order


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """Tests must not change it."""
    return write_scenes(tmp_path_factory.mktemp("scenes") / "shuffled", SEED, COUNT, shuffled=True)


def test_shuffled_each_question_gets_the_image_of_another_scene(written: Scenes, shuffled: Scenes) -> None:
    assert shuffled.facts.shuffled and shuffled.facts.digest != written.facts.digest
    assert len(shuffled.samples) == len(written.samples)
    for sample, right in zip(shuffled.samples, written.samples, strict=True):
        assert sample.image != right.image and (shuffled.folder / sample.image).is_file()
        assert sample.model_copy(update={"image": right.image}) == right  # nothing else is another


def test_shuffled_no_image_is_dealt_twice_and_a_twin_goes_where_its_scene_goes(shuffled: Scenes) -> None:
    images = {sample.scene: sample.image for sample in shuffled.samples}
    assert len(set(images.values())) == 2 * COUNT
    for sample in about_twins(shuffled):
        stem = Path(images[sample.scene.removesuffix("-twin")]).stem
        assert Path(sample.image).stem == f"{stem}-twin"


def test_shuffled_images_are_the_same_files(written: Scenes, shuffled: Scenes) -> None:
    def pictures(folder: Path) -> dict[str, bytes]:
        return {name: content for name, content in files(folder).items() if name.endswith(".png")}

    assert pictures(shuffled.folder) == pictures(written.folder)


# Who can read it


def test_eibenchs_own_reader_reads_the_basic_samples(written: Scenes) -> None:
    folder = written.folder / "EI_Basic"
    read = read_basic((folder / "user.jsonl").read_bytes(), (folder / "basic_ground_truth.json").read_bytes())
    expected = [sample for sample in [*about_scenes(written), *about_twins(written)] if sample.split == "basic"]
    assert len(read) == 6 + 6
    for found, sample in zip(read, expected, strict=True):
        assert found.image_key == sample.image and (written.folder / found.image_key).is_file()
        assert (found.emotion, found.question, found.triggers) == (sample.emotion, sample.question, sample.triggers)
        assert found.id == f"basic-{sample.scene}"


def test_eibenchs_own_reader_reads_the_complex_samples(written: Scenes) -> None:
    read = read_complex((written.folder / "EI_Complex" / "ec_complex.jsonl").read_bytes())
    expected = [sample for sample in [*about_scenes(written), *about_twins(written)] if sample.split == "complex"]
    assert [found.id for found in read] == [
        f"complex-{NAMES[5]}-1",
        f"complex-{NAMES[5]}-2",
        f"complex-{NAMES[5]}-twin-1",
    ]
    for found, sample in zip(read, expected, strict=True):
        assert (found.image_key, found.question, found.triggers) == (sample.image, sample.question, sample.triggers)


def test_cfsa_reads_the_images_with_one_person_and_their_emotions(written: Scenes) -> None:
    source = ManifestSource(written.folder / "manifest.jsonl", emotions_of(config()), several=False)
    found = list(source.candidates())
    basic = [sample for sample in about_scenes(written) if sample.split == "basic"]
    assert source.total == len(found) == 6
    assert [candidate.name for candidate in found] == [sample.image for sample in basic]
    assert [candidate.emotions for candidate in found] == [(sample.emotion,) for sample in basic]
    assert all(candidate.path.is_file() for candidate in found)


def test_cfsa_reads_the_complex_images_with_both_emotions(written: Scenes) -> None:
    source = ManifestSource(written.folder / "manifest_complex.jsonl", emotions_of(config()), several=True)
    (found,) = source.candidates()
    one, other = (sample for sample in about_scenes(written) if sample.split == "complex")
    assert (found.name, found.emotions) == (one.image, (one.emotion, other.emotion))
    assert found.path == (written.folder / one.image).resolve() and found.path.is_file()


def test_cfsa_knows_every_emotion_that_scenes_can_show() -> None:
    known = emotions_of(config())
    assert [known.read(emotion) for emotion in EMOTIONS] == list(EMOTIONS)


def test_cfsa_compares_with_the_samples(written: Scenes) -> None:
    found = read_references([written.folder / "scenes.jsonl"])
    for reference, sample in zip(found, about_scenes(written), strict=True):
        assert (reference.image, reference.emotion) == (sample.image, sample.emotion)
        assert list(reference.triggers) == sample.triggers
    assert len(read_references([written.folder])) == len(written.samples)  # EI_Basic and EI_Complex


@pytest.mark.parametrize(("manifest", "several"), [("manifest.jsonl", False), ("manifest_complex.jsonl", True)])
def test_cfsa_finds_the_images_that_it_took_in_among_the_samples(written: Scenes, manifest: str, several: bool) -> None:
    """As `cfsa compare` matches them: the names of a run with those of the reference."""
    taken = list(ManifestSource(written.folder / manifest, emotions_of(config()), several).candidates())
    images = Images((str(number), candidate.name, "") for number, candidate in enumerate(taken))
    named = {reference.image for reference in read_references([written.folder / "scenes.jsonl"])}
    assert sorted(images.meant_by(named).values()) == [str(number) for number in range(len(taken))]


# What is refused


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    error = refusal(lambda: write_scenes(tmp_path, SEED, 1))
    assert error.what == f"{tmp_path} is not empty" and "eibench scenes -o DIR" in error.mend
    assert files(tmp_path) == {"mine.txt": b"kept"}


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("kept")
    error = refusal(lambda: write_scenes(tmp_path / path, SEED, 1))
    assert error.what.startswith(f"cannot write to {tmp_path / path}: ") and "-o DIR" in error.mend
    assert files(tmp_path) == {"file": b"kept"}


def test_a_folder_without_scenes_is_none(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        error = refusal(lambda folder=folder: load_scenes(folder))
        assert error.what.startswith(f"{folder} is no folder of scenes") and "eibench scenes -o DIR" in error.mend


@pytest.mark.parametrize("name", ["scenes.jsonl", "twins.jsonl"])
def test_a_folder_without_samples_is_none(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert refusal(lambda: load_scenes(copy)).what.startswith(f"{copy} is no folder of scenes")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"rules": "1"}', b'{"format": 2}']
)
def test_a_damaged_description_is_one_line(copy: Path, content: bytes) -> None:
    (copy / "scenes.json").write_bytes(content)
    error = refusal(lambda: load_scenes(copy))
    assert error.what == f"the scenes in {copy} are damaged" and "eibench scenes -o DIR" in error.mend


def test_an_unknown_field_of_the_description_is_damage(copy: Path) -> None:
    said = json.loads((copy / "scenes.json").read_bytes())
    (copy / "scenes.json").write_text(json.dumps({**said, "more": 1}))
    assert refusal(lambda: load_scenes(copy)).what == f"the scenes in {copy} are damaged"


@pytest.mark.parametrize("name", ["scenes.jsonl", "twins.jsonl"])
def test_samples_that_end_within_a_line_are_damaged(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-20])
    error = refusal(lambda: load_scenes(copy))
    assert error.what == f"the scenes in {copy} are damaged" and "eibench scenes -o DIR" in error.mend


@pytest.mark.parametrize("name", ["scenes.jsonl", "twins.jsonl"])
def test_samples_that_end_between_lines_are_cut_short(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes().splitlines(keepends=True)
    (copy / name).write_bytes(b"".join(content[:-1]))
    error = refusal(lambda: load_scenes(copy))
    assert error.what == f"the scenes in {copy} are cut short" and "eibench scenes -o DIR" in error.mend


def test_a_missing_image_is_named_before_a_model_is_asked(copy: Path) -> None:
    found = load_scenes(copy)
    found.check()
    for sample in (found.samples[0], found.samples[1]):
        content = (copy / sample.image).read_bytes()
        (copy / sample.image).unlink()
        error = refusal(found.check)
        assert error.what == f"{copy / sample.image} cannot be read (No such file or directory)"
        assert f"eibench scenes --n {COUNT} --seed {SEED}" in error.mend
        (copy / sample.image).write_bytes(content)


@pytest.mark.parametrize("name", ["scenes.jsonl", "twins.jsonl", "image"])
def test_what_was_changed_by_hand_is_not_taken_for_what_was_drawn(copy: Path, name: str) -> None:
    """Else a result would carry the digest of other data."""
    file = copy / load_scenes(copy).samples[0].image if name == "image" else copy / name
    content = file.read_bytes()
    file.write_bytes(content[:-20] if name == "image" else content.replace(b"What", b"that", 1).replace(b"Why", b"why"))
    error = refusal(load_scenes(copy).check)
    assert "are not those that were drawn" in error.what and "eibench scenes" in error.mend


@pytest.mark.parametrize(
    "image", ["/etc/hostname", "images/../../secret.png", "images/a.jpg", "~/x.png", "images\\x.png"]
)
def test_an_image_outside_the_folder_is_not_shown_to_a_model(copy: Path, image: str) -> None:
    lines = [json.loads(line) for line in (copy / "scenes.jsonl").read_bytes().splitlines()]
    lines[0]["image"] = image
    (copy / "scenes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "damaged" in refusal(lambda: load_scenes(copy)).what


@pytest.mark.parametrize("change", [{"emotion": "bogus"}, {"triggers": []}])
def test_samples_without_meaning_are_damage(copy: Path, change: dict[str, Any]) -> None:
    lines = [json.loads(line) for line in (copy / "scenes.jsonl").read_bytes().splitlines()]
    (copy / "scenes.jsonl").write_text("".join(json.dumps(line | change) + "\n" for line in lines))
    assert "damaged" in refusal(lambda: load_scenes(copy)).what


def test_a_sample_that_is_there_twice_is_named(copy: Path) -> None:
    first, _, *rest = (copy / "scenes.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "scenes.jsonl").write_bytes(b"".join([first, first, *rest]))
    assert "twice" in refusal(lambda: load_scenes(copy)).what


def test_scenes_of_other_rules_are_to_be_drawn_again(copy: Path) -> None:
    said = json.loads((copy / "scenes.json").read_bytes())
    (copy / "scenes.json").write_text(json.dumps({**said, "rules": RULES + 1, "what came later": True}))
    error = refusal(lambda: load_scenes(copy))
    assert error.what == f"{copy} holds scenes of version {RULES + 1}, this is version {RULES}"
    assert "eibench scenes -o DIR" in error.mend


# Interruptions


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_an_interruption_leaves_nothing_behind(tmp_path: Path, interruption: type[BaseException]) -> None:
    def stop() -> None:
        raise interruption

    with pytest.raises(interruption):
        write_scenes(tmp_path / "scenes", SEED, 3, progress=lambda _: stop)
    assert list(tmp_path.iterdir()) == []
    assert len(write_scenes(tmp_path / "scenes", SEED, 1).samples) == 2  # and the next call is not in its way


def test_while_scenes_are_drawn_the_folder_is_none_of_scenes_yet(tmp_path: Path) -> None:
    folder, seen = tmp_path / "scenes", []
    write_scenes(folder, SEED, 2, progress=lambda _: lambda: seen.append((folder / "scenes.json").exists()))
    assert seen == [False, False]
    assert not (folder / ".unfinished").exists() and (folder / "scenes.json").exists()


# The command


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output or error of one call."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout if result.exit_code == 0 else result.output


def test_the_command_says_what_it_drew_and_what_comes_next(written: Scenes, tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    code, text = run("scenes", "--n", str(COUNT), "--seed", SEED, "-o", str(folder))
    assert code == 0
    assert text.splitlines() == [
        f"7 scenes and as many twins, 15 samples, in {folder}",
        f"Next: EIBENCH_SCENES={folder} lmms-eval --model MODEL --tasks eibench_scenes",
        f"      cfsa run {folder}/manifest.jsonl -o RUN --model MODEL",
        f"      cfsa compare RUN --reference {folder}/scenes.jsonl",
    ]
    assert files(folder) == files(written.folder)


def test_the_command_can_hold_out_and_shuffle(tmp_path: Path) -> None:
    assert run("scenes", "--n", "2", "--held-out", "--shuffle-images", "-o", str(tmp_path / "scenes"))[0] == 0
    facts = load_scenes(tmp_path / "scenes").facts
    assert (facts.seed, facts.combinations, facts.shuffled) == ("1", "held out", True)


def test_the_command_refuses_a_folder_that_holds_something_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    code, text = run("scenes", "--n", "1", "-o", str(tmp_path))
    assert code == 1 and "Traceback" not in text
    assert text.strip() == f"Error: {tmp_path} is not empty. Give a new folder: `eibench scenes -o DIR`"
    assert files(tmp_path) == {"mine.txt": b"kept"}


@pytest.mark.parametrize(("arguments", "said"), [(["--n", "0", "-o", "x"], "0 is not in the range"), ([], "--output")])
def test_the_command_names_an_option_that_is_wrong_or_missing(arguments: list[str], said: str) -> None:
    code, text = run("scenes", *arguments)
    assert code == 2 and said in text and "Traceback" not in text


# The pin

DIGEST = "7aa8e4d3b00012f41960ea820704d84fdc8168e82f4c106b1a5e671f20b6d0c5"
"""Of `written`; covers what `test_scene_scenes.PINNED` does not: twins, questions, and how samples are written. If it
must change, the scenes of a seed are others than before: count `scene.RULES` up, say so in CHANGELOG.md, and put here
what the test says that it found."""


def test_the_digest_of_seven_scenes_is_pinned(written: Scenes) -> None:
    assert written.facts.digest == DIGEST


def test_the_digest_is_over_images_and_samples(written: Scenes) -> None:
    """All lines about scenes, then all about twins, then name and sha256 of each image, in the order of the names."""
    digest = hashlib.sha256()
    for file in ("scenes.jsonl", "twins.jsonl"):
        digest.update((written.folder / file).read_bytes())
    images = [f"images/{kind}/{name}.png" for kind, name in zip(KINDS, NAMES, strict=True)]
    images += [f"twins/{kind}/{name}-twin.png" for kind, name in zip(KINDS, NAMES, strict=True)]
    for image in sorted(images):
        digest.update(image.encode() + hashlib.sha256((written.folder / image).read_bytes()).digest())
    assert written.facts.digest == digest.hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", written.facts.digest)


# What cannot be drawn


def test_one_scene_alone_cannot_be_shuffled(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match=r"cannot be shuffled.*--n 2"):
        write_scenes(tmp_path / "one", "seven", 1, shuffled=True)


def test_a_seed_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EIBenchError, match=r"no text"):
        write_scenes(tmp_path / "scenes", "x\udcff", 1)


def test_the_command_for_a_lost_image_draws_the_same_scenes(tmp_path: Path) -> None:
    drawn = write_scenes(tmp_path / "scenes", "my seed", 2, "held out", shuffled=True)
    (drawn.folder / drawn.samples[0].image).unlink()
    with pytest.raises(EIBenchError, match=r"--n 2 --seed 'my seed' --held-out --shuffle-images -o DIR"):
        drawn.check()


def test_shuffled_scenes_have_no_manifest_since_its_emotions_would_be_those_of_other_images(tmp_path: Path) -> None:
    drawn = write_scenes(tmp_path / "scenes", "seven", 2, shuffled=True)
    assert not list(drawn.folder.glob("manifest*"))


def test_scenes_can_be_drawn_into_the_folder_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(write_scenes(Path(), "seven", 1).samples) == 2
