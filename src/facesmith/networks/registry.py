"""Network families by name: the built-in ones, and those that plugins register. Nothing here imports torch.

A family is one file with three classes:

* ``Config``: a frozen dataclass with the family's settings, derived from `FamilyConfig` or `MakeoverConfig`
* ``Generator(config)`` and ``Discriminator(config)``: modules. Of kind "gan": latents (N x latent_size) to images
  (N x 3 x H x W in [-1, 1]), and images to logits (N). Of kind "makeover": images and strengths (N x directions) to
  images, and images to logits (N x directions).

A plugin has all three in one file. Those of the built-in families are in `facesmith.networks.family_settings` and in
the file of `facesmith.networks.gan` or `facesmith.networks.makeover` that is named after the family.
"""

from dataclasses import Field
from importlib import import_module
from typing import Any, NamedTuple

from facesmith.errors import FacesmithError, did_you_mean
from facesmith.networks import plugins
from facesmith.networks.family_settings import FAMILIES
from facesmith.networks.settings import setting_fields

KINDS = tuple(FAMILIES)


class Family(NamedTuple):
    """The classes of a network family."""

    Config: Any
    Generator: Any
    Discriminator: Any


_registered: dict[tuple[str, str], Family] = {}


def register_family(name: str, Config: type, Generator: type, Discriminator: type, *, kind: str = "gan") -> None:
    """Add a network family, for recipes and models that name it. Raises `FacesmithError` for a name that is taken."""
    if name in FAMILIES[kind] or (kind, name) in _registered:
        raise FacesmithError(f"a network family named {name!r} already exists: choose another name")
    _registered[kind, name] = Family(Config, Generator, Discriminator)


def families(kind: str = "gan") -> list[str]:
    """Return the names of the families of a kind."""
    plugins.load_installed()
    return [*FAMILIES[kind], *(name for other, name in _registered if other == kind)]


def family(name: str, kind: str = "gan") -> Family:
    """Return the classes of a family. Imports torch."""
    config = family_config(name, kind)
    if (kind, name) in _registered:
        return _registered[kind, name]
    networks = import_module(f"facesmith.networks.{kind}.{name}")
    return Family(config, networks.Generator, networks.Discriminator)


def family_settings(name: str, kind: str = "gan") -> dict[str, Field[Any]]:
    """Return the settings of a family by name."""
    return setting_fields(family_config(name, kind))


def family_config(name: str, kind: str) -> Any:
    """Return the ``Config`` of a family. Raises `FacesmithError` for an unknown name."""
    if name in FAMILIES[kind]:
        return FAMILIES[kind][name]
    if (kind, name) not in _registered and name not in families(kind):
        raise FacesmithError(
            f"unknown network family {name!r}: load it with --plugin FILE if a plugin defines it, or "
            f"{did_you_mean(name, families(kind))}"
        )
    return _registered[kind, name].Config
