import math
from itertools import pairwise

import pytest
import torch

from facesmith.training.diversity import GRID, nearest_distance


def test_identical_images_have_distance_zero() -> None:
    assert nearest_distance(torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)).item() == pytest.approx(0, abs=1e-3)


def test_few_modes_have_distance_zero() -> None:
    modes = torch.stack([torch.full((3, 16, 16), value) for value in (-1.0, 0.0, 1.0)])
    assert nearest_distance(modes.repeat(4, 1, 1, 1)).item() == pytest.approx(0, abs=1e-3)


def test_distance_of_grey_images() -> None:
    """Return images of one value each; the nearest image differs by ``gap`` in each of its 3 x 8 x 8 means."""
    gap = 0.1
    pictures = torch.stack([torch.full((3, 32, 24), gap * number) for number in range(9)])
    assert nearest_distance(pictures).item() == pytest.approx(gap * math.sqrt(3 * GRID**2), rel=1e-4)


def test_distance_grows_with_difference_and_ignores_texture() -> None:
    torch.manual_seed(3)
    faces = torch.rand(16, 3, 1, 1).expand(-1, -1, 32, 32)
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1  # every mean over a cell is 0
    grainy = torch.rand(16, 1, 1, 1) * checks
    values = [nearest_distance(faces * scale).item() for scale in (0.0, 0.25, 0.5, 1.0)]
    assert all(before < after for before, after in pairwise(values))
    assert nearest_distance(grainy).item() == pytest.approx(0, abs=1e-3)
