"""How the embedded model is made: the short cuts of training give what the stock model class gives, and training that
was stopped goes on as if it had not been."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cfsa_tool.stages import checks
from eibench_tasks.data import demo
from eibench_tasks.scenes.catalogue import Cause, things
from eibench_tasks.scenes.render import render
from eibench_tasks.scenes.scene import Scene, compose, held_out
from eibench_tasks.scenes.words import FEELING, triggers
from eibench_tasks.self_ask import stages as self_ask_stages
from tools.scene_model import learning, seeing, speaking
from tools.scene_model.checkpoint import TOKENS, VOCABULARY, new_model, write_tokenizer
from tools.scene_model.dialogues import SYSTEM, Dialogue, answer, dialogues, first_questions, looks
from tools.scene_model.small_qwen import PROCESSOR_FILES
from tools.scene_model.train import SEED, save

COUNT = 3


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [compose(SEED, number, "training") for number in range(COUNT)]


@pytest.fixture(scope="module")
def told(scenes: list[Scene]) -> list[Dialogue]:
    return [dialogue for about in dialogues(scenes, "test") for dialogue in about]


@pytest.fixture(scope="module")
def folder(told: list[Dialogue], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights and a tokenizer that was learned from the dialogues."""
    path = tmp_path_factory.mktemp("scene-model")
    write_tokenizer(path, (text for dialogue in told for turn in dialogue.turns for text in turn))
    return path


@pytest.fixture
def model(folder: Path) -> Any:
    torch.manual_seed(1)
    return new_model(folder).eval()


def tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def sequences(folder: Path, told: list[Dialogue]) -> list[speaking.Tokens]:
    known = tokenizer(folder)
    return [speaking.sequence(one, known, known.token_to_id("<|image_pad|>")) for one in told]


def features(model: Any, scenes: list[Scene]) -> Any:
    images = np.stack([seeing.small(scene) for scene in scenes])
    return np.stack(list(speaking.seen(model, images)))


# Texts


def test_no_scene_of_the_training_shows_a_set_of_causes_that_is_held_out(scenes: list[Scene]) -> None:
    for number in range(300):
        assert not any(held_out(figure.names) for figure in compose(SEED, number, "training").figures)


@pytest.fixture(scope="module")
def prompts() -> list[str]:
    """Everything that the model is asked in training about a few more scenes."""
    more = [compose("prompts", number) for number in range(60)]
    return [prompt for about in dialogues(more, "test") for dialogue in about for prompt, _ in dialogue.turns]


STAGES = {**self_ask_stages.prompt.texts, **checks.prompt.texts}


@pytest.mark.parametrize("name", sorted(STAGES.keys() - {"again_v1", "paper_questions_v1", "transcript_v1"}))
def test_every_stage_of_cfsa_is_trained_in_the_wording_that_is_sent(name: str, prompts: list[str]) -> None:
    """All lines of the prompt that hold nothing that changes are in one prompt, to the letter."""
    fixed = [line for line in STAGES[name].splitlines() if line and not re.search(r"\{[a-z]+\}", line)]
    assert any(all(line in prompt.splitlines() for line in fixed) for prompt in prompts)


def test_questions_are_trained_as_the_tasks_put_them_and_in_other_words(prompts: list[str]) -> None:
    before, _, after = demo.PROMPT.partition("{question}")
    asked = [text for text in prompts if any(word in text for word in FEELING.values()) and "JSON" not in text]
    as_sent = [text for text in asked if text.startswith(before) and text.endswith(after)]
    assert len(as_sent) >= len(asked) / 3 and len({text.split("?")[0] for text in asked if text not in as_sent}) >= 20


def test_first_the_causes_come_in_any_order_and_none_is_missing() -> None:
    more = [compose("prompts", number) for number in range(60)]
    ordered = [answer(figure) for scene in more for figure in scene.figures]
    drawn = [dialogue.turns[0][1] for dialogue in first_questions(more, "test")]
    assert [sorted(text.splitlines()) for text in drawn] == [sorted(text.splitlines()) for text in ordered]
    assert sum(one != other for one, other in zip(drawn, ordered, strict=True)) >= 20


def test_half_of_what_the_model_is_to_look_for_is_there(folder: Path) -> None:
    """Each trigger is found again among the tokens of its prompt, with the word that is true of it."""
    known, more = tokenizer(folder), [compose("prompts", number) for number in range(20)]
    found = list(looks(more, "test"))
    assert [dialogue.scene for dialogue in found] == list(range(0, 20, 2))
    for dialogue in found:
        assert dialogue.scene is not None
        there = {text for figure in more[dialogue.scene].figures for text in triggers(figure)}
        assert [said for _, said in dialogue.asides].count("yes") == len(dialogue.asides) / 2
        assert all((text in there) == (said == "yes") for text, said in dialogue.asides)
        read = speaking.sequence(dialogue, known, known.token_to_id("<|image_pad|>"))
        again = [
            (known.decode(read.tokens[places].tolist()).strip(), known.id_to_token(word))
            for places, word, _ in read.asides
        ]
        assert set(again) == set(dialogue.asides)


