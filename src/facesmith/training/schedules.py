"""Schedules: settings that move while a run goes on, as a function of the pictures shown and of nothing else.

They follow kimg and not the run's length, so that a run made longer on resume still learns the same way.
"""

import math
from dataclasses import fields, replace
from typing import Any

from facesmith.training.settings import AnyRecipe, Recipe

END = "_end"  # of the name of a setting that says where another moves to


def scheduled(recipe: AnyRecipe, shown: int, lr_scale: float = 1.0) -> AnyRecipe:
    """``recipe`` with the values that hold after ``shown`` pictures; the learning rate times ``lr_scale``.

    Each setting that has an end has gone `way_gone` of the way to it.
    """
    changes: dict[str, Any] = {}
    if part := way_gone(recipe, shown):
        for name in moving(recipe):
            start, end = getattr(recipe, name), getattr(recipe, f"{name}{END}")
            if end is not None:
                changes[name] = start + (end - start) * part
    if lr_scale != 1.0:
        changes["learning_rate"] = changes.get("learning_rate", recipe.learning_rate) * lr_scale
    return replace(recipe, **changes) if changes else recipe


def way_gone(recipe: Recipe, shown: int) -> float:
    """Return the share of the way to every end that is covered after ``shown`` images, 0 where nothing moves.

    With ``schedule_half_life_kimg``, half of the rest is covered in every half-life: 1 minus the annealing temperature
    of deep-makeover. Otherwise the way is half a cosine over the first ``anneal_kimg``, as in Huang et al.,
    arXiv:2501.05441.
    """
    kimg = shown / 1000
    if recipe.schedule_half_life_kimg:
        return 1 - float(0.5 ** (kimg / recipe.schedule_half_life_kimg))
    if recipe.anneal_kimg:
        return (1 - math.cos(math.pi * min(1.0, kimg / recipe.anneal_kimg))) / 2
    return 0.0


def moving(recipe: Recipe) -> list[str]:
    """The settings of a recipe that can move."""
    return [f.name.removesuffix(END) for f in fields(recipe) if f.name.endswith(END)]
