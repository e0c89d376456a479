"""Finds the labels of the triggers that logged answers were held against."""

from collections.abc import Sequence

from eibench_tasks.data import annotations
from eibench_tasks.data.exported import Exported, split_of
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.llm.labels import Labels, labels_of, load_labels
from eibench_tasks.scenes.fixed import labels_of_scenes, scenes_of_run


def labels_for(task: str, judge: str, exported: Sequence[Exported] = ()) -> Labels:
    """The labels for one task: of an exported split its own, of drawn scenes the truth, else those that a judge gave.

    Args:
        task: as the log's name has it.
        judge: whose labels of EIBench's triggers.
        exported: splits that may be the task.

    Raises:
        EIBenchError: there are none.
    """
    if split := split_of(task, exported):
        return labels_of(split)
    if task == "eibench_scenes":
        return labels_of_scenes(scenes_of_run())
    if labels := load_labels(annotations.SHA256, judge):
        return labels
    ours = task.startswith(("eibench", "samples"))  # a log's name may not say
    mend = "Run: `eibench label --judge openai:MODEL`" if ours else "Its split has labels: `--exported SPLIT`"
    raise EIBenchError(f"the triggers were not labelled by {judge}", mend)
