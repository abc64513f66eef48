"""FID: the Fréchet distance between two Gaussians that have the means and covariances of features.

Heusel et al., arXiv:1706.08500.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean (D) and covariance of features, the latter as a ``factor`` F (any number of rows x D) with Σ = FᵀF."""

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]

    @property
    def variance(self) -> float:
        """tr Σ, the mean square distance of a picture from the mean."""
        return float((self.factor**2).sum())


def gaussian(features: NDArray[np.float32]) -> Gaussian:
    """The Gaussian of features (N x D, at least two of them); its covariance is the unbiased one."""
    wide = features.astype(np.float64)
    mean = wide.mean(0)
    wide -= mean
    wide /= np.sqrt(len(wide) - 1)
    # What is left is a factor already; with many pictures a triangle of D x D says the same.
    return Gaussian(mean, wide if len(wide) <= wide.shape[1] else np.asarray(np.linalg.qr(wide, mode="r")))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|μa − μb|² + tr(Σa + Σb − 2 (Σa Σb)^½), at least 0.

    With Σ = FᵀF the eigenvalues of Σa Σb are the squared singular values of Fa Fbᵀ, so that the last trace is their
    sum: always real, whereas a root of the product itself turns complex with fewer pictures than features.
    """
    shift = float(((a.mean - b.mean) ** 2).sum())
    cross = float(np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum())
    return max(shift + a.variance + b.variance - 2 * cross, 0.0)


def relative_spread(generated: Gaussian, real: Gaussian) -> float:
    """Diversity: how far apart generated pictures lie, over how far apart real ones do; 1 is as varied, 0 all alike.

    √(tr Σ_generated / tr Σ_real), the ratio of the root mean square distances between two pictures in feature space:
    the mean of |x − y|² over all pairs of a set is 2 tr Σ, so that no pair need be looked at.
    """
    return float(np.sqrt(generated.variance / real.variance)) if real.variance > 0 else 0.0
