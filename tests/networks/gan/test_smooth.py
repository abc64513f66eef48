from typing import Any

import pytest
import torch
import torch.nn.functional as F

from facesmith.errors import FacesmithError
from facesmith.networks.build import build
from facesmith.networks.convolutions import SmoothToRGB
from facesmith.networks.family_settings import SmoothConfig

NARROW: dict[str, Any] = {"latent_size": 7, "generator_width": 4, "discriminator_width": 4}


@pytest.mark.parametrize("palette", [0, 5])
@pytest.mark.parametrize("size", [(16, 16), (25, 20), (64, 64), (80, 100)])
def test_networks_fit_every_size(size: tuple[int, int], palette: int) -> None:
    G, D = build("smooth", SmoothConfig(size, palette=palette, **NARROW), seed=0)
    images = G(torch.randn(2, 7))
    assert images.shape == (2, 3, size[1], size[0])
    assert images.abs().max() <= 1
    assert D(images).shape == (2,)


def test_batch_norm_in_d_is_a_setting_and_spares_its_first_layer() -> None:
    _, D = build("smooth", SmoothConfig((32, 32), discriminator_norm=True, **NARROW), seed=0)
    assert sorted(D.norms) == [str(level) for level in range(D.levels - 1)]
    images = torch.rand(6, 3, 32, 32)
    assert not torch.allclose(D(images)[:2], D(images[:2])), "each batch is normalised"
    D.eval()
    assert torch.allclose(D(images)[:2], D(images[:2]), atol=1e-6)


@pytest.mark.parametrize("missing", [(0, 0), (1, 1)])
def test_the_last_layer_keeps_a_flat_area_flat(missing: tuple[int, int]) -> None:
    layer = SmoothToRGB(6, missing=missing)
    torch.nn.init.normal_(layer.weight)
    inside = layer(torch.ones(1, 6, 8, 8))[:, :, 4:-4, 4:-4]
    assert torch.allclose(inside, inside[:, :, :1, :1].expand_as(inside), atol=1e-4)


def test_every_pixel_of_a_palette_lies_between_its_colours() -> None:
    G, _ = build("smooth", SmoothConfig((16, 16), palette=2, **NARROW), seed=0)
    z = torch.randn(3, 7)
    colours = G.colours(z).tanh().unflatten(1, (2, 3))[..., None, None]
    images = G(z)
    assert ((images >= colours.amin(1) - 1e-5) & (images <= colours.amax(1) + 1e-5)).all()


@pytest.mark.parametrize("size", [(32, 32), (80, 100)])
def test_several_scales_add_up(size: tuple[int, int]) -> None:
    G, D = build("smooth", SmoothConfig(size, scales=2, **NARROW), seed=0)
    images = G(torch.randn(2, 7))
    assert images.shape == (2, 3, size[1], size[0])
    assert len(torch.autograd.grad(D(images).sum(), list(G.to_rgb.parameters()))) == 4, "both levels learn"
    with pytest.raises(FacesmithError, match="scales"):
        SmoothConfig(size, scales=9, **NARROW)


def test_grown_networks_start_as_the_smaller_ones() -> None:
    small = NARROW | {"generator_width": 8, "discriminator_width": 8, "max_channels": 64, "palette": 0, "scales": 1}
    G, D = build("smooth", SmoothConfig((16, 16), **small), seed=0)
    larger_G, larger_D = build("smooth", SmoothConfig((32, 32), **SmoothConfig.grow(small)), seed=1)
    larger_G.start_from(G.state_dict())
    larger_D.start_from(D.state_dict())
    z, images = torch.randn(3, 7), torch.randn(3, 3, 32, 32)
    generated = larger_G.eval()(z)
    enlarged = F.interpolate(G.eval()(z).atanh(), scale_factor=2, mode="bilinear")
    assert torch.allclose(generated.atanh(), enlarged, atol=1e-5)
    assert torch.allclose(larger_D(images), D(F.avg_pool2d(images, 2)), atol=1e-6)
    wrong_G, _ = build("smooth", SmoothConfig((32, 32), **NARROW), seed=1)
    with pytest.raises(FacesmithError, match="to_rgb"):
        wrong_G.start_from(G.state_dict())