def test_prompts_are_varied_now_and_then(prompts: list[str]) -> None:
    """The last line says in other words that JSON is wanted, in about a quarter of the prompts that want it."""
    wanted = [text for text in prompts if "JSON" in text]
    varied = [text for text in wanted if "Reply with JSON only" not in text]
    assert 0.1 <= len(varied) / len(wanted) <= 0.5


def test_the_tokens_of_a_prompt_are_those_of_the_chat_template(
    folder: Path, told: list[Dialogue], scenes: list[Scene]
) -> None:
    from transformers import AutoProcessor

    save(folder / "whole", new_model(folder), folder)
    processor = AutoProcessor.from_pretrained(folder / "whole")
    assert all((folder / "whole" / name).is_file() for name in PROCESSOR_FILES)
    pairs = list(zip(told, sequences(folder, told), strict=True))
    single = [(one, read) for one, read in pairs if one.scene is not None and len(one.turns) == 1]
    assert {dialogue.system for dialogue, _ in single} == {True, False}
    for dialogue, sequence in single:
        assert dialogue.scene is not None
        asked = [{"type": "image"}, {"type": "text", "text": dialogue.turns[0][0]}]
        messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}] if dialogue.system else []
        messages.append({"role": "user", "content": asked})
        text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        image = Image.fromarray(render(scenes[dialogue.scene]))
        read = processor(text=[text], images=[image], return_tensors="np")["input_ids"][0]
        assert (sequence.tokens[: len(read)] == read).all()
        assert not sequence.spoken[: len(read)].any() and sequence.spoken[len(read)]


def test_a_conversation_is_learned_in_all_its_replies(folder: Path, told: list[Dialogue]) -> None:
    known = tokenizer(folder)
    for dialogue, sequence in zip(told, sequences(folder, told), strict=True):
        spoken = known.decode(sequence.tokens[sequence.spoken].tolist(), skip_special_tokens=False)
        assert spoken == "".join(f"{reply}<|im_end|>" for _, reply in dialogue.turns)


# Short cuts


def test_folding_the_patch_embedding_changes_nothing(model: Any, folder: Path, scenes: list[Scene]) -> None:
    """Both frames of a patch are the same image: W1 x + W2 x = (W1 + W2) x. And where the four points of a block are
    alike, as in a small image that is blown up, they can be taken together."""
    from transformers import AutoProcessor

    save(folder / "unfolded", new_model(folder), folder)
    processor = AutoProcessor.from_pretrained(folder / "unfolded")
    images = np.stack([seeing.small(scene) for scene in scenes])
    folded, visual = seeing.Folded(model.model.visual.patch_embed), model.model.visual
    embedding, visual.patch_embed = visual.patch_embed, folded
    with torch.no_grad():
        quick = seeing.embedded(visual, seeing.patches(torch.from_numpy(images)), COUNT)
        folded.unfold(embedding)
        visual.patch_embed = embedding
        for number, image in enumerate(images):
            large = image.repeat(seeing.SHRINK, axis=0).repeat(seeing.SHRINK, axis=1)
            read = processor.image_processor(images=[Image.fromarray(large)], return_tensors="pt")
            slow = visual(read["pixel_values"], grid_thw=read["image_grid_thw"])
            slow = slow if isinstance(slow, torch.Tensor) else slow.pooler_output
            assert slow.shape == (TOKENS, quick.shape[-1])
            assert torch.allclose(slow, quick[number], atol=1e-4)


def test_positions_are_those_of_the_model(model: Any, folder: Path, told: list[Dialogue]) -> None:
    image_token = tokenizer(folder).token_to_id("<|image_pad|>")
    pictured_ones = [one for one in sequences(folder, told) if one.image is not None]
    assert len({one.image for one in pictured_ones}) > 1
    for sequence in pictured_ones[:20]:
        tokens = torch.from_numpy(sequence.tokens.astype(np.int64))[None]
        pictured = (tokens == image_token).int()
        wanted, _ = model.model.get_rope_index(tokens, pictured, image_grid_thw=seeing.grid(1))
        assert (speaking.positions([sequence], tokens.shape[1]) == wanted).all()


def test_a_batch_filled_up_at_its_ends_has_the_loss_of_its_sequences(
    model: Any, folder: Path, told: list[Dialogue], scenes: list[Scene]
) -> None:
    """The mean over all spoken tokens: of two sequences with m and n of them, (m a + n b) / (m + n). With random
    weights all are as good as unknown and weigh alike."""
    seen = features(model, scenes)
    pair = sequences(folder, told)[:2]
    with torch.no_grad():
        one, other = (speaking.loss_of(model, [sequence], seen) for sequence in pair)
        both = speaking.loss_of(model, pair, seen)
    first, second = (int(sequence.spoken.sum()) for sequence in pair)
    assert both.item() == pytest.approx((first * one + second * other).item() / (first + second), rel=2e-3)


# Training


