import pytest
import torch
from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks.build import build, count_parameters
from facesmith.networks.family_settings import ArtifaceConfig
from facesmith.networks.gan.artiface import Discriminator, Generator
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import network_config


def small(size: tuple[int, int]) -> ArtifaceConfig:
    return ArtifaceConfig(size, latent_size=8, generator_width=4, discriminator_width=4)


def keras_count(net: nn.Module) -> int:
    """Return the total parameters as Keras counts them, with moving means and variances."""
    moving = (buffer for name, buffer in net.named_buffers() if not name.endswith("num_batches_tracked"))
    return count_parameters(net) + sum(buffer.numel() for buffer in moving)


@pytest.mark.parametrize(
    ("latent_size", "total", "trainable"), [(100, 58_833_344, 57_783_872), (250, 137_476_544, 136_427_072)]
)
def test_parameter_counts_match_artiface(latent_size: int, total: int, trainable: int) -> None:
    config = network_config(GAN_RECIPES["artiface"].with_values(latent_size=latent_size), (128, 128))
    with torch.device("meta"):
        G, D = build("artiface", config, seed=0)
    assert (keras_count(G), count_parameters(G)) == (total, trainable)
    assert (keras_count(D), count_parameters(D)) == (340_865, 340_865)


@pytest.mark.parametrize("size", [(128, 128), (32, 32), (80, 100), (36, 64)])
def test_generator_and_discriminator_fit_every_size(size: tuple[int, int]) -> None:
    G, D = Generator(small(size)), Discriminator(small(size))
    pictures = G(torch.randn(2, 8))
    assert pictures.shape == (2, 3, size[1], size[0])
    assert pictures.is_contiguous(memory_format=torch.channels_last)
    assert 0 < pictures.abs().max() <= 1
    assert D(pictures).shape == (2,)
    assert D.features(pictures).shape == (2, 8 * size[0] * size[1] // 16)


@pytest.mark.parametrize("size", [(28, 28), (260, 260), (66, 64), (64, 50)])
def test_an_unsupported_size_is_refused_with_the_valid_ones(size: tuple[int, int]) -> None:
    with pytest.raises(FacesmithError, match="32x32 to 256x256"):
        ArtifaceConfig(size)


@pytest.mark.parametrize(("setting", "value"), [("generator_width", 5), ("generator_width", 0), ("latent_size", 0)])
def test_invalid_widths_are_refused(setting: str, value: int) -> None:
    with pytest.raises(FacesmithError, match=f"invalid {setting}={value}"):
        ArtifaceConfig((64, 64), **{setting: value})


def test_d_has_dropout_without_norm_and_g_the_reverse() -> None:
    config = small((32, 32))
    G, D = list(Generator(config).modules()), list(Discriminator(config).modules())
    assert [m.p for m in D if isinstance(m, nn.Dropout)] == [0.3, 0.3]
    assert not any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in D)
    assert not any(isinstance(m, nn.Dropout) for m in G)
    norms = [m for m in G if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert [(m.eps, m.momentum) for m in norms] == [(1e-3, 0.01)] * 4
    assert {m.negative_slope for m in [*G, *D] if isinstance(m, nn.LeakyReLU)} == {0.3}


def test_each_feature_of_the_dense_layer_is_normalised() -> None:
    G = Generator(small((32, 32)))
    features = G.project[0](torch.randn(20, 8))
    expected = (features - features.mean(0)) / (features.var(0, unbiased=False) + 1e-3).sqrt()
    assert torch.allclose(G.project[1](features), expected, atol=1e-4)
