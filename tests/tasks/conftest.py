from collections.abc import Callable

import numpy as np
import pytest
import torch

from facesmith.data.dataset import Dataset


@pytest.fixture(scope="session")
def recording_reader() -> Callable[[Dataset], tuple[Callable[[np.ndarray], torch.Tensor], list[int]]]:
    """Return a function that makes a reader of a dataset's images, and the list of the rows that it reads."""

    def make(dataset: Dataset) -> tuple[Callable[[np.ndarray], torch.Tensor], list[int]]:
        images, rows = torch.from_numpy(np.array(dataset.images)), list[int]()

        def read(indices: np.ndarray) -> torch.Tensor:
            rows.extend(indices.tolist())
            return images[torch.from_numpy(indices)]

        return read, rows

    return make
