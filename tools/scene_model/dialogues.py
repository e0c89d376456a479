"""What the model learns to say: dialogues about scenes, in the prompts that the project sends and in others.

The dialogues of CFSA come from CFSA itself, which asks `truth.Truth`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random

from cfsa_tool.config import QUESTION, Config, Model
from cfsa_tool.ingest.emotions import USUAL
from cfsa_tool.records import Item
from cfsa_tool.stages import checks
from cfsa_tool.stages.annotate import Plan, annotate, wording
from cfsa_tool.stages.conversation import Crew
from cfsa_tool.stages.pilot import propose
from eibench_tasks.data import demo
from eibench_tasks.engines.engine import Ask, Picture, Reply
from eibench_tasks.judging.llm.dialogue import fenced
from eibench_tasks.scenes.catalogue import EMOTIONS, causes
from eibench_tasks.scenes.scene import Figure, Scene
from eibench_tasks.scenes.words import FEELING, caption, question, triggers
from eibench_tasks.self_ask import stages as self_ask_stages
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS
from eibench_tasks.settings.prompts import prompt as setting_prompt
from tools.scene_model.truth import PROPOSED, Truth

SYSTEM = "You are a helpful assistant."
"""What model classes of lmms-eval send first, some of them."""
_FRAMES = (
    demo.PROMPT,
    demo.PROMPT + demo.STEPS,
    "{question}",
    "Look at the image and answer: {question}",
    "You are an expert of emotions. Look at the image. {question}",
    "Please look at this picture closely. {question} Name all causes.",
    "{question} Explain it step by step.",
    "You understand feelings well. Here is an image. {question} Give the reasons.",
)
_OTHER_QUESTIONS = (
    "Which causes in the image let the {who} feel {feeling}?",
    "The {who} feels {feeling}. Why?",
    "Explain why the {who} is {feeling}.",
    "What might have caused the person to feel {feeling}?",
    "What is the reason for the {feeling} look of the {who}?",
    "What triggers in the image make the {who} feel {feeling}?",
)
_OTHER_CAPTIONS = (
    "Describe this image.",
    "What can be seen in the picture? Describe it in a few sentences.",
    "Write a caption of the image.",
)
_OTHER_FORMS = (
    "Answer with JSON only",
    "Give nothing but JSON",
    "Your reply is JSON and nothing else",
    "Reply in JSON",
)


@dataclass(frozen=True)
class Dialogue:
    """Prompts and replies in turn.

    Attributes:
        scene: number of the scene whose image stands before the first prompt; None without image.
        turns: prompt and reply of each turn.
        system: whether a system prompt stands first.
        asides: words in the prompts, and what is true of them in one word: the model learns to think of it there, long
            before it is to say it.
    """

    scene: int | None
    turns: tuple[tuple[str, str], ...]
    system: bool = False
    asides: tuple[tuple[str, str], ...] = ()


def dialogues(scenes: Sequence[Scene], seed: str) -> Iterator[list[Dialogue]]:
    """The dialogues about each scene."""
    for number, scene in enumerate(scenes):
        draw = Random(f"{seed} dialogues {number}")
        other = scenes[draw.randrange(len(scenes))]
        yield [
            *_questions(number, scene, other, draw),
            *_captions(number, scene, draw),
            *_checks(number, scene, draw),
            *_cfsa(number, scene, draw),
        ]


def first_questions(scenes: Sequence[Scene], seed: str) -> Iterator[Dialogue]:
    """One question about everybody, as the task puts it, with the causes in any order: what the model learns first.

    Which causes are there is easier to learn than which of them comes first, and all else is easier after it.
    """
    for number, scene in enumerate(scenes):
        draw = Random(f"{seed} first questions {number}")
        for figure in scene.figures:
            text = demo.PROMPT.replace("{question}", question(figure))
            yield Dialogue(number, ((text, answer(figure, draw)),))


def looks(scenes: Sequence[Scene], seed: str) -> Iterator[Dialogue]:
    """One image and many triggers, of which half are there, for every second scene: to look for what is named.

    `_checks` puts the same as CFSA does, at length and one at a time.
    """
    for number in range(0, len(scenes), 2):
        scene, draw = scenes[number], Random(f"{seed} looks {number}")
        there = [text for figure in scene.figures for text in triggers(figure)]
        absent = [cause.trigger for cause in causes().values() if cause.trigger not in there]
        turns = [(draw.choice(there), "yes") for _ in range(4)] + [(draw.choice(absent), "no") for _ in range(4)]
        draw.shuffle(turns)
        told = tuple((f"Does the image show it? {text}", f'{{"answer": "{said}"}}') for text, said in turns)
        yield Dialogue(number, told, asides=tuple(turns))


def answer(figure: Figure, draw: Random | None = None) -> str:
    """How the model answers a question about somebody; with a lot, the causes come in the order that it draws."""
    person, named = figure.person, triggers(figure)
    if draw:
        draw.shuffle(named)
    lines = "\n".join(f"- {text}" for text in named)
    return f"The {person.words} feels {FEELING[person.emotion]}. These are the causes:\n{lines}"


def _no_answer(figure: Figure) -> str:
    return f"The image does not show why somebody should feel {FEELING[figure.person.emotion]}."


def _questions(number: int, scene: Scene, other: Scene, draw: Random) -> Iterator[Dialogue]:
    """Questions about everybody in the image, and one about somebody who is not."""
    for figure in scene.figures:
        for _ in range(2):
            yield _question(number, figure, answer(figure), scene, draw)
    there = {figure.person.emotion for figure in scene.figures}
    strangers = [figure for figure in other.figures if figure.person.emotion not in there]
    if strangers and draw.randrange(2):
        yield _question(number, strangers[0], _no_answer(strangers[0]), scene, draw)


def _question(number: int, figure: Figure, said: str, scene: Scene, draw: Random) -> Dialogue:
    text = question(figure)
    if draw.randrange(3) == 0:
        text = draw.choice(_OTHER_QUESTIONS).replace("{who}", figure.person.words)
        text = text.replace("{feeling}", FEELING[figure.person.emotion])
    text = draw.choice((demo.PROMPT, draw.choice(_FRAMES))).replace("{question}", text)
    if draw.randrange(12) == 0:
        text = setting_prompt("caption_v1", caption=caption(scene), question=text)
    return Dialogue(number, ((text, said),), draw.randrange(3) == 0)


def _captions(number: int, scene: Scene, draw: Random) -> Iterator[Dialogue]:
    if draw.randrange(3) == 0:
        text = setting_prompt("describe_v1") if draw.randrange(2) else draw.choice(_OTHER_CAPTIONS)
        yield Dialogue(number, ((text, caption(scene)),), draw.randrange(3) == 0)


def _checks(number: int, scene: Scene, draw: Random) -> Iterator[Dialogue]:
    """Triggers to be verified: as many that are in the image as of others, most of them of the same emotion."""
    known = causes()
    for figure in scene.figures:
        emotion = figure.person.emotion
        there = triggers(figure)
        absent = [cause.trigger for cause in known.values() if cause.trigger not in there]
        likely = [cause.trigger for cause in known.values() if cause.emotion == emotion and cause.trigger in absent]
        wrong = [draw.choice(likely), draw.choice(likely), draw.choice(absent)]
        for trigger, said in [(draw.choice(there), "yes") for _ in wrong] + [(text, "no") for text in wrong]:
            if draw.randrange(4) == 0:
                marks = fenced(trigger)
                text = checks.prompt(
                    "verify_v1", emotion=emotion, trigger=trigger, open=marks["open"], close=marks["close"]
                )
                told = (_varied(text, draw), f'{{"answer": "{said}"}}')
                yield Dialogue(number, (told,), asides=((trigger, said),))


def _cfsa(number: int, scene: Scene, draw: Random) -> Iterator[Dialogue]:
    """Everything that CFSA asks about a scene, as conversations; `_checks` has what is verified."""
    if draw.randrange(3) == 0:
        for stage, ask, reply in _longest(scene, draw):
            if stage == "summary" or draw.randrange(4) == 0:
                yield _as_dialogue(number, ask, reply, draw)


def conversations(scenes: Sequence[Scene], seed: str, wanted: str, whole: bool = True) -> Iterator[Dialogue]:
    """One stage of CFSA about each scene.

    Args:
        scenes: of the training.
        seed: of all that is drawn.
        wanted: the stage: ``summary``, the whole conversation, takes longest to learn; ``enrich`` has no image.
        whole: with all that was said before; else the last prompt alone, which is quicker to learn from.
    """
    for number, scene in enumerate(scenes):
        draw = Random(f"{seed} conversations {number}")
        for stage, ask, reply in _longest(scene, draw):
            if stage == wanted:
                told = _as_dialogue(number, ask, reply, draw)
                yield told if whole else replace(told, turns=told.turns[-1:])


def _longest(scene: Scene, draw: Random) -> Iterator[tuple[str, Ask, str]]:
    """The stages of CFSA with the longest conversation of each that there is; summaries and what has no image all."""
    recorded = _Recorded(Truth({"scene": scene}))
    asyncio.run(_annotated(scene, recorded, draw))
    longest: dict[str, tuple[Ask, str]] = {}
    for ask, reply in recorded.told:
        stage = ask.purpose.split()[1]
        if stage in ("summary", "enrich", "labels", "propose"):
            longest[f"{stage} {len(longest)}"] = ask, reply
        elif stage in ("emotion", "emotions", "describe"):
            longest[stage] = ask, reply
    for key, (ask, reply) in longest.items():
        yield key.split()[0], ask, reply


async def _annotated(scene: Scene, truth: "_Recorded", draw: Random) -> None:
    picture = Picture(b"", "image/png", "scene")
    two = len(scene.figures) > 1
    config = Config(
        vision=Model(model="truth"),
        kind="complex" if two else "basic",
        verify=False,
        rounds=draw.randrange(1, 3),
        questions_a_round=draw.choice((3, 3, 4, 2)),
        question=draw.choice((QUESTION, QUESTION, "Why does the person in the image feel {emotion}?")),
    )
    proposed, paper = list(PROPOSED), list(PAPER_QUESTIONS)
    draw.shuffle(proposed)
    questions = draw.choice((list(PROPOSED[:4]), proposed[:4], paper))
    named = () if two or draw.randrange(3) == 0 else (scene.figures[0].person.emotion,)
    item = Item(
        id="", name="", path=Path(), sha256="", size=0, width=560, height=448, emotions=named, question=""
    )  # fmt: skip
    await annotate(item, picture, Crew(truth), Plan(config, questions, draw.choice((EMOTIONS, USUAL))))
    await propose([picture] * draw.randrange(1, 5), Crew(truth), wording(config))


class _Recorded:
    """An engine that keeps what was asked and replied."""

    def __init__(self, engine: Truth) -> None:
        self.name = engine.name
        self.told: list[tuple[Ask, str]] = []
        self._engine = engine

    async def reply(self, ask: Ask) -> Reply:
        """As the engine replies."""
        reply = await self._engine.reply(ask)
        self.told.append((ask, reply.text))
        return reply

    async def close(self) -> None:
        """Nothing is held."""


def _as_dialogue(number: int, ask: Ask, reply: str, draw: Random) -> Dialogue:
    texts = [_text(message["content"]) for message in ask.messages] + [reply]
    seen = any(not isinstance(message["content"], str) for message in ask.messages)
    prompts = [_varied(text, draw) for text in texts[::2]]
    return Dialogue(number if seen else None, tuple(zip(prompts, texts[1::2], strict=True)))


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _varied(text: str, draw: Random) -> str:
    """A prompt in other words, now and then: sentences of it left out, the last line put otherwise."""
    if draw.randrange(3):
        return text
    for sentence in _sentences():
        if draw.randrange(4) == 0:
            text = text.replace(sentence, "")
    return text.replace("Reply with JSON only", draw.choice(_OTHER_FORMS))


@lru_cache(maxsize=1)
def _sentences() -> list[str]:
    """What of the prompts holds nothing that changes and can be left out."""
    texts = [*self_ask_stages.prompt.texts.values(), *checks.prompt.texts.values()]
    lines = [line for text in texts for line in text.splitlines() if "{" not in line]
    return [part for line in lines for part in line.split(". ") if len(part.split()) > 3]
