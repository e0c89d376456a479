"""A judge that asks a language model: an engine whose replies are kept, and the protocol by which they are read."""

from collections.abc import Coroutine, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar
from typing import Protocol as Interface

from eibench_tasks.engines.budget import Budget
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Reply
from eibench_tasks.engines.store import Kept, ReplyStore, StoreError
from eibench_tasks.errors import JudgeError
from eibench_tasks.judging.judgement import Judgement, Reference
from eibench_tasks.judging.llm.dialogue import Dialogue, hold
from eibench_tasks.judging.llm.loop import LoopThread

T = TypeVar("T")


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

    def about(self, reference: Reference, answer: str) -> Dialogue[Judgement]:
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
        concurrency: how many answers the engine takes at once.
    """

    measures_floor = False

    def __init__(
        self,
        name: str,
        engine: Engine,
        store: ReplyStore,
        protocol: Protocol,
        comparable: bool,
        budget: Budget,
        concurrency: int = 16,
    ) -> None:
        self.name = name
        self.protocol = protocol.name
        self.version = protocol.version
        self.comparable = comparable
        self.engine = Kept(engine, store)
        self._store = store
        self.budget = budget
        self.concurrency = concurrency
        self.stopped: str | None = None
        self._protocol = protocol
        self._inner = engine
        self._thread = LoopThread()
        self._repeat = ""
        self._checked = False

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing: which answer belongs to which reference is not known yet."""

    def check(self) -> None:
        """Looks whether the model can be asked, once.

        Raises:
            JudgeError: it cannot.
        """
        check = None if self._checked else getattr(self._inner, "check", None)
        try:
            if check:
                self.run(check())
            self._checked = True
        except EngineError as error:
            raise JudgeError(f"the judge {self.name} cannot be asked: {error.reason}", _SETTINGS) from None

    def judge(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer; waits for it."""
        return self.run(self.judge_async(reference, answer))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the loop to which the engine's connections belong; an interrupted caller cancels it."""
        return self._thread.run(work)

    async def judge_async(self, reference: Reference, answer: str) -> Judgement:
        """Judges one answer. Does not raise, unless it is cancelled."""
        if self.stopped:
            return Judgement(unscored=f"not judged: {self.stopped}")
        try:
            return await hold(self, self._protocol.about(reference, answer), self._protocol.rounds)
        except EngineError as error:  # one that concerns all questions
            self.stopped = error.reason
            return Judgement(unscored=f"the judge could not be asked: {error.reason}"[:400])
        except StoreError as error:
            self.stopped = str(error)
            return Judgement(unscored=error.what[:400])
        except Exception as error:  # a failure of the judge is never a score, and never ends a run
            return Judgement(unscored=f"the judge failed ({type(error).__name__})")

    async def reply(self, ask: Ask) -> Reply:
        """The engine's reply, or the one that is kept; see `engine.Engine`."""
        return await self.engine.reply(self._own(ask))

    def estimate(self, reference: Reference, answer: str) -> Ask | None:
        """The first question about an answer if its reply is not at hand yet."""
        ask = self._protocol.about(reference, answer).next(0)
        return ask if ask and not self.engine.knows(self._own(ask)) else None

    def repeated(self, number: int) -> "LLMJudge":
        """The same judge, whose replies are kept apart: what was asked before is asked anew, once for each number."""
        other = copy(self)
        other._repeat = f" repeat {number}"
        return other

    def _own(self, ask: Ask) -> Ask:
        return replace(ask, purpose=ask.purpose + self._repeat)

    def close(self) -> None:
        """Closes the engine's connections and the file of its replies."""
        self.run(self.engine.close())
        self._store.close()


_SETTINGS = (
    "Set EIBENCH_JUDGE_URL and EIBENCH_JUDGE_KEY (or --judge-url and --judge-key-file), and see `eibench doctor`"
)
