"""Writes what a judge has found in the files that lmms-eval writes, so that everything that reads those reads these."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eibench_tasks import __version__
from eibench_tasks.data.answers import JUDGED
from eibench_tasks.data.whole import write_whole
from eibench_tasks.errors import EIBenchError
from eibench_tasks.harness import rows
from eibench_tasks.judging.judgement import Judge
from eibench_tasks.metrics import causal
from eibench_tasks.rejudging.logs import Log
from eibench_tasks.secrets import settings_without_secrets, without_secrets

AGGREGATIONS: dict[str, Callable[[Any], float]] = {
    "recall_overall": rows.recall_percent,
    "ci95_low": rows.ci95_low,
    "ci95_high": rows.ci95_high,
    "recall_happy": rows.recall_percent,
    "recall_angry": rows.recall_percent,
    "recall_sadness": rows.recall_percent,
    "recall_excitement": rows.recall_percent,
    "specific_recall": rows.mean,
    "chance_recall": rows.recall_percent,
    "chance_low": rows.chance_low,
    "chance_high": rows.chance_high,
    "floor_recall": rows.mean,
    "coverage": rows.coverage,
    "bound_low": rows.bound_low,
    "bound_high": rows.bound_high,
    "empty_share": rows.mean,
    "answer_words": rows.mean,
    "coherence_minilm": rows.mean,
    "coherence_bert": rows.mean,
}
"""As in the task YAMLs; a test compares the two. Exported splits have recall by other emotions, aggregated alike."""
OF_SCENES: dict[str, Callable[[Any], float]] = {
    "precision": rows.mean,
    "causal_sensitivity": causal.causal_sensitivity,
    "causal_low": causal.causal_low,
    "causal_high": causal.causal_high,
    "distraction": rows.mean,
}
"""As in the YAML of `eibench_scenes`, beside the others."""


@dataclass
class Run:
    """The results of one run by one judge: those of all its tasks, in the folder of its logs.

    Attributes:
        source: the results file of the run, where it is at hand: model, settings, versions.
        tasks: by name, the log and the metrics of its answers.
    """

    folder: Path
    stamp: str
    source: Mapping[str, Any]
    tasks: dict[str, tuple[Log, list[dict[str, Any]]]] = field(default_factory=dict)


def runs_of(logs: Sequence[Log], metrics: Sequence[list[dict[str, Any]]]) -> list[Run]:
    """Groups logs by the run that wrote them: those of one folder whose names begin alike."""
    runs: dict[tuple[Path, str], Run] = {}
    for log, found in zip(logs, metrics, strict=True):
        stamp = log.file.stem.partition("samples_")[0].rstrip("_") or re.sub(r".*_(?=\d{4}-)", "", log.file.stem)
        key = (log.file.parent, stamp)
        if key not in runs:
            runs[key] = Run(log.file.parent, stamp, _source(log.file.parent, stamp))
        runs[key].tasks[log.task] = (log, found)
    return list(runs.values())


def _source(folder: Path, stamp: str) -> Mapping[str, Any]:
    for name in (f"{stamp}_results.json", f"results_{stamp}.json"):
        try:
            data = json.loads((folder / name).read_text(encoding="utf-8"))
            if isinstance(data, dict):
                return data
        except (OSError, ValueError, RecursionError):
            continue
    return {}


def _part(data: Any, *names: str) -> dict[str, Any]:
    """A mapping within mappings that a user handed in; an empty one where there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def write(run: Run, judge: Judge, output: Path | None) -> Path:
    """Writes the results file and a sample log for each task, each as a whole or not at all.

    The same judgements give the same bytes.

    Args:
        run: what was found.
        judge: who judged.
        output: folder for all judges; None for ``judged/`` beside the logs.

    Returns:
        The results file.

    Raises:
        EIBenchError: they cannot be written.
    """
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{judge.name}-{judge.protocol}").strip("-")[:120]
    folder = (output / run.folder.resolve().name if output else run.folder) / JUDGED / slug
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for task, (log, found) in run.tasks.items():
            lines = (_line(logged.doc_id, row) for logged, row in zip(log.answers, found, strict=True))
            write_whole(folder / f"{run.stamp}_samples_{task}.jsonl", "".join(lines))
        file = folder / f"{run.stamp}_results.json"
        write_whole(file, json.dumps(_results(run, judge), indent=1, sort_keys=True) + "\n")
        return file
    except OSError as error:
        mend = "Make room or choose another folder: `eibench judge … -o DIR`; judging again costs nothing"
        raise EIBenchError(f"results cannot be written to {folder} ({error.strerror})", mend) from None


