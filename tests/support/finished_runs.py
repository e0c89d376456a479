"""Runs as a harness leaves them, results and sample logs, without a model or a judge at work."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.judged_logs import JUDGE, write_log

FACTS: dict[str, Any] = {"eibench": "0.1.0", "comparable_with_published": False, "data": {"digest": "d" * 64}}


def finished_run(
    folder: Path,
    lines: Sequence[Mapping[str, Any]] = (),
    *,
    model: str = "a/b",
    task: str = "eibench_basic_user",
    setting: str = "user",
    recall: float = 50.0,
    half: float = 4.0,
    samples: tuple[int, int] = (1615, 1615),
    judge: Mapping[str, str] = JUDGE,
    time: str = "20260101_000000",
    numbers: Mapping[str, float] = {},
    generation: Mapping[str, Any] = {},
    **run: Any,
) -> Path:
    """A results file, with the log of the lines beside it.

    Args:
        folder: of the run.
        lines: as `judged_logs.line` makes them.
        recall, half: overall recall, and half of its interval.
        samples: how many were evaluated, out of how many.
        numbers: metrics beside.
        generation: settings of the model.
        run: what the run says of itself beside `FACTS`; None takes a fact away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = FACTS | {"judge": judge["name"], "protocol": judge["protocol"], "judge_version": judge["version"]} | run
    facts = {name: value for name, value in facts.items() if value is not None}
    split = "complex" if task == "eibench_complex" else "basic"
    if "data" in facts:
        facts["data"] = {**facts["data"], "samples": {split: f"{samples[1]} of {samples[1]}"}}
    values = {
        "recall_overall": recall, "ci95_low": recall - half, "ci95_high": recall + half, "coverage": 100.0,
        "bound_low": recall, "bound_high": recall, **numbers,
    }  # fmt: skip
    kwargs = {"generation_kwargs": dict(generation)}
    content = {
        "results": {task: {f"{name},none": value for name, value in values.items()}},
        "configs": {task: {"metadata": {"version": 1, "setting": setting, "run": facts}, **kwargs}},
        "config": {"model": "qwen2_5_vl", "model_args": f"pretrained={model}"},
        "n-samples": {task: {"original": samples[1], "effective": samples[0]}},
        "lmms_eval_version": "0.7.3",
    }
    file = folder / f"{time}_results.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    if lines:
        write_log(folder, *(dict(line) for line in lines), task=task, time=time)
    return file


def answered(
    sample: Mapping[str, Any], answer: str, named: Mapping[int, str], judge: Mapping[str, str] = JUDGE
) -> dict[str, Any]:
    """A line of a log about a real sample.

    Args:
        sample: with the fields of `data.schema.Sample`.
        named: of the triggers that the answer names, the quote by place; the others are missed.
    """
    verdicts = [
        {"index": place, "trigger": text, "present": place in named, "quote": named.get(place), "probability": 0.9}
        for place, text in enumerate(sample["triggers"])
    ]
    row = {
        "image_id": sample["image_id"], "sample_id": sample["id"], "emotion": sample["emotion"], "answer": answer,
        "score": 100 * len(named) / len(verdicts), "verdicts": verdicts, "unscored": None, "judge": dict(judge),
    }  # fmt: skip
    return {"doc_id": 0, "filtered_resps": answer, "recall_overall": row}
