"""Text models made on the spot: a chat model of random weights, and an entailment model whose outcome is known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXTS = ["A child laughs beside a birthday cake while friends clap and the candles burn.", '{"verdicts": []}']
CONTEXT = 1024
"""Tokens that the chat model reads at most."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Models as small as these are faster on one thread, and much so on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_tiny_chat(folder: Path, template: str | None = _CHAT_TEMPLATE, seed: int = 0) -> Path:
    """A Qwen2 of 2 layers, hidden 64, with weights large enough that its replies differ with the prompt."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        _TEXTS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=bpe.get_vocab_size() + 10,  # as in real models, there are more rows than tokens
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=bpe.token_to_id("<|im_end|>"),
        pad_token_id=bpe.token_to_id("<|endoftext|>"),
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def write_tiny_nli(
    folder: Path, words: Sequence[str], labels: Sequence[str] = ("contradiction", "neutral", "entailment")
) -> Path:
    """A BERT that finds entailment where premise and hypothesis together hold all of the words (up to 3).

    Each word has a feature of its own, a pair of dimensions (1, -1) that layer normalization scales alike for all
    tokens; every other token has the last pair. One layer attends to all tokens evenly, so that the first token's
    state holds the share of each word. The pooler blows it up: tanh(1000 * share) is 1 if the word occurs, else 0.
    The logit of the last label is 20 * (words that occur) - 20 * (all words) + 10, the other logits are 0: with 3
    labels its probability is 1 / (1 + 2 exp(-10)) = 0.9999 where all words occur, and at most exp(-10) otherwise.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    _write_words(folder, words)
    config = BertConfig(
        vocab_size=4 + len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    one = torch.eye(8)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(float("LayerNorm.weight" in name))
        embeddings = model.bert.embeddings.word_embeddings.weight
        embeddings[:, 6:] = torch.tensor([1.0, -1.0])
        for index in range(len(words)):
            embeddings[4 + index] = one[2 * index] - one[2 * index + 1]
        attention = model.bert.encoder.layer[0].attention
        attention.self.value.weight.copy_(one)
        attention.output.dense.weight.copy_(one)
        model.bert.pooler.dense.weight.copy_(1000 * one)
        model.classifier.weight[-1, 0 : 2 * len(words) : 2] = 20.0
        model.classifier.bias[-1] = 10.0 - 20.0 * len(words)
    model.save_pretrained(folder)
    return folder


def _write_words(folder: Path, words: Sequence[str]) -> None:
    """A tokenizer that knows these words, lower-cased, and calls all others unknown."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary: dict[str, Any] = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    plain.normalizer = normalizers.Lowercase()
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.save_pretrained(folder)
