import pytest
import torch

from facesmith.errors import FacesmithError
from facesmith.networks.build import build, count_parameters
from facesmith.networks.family_settings import DCGANConfig

SIZES = [(64, 64), (28, 28), (32, 32), (96, 96), (128, 128), (80, 100), (37, 61), (256, 256), (16, 16)]


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("size", SIZES)
def test_generator_and_discriminator_fit_every_size(size: tuple[int, int], kernel: int) -> None:
    G, D = build("dcgan", DCGANConfig(size, generator_width=4, discriminator_width=4, kernel=kernel), seed=0)
    pictures = G(torch.randn(2, 100))
    assert pictures.shape == (2, 3, size[1], size[0])
    assert pictures.abs().max() <= 1
    assert D(pictures).shape == (2,)


@pytest.mark.parametrize("size", [(15, 15), (257, 257), (128, 63), (600, 800)])
def test_an_unsupported_size_is_refused_with_the_valid_ones(size: tuple[int, int]) -> None:
    with pytest.raises(FacesmithError, match="16x16 to 256x256"):
        DCGANConfig(size)


def test_parameter_counts_of_the_official_pytorch_dcgan() -> None:
    # The networks of the DCGAN tutorial: nz=100, ngf=ndf=64, no biases.
    G, D = build("dcgan", DCGANConfig((64, 64)), seed=0)
    assert count_parameters(G) == 3_576_704
    assert count_parameters(D) == 2_765_568


def test_parameter_counts_match_digits_gan() -> None:
    G, D = build("dcgan", DCGANConfig((64, 64), kernel=5, bias=True), seed=0)
    assert count_parameters(G) == 5_135_363
    assert count_parameters(D) == 4_316_545


def test_initial_weights_depend_on_the_seed_only() -> None:
    config = DCGANConfig((16, 16), generator_width=4, discriminator_width=4)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, _ = build("dcgan", config, seed=1)
    assert torch.equal(torch.get_rng_state(), before), "building networks must not disturb other draws"
    torch.manual_seed(6)
    repeat, _ = build("dcgan", config, seed=1)
    other_seed, _ = build("dcgan", config, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), repeat.parameters(), strict=True))
    assert not torch.equal(first.project.weight, other_seed.project.weight)


def test_initial_weights_follow_the_paper() -> None:
    G, _ = build("dcgan", DCGANConfig((32, 32)), seed=0)
    assert G.project.weight.std().item() == pytest.approx(0.02, rel=0.05)
