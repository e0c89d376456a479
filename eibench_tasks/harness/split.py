"""What the task of an exported split names, by way of the file beside its YAML, which says where the split is.

`files`, `facts` and `alias` are made when the YAML asks for them, as in `tasks`, so that everything is checked before
a model is asked.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eibench_tasks.data.exported import SPLIT, Exported, load_exported
from eibench_tasks.errors import EIBenchError, ImagesError, RunStopped
from eibench_tasks.harness import tasks
from eibench_tasks.harness.rows import Doc
from eibench_tasks.judging.registry import check_judge, judge_name, reachable_judge
from eibench_tasks.metrics import coherence


def check_split(folder: Path) -> Exported:
    """Checks everything that a run on an exported split needs, before a model is asked.

    Raises:
        RunStopped: something is missing; the message says what and how to mend it.
    """
    try:
        check_judge(judge_name())
        exported = load_exported(folder)
        exported.check()
        reachable_judge()
        if coherence.bert_wanted():
            coherence.load_bert()
        return exported
    except EIBenchError as error:
        raise RunStopped(error) from None


class SplitTask:
    """The task of one exported split.

    Args:
        folder: of the split.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metrics: dict[str, str] | None = None

    @property
    def alias(self) -> str:
        """How the task is called in the table that lmms-eval prints."""
        try:
            return f"{load_exported(self.folder).facts.name} (judge: {judge_name()})"
        except EIBenchError as error:
            raise RunStopped(error) from None

    @property
    def files(self) -> dict[str, Any]:
        """The Parquet files, for `datasets.load_dataset`."""
        return {"data_files": {SPLIT: [str(file) for file in check_split(self.folder).files]}}

    @property
    def facts(self) -> dict[str, Any]:
        """What a result must say beside its numbers."""
        split = check_split(self.folder).facts
        count = f"{split.samples} of {split.samples}"
        data = {"split": split.name, "digest": split.digest, "fingerprint": split.fingerprint}
        about = {"data": data | {"samples": {split.name: count}}, "emotions": split.metrics}
        return tasks.judge_facts() | about | {"built_by": split.built_by}

    def score(self, doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
        """Judges one answer, with the same row of metrics as EIBench's own tasks."""
        if self._metrics is None:
            self._metrics = load_exported(self.folder).facts.metrics
        row = tasks.score({**doc, "recall_metric": self._metrics.get(doc["emotion"], "")}, results)
        row.pop("specific_recall", None)  # only EIBench's own triggers are weighed
        return row


def image(doc: Doc) -> list[Any]:
    """The image of a sample: one PIL image, upright and RGB."""
    from PIL import Image

    found = doc["image"]
    try:
        if not isinstance(found, Image.Image):  # a version of `datasets` that hands the file on
            found = Image.open(io.BytesIO(found["bytes"]))
        return [found.convert("RGB")]
    except (OSError, TypeError, KeyError):
        raise RunStopped(ImagesError(f"the image of {doc['id']} does not decode", "Export the split again")) from None
