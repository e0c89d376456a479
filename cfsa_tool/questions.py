"""The general questions of a run: a file that the pilot writes and people may edit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cfsa_tool.errors import ConfigError
from eibench_tasks.data.whole import write_whole

if TYPE_CHECKING:
    from cfsa_tool.stages.pilot import Proposal

MOST = 12
"""Questions of one file."""
_HEAD = """\
# General questions: asked about every image of this run (stage 2). Edit them before `cfsa run`; afterwards they are
# part of what was run, and a run with other questions is another run.
"""
_COUNTS = "\n# What was proposed, and by how many of {groups} proposals:\n"


def write(file: Path, questions: Sequence[str], proposals: Sequence["Proposal"] = (), groups: int = 0) -> None:
    """Writes the file; proposals stand below as comments.

    Raises:
        ConfigError: it cannot be written.
    """
    import yaml

    text = _HEAD + yaml.safe_dump({"questions": list(questions)}, allow_unicode=True, width=200, sort_keys=False)
    if proposals:
        text += _COUNTS.format(groups=groups)
        text += "".join(
            f"#  {one.count:3}  {one.question}" + "".join(f"\n#         = {other}" for other in one.alike) + "\n"
            for one in proposals
        )
    try:
        write_whole(file, text)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}", "Make room, and give the same command") from None


def read(file: Path) -> list[str] | None:
    """The questions in the file; None where there is no file.

    Raises:
        ConfigError: it holds something else.
    """
    import yaml

    mend = f"Mend it, or delete it and hold the pilot again: it lists 1 to {MOST} texts under `questions:`"
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read {file} ({type(error).__name__})", mend) from None
    questions = said.get("questions") if isinstance(said, dict) else None
    if not isinstance(questions, list) or not 1 <= len(questions) <= MOST:
        raise ConfigError(f"{file} lists no questions", mend)
    if not all(isinstance(text, str) and text.strip() for text in questions):
        raise ConfigError(f"{file}: a question is no text", mend)
    return [" ".join(text.split()) for text in questions]
