"""A manifest: a table of image files and what is known of each."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Candidate
from cfsa_tool.ingest.emotions import Emotions
from cfsa_tool.ingest.rows import BadRow, Rows, Tally
from cfsa_tool.ingest.tables import rows
from eibench_tasks.data.lines import printable

_ELSEWHERE = "Put the manifest into a folder above its images, or give absolute paths"


class ManifestSource:
    """See `Source`.

    Columns: ``image``, a path; absolute, or from the manifest's folder, which it may not leave, neither by ``..`` nor
    by a link (an absolute path is the user's word for where to look, and may be a link). Optional: ``emotion``,
    ``id`` (how the image is named to people) and ``question``.

    Args:
        file: the manifest; read to its end at once, and again for the candidates.
        emotions: that it may name.
        several: whether one image may have more than one.

    Raises:
        SourceError: it cannot be read, is empty, or a row has no meaning; names the row.
    """

    def __init__(self, file: Path, emotions: Emotions, several: bool) -> None:
        self._file = file
        self._folder = file.parent.resolve()
        self._emotions = emotions
        self._several = several
        self.passed_over: Counter[str] = Counter()
        self.total = self.likely = sum(1 for _ in self.candidates())
        if not self.total:
            raise SourceError(f"{printable(str(file))} names no image", "Give a row for each image below the header")

    def candidates(self) -> Iterator[Candidate]:
        described, paths = Rows(self._emotions, self._several), Tally()
        for where, row in rows(self._file):
            try:
                path, inside = _path(row.get("image"), self._folder)
                said = described.read(row)
            except BadRow as error:
                raise error.at(f"{self._file} {where}") from None
            place = os.fsencode(row["image"])
            again = paths.count(place)  # one file in several rows: each must be told from the others
            yield Candidate(
                key=place if again == 1 else b"%b\0%d" % (place, again),
                name=said.id or printable(row["image"]),
                path=path,
                emotions=said.emotions,
                question=said.question,
                inside=inside,
            )


def _path(value: Any, folder: Path) -> tuple[Path, Path | None]:
    """The file, and the folder that it may not lead out of."""
    if value is None or value == "":
        raise BadRow("image is empty", "Give the path of an image in every row")
    if not isinstance(value, str) or "\0" in value or not _is_name(value):
        raise BadRow("image is no path", "Give the path of an image in every row")
    path = Path(value)
    if path.is_absolute():
        return path, None
    if Path(os.path.normpath(value)).parts[:1] == (os.pardir,):
        raise BadRow(f"image {printable(value)[:100]!r} leads out of the manifest's folder", _ELSEWHERE)
    return folder / path, folder


def _is_name(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
