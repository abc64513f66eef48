"""Schedules: settings that change during a run as a function of the images seen only.

They do not depend on the length of the run, so a run that is made longer on resume trains in the same way.
"""

import math
from dataclasses import fields, replace
from typing import Any

from facesmith.training.settings import AnyRecipe, Recipe

END = "_end"  # suffix of the setting that another moves to


def scheduled(recipe: AnyRecipe, images_seen: int, lr_scale: float = 1.0) -> AnyRecipe:
    """Return ``recipe`` with the values after ``images_seen`` real images.

    The learning rate is also multiplied by ``lr_scale``.
    """
    changes: dict[str, Any] = {}
    if progress := schedule_progress(recipe, images_seen):
        for name in scheduled_settings(recipe):
            start, end = getattr(recipe, name), getattr(recipe, f"{name}{END}")
            if end is not None:
                changes[name] = start + (end - start) * progress
    if lr_scale != 1.0:
        changes["learning_rate"] = changes.get("learning_rate", recipe.learning_rate) * lr_scale
    return replace(recipe, **changes) if changes else recipe


def schedule_progress(recipe: Recipe, images_seen: int) -> float:
    """Return the share of the way to every end that is covered after ``images_seen`` images, 0 without a schedule.

    With ``schedule_half_life_kimg``, half of the rest is covered in every half-life: 1 minus the annealing temperature
    of deep-makeover. Otherwise the way is half a cosine over the first ``anneal_kimg``, as in Huang et al.,
    arXiv:2501.05441.
    """
    kimg = images_seen / 1000
    if recipe.schedule_half_life_kimg:
        return 1 - float(0.5 ** (kimg / recipe.schedule_half_life_kimg))
    if recipe.anneal_kimg:
        return (1 - math.cos(math.pi * min(1.0, kimg / recipe.anneal_kimg))) / 2
    return 0.0


def scheduled_settings(recipe: Recipe) -> list[str]:
    """Return the settings of a recipe that can have an end."""
    return [f.name.removesuffix(END) for f in fields(recipe) if f.name.endswith(END)]
