"""A growing conversation about one image. The image comes first and stays, so that an engine computes it once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from eibench_tasks.engines.answer import final_answer
from eibench_tasks.engines.engine import Ask, Engine, EngineError, Message, Picture, Reply, Sampling, Trouble
from eibench_tasks.engines.structured import Unusable, json_object
from eibench_tasks.self_ask.stages import Form, prompt

ATTEMPTS = 3
"""How often one thing is asked at most; so often once more with every `cfsa retry`."""
TEMPERATURE = 0.7
"""Of every attempt after the first, which is asked at temperature 0."""
T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """One question with its reply, as `cfsa show` tells it.

    Attributes:
        stage: what it was for.
        number: of the turn in the conversation about the image, from 1; 0 of what was asked beside it.
        asked: ``vision`` or ``text``: which model.
        prompt: what was asked last; the turns before it were sent along.
        reply: what the model said.
        problem: why the reply was not used; "" where it was.
        likely: see `engine.Reply`.
    """

    stage: str
    number: int
    asked: str
    prompt: str
    reply: str
    problem: str = ""
    likely: dict[str, float] | None = None


Watch = Callable[[Turn], object]


class Failed(Exception):
    """A stage came to no result.

    Args:
        stage: which.
        reason: why, in words that may be shown.
    """

    def __init__(self, stage: str, reason: str) -> None:
        self.stage = stage
        self.reason = reason
        super().__init__(f"{stage}: {reason}")


@dataclass
class Spent:
    """Replies that one image took, and their tokens; see `records.Outcome`."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def add(self, reply: Reply) -> None:
        """Counts one reply."""
        self.calls += 1
        self.prompt_tokens += reply.prompt_tokens or 0
        self.cached_tokens += reply.cached_tokens or 0
        self.completion_tokens += reply.completion_tokens or 0


@dataclass
class Crew:
    """The models: one that sees, and one that writes; None for the same."""

    vision: Engine
    text: Engine | None = None


@dataclass
class Conversation:
    """See `self_ask.stages.Talk`.

    Attributes:
        crew: who is asked.
        picture: the image.
        attempts: how often one thing is asked at most.
        spent: counts the replies, those of branches too.
        watch: called with every turn, in the order of the replies.
    """

    crew: Crew
    picture: Picture
    attempts: int
    spent: Spent = field(default_factory=Spent)
    watch: Watch | None = None
    _messages: tuple[Message, ...] = ()

    def branch(self) -> "Conversation":
        """A conversation that goes on from here by itself."""
        return Conversation(self.crew, self.picture, self.attempts, self.spent, self.watch, self._messages)

    def afresh(self) -> "Conversation":
        """A conversation about the same image that knows nothing of this one."""
        return Conversation(self.crew, self.picture, self.attempts, self.spent, self.watch)

    @property
    def turns(self) -> int:
        """How many turns there were."""
        return len(self._messages) // 2

    async def ask(self, stage: str, text: str, form: Form[T]) -> T:
        """One more turn with the model that sees the image.

        Raises:
            Failed: no usable reply came.
            EngineError: no question will be answered any more.
        """
        found, reply = await self._asked(stage, text, form)
        said = {"role": "assistant", "content": final_answer(reply.text)}
        self._messages = (*self._messages, self._user(text), said)
        return found

    async def ask_text(self, stage: str, text: str, form: Form[T]) -> T:
        """Asks the text model, or the one that sees; neither the image nor the conversation is sent along.

        Raises:
            Failed, EngineError: as `ask`.
        """
        return (await self._asked(stage, text, form, self.crew.text or self.crew.vision))[0]

    async def conclude(self, stage: str, text: str, form: Form[T]) -> T:
        """As `ask`; of the text model where there is one.

        Raises:
            Failed, EngineError: as `ask`.
        """
        return await (self.ask_text if self.crew.text else self.ask)(stage, text, form)

    async def choose(self, stage: str, text: str, form: Form[T], choices: tuple[str, ...]) -> tuple[T, Reply]:
        """One turn whose reply is one of a few choices. The conversation does not go on from it.

        Returns:
            What was chosen, and the reply, which may tell how likely each choice was.

        Raises:
            Failed, EngineError: as `ask`.
        """
        return await self._asked(stage, text, form, choices=choices)

    async def _asked(
        self, stage: str, text: str, form: Form[T], writer: Engine | None = None, choices: tuple[str, ...] = ()
    ) -> tuple[T, Reply]:
        """Asks until a reply can be used."""
        engine, problem, full = writer or self.crew.vision, "", text
        for attempt in range(self.attempts):
            if problem:
                full = f"{text}\n\n{prompt('again_v1', reason=problem)}"
            messages = ({"role": "user", "content": full},) if writer else (*self._messages, self._user(full))
            ask = Ask(
                messages,
                Sampling(form.max_tokens, TEMPERATURE if attempt else 0.0),
                form.schema,
                f"cfsa {stage}",
                attempt,
                choices,
                "" if writer else self.picture.digest,
            )
            reply = await self._reply(engine, stage, ask)
            self.spent.add(reply)
            try:
                found = form.read(json_object(reply))
                problem = ""
            except Unusable as error:
                problem = str(error)
            if self.watch:
                asked = "text" if writer and self.crew.text else "vision"
                number = 0 if writer or choices else self.turns + 1
                self.watch(Turn(stage, number, asked, full, reply.text, problem, reply.likely))
            if not problem:
                return found, reply
        raise Failed(stage, f"no usable reply in {self.attempts} attempts: {problem}")

    async def _reply(self, engine: Engine, stage: str, ask: Ask) -> Reply:
        try:
            return await engine.reply(ask)
        except EngineError as error:
            if error.trouble is Trouble.ENGINE:
                raise
            raise Failed(stage, error.reason) from None

    def _user(self, text: str) -> Message:
        """What is said next; the image stands before the first thing that is said."""
        if self._messages:
            return {"role": "user", "content": text}
        image: dict[str, Any] = {"type": "image_url", "image_url": {"url": self.picture}}
        return {"role": "user", "content": [image, {"type": "text", "text": text}]}
