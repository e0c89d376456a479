"""`--model eibench_replay`: gives logged answers back, so that they can be scored again without the model.

lmms-eval --model eibench_replay --model_args path=SAMPLES.jsonl --tasks eibench
"""

import json
import os
from pathlib import Path
from typing import Any

from lmms_eval.api.model import lmms

from eibench_tasks.data.answers import Answers, read_answers
from eibench_tasks.errors import EIBenchError, RunStopped
from eibench_tasks.harness import tasks
from eibench_tasks.harness.again import FILES


class EibenchReplay(lmms):  # type: ignore[misc]  # lmms-eval carries no types
    """A model that answers from a file.

    Args:
        path: file or folder with answers, see `data.answers.read_answers`; several are separated by ``:``.
    """

    is_simple = True
    device = "cpu"  # lmms-eval asks for it where several ranks run

    def __init__(self, path: str = "", **_: Any) -> None:
        super().__init__()
        try:
            parts = path.split(":") if path else json.loads(os.environ.get(FILES, "[]"))
            self._answers: Answers = read_answers([Path(part) for part in parts if part])
        except EIBenchError as error:
            raise RunStopped(error) from None
        tasks.replaying()

    def generate_until(self, requests: list[Any]) -> list[str]:
        """One logged output per request.

        Raises:
            RunStopped: an answer is not in the files.
        """
        outputs = []
        for request in requests:
            _, _, _, doc_id, task, split = request.args
            doc = self.task_dict[task][split][doc_id]
            output = self._answers.get(task, doc_id, doc)
            if output is None:
                raise RunStopped(
                    EIBenchError(
                        f"the replayed files hold no answer to {doc['id']} of {task}",
                        "Add its log to path=…, or replay with the --limit and --offset of the logged run",
                    )
                )
            outputs.append(output)
        return outputs

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        """Not available: answers are replayed, likelihoods are not logged."""
        raise RunStopped(EIBenchError("eibench_replay only replays answers", "Use it with EIBench's tasks"))

    def generate_until_multi_round(self, requests: list[Any]) -> list[str]:
        """Not available: EIBench's tasks of several turns replay whole conversations."""
        raise RunStopped(EIBenchError("eibench_replay only replays answers", "Use it with EIBench's tasks"))
