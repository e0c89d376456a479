"""`eibench results`: a table of what lmms-eval and lm-eval wrote, with what is needed to trust a number."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from eibench_tasks.data.lite import SIZE as LITE_SIZE
from eibench_tasks.data.schema import BASIC_EMOTIONS, REPLAYED
from eibench_tasks.errors import EIBenchError
from eibench_tasks.metrics.chance import corrected
from eibench_tasks.report.text import columns, number, short, span
from eibench_tasks.secrets import settings_without_secrets, without_secrets

_NAMES = "Give *_results.json of lmms-eval (run with --output_path), or the folder that holds it"


class Result(BaseModel):
    """One task of one run. Recall and its like are in percent; None where a run has no such number.

    ``samples`` is "N of TOTAL", each "?" where it is not known; ``generation`` is how answers were generated, "" where
    that is not known.
    """

    file: str
    model: str
    task: str
    version: int | str | None
    judge: str
    protocol: str
    judge_version: str
    comparable: bool
    samples: str
    recall: float | None
    low: float | None
    high: float | None
    bound_low: float | None
    bound_high: float | None
    coverage: float | None
    floor: float | None
    specific: float | None = None
    chance: float | None = None
    chance_low: float | None = None
    chance_high: float | None = None
    precision: float | None = None
    causal: float | None = None
    causal_low: float | None = None
    causal_high: float | None = None
    distraction: float | None = None
    scenes: str | None = None
    words: float | None
    empty: float | None
    emotions: dict[str, float]
    captions: str | None = None
    persona: str | None = None
    setting: str = "user"
    generation: str = ""
    eibench: str | None = None
    harness: str | None = None
    data: str | None = None

    @property
    def corrected(self) -> float | None:
        """Chance-corrected recall, in percent."""
        return None if self.recall is None or self.chance is None else corrected(self.recall, self.chance)


def read_results(paths: Iterable[Path], damaged: dict[str, str] | None = None) -> list[Result]:
    """Reads every EIBench task of the results files.

    Args:
        paths: files, and folders that may hold other files of such a name.
        damaged: takes up the files in folders that could not be read, each with the reason.

    Raises:
        EIBenchError: a file that is no folder cannot be read, or no result of EIBench is among them.
    """
    found: list[Result] = []
    for path in paths:
        if not path.is_dir():
            found += _read(path)
        for file in sorted(path.rglob("*results*.json")) if path.is_dir() else ():
            try:
                found += _read(file)
            except EIBenchError as error:
                if damaged is not None:
                    damaged[str(file)] = error.what
    if not found:
        raise EIBenchError("no result of an EIBench task was found", _NAMES)
    return found


def _read(file: Path) -> list[Result]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        configs, results = data["configs"], data["results"]
        ours = [name for name in configs if "recall_overall" in str(results.get(name, {}).keys())]
        tasks = [name for name in ours if (configs[name].get("metadata") or {}).get("run", {}).get("judge")]
        found = [_result(file, data, name) for name in tasks]
        return found + ([_headline(found, data)] if _value(data, "eibench", "recall_overall") is not None else [])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise EIBenchError(f"{file} is not a results file ({type(error).__name__})", _NAMES) from None


def _result(file: Path, data: dict[str, Any], task: str) -> Result:
    metadata = data["configs"][task].get("metadata") or {}
    run = metadata.get("run") or {}
    config = data.get("config") or {}
    model = config.get("model") or data.get("model_name") or "?"
    return Result(
        file=str(file),
        model=without_secrets(f"{model}({config['model_args']})" if config.get("model_args") else str(model)),
        task=task,
        version=metadata.get("version"),
        judge=run.get("judge", "?"),
        protocol=run.get("protocol", "?"),
        judge_version=run.get("judge_version", "?"),
        comparable=bool(run.get("comparable_with_published")),
        samples=_samples(data, task, run),
        recall=_value(data, task, "recall_overall"),
        low=_value(data, task, "ci95_low"),
        high=_value(data, task, "ci95_high"),
        bound_low=_value(data, task, "bound_low"),
        bound_high=_value(data, task, "bound_high"),
        coverage=_value(data, task, "coverage"),
        floor=_value(data, task, "floor_recall"),
        specific=_value(data, task, "specific_recall"),
        chance=_value(data, task, "chance_recall"),
        chance_low=_value(data, task, "chance_low"),
        chance_high=_value(data, task, "chance_high"),
        precision=_value(data, task, "precision"),
        causal=_value(data, task, "causal_sensitivity"),
        causal_low=_value(data, task, "causal_low"),
        causal_high=_value(data, task, "causal_high"),
        distraction=_value(data, task, "distraction"),
        scenes=_scenes(run.get("data") or {}) if task == "eibench_scenes" else None,
        words=_value(data, task, "answer_words"),
        empty=_value(data, task, "empty_share"),
        emotions=_emotions(data, task, run),
        captions=run.get("captions") if metadata.get("setting") == "caption" else None,
        persona=run.get("persona"),
        setting=str(metadata.get("setting") or "user"),
        generation=_generation(data, task),
        eibench=run.get("eibench"),
        harness=_harness(data, run),
        data=(run.get("data") or {}).get("digest"),
    )


def _generation(data: dict[str, Any], task: str) -> str:
    """How answers were generated, where it could change them: settings, system prompt, chat template."""
    given = settings_without_secrets(data["configs"][task].get("generation_kwargs") or {})
    parts = [f"{name}={value}" for name, value in sorted(given.items()) if value not in ([], "", None)]
    for name in ("system_instruction", "chat_template"):
        if digest := data.get(f"{name}_sha"):
            parts.append(f"{name}={digest[:8]}")
    return ", ".join(parts)


def _harness(data: dict[str, Any], run: dict[str, Any]) -> str | None:
    """Which harness ran the model, and its version: as installed, since lmms-eval notes the git state of the folder."""
    for name in ("lmms-eval", "lm-eval"):
        if said := data.get(f"{name.replace('-', '_')}_version"):
            return f"{name} {(run.get('harnesses') or {}).get(name, said)}"
    return None


def _emotions(data: dict[str, Any], task: str, run: dict[str, Any]) -> dict[str, float]:
    """Recall by emotion; an exported split says which emotions it has."""
    metrics = run.get("emotions") or {name: f"recall_{name}" for name in BASIC_EMOTIONS}
    values = {name: _value(data, task, metric) for name, metric in metrics.items()}
    return {name: value for name, value in values.items() if value is not None}


def _scenes(data: dict[str, Any]) -> str:
    """Which scenes were drawn, in words."""
    held_out = ", sets of causes held out" * (data.get("combinations") == "held out")
    shuffled = ", IMAGES SHUFFLED" * bool(data.get("shuffled"))
    return f"seed {data.get('seed')!r}, {data.get('scenes')} scenes and their twins{held_out}{shuffled}"


_OF_ONE_TASK = (
    *("low", "high", "bound_low", "bound_high", "floor", "words", "empty", "specific"),
    *("chance", "chance_low", "chance_high", "precision", "causal", "causal_low", "causal_high"),
    *("distraction", "scenes"),
)


def _headline(parts: list[Result], data: dict[str, Any]) -> Result:
    """The group `eibench` as lmms-eval pools it; it has no interval of its own."""
    empty = dict.fromkeys(_OF_ONE_TASK)
    pooled: dict[str, Any] = {"task": "eibench", "recall": _value(data, "eibench", "recall_overall"), "emotions": {}}
    return parts[0].model_copy(
        update=empty | pooled | {"coverage": _value(data, "eibench", "coverage"), "samples": "both splits"}
    )


def _samples(data: dict[str, Any], task: str, run: dict[str, Any]) -> str:
    """How many samples the result covers out of how many its data set has, also where images were missing."""
    count = data.get("n-samples", {}).get(task, {})
    if task == "eibench_lite":
        total = str(LITE_SIZE)
    else:
        splits = (run.get("data") or {}).get("samples") or {}
        split = "complex" if task == "eibench_complex" else "basic"
        total = str(splits.get(task, splits.get(split, ""))).rpartition(" of ")[2]  # an exported split is its own task
    return f"{count.get('effective', '?')} of {total or count.get('original', '?')}"


def _value(data: dict[str, Any], task: str, metric: str) -> float | None:
    for key, value in data["results"].get(task, {}).items():
        if key.partition(",")[0] == metric and isinstance(value, int | float) and not math.isnan(value):
            return float(value)
    return None


def render(found: list[Result]) -> str:
    """The table as text."""
    head = (
        "model",
        "task",
        "samples",
        "recall",
        "95 % interval",
        "corrected",
        "specific",
        "floor",
        "scored",
        "bounds",
        "words",
        "judge",
    )
    rows = [
        (
            short(result.model),
            f"{result.task} v{result.version}",
            result.samples,
            number(result.recall),
            span(result.low, result.high),
            number(result.corrected),
            number(result.specific),
            number(result.floor),
            f"{number(result.coverage)} %",
            span(result.bound_low, result.bound_high),
            number(result.words, 0),
            f"{result.judge} {result.judge_version} ({result.protocol})",
        )
        for result in found
    ]
    return "\n".join([*columns(head, rows), "", *_notes(found)])


def _notes(found: list[Result]) -> list[str]:
    notes = ["Recall of emotional triggers in percent; the interval is clustered by image."]
    if by_chance := [result for result in found if result.chance is not None]:
        notes.append("corrected: recall above chance, the recall of the same answers on the triggers of another image:")
        notes += [
            f"  chance {number(result.chance)} (95 %: {span(result.chance_low, result.chance_high)})"
            f" for {short(result.model)}, {result.task}, {result.judge}"
            for result in by_chance
        ]
    if any(result.specific is not None for result in found):
        notes.append("specific: recall with each trigger weighted by how rarely it is named for other images.")
    if any(result.floor is not None for result in found):
        notes.append(
            "floor: the same judge on the triggers of another image of the same emotion, an answer that saw nothing."
        )
    notes += _of_scenes([result for result in found if result.scenes])
    if any(not result.comparable for result in found):
        notes.append("Numbers of this judge are not comparable with published ones; compare runs of one judge only.")
    for result in found:
        if result.empty:
            notes.append(
                f"{result.task}: {result.empty:.1f} % of the answers are empty and score 0; some model classes hand on"
                " failed requests that way."
            )
        if result.captions:
            notes.append(f"{result.task}: captions: {result.captions}.")
        if result.persona not in (None, "published", REPLAYED):
            notes.append(f"{result.task}: persona {result.persona!r}, not the published one.")
    return list(dict.fromkeys(notes))


def _of_scenes(found: list[Result]) -> list[str]:
    """What only drawn scenes can tell."""
    if not found:
        return []
    return [
        "precision: of the causes named, those that are asked about. distraction: things named that cause nothing.",
        "causal sensitivity: pairs of scenes that differ in one cause whose answers drop it and keep the others.",
        *(
            f"  precision {number(result.precision)}, causal sensitivity {number(result.causal)} (95 %:"
            f" {span(result.causal_low, result.causal_high)}), distraction {number(result.distraction)}"
            f" for {short(result.model)}, {result.judge}; {result.scenes}"
            for result in found
        ),
    ]


def to_json(found: list[Result]) -> str:
    """The same as JSON, one object a task."""
    return json.dumps(
        [result.model_dump() | {"corrected": result.corrected} for result in found], indent=1, ensure_ascii=False
    )
