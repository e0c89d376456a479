"""Specific recall: recall with each trigger weighted by how rarely it is named for other images.

Many reference triggers fit many images, so plain recall rewards generic answers. docs/specific-recall.md says how
the weights come about; ``tools/weigh_triggers.py`` makes the file that holds them.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError

FILE = Path(__file__).parent / "trigger_weights.json"

_MEND = "Only EIBench's own samples have weights: run the task again with the data that are prepared now"

Weight = Annotated[float, Field(gt=0, lt=1)]


class WeighingJudge(Record):
    """Who said which triggers other images name."""

    name: str
    version: str


class Weights(Record):
    """The weights of the reference triggers of one version of the data; the demo split's are among them.

    Attributes:
        format: number of the file's format.
        annotations_sha256: of the annotation files, as in `data.schema.Manifest`.
        judge: who said which triggers other images name.
        others: how many other images were looked at for each trigger.
        weights: by sample id, in the order of the triggers; between 0 and 1, the higher the more specific.
    """

    format: Literal[1]
    annotations_sha256: dict[str, str]
    judge: WeighingJudge
    others: Annotated[int, Field(ge=1)] | Literal["all"]
    weights: dict[str, Annotated[list[Weight], Field(min_length=1)]]

    def recall(self, sample_id: str, present: Sequence[bool]) -> float:
        """Specific recall of one sample, 0 to 1.

        Raises:
            EIBenchError: the sample is unknown or has another number of triggers.
        """
        weights = self.weights.get(sample_id, [])
        if not weights or len(weights) != len(present):
            what = f"sample {sample_id!r} has {len(present)} verdicts, and {len(weights)} of its triggers are weighed"
            raise EIBenchError(what, _MEND)
        return specific_recall(present, weights)


def load_weights(annotations_sha256: Mapping[str, str], file: Path = FILE) -> Weights | None:
    """The weights that belong to a version of the data; None where the file is of another version.

    Args:
        annotations_sha256: of the annotation files, as the manifest names them.
        file: the one that is shipped.

    Raises:
        EIBenchError: the file is missing or damaged.
    """
    weights = _read(file)
    return weights if weights.annotations_sha256 == dict(annotations_sha256) else None


@lru_cache(maxsize=1)
def _read(file: Path) -> Weights:
    try:
        return Weights.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise EIBenchError(
            f"the trigger weights {file} cannot be read ({type(error).__name__})",
            "Run: `pip install --force-reinstall --no-deps eibench`",
        ) from None


def specific_recall(present: Sequence[bool], weights: Sequence[float]) -> float:
    """Weights of the named triggers over the weights of all, 0 to 1; plain recall where all weigh the same.

    Args:
        present: whether each trigger is named.
        weights: of the triggers in the same order, above 0.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if not weights:
        raise ValueError("there is no trigger")
    named = [weight for weight, there in zip(weights, present, strict=True) if there]
    return math.fsum(named) / math.fsum(weights)
