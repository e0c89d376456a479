"""Reads captions from a file: the samples that a run of `eibench_describe` logged, or plain lines."""

import hashlib
import json
from pathlib import Path
from typing import Any

from eibench_tasks.data.schema import Captions
from eibench_tasks.errors import EIBenchError
from eibench_tasks.secrets import without_secrets

_FORMAT = (
    'Give the *_samples_eibench_describe.jsonl of a run with --log_samples, or lines {"image": KEY, "caption": TEXT}'
)


def read_captions(path: Path, model: str | None = None) -> tuple[dict[str, str], Captions]:
    """Captions by image key, and whose they are.

    Args:
        path: logged samples of `eibench_describe`, or lines ``{"image": KEY, "caption": TEXT, "model": NAME}``.
        model: who wrote them; needed where neither the lines nor the run's results beside them say.

    Raises:
        EIBenchError: the file cannot be read, is malformed, holds no caption, or nobody says whose they are.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EIBenchError(f"cannot read --captions {path}: {error.strerror}", _FORMAT) from None
    texts: dict[str, str] = {}
    writers: set[str] = set()
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            key, caption, who = _entry(path, number, line)
            if caption:
                texts[key] = caption
                writers |= {who} if who else set()
    if not texts:
        raise EIBenchError(f"--captions {path} holds no caption", _FORMAT)
    model = model or " and ".join(sorted(writers)) or _model_of_run(path)
    if not model:
        raise EIBenchError(f"--captions {path} does not say whose captions it holds", "Add --captions-by MODEL")
    return texts, Captions(model=model, count=len(texts), sha256=hashlib.sha256(content).hexdigest())


def _entry(path: Path, number: int, line: bytes) -> tuple[str, str, str | None]:
    try:
        entry = json.loads(line.decode("utf-8"))
        row: dict[str, Any] = entry.get("described", entry)
        key, caption = row.get("image_id", row.get("image")), row["caption"]
        model = row.get("model")
        if isinstance(key, str) and isinstance(caption, str | None) and isinstance(model, str | None):
            (caption or "").encode()  # half a surrogate pair cannot be written again
            return key, (caption or "").strip(), model
    except (ValueError, KeyError, AttributeError, RecursionError):
        pass
    raise EIBenchError(f"--captions {path} line {number} holds no caption of an image", _FORMAT)


def _model_of_run(samples: Path) -> str | None:
    """The model named in the results file that lmms-eval wrote beside the samples of the same run."""
    stamp = samples.name.partition("_samples_")[0]
    for results in samples.parent.glob(f"{stamp}_results.json"):
        try:
            config = json.loads(results.read_text(encoding="utf-8"))["config"]
            return without_secrets(",".join(filter(None, (config.get("model"), str(config.get("model_args") or "")))))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None
    return None
