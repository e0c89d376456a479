"""What the task of drawn scenes names: the samples about scenes and their twins.

`files` and `facts` are made when the YAML asks for them, as in `tasks`, so that everything is drawn and checked before
a model is asked.
"""

from typing import Any

from eibench_tasks.errors import EIBenchError, RunStopped
from eibench_tasks.harness import tasks
from eibench_tasks.scenes.catalogue import EMOTIONS
from eibench_tasks.scenes.fixed import docs_of, scenes_of_run
from eibench_tasks.scenes.folder import Scenes


def check_scenes() -> Scenes:
    """Draws the fixed set where it is not there yet, or reads the folder that the user names, and checks everything.

    Raises:
        RunStopped: something is missing; the message says what and how to mend it.
    """
    tasks.check_run(prepared=False)
    try:
        found = scenes_of_run()
        found.check()
        return found
    except EIBenchError as error:
        raise RunStopped(error) from None


def __getattr__(name: str) -> Any:
    if name == "files":
        return {"data_files": {"scenes": str(check_scenes().folder / "scenes.jsonl")}}
    if name == "facts":
        facts = check_scenes().facts
        data = facts.model_dump(include={"rules", "seed", "scenes", "combinations", "shuffled", "digest"})
        count = f"{facts.samples} of {facts.samples}"
        emotions = {emotion: f"recall_{emotion}" for emotion in EMOTIONS}
        return tasks.judge_facts() | {"data": data | {"samples": {"eibench_scenes": count}}, "emotions": emotions}
    raise AttributeError(name)


def docs(dataset: Any) -> Any:
    """The samples in full; what was loaded from the file only holds those about scenes, as they are on disk."""
    return type(dataset).from_list(docs_of(check_scenes()))
