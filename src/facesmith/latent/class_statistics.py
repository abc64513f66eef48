"""Sums over labelled latents, from which every direction is computed."""

from copy import copy

import numpy as np

from facesmith.arrays import Booleans, Doubles, Floats

# The share of the mean variance that is added to every axis, so that the covariance of a few images can be inverted.
# With thousands of images, ten times as much or none at all finds boundaries that are equally good.
RIDGE = 0.01


class ClassStatistics:
    """Sums over latents (N x d) and labels (N x A): 1 with, 0 without, a probability in between, NaN unknown."""

    def __init__(self, latent_size: int, attributes: int) -> None:
        self.count = 0
        self.total, self.products = np.zeros(latent_size), np.zeros((latent_size, latent_size))
        self.counts = np.zeros((2, attributes))  # without, with
        self.sums = np.zeros((2, attributes, latent_size))

    def add(self, z: Floats, labels: Floats) -> None:
        """Add a block of faces."""
        latents = z.astype(np.float64)
        self.count += len(latents)
        self.total += latents.sum(0)
        self.products += latents.T @ latents
        is_labelled = ~np.isnan(labels)
        with_weights = np.where(is_labelled, labels, 0).astype(np.float64)
        for side, weights in enumerate((is_labelled - with_weights, with_weights)):
            self.counts[side] += weights.sum(0)
            self.sums[side] += weights.T @ latents

    def has_examples(self, minimum: int) -> Booleans:
        """Return which attributes at least ``minimum`` faces have and as many do not have: bool (A)."""
        return np.asarray((self.counts >= minimum).all(0))

    def select(self, attributes: Booleans) -> "ClassStatistics":
        """Return the same sums for these attributes (bool, A) only."""
        selected = copy(self)
        selected.counts, selected.sums = self.counts[:, attributes], self.sums[:, attributes]
        return selected

    def rates(self) -> Doubles:
        """Return the share of faces that have each attribute (A)."""
        return np.asarray(self.counts[1] / self.counts.sum(0))

    def means(self) -> tuple[Doubles, Doubles]:
        """Return the mean latent of the faces without and with each attribute, both A x d."""
        without, with_it = self.sums / self.counts[..., None]
        return without, with_it

    def weights(self) -> Doubles:
        """Return each attribute's linear boundary: what a step along each axis adds to its log-odds (A x d).

        Fisher's linear discriminant, S⁻¹ (mean with - mean without). S is the covariance within the two classes, with
        `RIDGE` of its mean variance added to the diagonal.
        """
        without, with_it = self.means()
        mean, rates = self.total / self.count, self.rates()
        covariance = self.products / self.count - np.outer(mean, mean)
        weights = np.empty_like(with_it)
        for row, gap in enumerate(with_it - without):
            within = covariance - rates[row] * (1 - rates[row]) * np.outer(gap, gap)
            within[np.diag_indices_from(within)] += RIDGE * np.trace(within) / len(within)
            weights[row] = np.linalg.solve(within, gap)
        return weights
