"""KID: the squared maximum mean discrepancy between features, with a cubic kernel. Unbiased for any count.

Bińkowski et al., arXiv:1801.01401.
"""

import numpy as np

from facesmith.arrays import Doubles, Floats

SUBSETS, MAX_SUBSET_SIZE = 50, 1000


def kid(real: Floats, generated: Floats, seed: int = 0, subsets: int = SUBSETS) -> tuple[float, float]:
    """Return mean and standard deviation of `discrepancy` over pairs of random subsets of `subset_size` features."""
    rng, size = np.random.default_rng(seed), subset_size(min(len(real), len(generated)))
    values = [
        discrepancy(real[rng.choice(len(real), size, False)], generated[rng.choice(len(generated), size, False)])
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def subset_size(count: int) -> int:
    """Return 1,000, or half of the count: subsets equal to the whole set would have no spread."""
    return min(MAX_SUBSET_SIZE, count // 2)


def discrepancy(a: Floats, b: Floats) -> float:
    """Return the unbiased estimate of MMD² between features a (M x D) and b (N x D) with k(x, y) = (x·y / D + 1)³.

    Its mean is 0 if both have the same distribution, so it may be negative.
    """
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    within = sum(
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))
        for kernel in (_kernel(wide_a, wide_a), _kernel(wide_b, wide_b))
    )
    return float(within - 2 * _kernel(wide_a, wide_b).mean())


def _kernel(a: Doubles, b: Doubles) -> Doubles:
    products = a @ b.T / a.shape[1] + 1
    return np.asarray(products * products * products)  # ten times as fast as **3
