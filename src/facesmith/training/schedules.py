"""Schedules: settings that move while a run goes on, as a function of the pictures shown and of nothing else.

They follow kimg and not the run's length, so that a run made longer on resume still learns the same way.
"""

import math
from dataclasses import fields, replace
from typing import Any

from facesmith.training.settings import AnyRecipe, Recipe

END = "_end"  # of the name of a setting that says where another moves to


def scheduled(recipe: AnyRecipe, shown: int, gentleness: float = 1.0) -> AnyRecipe:
    """``recipe`` with the values that hold after ``shown`` pictures; the learning rate times ``gentleness``.

    Over the first ``anneal_kimg`` each setting that has an end moves to it along half a cosine, as in Huang et al.,
    arXiv:2501.05441: slowly, then quickly, then slowly.
    """
    changes: dict[str, Any] = {}
    if recipe.anneal_kimg:
        way = min(1.0, shown / (1000 * recipe.anneal_kimg))
        part = (1 - math.cos(math.pi * way)) / 2
        for name in moving(recipe):
            start, end = getattr(recipe, name), getattr(recipe, f"{name}{END}")
            if end is not None:
                changes[name] = start + (end - start) * part
    if gentleness != 1.0:
        changes["learning_rate"] = changes.get("learning_rate", recipe.learning_rate) * gentleness
    return replace(recipe, **changes) if changes else recipe


def moving(recipe: Recipe) -> list[str]:
    """The settings of a recipe that can move."""
    return [f.name.removesuffix(END) for f in fields(recipe) if f.name.endswith(END)]
