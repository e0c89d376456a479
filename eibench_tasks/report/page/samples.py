"""What the sample browser of a page shows: every sample with the answers that the runs gave, as one JSON text."""

import base64
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eibench_tasks.data.exported import Exported
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.rejudging.known import Doc, load_known
from eibench_tasks.report.page.runs import Run

THUMBNAIL = 360
"""Most pixels of a thumbnail in either direction."""
_QUALITY = 72

Entry = dict[str, Any]
"""A sample as the page reads it: ``id``, ``emotion``, ``split``, ``question``, ``image``, ``triggers``, and
``answers``, one for each run that has the sample."""


def load_docs(runs: Sequence[Run], exported: Sequence[Exported]) -> tuple[dict[str, Doc], str | None]:
    """The samples of the data by their ids, and why some could not be had; questions and images come from them."""
    found: dict[str, Doc] = {}
    trouble = None
    for task in sorted({run.result.task for run in runs}):
        try:
            found |= {doc["id"]: doc for doc in load_known({task}, None, exported).samples}
        except EIBenchError as error:
            trouble = f"Questions and images of {task} are not shown: {error.what}."
    return found, trouble


def entries(runs: Sequence[Run], docs: Mapping[str, Doc]) -> list[Entry]:
    """All samples, each with the answers of all runs; in the order of the first run that has them."""
    found: dict[tuple[str, ...], Entry] = {}
    for number, run in enumerate(runs):
        for row in run.rows:
            triggers = [verdict.trigger for verdict in row.verdicts]
            doc = docs.get(row.sample_id)
            if doc and (not triggers or list(doc["triggers"]) == triggers):
                triggers = list(doc["triggers"])
            else:
                doc = None  # of another version of the data, or unknown here
            key = (row.sample_id, *triggers)
            entry = found.setdefault(key, _entry(row, doc, triggers))
            entry["answers"].append(_answer(number, row))
    return list(found.values())


def _entry(row: Judged, doc: Doc | None, triggers: list[str]) -> Entry:
    return {
        "id": row.sample_id,
        "emotion": row.emotion,
        "question": doc["question"] if doc else "",
        "image": row.image_id if doc and doc["image"] else "",
        "triggers": triggers,
        "answers": [],
    }


def _answer(run: int, row: Judged) -> Entry:
    verdicts = [[int(one.present), one.quote or "", one.probability] for one in row.verdicts]
    answer = {"run": run, "text": row.answer, "score": row.score, "verdicts": verdicts}
    return answer | ({"unscored": row.unscored} if row.unscored else {})


def packed(value: Any) -> str:
    """A value as JSON, compressed, in base64: text that cannot end the element of the page that holds it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "surrogatepass"), 9, mtime=0)).decode()


def thumbnails(
    samples: Iterable[Entry], docs: Mapping[str, Doc], step: Callable[[], object]
) -> tuple[dict[str, str], int]:
    """A small JPEG of each image by its id, as data: URLs; and how many images could not be read."""
    files = {entry["image"]: Path(docs[entry["id"]]["image"]) for entry in samples if entry["image"]}
    found: dict[str, str] = {}
    for image_id, file in files.items():
        if small := _thumbnail(file):
            found[image_id] = "data:image/jpeg;base64," + base64.b64encode(small).decode()
        step()
    return found, len(files) - len(found)


def _thumbnail(file: Path) -> bytes | None:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            out = io.BytesIO()
            small.save(out, "JPEG", quality=_QUALITY, optimize=True)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
