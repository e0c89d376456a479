"""Reads the rows of a manifest one after the other: CSV as spreadsheets write it, JSON lines, Parquet."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfsa_tool.errors import SourceError
from eibench_tasks.data.lines import json_lines, printable
from eibench_tasks.errors import EIBenchError

COLUMNS = ("image", "emotion", "id", "question")
"""What is read of a manifest; ``image`` must be there."""

CSV, JSON, PARQUET = frozenset({".csv", ".tsv"}), frozenset({".jsonl", ".json", ".ndjson"}), frozenset({".parquet"})
"""How the names of manifests end."""

_DELIMITERS = ",;\t|"
_MEND = "Give a column `image` with the paths of the images; `emotion`, `id` and `question` are optional"

Row = tuple[str, Mapping[str, Any]]
"""Where a row is, for people, and its columns."""


def rows(file: Path) -> Iterator[Row]:
    """The rows of a manifest, with those of `COLUMNS` that it has.

    Args:
        file: its kind goes by the end of its name.

    Raises:
        SourceError: it cannot be read, is damaged, or has no column ``image``.
    """
    read = _csv if file.suffix.lower() in CSV else _parquet if file.suffix.lower() in PARQUET else _json
    try:
        yield from read(file)
    except OSError as error:
        raise SourceError(f"cannot read {printable(str(file))}: {error.strerror or error}", _MEND) from None


def _csv(file: Path) -> Iterator[Row]:
    try:
        # Names of files need not be UTF-8; other columns must be, which whoever reads the row makes sure of
        with file.open(encoding=_encoding(file), errors="surrogateescape", newline="") as lines:
            delimiter = _delimiter(lines.readline())
            lines.seek(0)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            _must_have_image(file, header)
            before = reader.line_num
            for cells in reader:
                where, before = f"line {before + 1}", reader.line_num
                if any(cell.strip() for cell in cells):
                    yield where, _named(header, cells, file, where)
    except csv.Error as error:
        raise SourceError(f"{printable(str(file))} line {reader.line_num}: {error}", "Save it as CSV again") from None
    except UnicodeError:
        raise SourceError(f"{printable(str(file))} is damaged: no text", "Save it as CSV in UTF-8") from None


def _encoding(file: Path) -> str:
    """UTF-8 with or without a mark, or the UTF-16 that spreadsheets call Unicode text."""
    with file.open("rb") as content:
        start = content.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _delimiter(header: str) -> str:
    """The one that gives a column `image`; spreadsheets of many countries write ``;``."""
    for delimiter in _DELIMITERS:
        if "image" in (name.strip(' "\r\n').lower() for name in header.split(delimiter)):
            return delimiter
    return ","


def _named(header: list[str], cells: list[str], file: Path, where: str) -> dict[str, str]:
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise SourceError(
            f"{printable(str(file))} {where} has {len(cells)} columns, the header {len(header)}",
            "Put what holds the delimiter into double quotes",
        )
    return {name: cell for name, cell in zip(header, cells, strict=False) if name in COLUMNS}


def _must_have_image(file: Path, columns: list[str]) -> None:
    name = printable(str(file))
    if "image" not in columns:
        has = ", ".join(printable(column)[:40] for column in columns[:10]) or "nothing"
        raise SourceError(f"{name} has no column `image`; it has {has}", _MEND)
    for column in COLUMNS:
        if columns.count(column) > 1:
            raise SourceError(f"{name} has two columns `{column}`", "Take one of them out")


def _json(file: Path) -> Iterator[Row]:
    mend = 'Give one JSON object a line: {"image": "1.jpg", "emotion": "awe"}'
    try:
        for number, row in json_lines(file, mend):
            if "image" not in row:
                _must_have_image(file.with_name(f"{file.name} line {number}"), list(row))
            yield f"line {number}", {name: row[name] for name in COLUMNS if name in row}
    except EIBenchError as error:
        raise SourceError(printable(error.what), error.mend) from None


def _parquet(file: Path) -> Iterator[Row]:
    import pyarrow

    try:
        from pyarrow import parquet

        with parquet.ParquetFile(file) as table:
            names = table.schema_arrow.names
            _must_have_image(file, names)
            number = 0
            for batch in table.iter_batches(batch_size=1000, columns=[name for name in COLUMNS if name in names]):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowException as error:
        why = printable(str(error).partition("\n")[0])[:200]
        raise SourceError(f"{printable(str(file))} is damaged: {why}", "Write the Parquet file again") from None
