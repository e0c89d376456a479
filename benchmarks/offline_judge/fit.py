"""Fits the offline judge on the labelled pairs, and says how well it does on those kept apart.

    python benchmarks/offline_judge/fit.py            # about 10 minutes on two cores
    python benchmarks/offline_judge/fit.py --check    # only measure what is there

MiniLM stays as it is; learned are low-rank changes of its upper four layers, three heads on its token states and a
decision over nine features. The features are those of ``eibench_tasks.judging.offline.matching``, here in torch.
Files whose names begin with ``heldout`` are never fitted on.
"""

import argparse
import json
import math
import random
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from eibench_tasks.judging.offline import adapter
from eibench_tasks.judging.offline.encoder import model_folder
from eibench_tasks.judging.offline.language import sentences
from eibench_tasks.judging.offline.matching import FEATURES, lexical, shared_words
from eibench_tasks.judging.pairs import measure, read_pairs

PAIRS = Path(__file__).parent / "pairs"
LAYERS = range(2, 6)
TARGETS = (
    "attention.self.query",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
BATCH, EPOCHS, SEED = 12, 5, 0
RATE, RATE_LOW_RANK = 2e-3, 5e-4
SOFT = 0.03  # labels are kept this far from 0 and 1
UNSEEN = 0.06  # label of a trigger taken from another answer: almost always absent


@dataclass
class Item:
    """One answer: its sentences, triggers with labels, and emotion."""

    sentences: list[str]
    triggers: list[str]
    labels: list[float]
    emotion: str


def read(fitted_on: bool) -> list[Item]:
    """The answers of all files to fit on, or of those kept apart."""
    files = [file for file in sorted(PAIRS.glob("*.jsonl")) if file.name.startswith("heldout") != fitted_on]
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Item(
            [span.text for span in sentences(row["answer"])],
            [trigger["text"] for trigger in row["triggers"]],
            [float(trigger["present"]) for trigger in row["triggers"]],
            row["emotion"],
        )
        for row in rows
    ]


class LowRank(nn.Module):
    """A linear layer with a learned change of low rank; the layer itself does not learn."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.A = nn.Parameter(torch.randn(adapter.RANK, linear.in_features) / math.sqrt(linear.in_features))
        self.B = nn.Parameter(torch.zeros(linear.out_features, adapter.RANK))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.linear(states) + adapter.SCALE * F.linear(F.linear(states, self.A), self.B)


@dataclass
class Encoded:
    """A batch of texts: pooled vectors, projected tokens, their importance, denial and mask."""

    pooled: torch.Tensor
    tokens: torch.Tensor
    importance: torch.Tensor
    denial: torch.Tensor
    mask: torch.Tensor


class Model(nn.Module):
    """What is learned, on top of MiniLM."""

    def __init__(self) -> None:
        super().__init__()
        folder = str(model_folder())
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.encoder: Any = AutoModel.from_pretrained(folder).requires_grad_(False)
        self.low_rank: dict[str, LowRank] = {}
        for layer in LAYERS:
            for target in TARGETS:
                name = f"encoder.layer.{layer}.{target}"
                parent, _, last = name.rpartition(".")
                changed = LowRank(self.encoder.get_submodule(name))
                setattr(self.encoder.get_submodule(parent), last, changed)
                self.low_rank[name] = changed
        self.projection = nn.Linear(384, 128, bias=False)
        nn.init.orthogonal_(self.projection.weight)
        self.importance, self.denial = nn.Linear(384, 1), nn.Linear(384, 1)
        self.linear = nn.Linear(len(FEATURES), 1)
        self.hidden = nn.Linear(len(FEATURES), 16)
        self.output = nn.Linear(16, 1, bias=False)
        with torch.no_grad():  # a sensible start: similar and not denied means named
            self.linear.weight.copy_(torch.tensor([[6.0, 2, -2, 0, 4, 0, 1, -1, 0]]))
            self.linear.bias.fill_(-5.5)
            self.output.weight.zero_()

    def encode(self, texts: list[str]) -> Encoded:
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        states = self.encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].float()
        pooled = F.normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)
        inner = mask.clone()
        inner[:, 0] = 0
        inner[torch.arange(len(texts)), mask.sum(1).long() - 1] = 0
        return Encoded(
            pooled,
            F.normalize(self.projection(states), dim=-1),
            F.softplus(self.importance(states).squeeze(-1)) * inner,
            torch.sigmoid(self.denial(states).squeeze(-1)),
            inner,
        )

    def features(self, trigger: Encoded, t: torch.Tensor, sentence: Encoded, s: torch.Tensor) -> torch.Tensor:
        """The features of pairs (t[i], s[i]) but the lexical ones; shape (pairs, 6)."""
        t_mask, s_mask = trigger.mask[t], sentence.mask[s]
        table = torch.einsum("ptd,psd->pts", trigger.tokens[t], sentence.tokens[s])
        best, at = table.masked_fill(s_mask[:, None, :] == 0, -1).max(2)
        weights = trigger.importance[t] / (trigger.importance[t].sum(1, keepdim=True) + 1e-6)
        important = weights > 0.5 / t_mask.sum(1, keepdim=True).clamp(min=1)
        matched = torch.gather(sentence.denial[s], 1, at)
        back_weights = sentence.importance[s] / (sentence.importance[s].sum(1, keepdim=True) + 1e-6)
        back = table.masked_fill(t_mask[:, :, None] == 0, -1).max(1)[0]
        return torch.stack(
            [
                (best * weights).sum(1),
                torch.where(important, best, torch.ones_like(best)).min(1)[0],
                (weights * (matched - trigger.denial[t]).abs()).sum(1),
                (weights * matched).sum(1),
                (trigger.pooled[t] * sentence.pooled[s]).sum(1),
                (back * back_weights).sum(1),
            ],
            dim=1,
        )

    def odds(self, items: list[Item]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-odds of every trigger of the items, over its best sentence, and the labels."""
        texts = [text for item in items for text in item.sentences]
        triggers = [text for item in items for text in item.triggers]
        pairs, first_s, first_t = [], 0, 0
        for item in items:
            for t in range(len(item.triggers)):
                pairs += [(first_t + t, first_s + s) for s in range(len(item.sentences))]
            first_s, first_t = first_s + len(item.sentences), first_t + len(item.triggers)
        t, s = torch.tensor(pairs).T
        learned = self.features(self.encode(triggers), t, self.encode(texts), s)
        counted = torch.tensor([_shared(triggers[a], texts[b]) for a, b in pairs])
        features = torch.cat([learned, counted], 1)
        odds = self.linear(features) + self.output(torch.tanh(self.hidden(features)))
        best = torch.full((len(triggers),), -30.0).scatter_reduce(0, t, odds.squeeze(1), "amax")
        return best, torch.tensor([label for item in items for label in item.labels])

    def save(self, file: Path, shift: float) -> None:
        """Writes what `adapter.Adapter.load` reads, in half precision."""
        weights: dict[str, torch.Tensor] = {
            "projection": self.projection.weight,
            "importance": self.importance.weight[0],
            "importance_bias": self.importance.bias[0],
            "denial": self.denial.weight[0],
            "denial_bias": self.denial.bias[0],
            "linear": self.linear.weight[0],
            "linear_bias": self.linear.bias[0] - shift,
            "hidden": self.hidden.weight,
            "hidden_bias": self.hidden.bias,
            "output": self.output.weight[0],
        }
        for name, layer in self.low_rank.items():
            weights |= {f"{name}.A": layer.A, f"{name}.B": layer.B}
        save_file({name: tensor.detach().half().contiguous() for name, tensor in weights.items()}, file)


