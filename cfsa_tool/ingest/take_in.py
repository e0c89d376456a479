"""Takes a source in: looks at its candidates side by side, and keeps what becomes of each, in their order."""

import hashlib
import json
import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from cfsa_tool.config import Config
from cfsa_tool.errors import SourceError
from cfsa_tool.ingest.candidate import Candidate, LeftOut, Source
from cfsa_tool.ingest.check import Checked, check
from cfsa_tool.ingest.keep import OF_TYPE, Keeper, Result
from cfsa_tool.ingest.sources import count, open_source
from cfsa_tool.run_folder import RunFolder
from eibench_tasks.data.images import strict_pillow
from eibench_tasks.data.lines import printable

__all__ = ["TakenIn", "count", "take_in"]

_TOGETHER = 200  # candidates of one transaction: as many are looked at again after a kill
_AHEAD = 4  # candidates on the way for each thread, so that none waits for the slowest


@dataclass(frozen=True)
class TakenIn:
    """What a source gave.

    Attributes:
        found: files or rows of the source.
        images: of the run, those of earlier times included.
        new: of these, those that are in the run since now.
        left_out: numbers of files or rows of the source by kind of reason, largest first.
        emotions: numbers of images by emotion; images without one are in none.
    """

    found: int
    images: int
    new: int
    left_out: dict[str, int]
    emotions: dict[str, int]


def take_in(
    source: str,
    folder: RunFolder,
    config: Config,
    progress: Callable[[int], Callable[[], object]] = lambda total: lambda: None,
    opened: Source | None = None,
) -> TakenIn:
    """Takes the images of a source into a run; what was taken in before and has not changed is not looked at again.

    Of images that are the same, or nearly, the one that came first into the run stays: the first by name where they
    come together. An image whose file is gone stays; one whose file has other content now goes, with its outcome.

    Args:
        source: see `sources.open_source`.
        folder: of the run, which the caller has locked.
        config: its ``emotions``, ``kind`` and ``near_duplicates`` count.
        progress: called with the number of candidates; what it returns is called after each.
        opened: the source, where it was opened before; opening it tells what is wrong with it before a run is made.

    Raises:
        SourceError: the source cannot be read, has no meaning, or holds no image.
        ConfigError: see `sources.open_source`.
        RunError: the run's folder cannot be written.
    """
    opened = opened or open_source(source, config)
    step = progress(opened.total)
    keeper = Keeper(folder, config.near_duplicates)
    with strict_pillow(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's notes on odd metadata; what matters is checked
        results = _results(opened.candidates(), keeper, config.near_duplicates is not None)
        while together := list(islice(results, _TOGETHER)):
            keeper.keep(together)
            for _ in together:
                step()
    keeper.end(opened.passed_over)
    return _taken_in(source, opened, folder, keeper.new)


def _results(candidates: Iterable[Candidate], keeper: Keeper, hashed: bool) -> Iterator[Result]:
    """Looks at candidates in threads (decoding does not hold Python's lock); a bounded number is on the way."""
    threads = min(32, (os.cpu_count() or 1) + 2)
    waiting: deque[tuple[Candidate, str, Future[Checked | LeftOut] | None]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for candidate in candidates:
            stamp = _stamp(candidate)
            known = keeper.knows(candidate, stamp)
            waiting.append((candidate, stamp, None if known else pool.submit(_look, candidate, hashed)))
            if len(waiting) > _AHEAD * threads:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())


def _look(candidate: Candidate, hashed: bool) -> Checked | LeftOut:
    try:
        return check(candidate, hashed)
    except LeftOut as left_out:  # its traceback holds all that it came through, in a circle: another one goes on
        return LeftOut(left_out.reason, left_out.kind)


def _result(candidate: Candidate, stamp: str, job: "Future[Checked | LeftOut] | None") -> Result:
    return Result(candidate, stamp, job.result() if job else None)


def _stamp(candidate: Candidate) -> str:
    """Differs where a file, or what its source says of it, has changed."""
    version = candidate.version
    if not candidate.content and not candidate.left_out:
        try:
            found = candidate.path.stat()
            version = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            version = "none"
    said = [candidate.name, os.fsencode(candidate.path).hex(), candidate.emotions, candidate.question]
    return f"{version} {hashlib.sha256(json.dumps([*said, candidate.left_out]).encode()).hexdigest()[:16]}"


def _taken_in(source: str, opened: Source, folder: RunFolder, new: int) -> TakenIn:
    images = dict(folder.rows("SELECT emotions, count(*) FROM images GROUP BY emotions"))
    passed_over = opened.passed_over.total()
    found = opened.total + passed_over
    if not images:
        raise _nothing(source, found, folder)
    emotions: Counter[str] = Counter()
    for several, number in images.items():
        emotions.update(dict.fromkeys(json.loads(several), number))
    left_out = Counter(
        dict(
            folder.rows(
                "SELECT kind, count(*) FROM files WHERE reason IS NOT NULL AND kind <> ? GROUP BY kind", OF_TYPE
            )
        )
    )
    left_out.update({OF_TYPE: passed_over} if passed_over else {})
    return TakenIn(found, sum(images.values()), new, dict(left_out.most_common()), dict(sorted(emotions.items())))


def _nothing(source: str, found: int, folder: RunFolder) -> SourceError:
    mend = "Name a folder of images, a manifest, or hf:NAME of a data set"
    if not found:
        return SourceError(f"{printable(source)} is empty", mend)
    first = "; ".join(f"{name}: {reason}" for name, reason in islice(folder.left_out(), 3))
    files = "one file, which is no image" if found == 1 else f"{found:,} files, none of them an image"
    return SourceError(f"{printable(source)} holds {files} ({first})", mend)
