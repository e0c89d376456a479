"""Gets EIBench's files: from a local folder, from the repository at the pinned commit, or from the Hub."""

import os
from collections.abc import Iterable
from pathlib import Path

from eibench_tasks.data import annotations, protocol
from eibench_tasks.data.schema import Annotation, Protocol
from eibench_tasks.errors import AnnotationError, EIBenchError

REPOSITORY = f"https://raw.githubusercontent.com/Lum1104/EIBench/{annotations.COMMIT}"
HUB = "https://huggingface.co/datasets/Lum4yx/EIBench/resolve/main"
"""The authors' data set on the Hub; it holds the annotations, not the reference scripts."""

_FOLDERS = {"user.jsonl": "EI_Basic", "basic_ground_truth.json": "EI_Basic", "ec_complex.jsonl": "EI_Complex"}
_HUB_FOLDERS = {
    "user.jsonl": "EmCo_Basic",
    "basic_ground_truth.json": "EmCo_Basic",
    "ec_complex.jsonl": "EmCo_Complex",
}
_MAX_BYTES = 10_000_000  # the largest file is 393 kB; whatever is larger is not what was asked for


def load(folder: Path | None) -> tuple[list[Annotation], Protocol]:
    """The published annotations and protocol strings, checked.

    Args:
        folder: a checkout of EIBench, or a flat folder with the annotation files and ``protocol.json``;
            None downloads from the repository, then from the Hub. ``$EIBENCH_SOURCE`` names a mirror of
            the repository's root to download from instead.

    Raises:
        AnnotationError: a file is missing or not the published one.
        EIBenchError: nothing could be downloaded.
    """
    if folder is None:
        return _download()
    try:
        return _from_folder(folder)
    except OSError as error:
        raise AnnotationError(f"cannot read --eibench {folder}: {error.strerror}", _HOW) from None


def _from_folder(folder: Path) -> tuple[list[Annotation], Protocol]:
    if not folder.is_dir():
        raise AnnotationError(f"--eibench {folder} is not a folder", _HOW)
    flat = folder / "protocol.json"

    def find(name: str) -> bytes:
        inner = f"{_FOLDERS[name]}/{name}" if name in _FOLDERS else name.removeprefix("EIBench/")
        for path in (folder / name, folder / inner, folder / "EIBench" / inner):
            if path.is_file():
                return _read(path)
        raise AnnotationError(f"{name} is not in {folder}", _HOW)

    published = annotations.read_published({name: find(name) for name in annotations.SHA256})
    if flat.is_file():
        return published, protocol.protocol_from_json(_read(flat))
    return published, protocol.protocol_from_scripts({key: find(p) for key, p in protocol.SCRIPTS.items()})


_HOW = "Give a checkout of github.com/Lum1104/EIBench, or leave --eibench out to download"


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AnnotationError(f"{path} is larger than any file of EIBench", _HOW)
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"cannot read {path}: {error.strerror}", _HOW) from None


def _download() -> tuple[list[Annotation], Protocol]:
    scripts = {key: _fetch(path) for key, path in protocol.SCRIPTS.items()}  # first: only the repository has them
    files = {name: _fetch(f"EIBench/{folder}/{name}") for name, folder in _FOLDERS.items()}
    return annotations.read_published(files), protocol.protocol_from_scripts(scripts)


def _fetch(path: str) -> bytes:
    """One file of the repository, from the first source that gives it; its sha256 is checked later."""
    import httpx

    reasons = []
    name = path.rpartition("/")[2]
    for source, url in _urls(path).items():  # a mirror's address may hold a password: only its label is shown
        try:
            with httpx.stream("GET", url, timeout=20, follow_redirects=True) as response:
                response.raise_for_status()
                return _bounded(response.iter_bytes())
        except httpx.HTTPStatusError as error:
            reasons.append(f"{source}: {name}: status {error.response.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reasons.append(f"{source}: {name}: {type(error).__name__}")
        except _TooLargeError:
            reasons.append(f"{source}: {name} is larger than {_MAX_BYTES // 1_000_000} MB")
    raise EIBenchError(
        f"EIBench could not be downloaded ({'; '.join(reasons)})",
        "Clone github.com/Lum1104/EIBench where there is a network, then"
        " `eibench prepare --images DIR --eibench CLONE`",
    )


def _urls(path: str) -> dict[str, str]:
    """Where a file may be: the mirror if one is named, else the repository, and the Hub for the annotations."""
    if mirror := os.environ.get("EIBENCH_SOURCE"):
        return {"EIBENCH_SOURCE": f"{mirror.rstrip('/')}/{path}"}
    name = path.rpartition("/")[2]
    hub = {"Hub": f"{HUB}/{_HUB_FOLDERS[name]}/{name}"} if name in _HUB_FOLDERS else {}
    return {"repository": f"{REPOSITORY}/{path}", **hub}


class _TooLargeError(Exception):
    """What comes is no file of EIBench."""


def _bounded(chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _MAX_BYTES:
            raise _TooLargeError
    return bytes(content)
