from dataclasses import replace

import pytest
import torch

from facesmith.errors import FacesmithError
from facesmith.networks.build import build, count_parameters
from facesmith.networks.family_settings import ResidualConfig
from facesmith.networks.gan.residual import Block, Style
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.step import network_config


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (32, 48), (80, 100), (45, 67)])
def test_any_size_is_supported(size: tuple[int, int]) -> None:
    config = ResidualConfig(size, latent_size=8, generator_width=4, discriminator_width=4, discriminator_blocks=1)
    G, D = build("residual", config, seed=0)
    pictures = G(torch.randn(3, 8))
    assert pictures.shape == (3, 3, size[1], size[0])
    assert pictures.abs().max() <= 1
    assert D(pictures).shape == (3,)


def test_network_sizes_match_the_documentation() -> None:
    """A model folder of 9 MB holds `small` twice in half precision: safetensors and ONNX."""
    G, _ = build("residual", network_config(GAN_RECIPES["small"], (64, 64)), seed=0)
    assert 4 * count_parameters(G) < 8_500_000
    assert count_parameters(G) == 1_872_355


def test_a_block_starts_as_the_identity_and_can_learn() -> None:
    block, x, w = Block(8, 4), torch.randn(2, 8, 6, 6), torch.randn(2, 4)
    assert torch.equal(block(x, w), x)
    torch.nn.init.normal_(block.second.weight)
    assert not torch.allclose(block(x, w), x)


def test_a_style_sets_mean_and_deviation_per_channel() -> None:
    style, w = Style(6, 4), torch.randn(5, 4)
    scale, shift = style.affine(w).chunk(2, 1)
    features = style(torch.randn(5, 6, 16, 16) * 7 + 3, w)
    assert torch.allclose(features.mean((2, 3)), shift, atol=1e-4)
    assert torch.allclose(features.std((2, 3), correction=0), (1 + scale).abs(), atol=1e-2)


def test_faces_are_independent_and_w_is_equivalent_to_z() -> None:
    G, _ = build("residual", ResidualConfig((32, 32), latent_size=8, generator_width=4), seed=0)
    for level in G.levels:  # blocks have no effect at initialisation
        for block in level:
            torch.nn.init.normal_(block.second.weight, 0, 0.1)
    z = torch.randn(4, 8)
    with torch.no_grad():
        assert torch.allclose(G(z)[:1], G(z[:1]), atol=1e-5)
        assert torch.equal(G.synthesize(G.style(z)), G(z))
        narrow_spread, full_spread = (G(truncation * z).std(0).mean() for truncation in (0.5, 1.0))
        assert narrow_spread < full_spread, "truncation brings faces closer together"


def test_without_a_mapping_w_is_z() -> None:
    G, _ = build("residual", ResidualConfig((32, 32), latent_size=8, generator_width=4, mapping=0), seed=0)
    z = torch.randn(2, 8)
    assert torch.equal(G.style(z), z)


def test_levels_above_the_finest_have_no_blocks() -> None:
    config = ResidualConfig((64, 64), generator_width=4, discriminator_width=4, discriminator_blocks=2)
    G, D = build("residual", replace(config, finest=8), seed=0)
    assert [len(level) for level in G.levels] == [1, 1, 0, 0]
    assert [len(level) for level in D.levels] == [0, 0, 2, 2]


def test_invalid_sizes_and_settings_are_refused() -> None:
    with pytest.raises(FacesmithError, match="blocks=0"):
        ResidualConfig((64, 64), blocks=0)
    with pytest.raises(FacesmithError, match="512x512"):
        ResidualConfig((512, 512))
