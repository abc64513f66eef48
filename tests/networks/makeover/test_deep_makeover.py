import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.networks.family_settings import DeepMakeoverConfig
from facesmith.networks.makeover.deep_makeover import Discriminator, Generator

SIZE = (80, 100)


@pytest.fixture(scope="module")
def faces(builtin_dataset: Dataset) -> Tensor:
    return torch.from_numpy(np.array(builtin_dataset.images[:32])).permute(0, 3, 1, 2) / 127.5 - 1


def psnr(a: Tensor, b: Tensor) -> float:
    return float((10 * torch.log10(4 / (a - b).square().mean((1, 2, 3)))).mean())


@pytest.mark.parametrize(("part", "count"), [(Generator, 593_603), (Discriminator, 835_441)])
def test_parameter_counts_match_deep_makeover(part: type[nn.Module], count: int) -> None:
    net = part(DeepMakeoverConfig(SIZE))
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert sum(p.numel() for layer in layers for p in layer.parameters()) == count
    shifts = sum(norm.num_features for norm in net.modules() if isinstance(norm, nn.BatchNorm2d))
    assert sum(p.numel() for p in net.parameters()) == count + shifts, "batch norm learns no scale"


def test_an_untrained_net_returns_its_input_pooled_4x4(faces: Tensor) -> None:
    torch.manual_seed(0)
    net, full_strength = Generator(DeepMakeoverConfig((32, 32))), torch.ones(len(faces), 1)
    pooled = F.interpolate(F.avg_pool2d(faces, 4), scale_factor=4.0)
    with torch.no_grad():
        evaluated, in_training = net.eval()(faces, full_strength), net.train()(faces, full_strength)
    assert psnr(evaluated, pooled) > 30
    assert psnr(evaluated, faces) > psnr(pooled, faces) - 1, "nothing but what pooling takes is lost"
    # In training, batch norm shifts the mean of each batch to grey, so the means are restored first.
    means = (0, 2, 3)
    recentred = in_training - in_training.mean(means, keepdim=True) + pooled.mean(means, keepdim=True)
    assert psnr(recentred, pooled) > 18
    assert 0.8 < float(recentred.std() / pooled.std()) < 1.25


def test_strength_interpolates_from_input_to_result(faces: Tensor) -> None:
    net = Generator(DeepMakeoverConfig((32, 32))).eval()
    with torch.no_grad():
        none, half, full = (net(faces, torch.full((len(faces), 1), strength)) for strength in (0.0, 0.5, 1.0))
        changed_faces = 1.1 * torch.tanh(net.layers(faces) / 2)
    assert torch.equal(none, faces)
    assert torch.equal(full, changed_faces)
    assert torch.allclose(half, (faces + changed_faces) / 2, atol=1e-6)


def test_a_discriminator_averages_over_patches_of_any_size() -> None:
    torch.manual_seed(0)
    for width, height in (SIZE, (16, 16), (36, 52)):
        D = Discriminator(DeepMakeoverConfig((width, height)))
        assert D(torch.randn(3, 3, height, width)).shape == (3, 1)


def test_unsupported_sizes_and_several_directions_are_refused() -> None:
    for size in ((30, 32), (12, 16)):
        with pytest.raises(FacesmithError, match="multiples of 4 and at least 16"):
            DeepMakeoverConfig(size)
    with pytest.raises(FacesmithError, match=r"one direction, not 2: .*makeover\+"):
        DeepMakeoverConfig(SIZE, directions=2)
