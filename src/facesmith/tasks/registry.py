"""The table of tasks. A task is a folder next to this file, and one line here. Importing this file imports no torch.

A folder has ``recipes`` (the class of its recipes, and RECIPES), ``task`` (the class that trains) and ``export`` (a
function ``export_run``).
"""

from importlib import import_module
from typing import Any

from facesmith.errors import FacesmithError

TASKS = {  # the classes of recipe and task, by the name of the folder
    "gan": ("GANRecipe", "GANTask"),
    "encoder": ("EncoderRecipe", "EncoderTask"),
    "classifier": ("ClassifierRecipe", "ClassifierTask"),
    "makeover": ("MakeoverRecipe", "MakeoverTask"),
}


def recipe_type(task: str) -> Any:
    """Return the class of a task's recipes. Raises `FacesmithError` for an unknown task."""
    if task not in TASKS:
        raise FacesmithError(f"unknown task {task!r} in a recipe: use the version of facesmith that wrote it")
    return getattr(import_module(f"facesmith.tasks.{task}.recipes"), TASKS[task][0])


def task_type(task: str) -> Any:
    """Return the class that trains a task's recipes. Imports torch."""
    return getattr(import_module(f"facesmith.tasks.{task}.task"), TASKS[task][1])


def exporter(task: str) -> Any:
    """Return the function that writes the model folder of a task's run. Imports torch."""
    return import_module(f"facesmith.tasks.{task}.export").export_run
