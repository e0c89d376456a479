"""Tells the conversation about one image again, out of the journal: the stages run once more and ask nothing."""

import asyncio

from cfsa_tool.config import Config
from cfsa_tool.errors import RunError
from cfsa_tool.records import Item, Outcome
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import Journals, one_image
from cfsa_tool.stages.annotate import Plan
from cfsa_tool.stages.conversation import Crew, Turn
from eibench_tasks.engines.engine import EngineError


def conversation_of(folder: RunFolder, item: Item) -> tuple[list[Turn], Outcome | None]:
    """All turns about an image, in the order of the stages, and what became of it; None where it is not done.

    Raises:
        RunError: no image of the run was annotated yet.
    """
    from cfsa_tool.ingest.emotions import known_emotions

    models, questions = folder.fact("models"), folder.fact("questions")
    if not models or not questions:
        raise RunError(
            f"nothing was asked yet in {folder.folder}", "Give the command of the run: `cfsa run IMAGES -o RUN`"
        )
    config = Config.model_validate(folder.manifest.config)
    journals, kept, turns = Journals.of(folder), folder.outcome(item), list[Turn]()
    text = journals.behind(models["text"], None) if "text" in models else None
    crew = Crew(journals.behind(models["vision"], None), text)
    plan = Plan(config, questions, known_emotions(config))
    try:
        asyncio.run(one_image(item, crew, plan, kept.retry if kept else 0, turns.append))
    except EngineError:
        pass  # so far has it come
    finally:
        journals.close()
    return turns, kept
