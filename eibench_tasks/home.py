"""Where things are kept: prepared data and caches, and the task definitions that are shipped."""

import os
from pathlib import Path

SCENE_MODEL = Path(__file__).resolve().parent / "scenes" / "model"
"""The embedded vision model: a small checkpoint of the form of Qwen2.5-VL that knows drawn scenes and nothing else."""


def eibench_home() -> Path:
    """The folder for prepared data and caches: ``$EIBENCH_HOME``, else the platform's data folder."""
    if home := os.environ.get("EIBENCH_HOME"):
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("eibench", appauthor=False)


def task_configs(harness: str = "lmms_eval") -> Path:
    """The folder with the task YAMLs of a harness, ``"lmms_eval"`` or ``"lm_eval"``.

    It is found beside this package, in a wheel as in an editable install.
    """
    return Path(__file__).resolve().parent.parent / "task_configs" / harness
