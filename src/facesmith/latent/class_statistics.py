"""What a pass over labelled latents leaves behind: sums, from which every direction follows."""

from copy import copy

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]

# With this share of the mean variance added to every axis the inverse of a covariance holds for few pictures too; with
# thousands, ten times as much or none at all finds boundaries as good.
RIDGE = 0.01


class Moments:
    """Sums over latents (N x d) and labels (N x A): 1 with, 0 without, a probability between them, NaN unknown."""

    def __init__(self, latent_size: int, attributes: int) -> None:
        self.count = 0
        self.total, self.products = np.zeros(latent_size), np.zeros((latent_size, latent_size))
        self.counts = np.zeros((2, attributes))  # without, with
        self.sums = np.zeros((2, attributes, latent_size))

    def add(self, z: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        """Count a block in."""
        latents = z.astype(np.float64)
        self.count += len(latents)
        self.total += latents.sum(0)
        self.products += latents.T @ latents
        known = ~np.isnan(labels)
        has = np.where(known, labels, 0).astype(np.float64)
        for side, weights in enumerate((known - has, has)):
            self.counts[side] += weights.sum(0)
            self.sums[side] += weights.T @ latents

    def known(self, least: int) -> NDArray[np.bool_]:
        """Of which attributes at least ``least`` faces have it and as many have not: bool (A)."""
        return np.asarray((self.counts >= least).all(0))

    def only(self, attributes: NDArray[np.bool_]) -> "Moments":
        """The same sums, of these attributes (bool, A) alone."""
        some = copy(self)
        some.counts, some.sums = self.counts[:, attributes], self.sums[:, attributes]
        return some

    def rates(self) -> Sums:
        """The share of faces that have each attribute (A)."""
        return np.asarray(self.counts[1] / self.counts.sum(0))

    def means(self) -> tuple[Sums, Sums]:
        """The mean latent of the faces without and with each attribute, both A x d."""
        without, with_it = self.sums / self.counts[..., None]
        return without, with_it

    def weights(self) -> Sums:
        """The linear boundary of each attribute as what a step along each axis adds to its log-odds (A x d).

        Fisher's linear discriminant, S⁻¹ (mean with - mean without), S the covariance within the two classes, `RIDGE`
        of its mean variance added to its diagonal.
        """
        without, with_it = self.means()
        middle, rates = self.total / self.count, self.rates()
        covariance = self.products / self.count - np.outer(middle, middle)
        found = np.empty_like(with_it)
        for row, gap in enumerate(with_it - without):
            within = covariance - rates[row] * (1 - rates[row]) * np.outer(gap, gap)
            within[np.diag_indices_from(within)] += RIDGE * np.trace(within) / len(within)
            found[row] = np.linalg.solve(within, gap)
        return found
