"""Sample logs of judged runs, in the shape that the harnesses write."""

import json
from pathlib import Path
from typing import Any

JUDGE = {"name": "offline", "protocol": "verdict", "version": "1-abc"}


def line(
    sample: str,
    present: list[bool] | None = None,
    *,
    image: str | None = None,
    answer: str = "An answer.",
    score: float | None = None,
    judge: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One line of a log: with verdicts, with the bare score of the paper protocol, or unscored."""
    if present:
        score = 100 * sum(present) / len(present)
    verdicts = [
        {"index": place, "trigger": f"t{place}", "present": value, "quote": None, "probability": None}
        for place, value in enumerate(present or [])
    ]
    row = {"image_id": image or f"image-of-{sample}"} | ({} if score is None else {"score": score})
    row |= {
        "sample_id": sample,
        "emotion": "happy",
        "answer": answer,
        "verdicts": verdicts,
        "unscored": "the judge failed" if score is None else None,
        "judge": judge or JUDGE,
    }
    return {"doc_id": 0, "filtered_resps": answer, "recall_overall": row}


def write_log(
    folder: Path, *lines: dict[str, Any], task: str = "eibench_basic_user", time: str = "20260101_000000"
) -> Path:
    """A log under the name that lmms-eval gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time}_samples_{task}.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in lines), encoding="utf-8")
    return file
