"""What a makeover's G wants beside D's approval: that little changes, and nothing else in the eyes of a judge."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.data.dataset import Dataset
from facesmith.data.holdout import attribute_table
from facesmith.networks import classifier as judge_network
from facesmith.tasks.makeover.domains import Sides

POOLED = 4  # pixels a side over which changes are averaged: what is smaller than that is free
SAME = 0.01  # an attribute that all but so many of a direction's target faces have, or have not, is settled
HALF_WAY = 2  # of the judge's residual blocks: a grid of an eighth of the picture's sides


class Wishes(NamedTuple):
    """What a judge of A attributes should say of the results of K directions, each K x A."""

    keep: Tensor  # how much its logit should stay as it is
    settled: Tensor  # 1 where all of the target faces are alike, else 0
    value: Tensor  # and then whether they have it


def wishes(attributes: Sequence[str], dataset: Dataset, sides: Sequence[Sides]) -> Wishes:
    """From what a dataset's labels say of both sides of each direction.

    An attribute should stay as much as its rates on both sides are alike. Of one that the dataset does not know nothing
    is wished.
    """
    names, table = attribute_table(dataset)
    known = np.array([name in names for name in attributes])
    columns = [names.index(name) if name in names else 0 for name in attributes]

    def rates(rows: Any) -> Any:
        labels = table[rows][:, columns]
        return (labels == 1).sum(0) / np.maximum((labels >= 0).sum(0), 1)

    sources, targets = (np.stack([rates(rows) for rows in side]) for side in
                        ([one.sources for one in sides], [one.targets for one in sides]))  # fmt: skip
    settled = (np.minimum(targets, 1 - targets) < SAME) & known
    keep = (1 - np.abs(targets - sources)) * known * ~settled
    return Wishes(*(torch.from_numpy(each.astype(np.float32)) for each in (keep, settled, targets > 0.5)))


def change(made: Tensor, pictures: Tensor) -> Tensor:
    """The mean absolute difference of 4x4 pixels, as a share of the way from black to white: the third seed's."""
    pooled = F.avg_pool2d(made - pictures, POOLED)
    return pooled.abs().mean() / 2  # [-1, 1] is 2 wide


def outside(made: Tensor, pictures: Tensor, beyond: Tensor) -> Tensor:
    """The mean absolute change where no face is usually (``beyond``: H x W, 1 there), as `change` counts it."""
    moved = (made - pictures).abs().mean((0, 1)) / 2
    return (moved * beyond).sum() / beyond.sum().clamp(min=1)


def judged(judge: Any, made: Tensor, pictures: Tensor, which: Tensor, wanted: Wishes) -> dict[str, Tensor]:
    """What a judge minds about makeovers of ``pictures`` in the directions ``which`` (N), as scalars to be made small.

    ``identity``: the squared change of what it sees half way through, as a share of what it saw. ``attributes``: the
    squared change of its logits, as much as they should stay. ``target``: the cross-entropy of what is settled.
    """
    with torch.no_grad():
        before, logits_before = look(judge, pictures)
    after, logits = look(judge, made)
    keep, settled, value = (each[which] for each in wanted)
    doubt = F.softplus(logits) - value * logits  # cross-entropy
    return {
        "identity": (after - before).square().mean() / before.square().mean().clamp(min=1e-6),
        "attributes": ((logits - logits_before).square() * keep).mean(),
        "target": (doubt * settled).sum() / settled.sum().clamp(min=1),
    }


def look(judge: judge_network.Judge, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """What a judge sees half way through (N x C x h x w) and its logits (N x A), both float32.

    Half way, features still tell where everything is and of which shape; the last ones tell attributes, which are to
    change.
    """
    blocks = [place for place, layer in enumerate(judge.layers) if isinstance(layer, judge_network.Block)]
    end = blocks[min(HALF_WAY, len(blocks)) - 1] + 1
    grid: Tensor = judge.layers[:end](pictures)
    features = F.relu(judge.embed(judge.layers[end:](grid).permute(0, 2, 3, 1).flatten(1)))
    return grid.float(), judge.decide(features).float()
