"""KID: the squared maximum mean discrepancy between features, under a cubic kernel. Unbiased at any count.

Bińkowski et al., arXiv:1801.01401.
"""

import numpy as np
from numpy.typing import NDArray

SUBSETS, SUBSET_SIZE = 50, 1000


def kid(
    real: NDArray[np.float32], generated: NDArray[np.float32], seed: int = 0, subsets: int = SUBSETS
) -> tuple[float, float]:
    """Mean and standard deviation of `discrepancy` over pairs of random subsets of `subset_size` features each."""
    rng, size = np.random.default_rng(seed), subset_size(min(len(real), len(generated)))
    found = [
        discrepancy(real[rng.choice(len(real), size, False)], generated[rng.choice(len(generated), size, False)])
        for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


def subset_size(count: int) -> int:
    """1,000, or half of what there is: subsets that are the whole set could not differ, and would have no spread."""
    return min(SUBSET_SIZE, count // 2)


def discrepancy(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The unbiased estimate of MMD² between features a (M x D) and b (N x D) under k(x, y) = (x·y / D + 1)³.

    It is 0 on average where both are drawn from one distribution, and then as often below 0 as above.
    """
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    within = sum(
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))
        for kernel in (_kernel(wide_a, wide_a), _kernel(wide_b, wide_b))
    )
    return float(within - 2 * _kernel(wide_a, wide_b).mean())


def _kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    products = a @ b.T / a.shape[1] + 1
    return np.asarray(products * products * products)  # ten times as fast as **3
