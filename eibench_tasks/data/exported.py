"""Reads a split that `cfsa export` has written: what it is, whether its files are whole, and its samples."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from eibench_tasks.data.schema import Record
from eibench_tasks.errors import EIBenchError

MANIFEST, DATA, IMAGES = "split.json", "data", "images"
"""The file that makes a folder an exported split, and the folders for its Parquet and its image files."""
FORMAT: Literal[1] = 1
"""Of the folder; one of a higher number was written by a newer version."""
SPLIT = "test"
"""What `datasets` calls the samples."""


class Shard(Record):
    """One Parquet file: its name in the folder `DATA`, its size in bytes, its sha256, and how many samples it holds."""

    file: str
    size: int
    sha256: str
    samples: int


class SplitFacts(Record):
    """What `split.json` holds.

    Attributes:
        name: of the split and of its task in lmms-eval.
        kind: ``basic`` (one emotion for each image) or ``complex``.
        metrics: by emotion, how the recall of its samples is called.
        samples, images: how many.
        digest: sha256 over all samples and their images; names the data in every result.
        fingerprint: hash of everything that determined how they were built.
        built_by: the models, in words.
        eibench: version of the package that wrote it.
        shards: the Parquet files, in order.
    """

    format: Literal[1] = FORMAT
    name: str
    kind: Literal["basic", "complex"]
    metrics: dict[str, str]
    samples: int
    images: int
    digest: str
    fingerprint: str
    built_by: str
    eibench: str
    shards: list[Shard]


@dataclass(frozen=True)
class Exported:
    """An exported split on disk."""

    folder: Path
    facts: SplitFacts

    @property
    def files(self) -> list[Path]:
        """The Parquet files."""
        return [self.folder / DATA / Path(shard.file).name for shard in self.facts.shards]

    def check(self) -> None:
        """Looks whether the Parquet files are those that were written, by their sizes and numbers of samples.

        Raises:
            EIBenchError: one is gone or differs.
        """
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        for file, shard in zip(self.files, self.facts.shards, strict=True):
            try:
                same = file.stat().st_size == shard.size and pq.read_metadata(file).num_rows == shard.samples
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise EIBenchError(f"{file} cannot be read ({why})", _mend(self.facts.name)) from None
            except ArrowException:
                same = False
            if not same:
                raise EIBenchError(f"{file} is not the file that was exported", _mend(self.facts.name))

    def samples(self) -> Iterator[dict[str, Any]]:
        """The samples as the tasks read them, one by one; ``image`` is the path of the image file, "" without one.

        Raises:
            EIBenchError: a file cannot be read.
        """
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        for file in self.files:
            try:
                parquet = pq.ParquetFile(file)
                names = [name for name in parquet.schema_arrow.names if name != "image"]
                for batch in parquet.iter_batches(batch_size=256, columns=names):
                    yield from (self.as_doc(row) for row in batch.to_pylist())
            except (OSError, ArrowException):
                raise EIBenchError(f"{file} cannot be read", _mend(self.facts.name)) from None

    def as_doc(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with what scoring needs beside it: how the recall of its emotion is called, and the image file."""
        image = (self.folder / str(row.get("image_file", ""))).resolve()
        own = image.is_relative_to(self.folder.resolve()) and image.is_file()  # others' splits may name any file
        metric = self.facts.metrics.get(row["emotion"], "")
        return row | {"image": str(image) if own else "", "recall_metric": metric}


def split_of(task: str, exported: Sequence[Exported]) -> Exported | None:
    """The split that a task is of, by its name; a single split also for the task of a log that was renamed."""
    named = [split for split in exported if split.facts.name == task]
    if not named and len(exported) == 1 and not task.startswith("eibench"):
        named = list(exported)
    return named[0] if named else None


def is_exported(folder: Path) -> bool:
    """Whether a folder holds an exported split."""
    return (folder / MANIFEST).is_file()


def load_exported(folder: Path) -> Exported:
    """An exported split.

    Raises:
        EIBenchError: the folder holds none, a damaged one, or one of a newer version.
    """
    mend = "Give the folder that `cfsa export` has written"
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(said["format"], int) and said["format"] > FORMAT:
            what = f"{folder} was written by a newer version (format {said['format']}, this one knows {FORMAT})"
            raise EIBenchError(what, "Run: `pip install --upgrade eibench`")
        return Exported(folder, SplitFacts.model_validate(said))
    except OSError as error:
        raise EIBenchError(f"{folder} is no exported split ({error.strerror})", mend) from None
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise EIBenchError(f"{folder / MANIFEST} is damaged", mend) from None


def metric_names(emotions: Iterable[str]) -> dict[str, str]:
    """How the recall of each emotion is called: ``recall_fear``.

    No name is part of another or of ``recall_overall``, since lmms-eval's groups match by substring: of fear and
    fearful, the shorter becomes ``recall_2_fear``.
    """
    slugs = {emotion: re.sub(r"\W+", "_", emotion.lower()).strip("_") or "other" for emotion in emotions}
    names: dict[str, str] = {}
    for emotion, slug in sorted(slugs.items(), key=lambda pair: (-len(pair[1]), pair)):
        name, number = f"recall_{slug}", 1
        while any(name in other or other in name for other in ("recall_overall", *names.values())):
            number += 1
            name = f"recall_{number}_{slug}"
        names[emotion] = name
    return dict(sorted(names.items()))


def _mend(name: str) -> str:
    return f"Copy the whole folder again, or export it anew: `cfsa export RUN -o DIR --name {name}`"
