"""Recipes by name: the built-in ones of every task, and those that plugins register. Nothing here imports torch.

A built-in recipe is a line in ``RECIPES`` of the ``recipes.py`` of its task, such as `facesmith.tasks.gan.recipes`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from facesmith.errors import FacesmithError, did_you_mean
from facesmith.networks import plugins
from facesmith.networks.registry import KINDS, families, family_settings
from facesmith.progress import tell
from facesmith.runs.old_names import RECIPES as OLD_RECIPES
from facesmith.runs.old_names import current_table
from facesmith.tasks.registry import TASKS, recipe_type
from facesmith.training import settings
from facesmith.training.settings import Recipe as Recipe
from facesmith.training.settings import settings_of

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for task in TASKS for recipe in import_module(f"facesmith.tasks.{task}.recipes").RECIPES
}


class Setting(NamedTuple):
    """A setting of a recipe or of a network family, and its value there."""

    name: str
    value: Any
    about: str
    group: str
    choices: tuple[str, ...]


def register_recipe(recipe: Recipe) -> None:
    """Add a recipe. Raises `FacesmithError` for a name that is taken."""
    if recipe.name in RECIPES:
        raise FacesmithError(f"a recipe named {recipe.name!r} already exists: choose another name")
    recipe.check()
    RECIPES[recipe.name] = recipe


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or raise `FacesmithError` with the nearest ones."""
    if name in OLD_RECIPES:
        tell(f"the recipe {name} is now called {OLD_RECIPES[name]}")
        name = OLD_RECIPES[name]
    if name not in RECIPES:
        raise FacesmithError(f"unknown recipe {name!r}: {did_you_mean(name, RECIPES)}")
    return RECIPES[name]


def recipe_settings(name: str) -> list[Setting]:
    """Return every setting of the recipe, or of the network family, of that name, ordered by group."""
    kind = next((kind for kind in KINDS if name in families(kind)), None)
    if kind is not None and name not in RECIPES:
        known = family_settings(name, kind)
        values = {key: f.default for key, f in known.items()}
    else:
        recipe = get_recipe(name)
        known, values = settings_of(recipe), recipe.as_dict()
        kind = getattr(recipe, "family_kind", None)
    choices = {key: tuple(map(str, f.metadata["choices"])) for key, f in known.items()}
    if "family" in choices:
        choices["family"] = tuple(families(str(kind)))
    return [
        Setting(key, values[key], f.metadata["about"], f.metadata["group"], choices[key]) for key, f in known.items()
    ]


def from_table(table: dict[str, Any], file: str | Path = "the recipe") -> Recipe:
    """Return the recipe of a table of any version, whatever its task. Errors name ``file``, which holds the table."""
    try:
        recipe: Recipe = settings.from_table(recipe_type(current_table(table)["task"]), table)
    except FacesmithError as error:
        raise FacesmithError(f"{file} cannot be used: {error}") from None
    return recipe


plugins.load_installed()
