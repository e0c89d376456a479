"""Files that are written as a whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Writes a file beside its place and moves it there once it is on disk; what was there before stays until then.

    Args:
        file: in a folder that exists.
        text: lone surrogates, which UTF-8 cannot hold, become ``?``.

    Raises:
        OSError: it cannot be written; then nothing is left behind.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="replace", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
