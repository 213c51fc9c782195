"""What a model's part of a search depends on beside the settings' own words."""

from __future__ import annotations

import os

from superopt_cc.propose.prompt import PromptError, Templates
from superopt_cc.settings import Settings


def model_effort(settings: Settings) -> tuple[object, ...]:
    """Equal for two searches only if they asked the same model in the same words; () without one.

    Nothing is started or asked for it: a file's size and time stand for its content.
    """
    if settings.model is None:
        return ()
    try:
        templates = Templates(settings.prompts).digest
    except PromptError:
        templates = ""
    return settings.surface, settings.grammar, templates, model_stamp(settings.model)


def model_stamp(model: str) -> str:
    """Changes when another model may be behind the same words."""
    if "://" in model:
        return model
    try:
        status = os.stat(model)
    except OSError:
        return model
    return f"{model} {status.st_size} {status.st_mtime_ns}"
