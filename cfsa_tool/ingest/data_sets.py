"""Hugging Face data sets, whose images are bytes in a column: of the Hub, saved in a folder, or Parquet files."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Candidate, LeftOut
from cfsa_tool.ingest.check import read_file
from cfsa_tool.ingest.emotions import Emotions
from cfsa_tool.ingest.rows import BadRow, Rows
from eibench_tasks.data.lines import printable

HUB = "hf:"
"""Before the name of a data set on the Hub."""

_NAME = re.compile(r"(?P<name>\w[\w.-]*(/\w[\w.-]*)?)(@(?P<revision>[^:@\s]+))?(:(?P<split>[\w.-]+))?")


class DataSetSource:
    """See `Source`. Columns: ``image``, and optionally ``emotion`` or ``label``, ``id`` and ``question``.

    Args:
        name: of the data set, for the names of its images: ``NAME[split][row]``.
        splits: data sets of `datasets` by the name of the split.
        files: the folder whose files rows may name in place of bytes; None where none may.
        emotions: that they may name.
        several: whether one image may have more than one.

    Raises:
        SourceError: there is no column of images, or a row has no meaning; names the row.
    """

    def __init__(
        self, name: str, splits: Mapping[str, Any], files: Path | None, emotions: Emotions, several: bool
    ) -> None:
        self._name = name
        self._splits = splits
        self._files = files and files.resolve()
        self._emotions = emotions
        self._several = several
        self.passed_over: Counter[str] = Counter()
        for split, table in splits.items():
            _must_have_images(f"{name}[{split}]", table)
        self.total = self.likely = sum(1 for _ in self.candidates())
        if not self.total:
            raise SourceError(f"{printable(name)} has no rows", "Name another data set or split")

    def candidates(self) -> Iterator[Candidate]:
        described = Rows(self._emotions, self._several)
        for split, table in self._splits.items():
            emotion_of, images = _emotion_reader(table, self._emotions), _images(table)
            columns = [column for column in ("id", "question", "emotion", "label") if column in table.column_names]
            for number, row in enumerate(table.select_columns(columns) if columns else [{}] * len(table)):
                name = f"{self._name}[{split}][{number}]"
                try:
                    said = described.read({**row, "emotion": emotion_of(row)})
                except BadRow as error:
                    raise error.at(name) from None
                yield Candidate(
                    key=f"{split}[{number}]".encode(),
                    name=said.id or printable(name),
                    path=Path(),
                    emotions=said.emotions,
                    question=said.question,
                    content=partial(_content, images, number, self._files),
                    version=str(table._fingerprint),
                )


def open_hub(source: str, emotions: Emotions, several: bool) -> DataSetSource:
    """A data set of the Hub, downloaded as a whole: ``hf:NAME``, ``hf:NAME@REVISION``, ``hf:NAME:SPLIT``.

    Raises:
        SourceError: there is no such data set, split or revision, it cannot be had, or see `DataSetSource`.
    """
    import datasets

    name, revision, split = hub_name(source)
    loaded = _loaded(source, lambda: datasets.load_dataset(name, revision=revision, split=split))
    cache = Path(datasets.config.HF_CACHE_HOME)
    return DataSetSource(name, _by_split(loaded, split), cache, emotions, several)


def count_hub(source: str) -> int | None:
    """How many rows a data set of the Hub says that it has; None where it does not say.

    Raises:
        SourceError: as `open_hub`.
    """
    import datasets

    name, revision, split = hub_name(source)
    builder = _loaded(source, lambda: datasets.load_dataset_builder(name, revision=revision))
    counts = {part: info.num_examples for part, info in (builder.info.splits or {}).items()}
    if split:
        counts = {split: counts.get(split)}
    known = [number for number in counts.values() if number is not None]
    return sum(known) if known and len(known) == len(counts) else None


def open_saved(folder: Path, emotions: Emotions, several: bool) -> DataSetSource:
    """A folder that `save_to_disk` of `datasets` wrote.

    Raises:
        SourceError: it is damaged, or see `DataSetSource`.
    """
    import datasets

    loaded = _loaded(str(folder), lambda: datasets.load_from_disk(str(folder)))
    return DataSetSource(folder.resolve().name, _by_split(loaded, None), folder, emotions, several)


def open_parquet(place: Path, emotions: Emotions, several: bool) -> DataSetSource:
    """A Parquet file, or all below a folder, in the order of their names; each file is a split.

    Raises:
        SourceError: one is damaged, or see `DataSetSource`.
    """
    import datasets

    def load(file: Path) -> Any:  # each alone: their columns may differ
        return datasets.load_dataset("parquet", data_files=escape(str(file)), split="train")

    folder = place if place.is_dir() else place.parent
    files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place]
    splits = {str(file.relative_to(folder)): _loaded(str(file), partial(load, file)) for file in files}
    return DataSetSource(folder.resolve().name, splits, folder, emotions, several)


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` of `datasets` wrote a folder."""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()
    )


