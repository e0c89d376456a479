"""From what the user names as IMAGES to the source that it is."""

from pathlib import Path

from cfsa_tool.config import Config
from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Source
from cfsa_tool.ingest.emotions import Emotions, emotions_of
from cfsa_tool.ingest.tables import CSV, JSON, PARQUET
from eibench_tasks.data.lines import printable

_KINDS = "Name a folder of images, a manifest (.csv, .jsonl, .parquet), or hf:NAME of a data set"


def open_source(source: str, config: Config) -> Source:
    """The source of a run.

    Args:
        source: a folder, a manifest, a folder of `datasets.save_to_disk` or of Parquet files, or ``hf:…``, see
            `data_sets.open_hub`.
        config: its ``emotions`` and ``kind`` count.

    Raises:
        SourceError: it is not there, is nothing of this kind, cannot be read, or says what has no meaning.
        ConfigError: its ``emotions`` are no names.
    """
    from cfsa_tool.ingest import data_sets

    emotions, several = emotions_of(config), config.kind == "complex"
    if not source.removeprefix(data_sets.HUB).strip():
        raise SourceError("no images are named", _KINDS)
    if source.startswith(data_sets.HUB):
        if not Path(source.removeprefix(data_sets.HUB)).is_dir():
            return data_sets.open_hub(source, emotions, several)
        source = source.removeprefix(data_sets.HUB)
    path = Path(source)
    try:
        if path.is_dir():
            return _folder(path, emotions, several)
        if path.is_file():
            return _file(path, emotions, several)
        if path.exists():
            raise SourceError(f"{printable(source)} is neither a file nor a folder", _KINDS)
    except OSError as error:
        raise SourceError(f"cannot look at {printable(source)}: {error.strerror}", "Mend its permissions") from None
    raise SourceError(f"{printable(source)} does not exist", _KINDS)


def count(source: str, config: Config) -> int:
    """How many images a source seems to hold, by the names of its files or its rows; decodes none.

    Raises:
        SourceError, ConfigError: as `open_source`.
    """
    from cfsa_tool.ingest import data_sets

    named = source.removeprefix(data_sets.HUB).strip()
    on_hub = named and source.startswith(data_sets.HUB) and not Path(source.removeprefix(data_sets.HUB)).is_dir()
    if on_hub and (number := data_sets.count_hub(source)) is not None:
        return number
    return open_source(source, config).likely


def _folder(folder: Path, emotions: Emotions, several: bool) -> Source:
    from cfsa_tool.ingest import data_sets
    from cfsa_tool.ingest.folders import FolderSource

    if data_sets.is_saved(folder):
        return data_sets.open_saved(folder, emotions, several)
    found = FolderSource(folder, emotions)
    if not found.likely and found.passed_over[".parquet"]:
        return data_sets.open_parquet(folder, emotions, several)
    return found


def _file(file: Path, emotions: Emotions, several: bool) -> Source:
    from cfsa_tool.ingest import data_sets
    from cfsa_tool.ingest.manifests import ManifestSource

    suffix = file.suffix.lower()
    if suffix not in CSV | JSON | PARQUET:
        raise SourceError(f"{printable(str(file))} is no manifest", _KINDS)
    if suffix in PARQUET and _holds_images(file):
        return data_sets.open_parquet(file, emotions, several)
    return ManifestSource(file, emotions, several)


def _holds_images(file: Path) -> bool:
    """Whether a Parquet file has the images themselves in its column, not their paths."""
    import pyarrow
    from pyarrow import parquet, types

    try:
        schema = parquet.read_schema(file)
    except pyarrow.ArrowException:
        return False  # whoever reads it says what is wrong
    if "image" not in schema.names or len(schema.get_all_field_indices("image")) > 1:
        return False
    kind = schema.field("image").type
    return bool(types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind))
