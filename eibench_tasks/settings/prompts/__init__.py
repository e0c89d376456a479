"""Prompts of the settings. The published prompts are prepared data, and those of self-ask are in `self_ask`."""

from pathlib import Path

from eibench_tasks.settings.prompt_files import PromptFiles

prompt = PromptFiles(Path(__file__).parent)