def test_image_tokens_are_named_after_what_they_show(folder: Path, scenes: list[Scene]) -> None:
    """By the first word of its trigger and by the feeling; what causes nothing by its last word."""
    known = tokenizer(folder)
    for scene in scenes:
        found = speaking.names_in(scene, known)
        shown, _ = seeing.shown(scene)
        assert len(found.rows) == shown[:, : len(things())].sum()
        for one in scene.placed:
            thing = things()[one.name]
            if isinstance(thing, Cause):
                assert (found.cells[thing.trigger] == np.flatnonzero(shown[:, seeing.CLASSES.index(one.name)])).all()
            says = {
                known.decode(row[1:2].tolist()) for row in found.rows if shown[row[0], seeing.CLASSES.index(one.name)]
            }
            wanted = thing.trigger if isinstance(thing, Cause) else thing.words.split()[-1]
            assert any(wanted.startswith(word.strip()) for word in says), (wanted, says)


def test_without_names_only_what_is_said_counts(
    model: Any, folder: Path, told: list[Dialogue], scenes: list[Scene]
) -> None:
    """Of random weights, every word at an image token is about as unlikely as one in the whole vocabulary."""
    seen, pair = features(model, scenes), sequences(folder, told)[:2]
    names = [speaking.names_in(scene, tokenizer(folder)) for scene in scenes]
    with torch.no_grad():
        alone, both = speaking.loss_of(model, pair, seen), speaking.loss_of(model, pair, seen, names)
    assert both.item() - alone.item() == pytest.approx(0.5 * np.log(VOCABULARY), rel=0.25)


def test_what_the_model_knows_already_hardly_counts() -> None:
    """Of two tokens with p = 0.5 and 0.9, -ln p is 0.6931 and 0.1054, the weights are 0.5 and 0.1, and 0.05 each is
    added below: (0.5 * 0.6931 + 0.1 * 0.1054) / (0.5 + 0.1 + 2 * 0.05) = 0.35711 / 0.7 = 0.51016."""
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.1, 0.9]]))
    assert speaking.unknown_first(logits, torch.tensor([0, 1])).item() == pytest.approx(0.51016, abs=1e-5)


def test_where_the_model_looks_is_what_its_attention_says(model: Any, folder: Path, scenes: list[Scene]) -> None:
    """The loss is -ln of the share that one head gives to what shows the trigger, else to the first token."""
    known = tokenizer(folder)
    image_token = known.token_to_id("<|image_pad|>")
    (read, *_) = [speaking.sequence(one, known, image_token) for one in looks(scenes, "test")]
    assert read.scene is not None and read.image is not None
    names = [speaking.names_in(scene, known) for scene in scenes]
    tokens = torch.from_numpy(read.tokens.astype(np.int64))[None]
    places = speaking.positions([read], tokens.shape[1])
    reader = model.model.language_model
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = reader(
            input_ids=tokens, position_ids=places, use_cache=False, output_hidden_states=True, output_attentions=True
        )
        found = speaking.loss_of_looks(reader, [read], out.hidden_states, places, names)
    share = out.attentions[2][0, 0]  # of the third layer, its first head
    wanted = []
    for inside, word, trigger in read.asides:
        cells = names[read.scene].cells.get(trigger, np.array([-read.image]))
        assert (known.id_to_token(word) == "yes") == (trigger in names[read.scene].cells)
        wanted += [-np.log(share[place, read.image + cells].sum()) for place in inside]
    assert found.item() == pytest.approx(float(np.mean(wanted)), rel=1e-4)


def test_what_a_part_shows_is_what_stands_there() -> None:
    scene = compose(SEED, 0, "training")
    shown, certain = seeing.shown(scene)
    assert shown.shape == certain.shape == (TOKENS, len(seeing.CLASSES))
    assert (shown <= certain).all()
    for placed in scene.placed:  # somewhere, and nowhere further away than it is large
        rows, columns = np.divmod(np.flatnonzero(shown[:, seeing.CLASSES.index(placed.name)]), 10)
        assert len(rows)
        assert (abs((columns + 0.5) * 56 - placed.at[0]) <= 28 + placed.size // 2).all()
        assert ((rows + 1) * 56 >= placed.at[1] - placed.size * 105 // 100).all()


def test_speaking_goes_on_where_it_was_stopped(
    folder: Path, told: list[Dialogue], scenes: list[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY", 1)
    monkeypatch.setattr(speaking, "_BUDGET", 500)
    some = [one for one in sequences(folder, told) if len(one.tokens) < 300][:8]

    def learned(file: Path, stops: list[int]) -> list[float]:
        losses: list[float] = []
        for stop in stops:
            torch.manual_seed(1)
            fresh = new_model(folder)
            names = [speaking.names_in(scene, tokenizer(folder)) for scene in scenes]
            for step, loss in speaking.learn(file, fresh, some, features(fresh, scenes), names, 4, 1, 1.0):
                losses.append(loss)
                if step == stop:
                    break
        return losses

    whole = learned(tmp_path / "whole.pt", [4])
    assert len(whole) == 4
    assert learned(tmp_path / "parts.pt", [1, 2, 4]) == pytest.approx(whole, rel=1e-3)
