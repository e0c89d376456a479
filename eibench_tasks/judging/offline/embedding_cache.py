"""Keeps the embeddings of the reference texts on disk: they are the same in every run.

What cannot be read or written is embedded again; nothing here can fail a run.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from eibench_tasks.home import eibench_home
from eibench_tasks.judging.offline.encoder import Embedded


def file_for(texts: Iterable[str], version: str) -> Path:
    """Where the embeddings of exactly these texts are kept, for one version of the judge."""
    digest = hashlib.sha256(version.encode())
    for text in sorted(texts):
        digest.update(hashlib.sha256(text.encode()).digest())
    return eibench_home() / "cache" / f"embeddings-{digest.hexdigest()[:16]}.npz"


def load(file: Path) -> dict[str, Embedded]:
    """What was kept; empty if there is nothing or it cannot be read."""
    try:
        with np.load(file, allow_pickle=False) as data:
            ends = np.cumsum(data["sizes"])
            tokens, importance, denial, vectors = (data[name] for name in ("tokens", "importance", "denial", "vectors"))
            texts = data["texts"].tobytes().decode("utf-8").split("\0")
        starts = ends - np.diff(ends, prepend=0)
        return {
            text: Embedded(vectors[i], tokens[a:b], importance[a:b], denial[a:b])
            for i, (text, a, b) in enumerate(zip(texts, starts, ends, strict=True))
        }
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        return {}


def save(file: Path, items: dict[str, Embedded]) -> None:
    """Keeps embeddings, replacing the file as a whole; silently does nothing where that is not possible."""
    temporary = file.with_name(f".{file.name}-{os.getpid()}.npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            temporary,
            texts=np.frombuffer("\0".join(items).encode("utf-8"), dtype=np.uint8),
            sizes=np.array([len(item.tokens) for item in items.values()]),
            vectors=np.stack([item.vector for item in items.values()]),
            tokens=np.concatenate([item.tokens for item in items.values()]),
            importance=np.concatenate([item.importance for item in items.values()]),
            denial=np.concatenate([item.denial for item in items.values()]),
        )
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
