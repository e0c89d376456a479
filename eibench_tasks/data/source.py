"""Gets EIBench's files: from a local folder, from the repository at the pinned commit, or from the Hub."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from eibench_tasks.data import annotations, protocol
from eibench_tasks.data.schema import Annotation, Protocol
from eibench_tasks.errors import AnnotationError, EIBenchError

REPOSITORY = f"https://raw.githubusercontent.com/Lum1104/EIBench/{annotations.COMMIT}"
HUB_DATASET = "Lum4yx/EIBench"

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
    reasons: list[str] = []
    for name, fetch in (("repository", _from_repository), ("Hub", _from_hub)):
        try:
            return _fetch_all(fetch)
        except _FetchFailed as failure:
            reasons.append(f"{name}: {failure}")
    raise EIBenchError(
        f"EIBench could not be downloaded ({'; '.join(reasons)})",
        "Clone github.com/Lum1104/EIBench where there is a network, then"
        " `eibench prepare --images DIR --eibench CLONE`",
    )


class _FetchFailed(Exception):
    """One source does not give a file."""


def _fetch_all(fetch: Callable[[str, str], bytes]) -> tuple[list[Annotation], Protocol]:
    files = {name: fetch(f"EIBench/{folder}/{name}", name) for name, folder in _FOLDERS.items()}
    scripts = {key: fetch(path, path.rpartition("/")[2]) for key, path in protocol.SCRIPTS.items()}
    return annotations.read_published(files), protocol.protocol_from_scripts(scripts)


def _from_repository(path: str, name: str) -> bytes:
    import httpx

    base = os.environ.get("EIBENCH_SOURCE", REPOSITORY).rstrip("/")
    try:
        transport = httpx.HTTPTransport(retries=2)
        client = httpx.Client(transport=transport, timeout=20, follow_redirects=True)
        with client, client.stream("GET", f"{base}/{path}") as response:
            response.raise_for_status()
            return _bounded(name, response.iter_bytes())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _FetchFailed(f"{name}: {type(error).__name__}") from None


def _bounded(name: str, chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _MAX_BYTES:
            raise _FetchFailed(f"{name} is larger than {_MAX_BYTES // 1_000_000} MB")
    return bytes(content)


def _from_hub(path: str, name: str) -> bytes:
    """The Hub data set holds the annotations; the reference scripts only if its authors add them."""
    from huggingface_hub import hf_hub_download

    hub_path = f"{_HUB_FOLDERS[name]}/{name}" if name in _HUB_FOLDERS else path
    try:
        return Path(hf_hub_download(HUB_DATASET, hub_path, repo_type="dataset")).read_bytes()
    except Exception as error:  # its errors change with the HTTP library that its releases are built on
        raise _FetchFailed(f"{name}: {type(error).__name__}") from None
