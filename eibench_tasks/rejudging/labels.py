"""Finds the labels of the triggers that logged answers were held against."""

from collections.abc import Sequence

from eibench_tasks.data import annotations
from eibench_tasks.data.exported import Exported
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
    named = [split for split in exported if split.facts.name == task]
    if not named and len(exported) == 1 and not task.startswith("eibench"):
        named = list(exported)  # a log that was renamed
    if named:
        return labels_of(named[0])
    if task == "eibench_scenes":
        return labels_of_scenes(scenes_of_run())
    if labels := load_labels(annotations.SHA256, judge):
        return labels
    raise EIBenchError(f"the triggers were not labelled by {judge}", "Run: `eibench label --judge openai:MODEL`")
