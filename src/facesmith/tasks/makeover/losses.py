"""The parts of a makeover's loss beside D's: how much changes, where, and what an attribute classifier measures."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facesmith.data.dataset import Dataset
from facesmith.networks.classifier import Block, ClassifierNetwork
from facesmith.tasks.makeover.domains import Domains

POOLED = 4  # pixels a side over which changes are averaged: smaller changes are free
MAX_EXCEPTIONS = 0.01  # share of a direction's target faces that may differ in an attribute they all have or lack
MIDDLE_BLOCK = 2  # of the classifier's residual blocks: a grid of an eighth of the image's sides


class AttributeTargets(NamedTuple):
    """What a classifier of A attributes should measure after K directions, each K x A."""

    keep: Tensor  # how much the logit should stay as it is, 0 to 1
    settled: Tensor  # 1 where all target faces have the attribute, or all lack it; else 0
    value: Tensor  # and whether they have it


def attribute_targets(attributes: Sequence[str], dataset: Dataset, domains: Sequence[Domains]) -> AttributeTargets:
    """Return the targets that follow from a dataset's labels in both domains of each direction.

    The closer the rates of an attribute in both domains, the more it is kept. Attributes that the dataset does not have
    are ignored.
    """
    names, table = dataset.attributes, dataset.attribute_values()
    known = np.array([name in names for name in attributes])
    columns = [names.index(name) if name in names else 0 for name in attributes]

    def rates(rows: Any) -> Any:
        labels = table[rows][:, columns]
        return (labels == 1).sum(0) / np.maximum((labels >= 0).sum(0), 1)

    sources = np.stack([rates(domain.sources) for domain in domains])
    targets = np.stack([rates(domain.targets) for domain in domains])
    settled = (np.minimum(targets, 1 - targets) < MAX_EXCEPTIONS) & known
    keep = (1 - np.abs(targets - sources)) * known * ~settled
    return AttributeTargets(*(torch.from_numpy(part.astype(np.float32)) for part in (keep, settled, targets > 0.5)))


def mean_change(changed: Tensor, images: Tensor) -> Tensor:
    """Return the mean absolute difference of 4x4 pixels, as a share of the range, as in deep-makeover."""
    pooled = F.avg_pool2d(changed - images, POOLED)
    return pooled.abs().mean() / 2  # [-1, 1] is 2 wide


def change_outside(changed: Tensor, images: Tensor, background: Tensor) -> Tensor:
    """Return the mean absolute change of the ``background`` (H x W, 1 where faces usually are not)."""
    difference = (changed - images).abs().mean((0, 1)) / 2
    return (difference * background).sum() / background.sum().clamp(min=1)


def classifier_losses(
    classifier: Any, changed: Tensor, images: Tensor, directions: Tensor, targets: AttributeTargets
) -> dict[str, Tensor]:
    """Return what a classifier measures of makeovers of ``images`` in ``directions`` (N), as scalars to be minimised.

    ``identity``: the squared change of its middle features, relative to them. ``attributes``: the squared change of the
    logits to keep. ``target``: the cross-entropy of the settled attributes.
    """
    with torch.no_grad():
        features_before, logits_before = middle_features(classifier, images)
    features, logits = middle_features(classifier, changed)
    keep, settled, value = (part[directions] for part in targets)
    cross_entropy = F.softplus(logits) - value * logits
    return {
        "identity": (features - features_before).square().mean() / features_before.square().mean().clamp(min=1e-6),
        "attributes": ((logits - logits_before).square() * keep).mean(),
        "target": (cross_entropy * settled).sum() / settled.sum().clamp(min=1),
    }


def middle_features(classifier: ClassifierNetwork, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return a classifier's features after half of its layers (N x C x h x w) and its logits (N x A), both float32.

    Middle features describe positions and shapes; the last ones describe attributes, which are meant to change.
    """
    blocks = [index for index, layer in enumerate(classifier.layers) if isinstance(layer, Block)]
    end = blocks[min(MIDDLE_BLOCK, len(blocks)) - 1] + 1
    grid: Tensor = classifier.layers[:end](classifier.reduce(images))
    features = classifier.features_of_grid(classifier.layers[end:](grid))
    return grid.float(), classifier.decide(features).float()
