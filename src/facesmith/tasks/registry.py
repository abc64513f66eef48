"""Every kind of training by the name its recipes give it."""

from pathlib import Path
from typing import Any

from facesmith.data.dataset import Dataset
from facesmith.tasks.classifier.task import ClassifierTask
from facesmith.tasks.encoder.task import EncoderTask
from facesmith.tasks.gan.task import GANTask
from facesmith.tasks.makeover.task import MakeoverTask
from facesmith.training.distributed import ProcessGroup
from facesmith.training.settings import Recipe
from facesmith.training.task import Task

TASKS: dict[str, type[Task[Any]]] = {
    "gan": GANTask,
    "encoder": EncoderTask,
    "classifier": ClassifierTask,
    "makeover": MakeoverTask,
}


def task_of(recipe: Recipe, dataset: Dataset, group: ProcessGroup, pretrained: dict[str, Path]) -> Task[Any]:
    """The task of a recipe whose machine settings are settled.

    Raises `FacesmithError` for a dataset that it cannot be done with, or for a trained folder that does not fit.
    """
    return TASKS[recipe.task](recipe, dataset, group, pretrained)