@cache
def _shared(trigger: str, sentence: str) -> tuple[float, float, float]:
    return shared_words(lexical(trigger), lexical(sentence))


def with_unseen(item: Item, others: list[Item], generator: random.Random, count: int = 2) -> Item:
    """The item with some triggers of other answers, mostly of the same emotion."""
    more = []
    for _ in range(count):
        drawn = generator.sample(others, 12)
        kindred = [other for other in drawn if other.emotion == item.emotion and other is not item]
        more.append(generator.choice((kindred if generator.random() < 0.7 and kindred else drawn)[0].triggers))
    return Item(item.sentences, item.triggers + more, item.labels + [UNSEEN] * count, item.emotion)


def as_list(item: Item, others: list[Item], generator: random.Random) -> Item:
    """Another answer's triggers as an answer, judged for this item's triggers: what the floor looks like."""
    kindred = [other for other in generator.sample(others, 16) if other.emotion == item.emotion and other is not item]
    answer = kindred[0].triggers if kindred else item.triggers
    labels = [1.0 if text in answer else UNSEEN for text in item.triggers]
    return Item(list(answer), item.triggers, labels, item.emotion)


def fit(epochs: int) -> Model:
    """Learns from all answers that are not kept apart."""
    torch.manual_seed(SEED)
    generator = random.Random(SEED)
    items = read(fitted_on=True)
    model = Model()
    low_rank = [parameter for layer in model.low_rank.values() for parameter in (layer.A, layer.B)]
    known = {id(parameter) for parameter in low_rank}
    heads = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    groups = [{"params": heads, "lr": RATE}, {"params": low_rank, "lr": RATE_LOW_RANK}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = epochs * math.ceil(len(items) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, step / 50) * max(0.02, 1 - step / steps)
    )
    for epoch in range(epochs):
        started, losses = time.perf_counter(), []
        order = generator.sample(items, len(items))
        for start in range(0, len(order), BATCH):
            batch = [with_unseen(item, items, generator) for item in order[start : start + BATCH]]
            batch += [as_list(item, items, generator) for item in order[start : start + BATCH // 3]]
            odds, labels = model.odds(batch)
            loss = F.binary_cross_entropy_with_logits(odds, labels.clamp(SOFT, 1 - SOFT))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.perf_counter() - started:.0f} s", flush=True)
    return model.eval()


def report() -> None:
    """Measures the judge that is in the package on every file of pairs."""
    from eibench_tasks.judging.offline.judge import OfflineJudge

    judge = OfflineJudge.load()
    for file in sorted(PAIRS.glob("*.jsonl")):
        print(f"{file.stem:24} {measure(judge, read_pairs(file))}")


def main() -> None:
    """Fits, writes the adapter, and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only measure the judge that is in the package")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--shift", type=float, default=0.0, help="how much the log-odds are lowered")
    options = parser.parse_args()
    if not options.check:
        fit(options.epochs).save(adapter.FILE, options.shift)
    report()


if __name__ == "__main__":
    main()
