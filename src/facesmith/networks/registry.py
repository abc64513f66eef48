"""Network families by name: what a recipe or a model's card calls, and how its networks are made and placed."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks import artiface, dcgan, mini28, residual
from facesmith.networks.encoder import MOST_DETAIL, Encoder
from facesmith.networks.stack import CoarseGenerator

Net = TypeVar("Net", bound=nn.Module)


class Config(Protocol):
    """What every family's description has; the rest are settings of `Recipe` with the same names."""

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def latent_size(self) -> int: ...


# A family is a module with a frozen dataclass Config, Generator(config) and Discriminator(config): z (N x latent_size)
# to pictures (N x 3 x H x W in [-1, 1]), and pictures to logits (N).
FAMILIES: dict[str, Any] = {"dcgan": dcgan, "residual": residual, "mini28": mini28, "artiface": artiface}


# What can be made of a family, by the "part" of a card; without one it is the generator.
PARTS: dict[str, Callable[[Any, Any], nn.Module]] = {
    "generator": lambda family, config: family.Generator(config),
    "discriminator": lambda family, config: family.Discriminator(config),
    "encoder": lambda family, config: Encoder(family.Discriminator(config), outline(family, config), detail=False),
    "detailed encoder": lambda family, config: Encoder(
        family.Discriminator(config), outline(family, config), detail=True
    ),
}


def describe(family: str, size: tuple[int, int], settings: Any) -> Any:
    """The description of a family's networks for pictures of ``size`` (width, height), from a recipe's fields.

    Raises `FacesmithError` for a size the family cannot make.
    """
    kind = FAMILIES[family].Config
    return kind(size=size, **{f.name: getattr(settings, f.name) for f in fields(kind) if f.name != "size"})


def as_card(family: str, config: Any) -> dict[str, Any]:
    """The description as a model's card keeps it; `from_card` takes it back."""
    return {"family": family, **asdict(config)}


def from_card(card: dict[str, Any]) -> nn.Module:
    """The network that a model's card describes, its weights yet to be loaded: a generator, or its "part"."""
    settings = {name: value for name, value in card.items() if name not in ("family", "part")}
    if card["family"] not in FAMILIES:
        raise FacesmithError(f"this facesmith knows no network family {card['family']!r}: use the version that made it")
    family = FAMILIES[card["family"]]
    config = family.Config(**settings | {"size": tuple(settings["size"])})
    part = card.get("part", "generator")
    if part not in PARTS:
        raise FacesmithError(f"this facesmith knows no part {part!r} of a family: use the version that made it")
    return PARTS[part](family, config)


def outline(family: Any, config: Any) -> CoarseGenerator:
    """The generator without its weights: what sizes it has."""
    with torch.device("meta"):
        net: CoarseGenerator = family.Generator(config)
    return net


def detail_size(card: dict[str, Any]) -> int:
    """How many numbers of detail the generator of a model's card may be given; 0 where they would be too many."""
    settings = {name: value for name, value in card.items() if name not in ("family", "part")}
    family = FAMILIES[card["family"]]
    size = outline(family, family.Config(**settings | {"size": tuple(settings["size"])})).detail_size
    return size if size <= MOST_DETAIL else 0


def build(family: str, config: Config, seed: int) -> tuple[Any, Any]:
    """G and D, freshly initialised: the same weights for the same seed, whatever was drawn before."""
    module = FAMILIES[family]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return module.Generator(config), module.Discriminator(config)


def place(net: Net, device: torch.device, memory_format: str) -> Net:
    """The network on ``device``, its weights in the order "channels_last" or "contiguous"."""
    layout = torch.channels_last if memory_format == "channels_last" else torch.contiguous_format
    return net.to(device=device, memory_format=layout)  # type: ignore[call-overload,no-any-return]


def parameters(net: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
