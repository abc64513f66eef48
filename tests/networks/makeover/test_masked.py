import pytest
import torch
from torch import Tensor

from facesmith import FacesmithError
from facesmith.networks.family_settings import MaskedConfig
from facesmith.networks.makeover.masked import Discriminator, Generator

NARROW = MaskedConfig((20, 24), directions=3, width=4, blocks=2, discriminator_width=4)


@pytest.fixture
def changed_net() -> Generator:
    """Return a G in which every weight differs from its initial value."""
    torch.manual_seed(0)
    net = Generator(NARROW)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p), alpha=0.1)
    return net


@pytest.fixture
def faces() -> Tensor:
    return torch.rand(4, 3, 24, 20, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_an_untrained_net_returns_its_input_exactly(faces: Tensor) -> None:
    net = Generator(NARROW)
    for strengths in (torch.zeros(4, 3), torch.eye(4, 3), torch.full((4, 3), 0.7)):
        output, mask = net.change(faces, strengths)
        assert torch.equal(output, faces)
        assert torch.allclose(mask, torch.tensor(-1.0).sigmoid()), "a quarter open, so that it can learn both ways"


def test_strength_zero_returns_the_input_exactly(changed_net: Generator, faces: Tensor) -> None:
    assert torch.equal(changed_net(faces, torch.zeros(4, 3)), faces)


def test_strength_is_linear_and_clamped_at_one(changed_net: Generator, faces: Tensor) -> None:
    direction = torch.tensor([[0.0, 1.0, 0.0]]).expand(4, 3)
    with torch.no_grad():
        full, half, beyond = (changed_net(faces, strength * direction) - faces for strength in (1.0, 0.5, 3.0))
    assert torch.allclose(half, full / 2, atol=1e-5)
    assert torch.allclose(beyond, full, atol=1e-5)


def test_directions_differ_and_faces_are_independent(changed_net: Generator, faces: Tensor) -> None:
    with torch.no_grad():
        outputs = [changed_net(faces, torch.eye(3)[k].expand(4, 3)) for k in range(3)]
        single_output = changed_net(faces[2:3], torch.eye(3)[:1])
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-3)
    assert not torch.allclose(outputs[1], outputs[2], atol=1e-3)
    assert torch.allclose(single_output, outputs[0][2:3], atol=1e-4)


def test_the_mask_limits_the_change(changed_net: Generator, faces: Tensor) -> None:
    output, mask = changed_net.change(faces, torch.eye(4, 3))
    assert mask.shape == (4, 1, 24, 20)
    assert 0 <= float(mask.detach().min()) < float(mask.detach().max()) <= 1
    assert bool(((output - faces).abs() <= 2 * mask + 1e-6).all())


def test_a_discriminator_has_a_logit_per_direction() -> None:
    for width, height in ((80, 100), (16, 16), (20, 52)):
        D = Discriminator(MaskedConfig((width, height), directions=3, discriminator_width=4))
        assert D(torch.zeros(2, 3, height, width)).shape == (2, 3)


def test_unsupported_sizes_are_refused() -> None:
    with pytest.raises(FacesmithError, match="multiples of 4"):
        MaskedConfig((30, 32))
    with pytest.raises(FacesmithError, match="blocks=0"):
        MaskedConfig((32, 32), blocks=0)
