"""Long-term coherence: the cosine of neighbours by hand, and the published definition on a small BERT."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eibench_tasks.errors import EIBenchError
from eibench_tasks.metrics import coherence


def test_neighbours_are_compared_and_averaged() -> None:
    # cos((1,0), (1,1)) = 0.70711; cos((1,1), (0,2)) = 0.70711; the first and the last are no neighbours
    vectors = np.array([[1, 0], [1, 1], [0, 2]], np.float32)
    assert coherence.adjacent_cosine(vectors) == pytest.approx(70.711, abs=1e-3)
    # opposite neighbours: (-100 + 100) / 2 = 0
    assert coherence.adjacent_cosine(np.array([[1, 0], [-3, 0], [-1, 0]], np.float32)) == pytest.approx(0, abs=1e-4)


def test_one_sentence_has_no_coherence() -> None:
    assert coherence.adjacent_cosine(np.ones((1, 4), np.float32)) is None
    assert coherence.coherence_minilm("Only one sentence here.") is None
    assert coherence.coherence_minilm("") is None


def test_sentences_on_one_topic_cohere_more_than_sentences_on_two() -> None:
    same = coherence.coherence_minilm("The boy dropped his ice cream. He cries because the ice cream is lost.")
    other = coherence.coherence_minilm("The boy dropped his ice cream. Parliament debated the new tax law.")
    assert same is not None and other is not None and same > other + 10


@pytest.fixture
def small_bert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A BERT of two layers with random weights, built on the spot."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "boy", "cries", "cake", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab=str(tmp_path / "vocab.txt"), vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(
        tmp_path
    )
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(tmp_path)
    monkeypatch.setenv("EIBENCH_BERT", str(tmp_path))
    coherence.load_bert.cache_clear()
    yield tmp_path
    coherence.load_bert.cache_clear()


def test_the_published_definition_is_the_cosine_of_cls_states(small_bert: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(small_bert), AutoModel.from_pretrained(small_bert).eval()
    states = []
    for text in ("The boy cries.", "The cake."):
        with torch.inference_mode():
            states.append(model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0])
    expected = 100 * float(torch.nn.functional.cosine_similarity(states[0], states[1], dim=0))
    assert coherence.coherence_bert("The boy cries. The cake.") == pytest.approx(expected, abs=0.01)
    assert coherence.coherence_bert("The boy cries.") is None


def test_bert_is_asked_for_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not coherence.bert_wanted()
    monkeypatch.setenv("EIBENCH_COHERENCE", "BERT")
    assert coherence.bert_wanted()


def test_weights_that_cannot_be_loaded_end_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_BERT", str(tmp_path / "nowhere"))
    coherence.load_bert.cache_clear()
    with pytest.raises(EIBenchError, match=r"could not be loaded.*EIBENCH_BERT"):
        coherence.load_bert()
