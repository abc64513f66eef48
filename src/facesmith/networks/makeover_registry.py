"""Makeover networks by kind: what a recipe or a makeover's card calls, and how they are made."""

from dataclasses import asdict, fields
from typing import Any

import torch
from torch import nn

from facesmith.errors import FacesmithError
from facesmith.networks import deep_makeover as makeover
from facesmith.networks import masked_makeover as masked

# A kind is a module with a frozen dataclass Config, Generator(config) and Discriminator(config): pictures and strengths
# (N x directions) to pictures, and pictures to logits (N x directions).
KINDS: dict[str, Any] = {"makeover": makeover, "masked": masked}


def describe(kind: str, size: tuple[int, int], directions: int, settings: Any) -> Any:
    """The description of networks for pictures of ``size`` (width, height), from a recipe's fields.

    Raises `FacesmithError` for a size, or a number of directions, that the kind cannot make.
    """
    config = KINDS[kind].Config
    own = {f.name: getattr(settings, f.name) for f in fields(config) if f.name not in ("size", "directions")}
    return config(size=size, directions=directions, **own)


def as_card(kind: str, config: Any) -> dict[str, Any]:
    """The description as a makeover's card keeps it; `from_card` takes it back."""
    return {"kind": kind, **asdict(config)}


def from_card(card: dict[str, Any]) -> nn.Module:
    """The generator that a makeover's card describes, its weights yet to be loaded."""
    if card["kind"] not in KINDS:
        raise FacesmithError(f"this facesmith knows no makeover {card['kind']!r}: use the version that made it")
    settings = {name: value for name, value in card.items() if name != "kind"}
    module = KINDS[card["kind"]]
    net: nn.Module = module.Generator(module.Config(**settings | {"size": tuple(settings["size"])}))
    return net


def build(kind: str, config: Any, seed: int) -> tuple[nn.Module, nn.Module]:
    """G and D, freshly initialised: the same weights for the same seed, whatever was drawn before."""
    module = KINDS[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return module.Generator(config), module.Discriminator(config)
