"""The entailment judge, with a model that finds entailment where all of its words occur (see `write_tiny_nli`)."""

import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.tiny_text import one_thread, write_tiny_nli

from eibench_tasks.errors import JudgeError
from eibench_tasks.judging import nli
from eibench_tasks.judging.judgement import Judgement, Reference
from eibench_tasks.judging.nli import NliJudge

WORDS = ("boy", "falls", "accident")
"""“A boy falls” entails “accident”; neither “a boy” nor “he falls” does."""
TRIGGERS = Reference(["An accident", "A cake on the table."])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_nli(tmp_path_factory.mktemp("nli"), WORDS)


@pytest.fixture(scope="module")
def judge(folder: Path) -> Iterator[NliJudge]:
    with one_thread():
        yield NliJudge.load(str(folder), device="cpu")


def found(judgement: Judgement) -> list[tuple[bool, str | None]]:
    return [(verdict.present, verdict.quote) for verdict in judgement.verdicts]


def test_a_trigger_that_a_sentence_entails_is_present_and_the_sentence_its_quote(judge: NliJudge) -> None:
    judgement = judge.judge(TRIGGERS, "The sun is out. The boy falls off his bike! People run to him.")
    assert found(judgement) == [(True, "The boy falls off his bike!"), (False, None)]
    assert [verdict.index for verdict in judgement.verdicts] == [0, 1]
    assert judgement.recall == 0.5


def test_the_probability_is_that_of_entailment(judge: NliJudge) -> None:
    """The logits are (0, 0, 10) where all words occur, and (0, 0, -30) where only one of three does."""
    named, other = judge.judge(TRIGGERS, "Boy falls.").verdicts
    assert named.probability == pytest.approx(1 / (1 + 2 * math.exp(-10)), abs=5e-5)
    assert other.probability == pytest.approx(0, abs=1e-4)


def test_what_only_sentences_together_say_is_found_and_quoted_whole(judge: NliJudge) -> None:
    answer = "It rains. There is a boy.\nThe bike slips. He falls. It hurts."
    quote = judge.judge(TRIGGERS, answer).verdicts[0].quote
    assert quote == "There is a boy.\nThe bike slips. He falls."
    assert quote in answer


def test_sentences_further_apart_do_not_count_together(judge: NliJudge) -> None:
    answer = "There is a boy. It rains. The sky is grey. He falls."
    assert found(judge.judge(TRIGGERS, answer)) == [(False, None)] * 2


def test_an_answer_without_a_word_names_nothing(judge: NliJudge) -> None:
    for answer in ("", " \n", "...", "?!"):
        assert judge.judge(TRIGGERS, answer) == Judgement.none_named(TRIGGERS.triggers)


def test_answers_in_other_languages_are_judged_all_the_same(judge: NliJudge) -> None:
    assert (
        found(judge.judge(TRIGGERS, "Она плачет, потому что письмо порвано. Никто её не утешает."))
        == [(False, None)] * 2
    )


ANSWER = "A boy. " + " ".join(f"He waits {'and waits ' * (n % 9)}in room {n}." for n in range(60)) + " The boy falls."


def test_verdicts_do_not_depend_on_the_batch(folder: Path) -> None:
    judgements = [NliJudge.load(str(folder), batch, "cpu").judge(TRIGGERS, ANSWER) for batch in (1, 7, 32, 1000)]
    assert judgements[0].verdicts[0].quote == "The boy falls."
    assert judgements == [judgements[0]] * 4


def test_threads_may_share_a_judge(judge: NliJudge) -> None:
    answers = [ANSWER, "The boy falls.", "A cake.", "A boy falls and falls."] * 5
    with ThreadPoolExecutor(4) as pool:
        judgements = list(pool.map(lambda answer: judge.judge(TRIGGERS, answer), answers))
    assert judgements == [judge.judge(TRIGGERS, answer) for answer in answers]


def test_text_beyond_the_models_length_is_cut_and_nothing_fails(judge: NliJudge) -> None:
    long = Reference(["accident " * 2_000])
    assert judge.judge(long, "word " * 5_000 + ". The boy falls.").verdicts[0].present


def test_a_model_that_gives_no_number_leaves_the_sample_unscored(folder: Path) -> None:
    import torch

    broken = NliJudge.load(str(folder), device="cpu")
    with torch.no_grad():
        broken._network.classifier.bias[0] = float("nan")
    judgement = broken.judge(TRIGGERS, "The boy falls.")
    assert judgement.recall is None
    assert "no probability" in str(judgement.unscored)


def test_a_failing_model_leaves_the_sample_unscored(folder: Path) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("CUDA error")

    broken = NliJudge.load(str(folder), device="cpu")
    broken._network = fail
    broken._network.device = "cpu"
    assert "RuntimeError" in str(broken.judge(TRIGGERS, "The boy falls.").unscored)


@pytest.mark.parametrize(
    "labels", [("contradiction", "neutral", "ENTAILMENT"), ("not_entailment", "entailment"), ("x", "y", "Entailment")]
)
def test_the_label_is_found_by_its_name(tmp_path: Path, labels: tuple[str, ...]) -> None:
    judge = NliJudge.load(str(write_tiny_nli(tmp_path, WORDS, labels)), device="cpu")
    assert found(judge.judge(TRIGGERS, "The boy falls.")) == [(True, "The boy falls."), (False, None)]


def test_the_labels_place_does_not_matter(folder: Path, tmp_path: Path) -> None:
    """Named the other way round, the logit that was that of entailment belongs to contradiction."""
    judge = NliJudge.load(
        str(write_tiny_nli(tmp_path, WORDS, ("entailment", "neutral", "contradiction"))), device="cpu"
    )
    assert not judge.judge(TRIGGERS, "The boy falls.").verdicts[0].present


def test_a_model_without_the_label_is_refused_by_its_labels(tmp_path: Path) -> None:
    write_tiny_nli(tmp_path, WORDS, ("negative", "not_entailment"))
    with pytest.raises(JudgeError, match="labels negative, not_entailment, and none is entailment"):
        NliJudge.load(str(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"), "cannot be loaded"),
        (lambda folder: without_head(folder), "lacks weights"),
    ],
)
def test_a_model_that_cannot_be_loaded_ends_in_one_line(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(write_tiny_nli(tmp_path, WORDS))
    with pytest.raises(JudgeError, match=message) as caught:
        NliJudge.load(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def without_head(folder: Path) -> None:
    """Leaves the encoder only: transformers would make a classifier up from random numbers."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith("classifier")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def test_the_version_changes_with_rules_template_and_weights(
    folder: Path, judge: NliJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge.name == f"nli:{folder}"
    assert (judge.protocol, judge.comparable, judge.measures_floor) == ("verdict", False, False)
    versions = {judge.version, NliJudge.load(str(write_tiny_nli(tmp_path, WORDS[:2])), device="cpu").version}
    for name, value in (("TEMPLATE", "{trigger}"), ("RULES", nli.RULES + 1), ("WINDOW", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(nli, name, value)
            versions.add(NliJudge.load(str(folder), device="cpu").version)
    assert len(versions) == 5


def test_a_trigger_becomes_the_end_of_a_sentence(judge: NliJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    kept = judge._probabilities
    monkeypatch.setattr(judge, "_probabilities", lambda pairs: (asked.extend(pairs), kept(pairs))[1])
    judge.judge(Reference(["A cake {on}\n the table."]), "Look. Here.")
    assert {hypothesis for _, hypothesis in asked} == {"There is this: A cake {on} the table."}
    assert json.dumps([premise for premise, _ in asked]) == '["Look.", "Here.", "Look. Here."]'
