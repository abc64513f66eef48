"""FID: the Fréchet distance between Gaussians with the means and covariances of features.

Heusel et al., arXiv:1706.08500.
"""

from dataclasses import dataclass

import numpy as np

from facesmith.arrays import Doubles, Floats


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean (D) and covariance of features, the latter as a ``factor`` F (any number of rows x D) with Σ = FᵀF."""

    mean: Doubles
    factor: Doubles

    @property
    def variance(self) -> float:
        """tr Σ, the mean squared distance of an image from the mean."""
        return float((self.factor**2).sum())


def gaussian(features: Floats) -> Gaussian:
    """Fit a Gaussian to features (N x D, N >= 2), with the unbiased covariance."""
    wide = features.astype(np.float64)
    mean = wide.mean(0)
    wide -= mean
    wide /= np.sqrt(len(wide) - 1)
    # The centred features are a factor already; with many images the D x D triangle of their QR is a smaller one.
    return Gaussian(mean, wide if len(wide) <= wide.shape[1] else np.asarray(np.linalg.qr(wide, mode="r")))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Return |μa − μb|² + tr(Σa + Σb − 2 (Σa Σb)^½), at least 0.

    With Σ = FᵀF the eigenvalues of Σa Σb are the squared singular values of Fa Fbᵀ, so that the last trace is their
    sum: always real, unlike a square root of the product with fewer images than features.
    """
    shift = float(((a.mean - b.mean) ** 2).sum())
    cross = float(np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum())
    return max(shift + a.variance + b.variance - 2 * cross, 0.0)


def relative_spread(generated: Gaussian, real: Gaussian) -> float:
    """Return the diversity: the spread of generated images relative to real ones; 1 is as varied, 0 all alike.

    √(tr Σ_generated / tr Σ_real), the ratio of the root mean square distances between two images in feature space: the
    mean of |x − y|² over all pairs of a set is 2 tr Σ.
    """
    return float(np.sqrt(generated.variance / real.variance)) if real.variance > 0 else 0.0
