import pytest
import torch
from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks.build import build, count_parameters
from facesmith.networks.family_settings import Mini28Config
from facesmith.networks.gan.mini28 import Discriminator, Generator
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import network_config

SMALL = Mini28Config((28, 28), latent_size=8, generator_width=4, discriminator_width=4)


def test_parameter_counts_match_28x28() -> None:
    config = network_config(GAN_RECIPES["mini28"], (28, 28))
    with torch.device("meta"):
        G, D = build("mini28", config, seed=0)
    assert count_parameters(G) == 13_326_595
    assert count_parameters(D) == 1_033_729


def test_outputs_have_their_shape_and_range() -> None:
    G, D = Generator(SMALL), Discriminator(SMALL)
    pictures = G(torch.randn(3, 8))
    assert pictures.shape == (3, 3, 28, 28)
    assert pictures.is_contiguous(memory_format=torch.channels_last)
    assert 0 < pictures.abs().max() <= 1
    assert D(pictures).shape == (3,)
    assert D.features(pictures).shape == (3, 16 * 4 * 4)


@pytest.mark.parametrize("size", [(32, 32), (28, 32), (64, 64)])
def test_another_size_is_refused_with_the_valid_one(size: tuple[int, int]) -> None:
    with pytest.raises(FacesmithError, match=f"{size[0]}x{size[1]}.*--size 28"):
        Mini28Config(size)


def test_a_width_below_one_is_refused() -> None:
    with pytest.raises(FacesmithError, match="generator_width=0"):
        Mini28Config((28, 28), generator_width=0)


@pytest.mark.parametrize(("kind", "hidden_layers"), [(Generator, 3), (Discriminator, 3)])
def test_dropout_is_active_in_training_only(kind: type[nn.Module], hidden_layers: int) -> None:
    net = kind(SMALL)
    rates = [m.p for m in net.modules() if isinstance(m, nn.Dropout)]
    assert rates == [0.5] * hidden_layers
    x = torch.randn(4, 8) if kind is Generator else torch.randn(4, 3, 28, 28)
    torch.manual_seed(1)
    first, second = net(x), net(x)
    torch.manual_seed(1)
    assert torch.equal(net(x), first), "the seed of torch's generator must repeat a step"
    assert not torch.equal(first, second)
    net.eval()
    assert torch.equal(net(x), net(x))


def test_batch_norm_equals_tensorflows() -> None:
    norms = [
        m for net in (Generator(SMALL), Discriminator(SMALL)) for m in net.modules() if isinstance(m, nn.BatchNorm2d)
    ]
    assert [(m.eps, m.momentum) for m in norms] == [(1e-3, 0.01)] * 5


def test_initial_weights_follow_glorot() -> None:
    torch.manual_seed(0)
    weight = Generator(Mini28Config((28, 28), latent_size=100, generator_width=16)).project.weight
    limit = (6 / (100 + 64 * 16)) ** 0.5
    assert weight.abs().max().item() == pytest.approx(limit, rel=0.01)
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.01)
