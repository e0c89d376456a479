"""Writes the data set as Parquet files that Hugging Face `datasets` loads, a row group at a time."""

import hashlib
from pathlib import Path
from typing import Any

from eibench_tasks.data.exported import Shard

SHARD_BYTES = 500_000_000
"""Images of one file at most, in bytes; the last image may go beyond."""
_GROUP_ROWS, _GROUP_BYTES = 100, 32_000_000
_PNG = b"\x89PNG"


def features() -> Any:
    """The columns, as `datasets` calls them."""
    from datasets import Features, Image, Sequence, Value

    text, texts = Value("string"), Sequence(Value("string"))
    names = "id split image_id image_name image_sha256 image_file emotion emotion_by whom question".split()
    lists = {"triggers": texts, "triggers_text": text, "kinds": texts, "categories": texts}
    ends = dict.fromkeys(("prompt_user", "prompt_cot", "caption", "floor_answer"), text)
    probabilities = {"probabilities": Sequence(Value("float64"))}
    return Features({"image": Image(), **dict.fromkeys(names, text), **lists, **probabilities, **ends})


class Shards:
    """The Parquet files of one split. Memory holds one row group.

    Args:
        folder: where they go; it exists.
        name: of the split.
        most_bytes: see `SHARD_BYTES`.
    """

    def __init__(self, folder: Path, name: str, most_bytes: int = SHARD_BYTES) -> None:
        self._folder = folder
        self._name = name
        self._most = most_bytes
        self._schema = features().arrow_schema
        self._group: list[dict[str, Any]] = []
        self._group_bytes = self._shard_bytes = 0
        self._writer: Any = None
        self._counts: list[int] = []

    def add(self, row: dict[str, Any], image: bytes) -> None:
        """One sample with its image file."""
        if self._writer and self._shard_bytes >= self._most:
            self._end_shard()
        if self._writer is None:
            self._begin_shard()
        name = f"{row['image_id']}.{'png' if image.startswith(_PNG) else 'jpg'}"
        self._group.append(row | {"image": {"bytes": image, "path": name}})
        self._group_bytes += len(image)
        self._shard_bytes += len(image)
        self._counts[-1] += 1
        if len(self._group) >= _GROUP_ROWS or self._group_bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> list[Shard]:
        """Ends the last file and gives all of them their names."""
        if self._writer:
            self._end_shard()
        shards = []
        for number, count in enumerate(self._counts):
            file = self._folder / f"{self._name}-{number:05}-of-{len(self._counts):05}.parquet"
            self._part(number).rename(file)
            shards.append(Shard(file=file.name, size=file.stat().st_size, sha256=_sha256(file), samples=count))
        return shards

    def abandon(self) -> None:
        """Closes the file that is open, whatever is in it."""
        if self._writer:
            self._writer.close()
            self._writer = None

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:05}"

    def _begin_shard(self) -> None:
        import pyarrow.parquet as pq

        few = ["split", "emotion", "emotion_by"]  # a dictionary of images would only cost time
        part = self._part(len(self._counts))
        self._writer = pq.ParquetWriter(part, self._schema, compression="snappy", use_dictionary=few)
        self._counts.append(0)
        self._shard_bytes = 0

    def _end_shard(self) -> None:
        self._flush()
        self._writer.close()
        self._writer = None

    def _flush(self) -> None:
        import pyarrow as pa

        if self._group:
            self._writer.write_table(pa.Table.from_pylist(self._group, schema=self._schema))
        self._group, self._group_bytes = [], 0


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
