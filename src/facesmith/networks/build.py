"""Building networks: from a family and settings, or from the card of a saved model."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import torch
from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks import registry
from facesmith.networks.encoder import MAX_DETAIL, Encoder
from facesmith.networks.layers import CoarseGenerator

Net = TypeVar("Net", bound=nn.Module)

OLD_FAMILIES = {"makeover": "deep_makeover"}  # as version 0.1 called them in the cards of makeovers

# The networks that a card can describe, by its "part"; without one it is the generator.
PARTS: dict[str, Callable[[Any, Any], nn.Module]] = {
    "generator": lambda family, config: family.Generator(config),
    "discriminator": lambda family, config: family.Discriminator(config),
    "encoder": lambda family, config: Encoder(
        family.Discriminator(config), meta_generator(family, config), detail=False
    ),
    "detailed encoder": lambda family, config: Encoder(
        family.Discriminator(config), meta_generator(family, config), detail=True
    ),
}


def make_config(family: str, size: tuple[int, int], settings: Mapping[str, Any], kind: str = "gan", **more: Any) -> Any:
    """Return a family's ``Config`` for images of ``size`` (width, height).

    ``more`` are the fields that are not settings of the family: latent_size, or directions. Raises `FacesmithError` for
    a size that the family cannot make.
    """
    return registry.family(family, kind).Config(size=tuple(size), **more, **settings)


def as_card(family: str, config: Any) -> dict[str, Any]:
    """Return a ``Config`` as model cards keep it; `from_card` reads it."""
    return {"family": family, **asdict(config)}


def from_card(card: dict[str, Any], kind: str = "gan") -> nn.Module:
    """Build the network that a model's card describes, without its weights: a generator, or its "part"."""
    family, config = _read_card(card, kind)
    part = card.get("part", "generator")
    if part not in PARTS:
        raise FacesmithError(f"unknown network part {part!r}: use the version of facesmith that wrote the file")
    return PARTS[part](family, config)


def complete_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return a GAN's card with all settings, as some are newer than the model."""
    return as_card(card["family"], _read_card(card, "gan")[1])


def meta_generator(family: Any, config: Any) -> CoarseGenerator:
    """Build a generator without memory for its weights, to read its sizes."""
    with torch.device("meta"):
        net: CoarseGenerator = family.Generator(config)
    return net


def detail_size(card: dict[str, Any]) -> int:
    """Return how many numbers of detail the generator of a model's card takes; 0 where it takes none or too many."""
    size = int(getattr(meta_generator(*_read_card(card, "gan")), "detail_size", 0))
    return size if size <= MAX_DETAIL else 0


def build(family: str, config: Any, seed: int, kind: str = "gan", conditions: int = 0) -> tuple[Any, Any]:
    """Build G and D with fresh weights, which depend on the seed alone.

    With ``conditions``, D's last layer has an output for each attribute that is an input: see `adversarial_losses`.
    Raises `FacesmithError` for a family whose D has no last layer ``head``.
    """
    module = registry.family(family, kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        G, D = module.Generator(config), module.Discriminator(config)
        if conditions:
            head = getattr(D, "head", None)
            if not isinstance(head, nn.Linear):
                raise FacesmithError(
                    f"the family {family} cannot be conditioned on attributes: its discriminator has no layer named "
                    "head"
                )
            D.head = nn.Linear(head.in_features, 1 + conditions, bias=head.bias is not None)
            nn.init.normal_(D.head.weight, 0.0, float(head.weight.detach().std()))
        return G, D


def move_to_device(net: Net, device: torch.device, memory_format: str) -> Net:
    """Move a network to ``device``, its weights in the order "channels_last" or "contiguous"."""
    layout = torch.channels_last if memory_format == "channels_last" else torch.contiguous_format
    return net.to(device=device, memory_format=layout)  # type: ignore[call-overload,no-any-return]


def count_parameters(net: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def _read_card(card: dict[str, Any], kind: str) -> tuple[Any, Any]:
    values = {key: value for key, value in card.items() if key not in ("family", "kind", "part")}
    name = card.get("family") or card["kind"]  # version 0.1 wrote the family of a makeover as "kind"
    family = registry.family(OLD_FAMILIES.get(name, name) if kind == "makeover" else name, kind)
    return family, family.Config(**values | {"size": tuple(values["size"])})
