"""The plug-in: light, registered, and silent about the state of the data until a task of ours is chosen."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from eibench_tasks.home import task_configs

_HEAVY = {"torch", "transformers", "datasets", "pydantic", "PIL", "numpy", "lmms_eval"}


def python(code: str) -> str:
    """Runs code in a fresh interpreter and returns what it printed last."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_lmms_eval_finds_the_entry_point() -> None:
    points = {point.name: point.value for point in metadata.entry_points(group="lmms_eval.models")}
    assert points["eibench"] == "eibench_tasks.plugin:register"


def test_loading_the_plug_in_imports_nothing_heavy() -> None:
    code = f"import sys, eibench_tasks.plugin; print(sorted({_HEAVY} & set(sys.modules)))"
    assert python(code) == "[]"


def test_the_command_line_imports_nothing_heavy() -> None:
    code = f"import sys, eibench_tasks.cli; print(sorted({_HEAVY} & set(sys.modules)))"
    assert python(code) == "[]"


@pytest.mark.parametrize(
    "order", ["import lmms_eval.tasks, lmms_eval.models", "import lmms_eval.models, lmms_eval.tasks"]
)
def test_every_task_manager_sees_our_tasks_whatever_was_imported_first(order: str) -> None:
    code = (
        f"{order}; from lmms_eval.tasks import TaskManager; "
        "names = TaskManager(include_defaults=False).all_tasks; "
        "print('eibench' in names, 'eibench_demo' in names, 'emotion_interpretation' in names)"
    )
    assert python(code) == "True True True"


def test_indexing_does_not_read_our_data() -> None:
    code = (
        "import lmms_eval.models; from lmms_eval.tasks import TaskManager; TaskManager(include_defaults=False); "
        "import sys; print(any(name.startswith('eibench_tasks.harness') for name in sys.modules))"
    )
    assert python(code) == "False"


def test_a_users_own_task_of_a_like_name_is_not_stopped(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("task: eibench_mine\ntag: emotion_interpretation_of_mine\n")
    code = (
        "import lmms_eval.models; from lmms_eval.tasks import TaskManager; "
        f"print(TaskManager(include_path={str(tmp_path)!r}, include_defaults=False).match_tasks(['eibench_mine']))"
    )
    assert python(code) == "['eibench_mine']"  # though nothing is prepared


def test_a_tag_that_a_users_task_carries_too_keeps_our_tasks(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("task: my_task\ntag: emotion_interpretation\n")
    code = (
        "import lmms_eval.models; from lmms_eval.tasks import TaskManager; "
        f"index = TaskManager(include_path={str(tmp_path)!r}, include_defaults=False).task_index; "
        "print(sorted(index['emotion_interpretation']['task']))"
    )
    assert python(code) == "['eibench_basic_user', 'eibench_complex', 'my_task']"


def test_every_task_has_an_integer_version_and_our_prefix() -> None:
    class Loader(yaml.SafeLoader):
        """Reads `!function` as text."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    for harness in ("lmms_eval", "lm_eval"):
        for file in task_configs(harness).glob("*.yaml"):
            config = yaml.load(file.read_text(encoding="utf-8"), Loader)
            name = config.get("group", config["task"])
            assert str(name).startswith("eibench") and file.stem == name
            if "include" in config or "aggregate_metric_list" in config:
                assert isinstance(config["metadata"]["version"], int)
