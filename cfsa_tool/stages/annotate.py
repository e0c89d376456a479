"""What is done with one image, from top to bottom: name, ask from coarse to fine, sum up, check, label.

It is a plain async function that talks to engines only. Whoever runs it again with a journal that holds the replies
gets the same outcome.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cfsa_tool.config import Config
from cfsa_tool.records import BuiltSample, Item, Outcome, Trigger
from cfsa_tool.stages import checks
from cfsa_tool.stages.checks import against_the_image, all_or_none, by_wording, labelled
from cfsa_tool.stages.conversation import ATTEMPTS, Conversation, Crew, Failed, Watch
from cfsa_tool.stages.emotions import Named, of_source_or_model
from eibench_tasks.engines.engine import Picture
from eibench_tasks.judging.llm.labels import meaning
from eibench_tasks.self_ask import stages as self_ask_stages
from eibench_tasks.self_ask.stages import SelfAsk
from eibench_tasks.self_ask.wording import Wording


@dataclass(frozen=True)
class Plan:
    """What holds for all images of a run.

    Attributes:
        config: see there.
        questions: the general questions, as the pilot or the user chose them.
        emotions: of which the model chooses where the source names none.
    """

    config: Config
    questions: Sequence[str]
    emotions: Sequence[str]

    @property
    def wording(self) -> Wording:
        """How replies are worded."""
        return wording(self.config)

    @property
    def self_ask(self) -> SelfAsk:
        """How self-ask goes about."""
        config = self.config
        return SelfAsk(self.questions, config.rounds, config.questions_a_round, config.most_triggers, self.wording)


def wording(config: Config) -> Wording:
    """How the replies of a run are worded."""
    return Wording(config.answer_characters, _foreign) if config.language == "en" else Wording(config.answer_characters)


def _foreign(text: str) -> str | None:
    from eibench_tasks.judging.offline.english import not_english

    return "it is not in English" if not_english(text) else None


def versions() -> dict[str, str]:
    """Versions of prompts and rules, of which every change makes another run."""
    return {
        "self_ask": self_ask_stages.version(),
        "checks": f"{checks.RULES}-{checks.prompt.hash}-{hashlib.sha256(meaning().encode()).hexdigest()[:8]}",
    }


async def annotate(
    item: Item, picture: Picture, crew: Crew, plan: Plan, retry: int = 0, watch: Watch | None = None
) -> Outcome:
    """Everything about one image.

    Args:
        item: the image.
        picture: its content as models get it.
        crew: the models.
        plan: what holds for all images.
        retry: how often the image failed and is tried anew.
        watch: called with every turn.

    Raises:
        EngineError: no question will be answered any more, whatever the image.
        StoreError: replies cannot be kept.
    """
    talk = Conversation(crew, picture, ATTEMPTS * (retry + 1), watch=watch)
    several = plan.config.kind == "complex"
    built: list[BuiltSample] = []
    skipped: dict[str, str] = {}
    failed: Failed | None = None
    try:
        named = await of_source_or_model(talk, item.emotions, several, plan.emotions, plan.wording)
        found = await all_or_none(*(_one_emotion(talk.branch(), one, item.question, plan) for one in named))
        for one, result in zip(named, found, strict=True):
            if isinstance(result, BuiltSample):
                built.append(result)
            else:
                failed, skipped[one.emotion] = result, str(result)
    except Failed as error:
        failed = error
    spent = vars(talk.spent) | {"retry": retry}
    if built:
        return Outcome(samples=built, skipped=skipped, **spent)
    assert failed
    return Outcome(stage=failed.stage, failure=failed.reason, **spent)


async def _one_emotion(talk: Conversation, named: Named, question: str, plan: Plan) -> BuiltSample | Failed:
    """The sample about one emotion, or why there is none."""
    config = plan.config
    asked = question or config.question.replace(
        "{emotion}", f"{named.emotion} ({named.whom})" if named.whom else named.emotion
    )
    try:
        found = await plan.self_ask(talk, asked)
        triggers = [Trigger(text=text, notes=notes) for text, notes in found.triggers]
        triggers, dropped = by_wording(triggers, named.emotion)
        if config.verify and triggers:
            triggers, unseen = await against_the_image(talk, triggers, named.emotion, config.threshold)
            dropped += unseen
        if not triggers:
            reasons = "; ".join(dict.fromkeys(one.reason for one in dropped))
            raise Failed("checks", f"none of {len(dropped)} triggers stood the checks: {reasons}")
        if config.label:
            triggers = await labelled(talk, found.question, triggers)
    except Failed as failed:
        return failed
    return BuiltSample(
        emotion=named.emotion,
        emotion_by=named.by,
        whom=named.whom,
        question=question or found.question,
        triggers=triggers,
        dropped=dropped,
        notes=found.notes,
    )
