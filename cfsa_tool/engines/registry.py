"""Finds the engine that a configuration names."""

from cfsa_tool.config import Model
from cfsa_tool.errors import ConfigError
from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Reply
from eibench_tasks.engines.openai_chat import OPENAI_URL, Limits, OpenAIEngine
from eibench_tasks.errors import JudgeError


def load_engine(model: Model, key: str, limits: Limits, budget: Budget, sees: bool = True) -> Engine:
    """Loads a model. One on servers is only looked for when its ``check`` is called.

    Args:
        model: what the configuration says of it.
        key: API key of the servers; "" for none.
        limits: how hard servers are asked, and for how long.
        budget: counts what is asked, and stops the engine where it is spent.
        sees: whether the model must take images.

    Raises:
        ConfigError: the engine is not installed, or the model cannot be loaded or takes no images.
    """
    try:
        if model.engine == "openai":
            return _openai(model, key, limits, budget)
        if model.engine == "vllm":
            from cfsa_tool.engines.vllm_engine import VLLMEngine

            return Counted(VLLMEngine(model.model, model.revision, model.options, sees), budget)
        return Counted(_transformers(model, sees), budget)
    except JudgeError as error:
        raise ConfigError(error.what, error.mend) from None


def _openai(model: Model, key: str, limits: Limits, budget: Budget) -> Engine:
    try:
        engine = OpenAIEngine(model.model, model.base_url or [OPENAI_URL], key, limits, budget, same_model=True)
    except JudgeError as error:
        raise ConfigError(
            error.what, "Give --base-url http://HOST:PORT/v1, and the key as the server knows it"
        ) from None
    if model.revision:
        engine.name += f"@{model.revision}"
    return engine


def _transformers(model: Model, sees: bool) -> Engine:
    from eibench_tasks.engines.local import LocalEngine
    from eibench_tasks.engines.vision import VisionEngine, takes_images

    if not sees and takes_images(model.model, model.revision) is False:
        return LocalEngine(model.model, model.batch, revision=model.revision)
    return VisionEngine(model.model, model.batch, revision=model.revision)


class Counted:
    """An engine in this process whose questions count against a budget; see `engine.Engine`."""

    def __init__(self, engine: Engine, budget: Budget) -> None:
        self.name = engine.name
        self._engine = engine
        self._budget = budget

    async def reply(self, ask: Ask) -> Reply:
        """The engine's reply.

        Raises:
            EngineError: no reply came, or the budget is spent.
        """
        aside = self._budget.send(ask)
        try:
            reply = await self._engine.reply(ask)
        except EngineError:
            self._budget.failures += 1
            self._budget.settle(aside, None)
            raise
        self._budget.settle(aside, reply)
        return reply

    async def close(self) -> None:
        """Closes the engine."""
        await self._engine.close()