def _line(doc_id: int, row: Mapping[str, Any]) -> str:
    entry = {"doc_id": doc_id, "filtered_resps": row["recall_overall"]["answer"]}
    measured = {name: value for name, value in row.items() if not isinstance(value, dict) and value is not None}
    whole = entry | measured | {"recall_overall": row["recall_overall"]}
    return json.dumps(whole, ensure_ascii=True, sort_keys=True) + "\n"


def _results(run: Run, judge: Judge) -> dict[str, Any]:
    source = run.source
    return {
        "results": {task: _numbers(task, judge, found) for task, (_, found) in run.tasks.items()},
        "configs": {task: _configuration(source, task, judge) for task in run.tasks},
        "n-samples": {task: _count(source, task, len(found)) for task, (_, found) in run.tasks.items()},
        "config": _model(source),
        "model_name": str(source.get("model_name") or run.folder.resolve().name),
        "judged_again": True,
        **{name: source[name] for name in _KEPT if name in source},
    }


_KEPT = ("lmms_eval_version", "lm_eval_version", "system_instruction_sha", "chat_template_sha")


def _configuration(source: Mapping[str, Any], task: str, judge: Judge) -> dict[str, Any]:
    generation = settings_without_secrets(_part(source, "configs", task, "generation_kwargs"))
    return {"task": task, "generation_kwargs": generation, "metadata": _metadata(source, task, judge)}


def _model(source: Mapping[str, Any]) -> dict[str, Any]:
    """Which model was run, and with which arguments: as one text, as lmms-eval has them, without their secrets."""
    config = _part(source, "config")
    arguments = config.get("model_args")
    if isinstance(arguments, dict):  # lm-eval
        arguments = ",".join(f"{name}={value}" for name, value in arguments.items())
    return {"model": config.get("model"), "model_args": arguments and without_secrets(str(arguments))}


def _numbers(task: str, judge: Judge, found: list[dict[str, Any]]) -> dict[str, Any]:
    numbers: dict[str, Any] = {"alias": f"{task} (judge: {judge.name})"}
    for name, aggregate in _aggregations(found).items():
        if values := [row[name] for row in found if name in row]:
            value = aggregate(values)
            numbers[f"{name},none"] = value if value == value else None
    return numbers


def _aggregations(found: list[dict[str, Any]]) -> dict[str, Callable[[Any], float]]:
    others = {name for row in found for name in row if name.startswith("recall_")} - set(AGGREGATIONS)
    return AGGREGATIONS | OF_SCENES | dict.fromkeys(sorted(others), rows.recall_percent)


def _metadata(source: Mapping[str, Any], task: str, judge: Judge) -> dict[str, Any]:
    metadata = _part(source, "configs", task, "metadata")
    facts = {
        "eibench": __version__,
        "judge": judge.name,
        "protocol": judge.protocol,
        "judge_version": judge.version,
        "comparable_with_published": judge.comparable,
    }
    return metadata | {"run": _part(metadata, "run") | facts}


def _count(source: Mapping[str, Any], task: str, judged: int) -> dict[str, Any]:
    return {"original": _part(source, "n-samples", task).get("original", judged), "effective": judged}
