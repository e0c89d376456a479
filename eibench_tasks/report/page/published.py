"""The published results of EIBench, for context: shown only beside runs that were judged as they were.

`report/published_results.csv` holds the result tables of the README of EIBench's repository (https://github.com/Lum1104/EIBench):
recall in percent under its two judges.
"""

import csv
from collections.abc import Sequence
from importlib.resources import files

from eibench_tasks.report.page.runs import Run
from eibench_tasks.report.page.tables import Table

_COLUMNS = {"paper:chatgpt": "recall_chatgpt_judge", "paper:llama3": "recall_llama3_judge"}


def published(runs: Sequence[Run]) -> Table | None:
    """The published rows of the splits and settings of the runs; None where no run is of a published split."""
    of_split = [(run, split) for run in runs if (split := _split(run.result.task))]
    if not of_split:
        return None
    wanted = {
        (split, run.result.setting, _COLUMNS[run.result.protocol])
        for run, split in of_split
        if run.result.comparable and run.result.protocol in _COLUMNS
    }
    if not wanted:
        judges = ", ".join(sorted({run.by for run, _ in of_split}))
        text = (
            "Not shown. The published results were judged by ChatGPT and LLaMA-3 under the published protocol, these"
            f" runs by {judges}: their numbers cannot be compared. `eibench judge RUN --judge openai:MODEL --protocol"
            " paper` judges the same answers as the paper did."
        )
        return Table(text)
    rows = [
        (row["model"], row["access"], split, setting, _COLUMN_NAMES[column], row[column])
        for split, setting, column in sorted(wanted)
        for row in _rows()
        if (row["split"], row["setting"], row["emotion"]) == (split, setting, "overall") and row[column]
    ]
    others = sorted({run.name for run, split in of_split} - _names(of_split))
    text = "Overall recall in percent as the README of EIBench has it, of the splits, settings and judges shown above."
    if others:
        text += f" Not comparable with: {', '.join(others)}."
    return Table(text, ("model", "weights", "split", "setting", "judge", "recall"), rows)


_COLUMN_NAMES = {"recall_chatgpt_judge": "ChatGPT", "recall_llama3_judge": "LLaMA-3"}


def _names(of_split: Sequence[tuple[Run, str]]) -> set[str]:
    return {run.name for run, _ in of_split if run.result.comparable and run.result.protocol in _COLUMNS}


def _split(task: str) -> str | None:
    return next((split for split in ("basic", "complex") if task.startswith(f"eibench_{split}")), None)


def _rows() -> list[dict[str, str]]:
    text = files("eibench_tasks.report").joinpath("published_results.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
