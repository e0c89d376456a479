"""Reads files of JSON lines that a user hands in; every command takes them in this way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eibench_tasks.errors import EIBenchError


def json_lines(file: Path, mend: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with their line numbers, from 1. Blank lines are passed over.

    Args:
        file: what to read, UTF-8.
        mend: what the user can do about a file that cannot be read.

    Raises:
        EIBenchError: the file cannot be read, or a line is no JSON object or names a key twice.
    """
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _json_object(line, f"{file} line {number}", mend)
    except OSError as error:
        raise EIBenchError(f"cannot read {file}: {error.strerror}", mend) from None


def _json_object(line: bytes, where: str, mend: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(entry := dict(pairs)) < len(pairs):
            raise EIBenchError(f"{where} names a key twice", mend)
        return entry

    try:
        entry = json.loads(line.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise EIBenchError(f"{where} is not JSON, cut short or damaged", mend) from None
    if not isinstance(entry, dict):
        raise EIBenchError(f"{where} is no JSON object", mend)
    return entry


def printable(text: str) -> str:
    """Text of files and folders with ``?`` for control characters and whatever else a terminal cannot show."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)
