"""Similarity of two images: PSNR and SSIM."""

import numpy as np

from facesmith.arrays import Doubles, Images

PEAK = 255.0
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # as in the paper
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def psnr(a: Images, b: Images) -> Doubles:
    """Return the PSNR of images (N x H x W x 3, uint8) in decibels, infinite if equal: N."""
    error = ((a.astype(np.float64) - b) ** 2).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(PEAK**2 / error))


def ssim(a: Images, b: Images) -> Doubles:
    """Return the SSIM of images (N x H x W x 3, uint8, at least 11 pixels a side), 1 for equal ones: N.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004: means, variances and
    covariance in a Gaussian window of 11 x 11 pixels and deviation 1.5, averaged over all positions of the window
    inside the image; on luminance.
    """
    x, y = (images @ np.array(LUMA) for images in (a, b))
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return np.asarray((likeness / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean((1, 2)))


def _blur(x: Doubles) -> Doubles:
    """Filter x (N x H x W) with the window, without padding: N x H-10 x W-10."""
    window = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    window /= window.sum()
    for axis in (1, 2):  # a Gaussian in two dimensions is one along each
        x = np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis) @ window
    return x
