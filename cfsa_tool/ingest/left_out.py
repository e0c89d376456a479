"""Writes the report of what was left out."""

import json
from pathlib import Path

from cfsa_tool.errors import RunError
from cfsa_tool.run_folder import RunFolder


def write_report(folder: RunFolder, file: Path) -> int:
    """Writes one JSON object a line for everything in the source that is no image of the run: ``name``, ``reason``.

    Args:
        folder: of the run.
        file: replaced as a whole.

    Returns:
        How many lines there are.

    Raises:
        RunError: the file cannot be written.
    """
    temporary, number = file.with_name(f".{file.name}"), 0
    try:
        with temporary.open("w", encoding="utf-8") as lines:
            for name, reason in folder.left_out():
                lines.write(json.dumps({"name": name, "reason": reason}, ensure_ascii=False) + "\n")
                number += 1
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            f"cannot write {file}: {error.strerror}", "Make room or mend the permissions, and give the command again"
        ) from None
    return number
