import numpy as np
import pytest
import torch
from torch import nn

from facesmith.metrics.inception import SIDE, WIDTH, Inception, _average_pool, resize


@pytest.fixture(scope="module")
def net() -> Inception:
    """Weights and statistics drawn at random."""
    random_network = Inception().eval()
    for part in random_network.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    return random_network


def test_parameters_match_the_published_file(net: Inception) -> None:
    state = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert sum(name.endswith(".conv.weight") for name in state) == 94
    with_classifier = sum(p.numel() for p in net.parameters()) + 1008 * (WIDTH + 1)
    assert with_classifier == 23_850_960, "as many as Inception v3 has with TensorFlow's 1,008 classes"
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5d.branch_pool.conv.weight": (64, 288, 1, 1),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7dbl_2.conv.weight": (128, 128, 7, 1),
        "Mixed_6e.branch7x7_2.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
    }.items():
        assert state[name] == shape


def test_folding_changes_no_feature(net: Inception) -> None:
    pictures = torch.randn(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        before = net(pictures)
        after = net.fold()(pictures)
    assert before.shape == (1, WIDTH)
    assert before.abs().max() > 0
    assert torch.allclose(before, after, rtol=1e-3, atol=1e-5 * float(before.abs().max()))


def test_averages_do_not_count_the_padding() -> None:
    assert torch.equal(_average_pool(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 4, 4))


def test_resize_aligns_corners_as_tensorflow_does() -> None:
    ramp = torch.tensor([0.0, SIDE]).expand(1, 3, 5, 2)
    resized = resize(ramp)
    assert resized.shape == (1, 3, SIDE, SIDE)
    expected = np.minimum(2.0 * np.arange(SIDE), SIDE)
    assert np.allclose(resized[0, 0, 7].numpy(), expected, atol=1e-3)
    tall = torch.arange(2.0 * SIDE).reshape(1, 1, -1, 1)
    assert torch.allclose(resize(tall)[0, 0, :, 0], 2.0 * torch.arange(SIDE)), "every second row, none smoothed"
