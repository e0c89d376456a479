"""Entry point of lmms-eval: makes our tasks and our replay model known to it.

lmms-eval loads this module at every start, so it imports nothing heavy and touches no data.
"""

import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_TASKS = "lmms_eval.tasks"


def register() -> list[Any]:
    """Called by lmms-eval when it builds its model registry.

    Returns:
        The models that the plug-in adds.
    """
    if module := sys.modules.get(_TASKS):
        _show_our_tasks(module)
    else:
        sys.meta_path.insert(0, _WhenImported(_TASKS, _show_our_tasks))
    from lmms_eval.models.registry_v2 import ModelManifest

    return [ModelManifest("eibench_replay", simple_class_path="eibench_tasks.harness.replay.EibenchReplay")]


def _show_our_tasks(module: ModuleType) -> None:
    """Lets every TaskManager index our folder too, after its own ones and those of the user."""
    from eibench_tasks.data.exported import is_exported
    from eibench_tasks.home import task_configs

    manager: Any = module.TaskManager
    index, match = manager.initialize_tasks, manager.match_tasks

    def initialize_tasks(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = index(self, *args, **kwargs)
        ours = self._get_task_and_group(str(task_configs()))
        for name in ours.keys() & found.keys():  # a tag that the user's own tasks carry too
            if ours[name]["type"] == found[name]["type"] == "tag":
                found[name]["task"] = list(dict.fromkeys([*ours[name]["task"], *found[name]["task"]]))
        return {**ours, **found}

    def match_tasks(self: Any, task_list: list[str]) -> Any:
        names = match(self, task_list)
        tagged = [task for name in names if name in self.all_tags for task in self.task_index[name]["task"]]
        folder = str(task_configs())
        if ours := {name for name in (*names, *tagged) if str(self.task_index[name]["yaml_path"]).startswith(folder)}:
            from eibench_tasks.harness.tasks import check_run

            check_run(prepared=not ours <= {"eibench_demo", "eibench_scenes"})  # before a model is loaded for minutes
            if "eibench_scenes" in ours:
                from eibench_tasks.harness.scenes import check_scenes

                check_scenes()
        files = [self.task_index[name]["yaml_path"] for name in (*names, *tagged)]  # -1 for tags
        for split in {Path(file).parent for file in files if isinstance(file, str)}:
            if is_exported(split):
                from eibench_tasks.harness.split import check_split

                check_split(split)
        return names

    manager.initialize_tasks, manager.match_tasks = initialize_tasks, match_tasks


class _WhenImported(MetaPathFinder, Loader):
    """Runs a function on a module right after its first import."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._then = then
        self._loader: Any = None

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec and spec.loader:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._then(module)
