"""What the sample browser of a page shows: every sample with the answers that the runs gave, as one JSON text."""

import base64
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eibench_tasks.data.exported import Exported, split_of
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judging.judged_logs import Judged
from eibench_tasks.judging.llm.quotes import place_of_quote
from eibench_tasks.rejudging.known import Doc, load_known
from eibench_tasks.report.page.runs import Run

THUMBNAIL = 360
"""Most pixels of a thumbnail in either direction."""
_QUALITY = 72

Entry = dict[str, Any]
"""A sample as the page reads it: ``key``, which no other in the page has, ``id``, ``emotion``, ``question``, ``image``,
the number of its image or None, ``triggers``, and ``answers``, one for each run that has the sample."""

Docs = Mapping[tuple[str, str], Doc]
"""Samples of the data by task and id."""


def load_docs(runs: Sequence[Run], exported: Sequence[Exported]) -> tuple[Docs, list[str]]:
    """The samples of the data, and why some could not be had; questions and images come from them."""
    found: dict[tuple[str, str], Doc] = {}
    troubles: dict[str, list[str]] = {}
    for task in sorted({run.result.task for run in runs}):
        split = split_of(task, exported)
        if split:
            found |= {(task, doc["id"]): doc for doc in split.samples()}
        elif task.startswith("eibench"):
            try:
                found |= {(task, doc["id"]): doc for doc in load_known({task}, None).samples}
            except EIBenchError:  # what it says names folders of this machine
                mend = "set EIBENCH_SCENES" if task == "eibench_scenes" else "run `eibench prepare --images DIR`"
                troubles.setdefault(mend, []).append(task)
        else:
            troubles.setdefault("give the split, `--exported SPLIT`", []).append(task)
    return found, [
        f"Questions and images of {', '.join(tasks)} are not shown, the data is not at hand: {mend}."
        for mend, tasks in troubles.items()
    ]


def entries(runs: Sequence[Run], docs: Docs) -> tuple[list[Entry], list[Path]]:
    """All samples, each with the answers of all runs, in the order of the first run that has them; and their images.

    Rows are of one sample if they have its id and its triggers. An unscored row has no triggers: they are those of the
    data, else those of another run.
    """
    triggers = {row.sample_id: _triggers(row) for run in reversed(runs) for row in run.rows if _triggers(row)}
    found: dict[tuple[str, ...], Entry] = {}
    images: dict[Path, int] = {}
    for run in runs:
        for row in run.rows:
            doc = docs.get((run.result.task, row.sample_id))
            told = _triggers(row) or (list(doc["triggers"]) if doc else triggers.get(row.sample_id, []))
            if doc and list(doc["triggers"]) != told:
                doc = None  # of another version of the data
            image = str(doc["image"]) if doc else ""
            entry = found.setdefault((row.sample_id, image, *told), _entry(row, doc, told))
            if image:
                entry["image"] = images.setdefault(Path(image), len(images))
            entry["answers"].append(_answer(run.place, row))
    of_id: Counter[str] = Counter()
    for entry in found.values():
        of_id[entry["id"]] += 1
        entry["key"] = entry["id"] if of_id[entry["id"]] == 1 else f"{entry['id']}~{of_id[entry['id']]}"
    return list(found.values()), list(images)


def _triggers(row: Judged) -> list[str]:
    return [verdict.trigger for verdict in row.verdicts if verdict.trigger]


def _entry(row: Judged, doc: Doc | None, triggers: list[str]) -> Entry:
    question = doc["question"] if doc else ""
    known = {"id": row.sample_id, "emotion": row.emotion, "question": question, "triggers": triggers}
    return known | {"image": None, "answers": []}


def _answer(run: int, row: Judged) -> Entry:
    verdicts = [
        [int(one.present), one.quote or "", one.probability, *_place(one.quote, row.answer)] for one in row.verdicts
    ]
    answer = {"run": run, "text": row.answer, "score": row.score, "verdicts": verdicts}
    return answer | ({"unscored": row.unscored} if row.unscored else {})


def _place(quote: str | None, answer: str) -> list[int]:
    """Where a quote stands in the answer, as scripts count, in units of UTF-16; empty where it does not."""
    found = place_of_quote(quote, answer) if quote else None
    return [place + sum(mark > "\uffff" for mark in answer[:place]) for place in found or ()]


def packed(value: Any) -> str:
    """A value as JSON, compressed, in base64: text that cannot end the element of the page that holds it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode()


def thumbnails(files: Sequence[Path], step: Callable[[], object]) -> list[str]:
    """A small JPEG of each image as a data: URL; "" where an image cannot be read."""
    found = []
    for file in files:
        small = _thumbnail(file)
        found.append("data:image/jpeg;base64," + base64.b64encode(small).decode() if small else "")
        step()
    return found


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
    except (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError):
        return None
