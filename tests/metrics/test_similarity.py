import numpy as np
import pytest

from facesmith.metrics.similarity import psnr, ssim


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3), np.uint8)


def test_psnr_of_known_errors(pictures: np.ndarray) -> None:
    dark = np.zeros_like(pictures)
    assert psnr(dark, dark + np.uint8(255)) == pytest.approx([0, 0, 0])
    assert psnr(dark, dark + np.uint8(1)) == pytest.approx([20 * np.log10(255)] * 3)
    half = dark.copy()
    half[1, :, :10] = 51  # a fifth of the range over half of one picture
    assert psnr(dark, half)[1] == pytest.approx(10 * np.log10(25 * 2))
    assert np.isinf(psnr(pictures, pictures)).all()


def test_ssim_of_equal_and_of_flat_pictures(pictures: np.ndarray) -> None:
    assert ssim(pictures, pictures) == pytest.approx([1, 1, 1])
    a, b = np.full((1, 16, 16, 3), 100, np.uint8), np.full((1, 16, 16, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2  # of flat pictures only the means differ
    assert ssim(a, b) == pytest.approx([(2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)])


def test_ssim_equals_the_formula_of_the_paper(pictures: np.ndarray) -> None:
    noise = np.random.default_rng(1).integers(-40, 40, pictures.shape)
    other = np.clip(pictures + noise, 0, 255).astype(np.uint8)
    places = np.arange(11) - 5
    window = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = (p @ np.array([0.299, 0.587, 0.114]) for p in (pictures[0].astype(float), other[0].astype(float)))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(24 - 10):
        for left in range(20 - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert ssim(pictures[:1], other[:1]) == pytest.approx([np.mean(values)])
    assert ssim(other, pictures) == pytest.approx(ssim(pictures, other)), "in either order"


def test_ssim_falls_with_noise_and_is_low_for_another_image(pictures: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    scale = np.array([4, 16, 64])[:, None, None, None]
    noisy = np.clip(pictures[[0, 0, 0]] + rng.standard_normal(pictures.shape) * scale, 0, 255).astype(np.uint8)
    values = ssim(pictures[[0, 0, 0]], noisy)
    assert values[0] > values[1] > values[2]
    assert ssim(pictures[:1], pictures[1:2])[0] < 0.1
