"""What the lm-eval task of text-only models names: the same question below a caption, scored by the same code."""

from collections.abc import Mapping
from typing import Any

from eibench_tasks.errors import EIBenchError, RunStopped
from eibench_tasks.harness import tasks
from eibench_tasks.settings import turns


def captioned(**_: Any) -> Any:
    """The basic split, for `custom_dataset`; a `datasets.DatasetDict`.

    Raises:
        RunStopped: the data is not prepared, or not every image has a caption.
    """
    import datasets

    data = tasks.check_run()
    assert data is not None
    missing = sum(not sample.caption for sample in data.split("basic"))
    if missing:
        raise RunStopped(
            EIBenchError(
                f"{missing} images have no caption, which is all that a text-only model gets to see",
                "Let a vision model write them (`lmms-eval --tasks eibench_describe --log_samples …`), then"
                " `eibench prepare --captions FILE`",
            )
        )
    return datasets.load_from_disk(str(data.arrow))


def prompt(doc: Mapping[str, Any]) -> str:
    """The published prompt below the caption."""
    return turns.with_caption(tasks.user_prompt(doc), doc["caption"])
