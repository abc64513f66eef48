import pytest
import torch

from facesmith.networks import build as networks
from facesmith.networks.encoder import MAX_DETAIL
from facesmith.networks.family_settings import ArtifaceConfig
from facesmith.networks.gan import artiface

NARROW = {"latent_size": 7, "generator_width": 4, "discriminator_width": 4}
CARDS = {
    "dcgan": {"family": "dcgan", "size": [40, 32], **NARROW},
    "kernel 5": {"family": "dcgan", "size": [25, 20], "kernel": 5, **NARROW},
    "residual": {"family": "residual", "size": [32, 32], **NARROW},
    "mini28": {"family": "mini28", "size": [28, 28], **NARROW},
}


@pytest.mark.parametrize("name", CARDS)
def test_encoder_latents_have_the_generators_shape(name: str) -> None:
    card = CARDS[name]
    torch.manual_seed(0)
    G, z = networks.from_card(card).eval(), torch.randn(3, 7)
    size = networks.detail_size(card)
    assert torch.equal(G(torch.cat([z, torch.zeros(3, size)], 1)), G(z)), "no detail is a detail of zeros"
    E = networks.from_card({**card, "part": "detailed encoder"}).eval()
    latents = E(G(z))
    assert latents.shape == (3, 7 + size)
    assert not latents[:, 7:].any(), "an encoder begins by telling z alone"
    assert networks.from_card({**card, "part": "encoder"})(G(z)).shape == (3, 7)
    latents[:, 7:] += torch.randn(3, size)
    assert not torch.allclose(G(latents), G(latents[:, :7]), atol=1e-3)


@pytest.mark.parametrize("name", ["dcgan", "mini28"])
def test_a_direction_moves_photos_like_generated_faces(name: str) -> None:
    torch.manual_seed(0)
    G, z, move = networks.from_card(CARDS[name]), torch.randn(1, 7), torch.randn(1, 7)
    detail = torch.randn(1, networks.detail_size(CARDS[name]))
    difference = G.begin(z + move, detail) - G.begin(z, detail)  # type: ignore[operator]
    assert torch.allclose(difference, G.begin(z + move, None) - G.begin(z, None), atol=1e-5)  # type: ignore[operator]


def test_the_detail_of_a_cell_depends_on_nearby_pixels() -> None:
    card = {**CARDS["dcgan"], "discriminator_norm": False, "size": [64, 64]}
    E = networks.from_card({**card, "part": "detailed encoder"}).eval()
    torch.nn.init.normal_(E.detail.weight)  # type: ignore[union-attr, arg-type]
    pictures = torch.zeros(2, 3, 64, 64)
    pictures[1, :, :16, :16] = 1.0
    plain_detail, changed_detail = E(pictures)[:, 7:].unflatten(1, (4, 4, -1))
    differs = (plain_detail - changed_detail).abs().amax(-1) > 1e-6
    assert differs[0, 0]
    assert not differs[2:].any()
    assert not differs[:, 2:].any(), "what is far away has no part in it"


def test_a_first_grid_too_large_has_no_residual_latent() -> None:
    card = {"family": "artiface", "size": [128, 128], **NARROW, "generator_width": 32}
    config = ArtifaceConfig((128, 128), 7, 32, 4)
    assert networks.meta_generator(artiface, config).detail_size > MAX_DETAIL
    assert networks.detail_size(card) == 0
