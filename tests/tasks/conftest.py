from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from facesmith.training.checkpoint import Progress
from facesmith.training.sampling import Reader
from facesmith.training.task import Task


@pytest.fixture(scope="session")
def train_steps() -> Callable[..., list[int]]:
    """Return a function that trains a task for some steps and returns the rows of the dataset that it reads."""

    def train(task: Task[Any], steps: int, state: Any = None) -> list[int]:
        images, rows = torch.from_numpy(np.array(task.dataset.images)), list[int]()

        def read(indices: np.ndarray) -> torch.Tensor:
            rows.extend(indices.tolist())
            return images[torch.from_numpy(indices)]

        task.prepare(Reader(read), print)
        state = state or task.new_state()
        for step in range(steps):
            task.step(state, task.recipe, Progress(step, task.recipe.batch_size * step))
        return rows

    return train
