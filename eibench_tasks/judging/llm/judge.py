"""A judge that asks a language model: an engine whose replies are kept, and the protocol by which they are read."""

from collections.abc import Sequence
from typing import Protocol as Interface

from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Reply, Trouble
from eibench_tasks.engines.store import Kept, ReplyStore, StoreError
from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judgement, Reference
from eibench_tasks.judging.llm.loop import LoopThread


class Dialogue(Interface):
    """What a judge is asked about one answer, and what comes of its replies."""

    def next(self, attempt: int) -> Ask | None:
        """The next question; None when there is no more to ask."""

    def take(self, reply: Reply) -> None:
        """Takes over what a reply says."""

    def judgement(self) -> Judgement:
        """What has come of it."""


class Protocol(Interface):
    """How a judge is asked and its replies are read.

    Attributes:
        name: ``verdict``, ``paper:chatgpt`` or ``paper:llama3``.
        version: changes with any change of prompt or rules.
        rounds: how often a judge is asked about one answer at most.
    """

    name: str
    version: str
    rounds: int

    def about(self, reference: Reference, answer: str) -> Dialogue:
        """The dialogue about one answer."""


class LLMJudge:
    """See `judging.judgement.Judge`.

    Attributes:
        engine: counts what was asked and what was known.
        budget: counts requests and cost.
        stopped: why no more is asked; None while it goes on.

    Args:
        name: as the user chose it.
        engine: the language model.
        store: where replies are kept.
        protocol: how it is asked.
        comparable: whether model and protocol are those of published numbers.
        budget: what the engine counts with.
    """

    measures_floor = False

    def __init__(
        self, name: str, engine: Engine, store: ReplyStore, protocol: Protocol, comparable: bool, budget: Budget
    ) -> None:
        self.name = name
        self.protocol = protocol.name
        self.version = protocol.version
        self.comparable = comparable
        self.engine = Kept(engine, store)
        self.budget = budget
        self.stopped: str | None = None
        self._protocol = protocol
        self._inner = engine
        self._thread = LoopThread()

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing: which answer belongs to which reference is not known yet."""

    def check(self) -> None:
        """Looks whether the model can be asked.

        Raises:
            JudgeError: it cannot.
        """
        try:
            if check := getattr(self._inner, "check", None):
                self._thread.run(check())
        except EngineError as error:
            raise JudgeError(f"the judge {self.name} cannot be asked: {error.reason}", _SETTINGS) from None

    def judge(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer; waits for it."""
        return self._thread.run(self.judge_async(reference, answer))

    async def judge_async(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer. Does not raise, unless it is cancelled."""
        if self.stopped:
            return Judgement(unscored=f"not judged: {self.stopped}")
        try:
            dialogue = self._protocol.about(reference, answer)
            for attempt in range(self._protocol.rounds):
                ask = dialogue.next(attempt)
                if ask is None:
                    break
                dialogue.take(await self.engine.reply(ask))
            return dialogue.judgement()
        except EngineError as error:
            if error.trouble is Trouble.ENGINE:
                self.stopped = error.reason
            return Judgement(unscored=f"the judge could not be asked: {error.reason}"[:400])
        except StoreError as error:
            self.stopped = str(error)
            return Judgement(unscored=error.what[:400])
        except Exception as error:  # a failure of the judge is never a score, and never ends a run
            return Judgement(unscored=f"the judge failed ({type(error).__name__})")

    def estimate(self, reference: Reference, answer: str) -> Ask | None:
        """The first question about an answer if its reply is not at hand yet."""
        ask = self._protocol.about(reference, answer).next(0)
        return ask if ask and not self.engine.knows(ask) else None

    def close(self) -> None:
        """Closes the engine's connections."""
        self._thread.run(self.engine.close())


_SETTINGS = (
    "Set EIBENCH_JUDGE_URL and EIBENCH_JUDGE_KEY (or --judge-url and --judge-key-file), and see `eibench doctor`"
)
