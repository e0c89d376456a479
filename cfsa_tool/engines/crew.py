"""The models of a run behind its journal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cfsa_tool.config import Config, Model
from cfsa_tool.engines.registry import load_engine
from cfsa_tool.errors import ConfigError, quoted
from cfsa_tool.journal import Journal
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import Journals
from cfsa_tool.stages.conversation import Crew
from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.openai_chat import Limits

CALL_SECONDS, TOTAL_SECONDS = 300.0, 1800.0
"""For one try and for all tries of a question: vision models are slow, and a server may be started again meanwhile."""


@dataclass
class OpenCrew(Crew):
    """A crew at work.

    Attributes:
        budget: counts requests to servers, tries again and failures.
        journals: of the models; they count what was asked and what was known.
    """

    budget: Budget = field(default_factory=Budget)
    journals: tuple[Journal, ...] = ()

    async def close(self) -> None:
        """Gives back what the engines hold."""
        for journal in self.journals:
            await journal.close()


async def open_crew(
    config: Config, folder: RunFolder, journals: Journals, key_of: Callable[[Model], str], access: dict[str, Any]
) -> OpenCrew:
    """Loads the models, and looks whether they are those that the run began with.

    Args:
        config, folder, journals: of the run.
        key_of: the key for the servers of a model.
        access: ``call_timeout``, ``total_timeout`` in seconds and ``max_requests``, each or None.

    Raises:
        ConfigError: a model cannot be loaded, or is another than the run began with.
        EngineError: no server answers, or it serves another model.
    """
    limits = Limits(
        config.concurrency, access.get("call_timeout") or CALL_SECONDS, access.get("total_timeout") or TOTAL_SECONDS
    )
    budget = Budget(access.get("max_requests"))

    async def opened(model: Model, sees: bool) -> Journal:
        engine = load_engine(model, key_of(model), limits, budget, sees)
        journal = journals.behind(engine.name, engine)
        loaded.append(journal)
        if check := getattr(engine, "check", None):
            await check()
        return journal

    loaded: list[Journal] = []
    try:
        vision = await opened(config.vision, sees=True)
        text = await opened(config.text, sees=False) if config.text else None
        same_models(folder, {"vision": vision.name} | ({"text": text.name} if text else {}))
    except BaseException:
        for journal in loaded:
            await journal.close()
        raise
    return OpenCrew(vision, text, budget, tuple(loaded))


def same_models(folder: RunFolder, names: dict[str, str]) -> None:
    """Keeps the models' names with the run.

    Raises:
        ConfigError: the run began with others.
    """
    before = folder.fact("models")
    if before is None:
        folder.note("models", names)
    elif before != names:
        changed = "; ".join(f"{role}: {before.get(role)} → {names.get(role)}" for role in sorted({*before, *names}))
        raise ConfigError(
            f"the models are not those that {folder.folder} began with ({changed})",
            f"Start another run that keeps what is still valid: `cfsa run … -o NEW --reuse {quoted(folder.folder)}`",
        )
