"""Stage 0: the general questions of a data set, proposed over a sample of its images.

The only point at which images wait for one another. What comes of it is written to a file that people may edit
before the images are annotated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cfsa_tool.stages.checks import all_or_none, prompt
from cfsa_tool.stages.conversation import ATTEMPTS, Conversation, Crew, Failed, Watch
from eibench_tasks.engines.engine import Picture
from eibench_tasks.engines.structured import object_schema
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS, Form
from eibench_tasks.self_ask.wording import Wording, lines, numbered

KEPT = 4
"""General questions, as in the paper."""
GROUP = 4
"""Descriptions over which questions are proposed at once."""
PROPOSED = 6
"""Questions of one proposal, at most."""
SAME = 0.75
"""Cosine of two questions' vectors from which they are one."""


@dataclass(frozen=True)
class Proposal:
    """A general question, how many of the proposals held it or one like it, and those."""

    question: str
    count: int
    alike: tuple[str, ...]


async def propose(
    pictures: Sequence[Picture], crew: Crew, wording: Wording, watch: Watch | None = None
) -> list[list[str]]:
    """Has every image described by the vision model and questions proposed over each few descriptions by the text one.

    Images of which no usable description comes are passed over.

    Raises:
        Failed: no proposal came at all.
        EngineError: no question will be answered any more.
    """
    talks = [Conversation(crew, picture, ATTEMPTS, watch=watch) for picture in pictures]
    described = [text for text in await all_or_none(*(_described(talk, wording) for talk in talks)) if text]
    groups = [described[start : start + GROUP] for start in range(0, len(described), GROUP)]
    proposals = await all_or_none(*(_proposed(talks[0], group, wording) for group in groups))
    if not any(proposals):
        raise Failed("pilot", "the models described no image or proposed no question")
    return [questions for questions in proposals if questions]


async def _described(talk: Conversation, wording: Wording) -> str:
    long = Wording(3 * wording.longest, wording.foreign)
    form = Form(
        object_schema({"description": long.schema()}),
        lambda said: long.text(said.get("description")),
        lambda text: text,
        long.tokens(1),
    )
    try:
        return await talk.ask("describe", prompt("describe_v1"), form)
    except Failed:
        return ""


async def _proposed(talk: Conversation, descriptions: Sequence[str], wording: Wording) -> list[str]:
    form = Form(
        object_schema({"questions": wording.schema_of_many(1, PROPOSED)}),
        lambda said: wording.many(said.get("questions"), 1, PROPOSED),
        lines,
        wording.tokens(PROPOSED),
    )
    try:
        text = prompt("propose_v1", descriptions=numbered(descriptions), count=str(PROPOSED))
        return await talk.ask_text("propose", text, form)
    except Failed:
        return []


def most_frequent(proposals: Sequence[Sequence[str]]) -> list[Proposal]:
    """Takes near-identical questions together, the most frequent first; ties in the order of the proposals.

    Questions are compared by sentence embeddings. Each joins the first group whose first question is near enough, and
    a group counts the proposals that it comes from. A group goes by its first question.

    Raises:
        JudgeError: the sentence encoder is not at hand.
    """
    from eibench_tasks.judging.offline.encoder import load_encoder

    questions = [(number, question) for number, group in enumerate(proposals) for question in group]
    vectors = [embedded.vector for embedded in load_encoder().embed([question for _, question in questions])]
    groups: list[list[int]] = []
    for index, vector in enumerate(vectors):
        near = (group for group in groups if float(vectors[group[0]] @ vector) >= SAME)
        if (group := next(near, None)) is not None:
            group.append(index)
        else:
            groups.append([index])
    found = [
        Proposal(
            question=questions[group[0]][1],
            count=len({questions[index][0] for index in group}),
            alike=tuple(sorted({questions[index][1] for index in group} - {questions[group[0]][1]})),
        )
        for group in groups
    ]
    return sorted(found, key=lambda proposal: -proposal.count)


def chosen(proposals: Sequence[Proposal]) -> list[str]:
    """The four most frequent; those of the paper stand in where there are fewer."""
    found = [proposal.question for proposal in proposals[:KEPT]]
    return (found + [question for question in PAPER_QUESTIONS if question not in found])[:KEPT]
