"""Flat areas for drawings: a filter after G that averages neighbouring pixels of nearly the same colour.

It is a bilateral filter (Tomasi and Manduchi, 1998) along rows and columns, in a few passes over different distances
(Dammertz et al., 2010). Without it, the areas of generated drawings keep a grain of a few grey levels, however long G
is trained. It is not used in training, where it would take time: D hardly responds to the grain.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIVISORS = (64, 16, 32, 64)  # of the shorter side: the distances between averaged pixels, one pass each


class BilateralFilter(nn.Module):
    """Return images (N x 3 x H x W) in [-1, 1] with flat areas; edges stay sharp. In training mode, do nothing.

    ``grey_levels`` is the standard deviation of the differences that are averaged, on a scale of 0 to 255.
    """

    def __init__(self, grey_levels: float) -> None:
        super().__init__()
        self.sharpness = 0.5 / (grey_levels / 127.5) ** 2

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            return images
        images = images.float()
        side = min(images.shape[2:])
        for distance in (max(1, side // divisor) for divisor in DIVISORS):
            for _ in range(2):  # along columns, then along rows
                images = self._average_rows(images.transpose(2, 3), distance)
        return images

    def _average_rows(self, images: Tensor, distance: int) -> Tensor:
        """Average each pixel with the two at a ``distance`` in its row, weighted by the similarity of their colours."""
        difference = images[..., distance:] - images[..., :-distance]
        similarity = torch.exp(-self.sharpness * difference.square().sum(1, keepdim=True))
        change = similarity * difference
        first, second = (0, distance), (distance, 0)  # padding of pairs to their first and their second pixels
        weight = 1 + F.pad(similarity, first) + F.pad(similarity, second)
        return images + (F.pad(change, first) - F.pad(change, second)) / weight