def hub_name(source: str) -> tuple[str, str | None, str | None]:
    """Name, revision and split of ``hf:NAME[@REVISION][:SPLIT]``.

    Raises:
        SourceError: it is not written so.
    """
    if not (parts := _NAME.fullmatch(source.removeprefix(HUB))):
        raise SourceError(f"{printable(source)} names no data set", "Write hf:NAME, hf:NAME@REVISION or hf:NAME:SPLIT")
    return parts["name"], parts["revision"], parts["split"]


def _loaded(source: str, load: Callable[[], Any]) -> Any:
    import datasets

    try:
        return load()
    except Exception as error:  # datasets and its file systems raise of every kind: no network, no such name, damage …
        cause = error.__cause__ if isinstance(error, datasets.exceptions.DatasetGenerationError) else error
        why = printable(next(iter(str(cause).strip().splitlines()), "") or type(cause).__name__)[:200]
        raise SourceError(
            f"{printable(source)} cannot be loaded: {why}",
            "Look at its name, revision and split; without a network, name a folder of it that you have",
        ) from None


def _by_split(loaded: Any, split: str | None) -> Mapping[str, Any]:
    return loaded if isinstance(loaded, dict) else {split or str(loaded.split or "all"): loaded}


def _must_have_images(name: str, table: Any) -> None:
    """Images are an `Image` feature, encoded bytes, or a struct that holds them."""
    import datasets

    feature = table.features.get("image")
    encoded = isinstance(feature, datasets.Value) and feature.dtype in ("binary", "large_binary")
    struct = isinstance(feature, dict) and "bytes" in feature
    if not (encoded or struct or isinstance(feature, datasets.Image)):
        columns = ", ".join(printable(column)[:40] for column in table.column_names[:10])
        raise SourceError(
            f"{printable(name)} has no column `image` of images; it has {columns}",
            "Rename the column of the images; paths of files belong into a manifest (.csv, .jsonl or .parquet)",
        )


def _images(table: Any) -> Any:
    """The column of images, as encoded bytes."""
    import datasets

    column = table.select_columns(["image"])
    if isinstance(table.features["image"], datasets.Image):
        column = column.cast_column("image", datasets.Image(decode=False))
    return column


def _content(images: Any, number: int, files: Path | None) -> bytes:
    value = images[number]["image"]
    if isinstance(value, dict):
        if (content := value.get("bytes")) is None and value.get("path") and files:
            return read_file(files / value["path"], files)
        value = content
    if value is None:
        raise LeftOut("has no image in its row")
    return bytes(value)


def _emotion_reader(table: Any, emotions: Emotions) -> Callable[[Mapping[str, Any]], Any]:
    """Gets the emotion of a row, in words. Labels of which none is an emotion are about something else."""
    column = next((name for name in ("emotion", "label") if name in table.column_names), None)
    if column is None:
        return lambda row: None
    feature = table.features[column]
    names: Sequence[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    if names is None:
        return lambda row: row[column]
    if column == "label" and not any(map(emotions.read, names)):
        return lambda row: None

    def word(number: int | None) -> str:
        return "" if number is None or number < 0 else names[number]

    def words(row: Mapping[str, Any]) -> list[str]:
        value = row[column]
        return [word(number) for number in value] if isinstance(value, list) else [word(value)]

    return words
