"""The stages of coarse-to-fine self-ask, each an async function that talks to a model about one image.

1. Question preprocessing: `enrich` (s_init to s_par), `rebuild` (s_par to s_rec). 2. `general` self-ask.
3. `scenario` self-ask. 4. `summarize`. The paper names the stages; its code and prompts are not published, so that
this is a reconstruction. What a model is told and how its replies are read is in this module and in ``prompts/``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from typing import Protocol as Interface

from eibench_tasks.data.schema import Record
from eibench_tasks.engines.structured import Unusable, list_schema, object_schema
from eibench_tasks.self_ask.wording import Wording, lines, numbered
from eibench_tasks.settings.prompt_files import PromptFiles

RULES = 1
"""Counts changes of the rules by which replies are read."""
prompt = PromptFiles(Path(__file__).parent / "prompts")
PAPER_QUESTIONS = tuple(lines(prompt.texts["paper_questions_v1"]))
"""The four general questions that the paper found most frequent, by their subjects; the wording is ours."""
T = TypeVar("T")


class Note(Record):
    """One question of self-ask with its answer.

    Attributes:
        number: from 1, in the order in which they were asked about this image and emotion.
        turn: number of the turn of the conversation that answered it, from 1; 0 where turns are not counted.
    """

    number: int
    stage: Literal["general", "scenario"]
    question: str
    answer: str
    turn: int


@dataclass(frozen=True)
class Found:
    """What self-ask found: the user question, the triggers with the numbers of their notes, and all notes."""

    question: str
    triggers: list[tuple[str, list[int]]]
    notes: list[Note]


@dataclass(frozen=True)
class Form(Generic[T]):
    """The form of a reply.

    Attributes:
        schema: JSON schema.
        read: reads it strictly; raises `Unusable`.
        loose: what to make of any other text, where nobody can ask again.
        max_tokens: room for it.
    """

    schema: dict[str, Any]
    read: Callable[[dict[str, Any]], T]
    loose: Callable[[str], T]
    max_tokens: int


class Talk(Interface):
    """A conversation about one image; every turn knows those before it."""

    @property
    def turns(self) -> int:
        """How many turns there were."""

    async def ask(self, stage: str, text: str, form: Form[T]) -> T:
        """One more turn with the model that sees the image."""

    async def ask_text(self, stage: str, text: str, form: Form[T]) -> T:
        """Asks the text model, which sees neither the image nor the conversation."""

    async def conclude(self, stage: str, text: str, form: Form[T]) -> T:
        """As `ask`; of the text model where there is one."""


@dataclass(frozen=True)
class SelfAsk:
    """How self-ask goes about.

    Attributes:
        questions: the general questions.
        rounds: of scenario self-ask, at most.
        questions_a_round: at most.
        most_triggers: in the summary.
        wording: of all replies.
    """

    questions: Sequence[str] = PAPER_QUESTIONS
    rounds: int = 1
    questions_a_round: int = 4
    most_triggers: int = 8
    wording: Wording = field(default_factory=Wording)

    async def __call__(self, talk: Talk, question: str) -> Found:
        """All stages, top to bottom.

        Args:
            talk: the conversation about the image.
            question: the initial question (s_init).
        """
        query = await self.rebuild(talk, await self.enrich(talk, question))
        notes = await self.general(talk)
        notes += await self.scenario(talk, query, notes)
        return await self.summarize(talk, query, notes)

    async def enrich(self, talk: Talk, question: str) -> str:
        """Stage 1, first half: the text model says in full what to look for (s_par)."""
        return await talk.ask_text("enrich", prompt("enrich_v1", question=question), self._question(2))

    async def rebuild(self, talk: Talk, question: str) -> str:
        """Stage 1, second half: the vision model asks the same about this image (s_rec)."""
        return await talk.ask("rebuild", prompt("rebuild_v1", question=question), self._question(2))

    async def general(self, talk: Talk) -> list[Note]:
        """Stage 2: the general questions, answered in one turn."""
        return await self._answers(talk, "general", list(self.questions), 1)

    async def scenario(self, talk: Talk, query: str, notes: Sequence[Note]) -> list[Note]:
        """Stage 3: the model asks about this image and answers, until it asks nothing new or the rounds are over."""
        found: list[Note] = []
        for _ in range(self.rounds):
            asked = [note.question for note in (*notes, *found)]
            text = prompt("scenario_ask_v1", question=query, count=str(self.questions_a_round))
            proposed = await talk.ask("scenario_ask", text, self._questions())
            if not (new := unasked(proposed, asked)):
                break
            found += await self._answers(talk, "scenario", new, len(asked) + 1)
        return found

    async def summarize(self, talk: Talk, query: str, notes: list[Note]) -> Found:
        """Stage 4: everything becomes the user question and the triggers."""
        told = numbered(f"{note.question} {note.answer}" for note in notes)
        text = prompt("summary_v1", question=query, notes=told, count=str(self.most_triggers))
        return await talk.conclude("summary", text, self._summary(query, notes))

    async def _answers(
        self, talk: Talk, stage: Literal["general", "scenario"], questions: list[str], first: int
    ) -> list[Note]:
        name = "general" if stage == "general" else "scenario_answer"
        text = prompt(f"{name}_v1", questions=numbered(questions, first))
        answers = await talk.ask(name, text, self._many("answers", len(questions), len(questions), _spread))
        return [
            Note(number=number, stage=stage, question=question, answer=answer, turn=talk.turns)
            for number, (question, answer) in enumerate(zip(questions, answers, strict=True), start=first)
        ]

    # Forms

    def _question(self, times: int) -> Form[str]:
        wording = Wording(times * self.wording.longest, self.wording.foreign)
        return Form(
            object_schema({"question": wording.schema()}),
            lambda said: wording.text(said.get("question")),
            lambda text: " ".join(text.split()),
            wording.tokens(1),
        )

    def _questions(self) -> Form[list[str]]:
        return self._many("questions", 0, self.questions_a_round, lambda text, most: lines(text)[:most])

    def _many(self, name: str, least: int, most: int, loose: Callable[[str, int], list[str]]) -> Form[list[str]]:
        return Form(
            object_schema({name: self.wording.schema_of_many(least, most)}),
            lambda said: self.wording.many(said.get(name), least, most),
            lambda text: loose(text, most),
            self.wording.tokens(most),
        )

    def _summary(self, query: str, notes: list[Note]) -> Form[Found]:
        numbers = {"type": "integer", "enum": [note.number for note in notes]}
        trigger = {"text": trigger_wording(self.wording).schema(), "notes": list_schema(numbers, 0, 6)}
        triggers = list_schema(object_schema(trigger), 1, self.most_triggers)
        return Form(
            object_schema({"question": self.wording.schema(), "triggers": triggers}),
            lambda said: self._found(said, notes),
            lambda text: Found(query, [(line, []) for line in lines(text)], notes),
            self.wording.tokens(1) + self.most_triggers * 120,
        )

    def _found(self, said: dict[str, Any], notes: list[Note]) -> Found:
        question, listed = self.wording.text(said.get("question")), said.get("triggers")
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise Unusable("the list of triggers is missing")
        if not listed:
            raise Unusable("it names no trigger")
        texts = trigger_wording(self.wording).many([entry.get("text") for entry in listed], 1, 2 * self.most_triggers)
        known = {note.number for note in notes}
        support = [_numbers(entry.get("notes"), known) for entry in listed]
        return Found(question, list(zip(texts, support, strict=True))[: self.most_triggers], notes)


def trigger_wording(wording: Wording) -> Wording:
    """How a trigger is worded: short."""
    return Wording(min(wording.longest, 160), wording.foreign)


def unasked(questions: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The questions that are not, in other order or case of the words, among those that were asked or came before."""
    from rapidfuzz import fuzz, utils

    new: list[str] = []
    for question in questions:
        before = (*asked, *new)
        if not any(fuzz.token_sort_ratio(question, old, processor=utils.default_process) >= 85 for old in before):
            new.append(question)
    return new


def _numbers(value: Any, known: set[int]) -> list[int]:
    """The numbers of notes that there are; what else a model writes there supports nothing."""
    listed = value if isinstance(value, list) else []
    return sorted({number for number in listed if isinstance(number, int) and number in known})


def _spread(text: str, count: int) -> list[str]:
    """A text that is no list of answers, over the questions: line by line where there are as many, else all of it
    as the answer to the first."""
    said = lines(text)
    return said if len(said) == count else [" ".join(text.split()), *[""] * (count - 1)]


@lru_cache(maxsize=1)
def version() -> str:
    """Number of the rules, and a hash of all prompts."""
    return f"{RULES}-{prompt.hash}"
