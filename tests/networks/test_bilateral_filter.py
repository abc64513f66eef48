import pytest
import torch

from facesmith.networks.bilateral_filter import BilateralFilter
from facesmith.networks.build import build, make_config

flatten = BilateralFilter(8).eval()


def half_and_half(grain: float) -> torch.Tensor:
    """Return an image (1 x 3 x 32 x 32) of two flat halves, with noise of this standard deviation."""
    image = torch.full((1, 3, 32, 32), -0.5)
    image[..., 16:] = 0.5
    return image + grain * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))


def test_grain_is_removed_and_edges_stay() -> None:
    noisy, clean = half_and_half(0.02), half_and_half(0.0)
    assert (flatten(noisy) - clean).std() < (noisy - clean).std() / 3
    assert torch.allclose(flatten(clean), clean, atol=1e-6)


def test_different_colours_are_not_averaged() -> None:
    dots = torch.zeros(1, 3, 16, 16)
    dots[..., ::2, ::2] = 1.0
    assert torch.allclose(flatten(dots), dots, atol=1e-6)


def test_mirrored_images_give_mirrored_results() -> None:
    noisy = half_and_half(0.1)
    assert torch.allclose(flatten(noisy.flip(3)), flatten(noisy).flip(3), atol=1e-6)
    assert torch.allclose(flatten(noisy.transpose(2, 3)).transpose(2, 3), flatten(noisy), atol=0.05)


@pytest.mark.parametrize("family", ["dcgan", "smooth"])
def test_generators_use_the_filter_except_in_training(family: str) -> None:
    settings = {"latent_size": 8, "generator_width": 4, "discriminator_width": 4}
    plain, flat = (
        build(family, make_config(family, (32, 32), settings | {"flatten": value}), 0)[0].eval() for value in (0, 8)
    )
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(flat(z), flatten(plain(z)), atol=1e-6)
        assert torch.equal(flat.train()(z), plain.train()(z))
