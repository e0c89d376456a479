"""The published results of EIBench, for context: shown only beside runs that were judged as they were.

`report/published_results.csv` holds the result tables of the README of EIBench's repository (https://github.com/Lum1104/EIBench):
recall in percent under its two judges.
"""

import csv
from collections.abc import Sequence
from importlib.resources import files

from eibench_tasks.data.schema import REPLAYED
from eibench_tasks.report.leaderboard import misses_samples
from eibench_tasks.report.page.runs import Run
from eibench_tasks.report.page.tables import Table

_COLUMNS = {"paper:chatgpt": "recall_chatgpt_judge", "paper:llama3": "recall_llama3_judge"}


def published(runs: Sequence[Run]) -> Table:
    """The published rows of the splits and settings of the runs that were asked and judged as those were."""
    reasons: dict[str, list[Run]] = {}
    for run in runs:
        reasons.setdefault(_differs(run), []).append(run)
    alike = reasons.pop("", [])
    wanted = {(split_of(run) or "", run.result.setting, _COLUMNS[run.result.protocol]) for run in alike}
    rows = [
        (row["model"], row["access"], split, setting, _COLUMN_NAMES[column], row[column])
        for split, setting, column in sorted(wanted)
        for row in _rows()
        if (row["split"], row["setting"], row["emotion"]) == (split, setting, "overall") and row[column]
    ]
    said = "Overall recall in percent as the README of EIBench has it, of the splits, settings and judges shown above."
    text = said if rows else "Not shown: no run here can be compared with the published results of EIBench."
    if reasons:
        others = "; ".join(f"{why} ({', '.join(run.name for run in of)})" for why, of in reasons.items())
        mend = "`eibench judge RUN --judge openai:MODEL --protocol paper` judges the same answers as the paper did."
        text += f" Not comparable: {others}. {mend}"
    return Table(text, ("model", "weights", "split", "setting", "judge", "recall"), rows)


def _differs(run: Run) -> str:
    """What keeps a run from being compared with the published results; "" where nothing does."""
    one = run.result
    if split_of(run) is None:
        return "no published split"
    if not one.comparable or one.protocol not in _COLUMNS:
        return f"judged by {run.by}"
    if one.persona not in (None, "published", REPLAYED):
        return "another persona"
    return f"{one.samples} samples" if misses_samples(one) else ""


_COLUMN_NAMES = {"recall_chatgpt_judge": "ChatGPT", "recall_llama3_judge": "LLaMA-3"}


def split_of(run: Run) -> str | None:
    """The published split that a run is of."""
    tasks = {"basic": run.result.task.startswith("eibench_basic"), "complex": run.result.task == "eibench_complex"}
    return next((split for split, whether in tasks.items() if whether), None)


def _rows() -> list[dict[str, str]]:
    text = files("eibench_tasks.report").joinpath("published_results.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
