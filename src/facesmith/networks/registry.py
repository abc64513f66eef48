"""Network families by name: the built-in ones, and those that plugins register. Nothing here imports torch.

A family is one file with three classes:

* ``Config``: a frozen dataclass with the family's settings, derived from `FamilyConfig` or `MakeoverConfig`
* ``Generator(config)`` and ``Discriminator(config)``: modules. Of kind "gan": latents (N x latent_size) to images
  (N x 3 x H x W in [-1, 1]), and images to logits (N). Of kind "makeover": images and strengths (N x directions) to
  images, and images to logits (N x directions).

The files in `facesmith.networks.gan` and `facesmith.networks.makeover` are families, named after the file.
"""

import ast
from dataclasses import Field, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from facesmith.errors import FacesmithError, did_you_mean
from facesmith.networks import plugins
from facesmith.networks.settings import FamilyConfig, MakeoverConfig, setting, setting_fields

KINDS = ("gan", "makeover")
_HERE = Path(__file__).parent
_registered: dict[tuple[str, str], Any] = {}


def register_family(name: str, Config: type, Generator: type, Discriminator: type, *, kind: str = "gan") -> None:
    """Add a network family, for recipes and models that name it. Raises `FacesmithError` for a name that is taken."""
    if name in _built_in(kind) or (kind, name) in _registered:
        raise FacesmithError(f"a network family named {name!r} exists already: choose another name")
    _registered[kind, name] = SimpleNamespace(Config=Config, Generator=Generator, Discriminator=Discriminator)


def families(kind: str = "gan") -> list[str]:
    """Return the names of the families of a kind."""
    plugins.load_installed()
    return [*_built_in(kind), *(name for other, name in _registered if other == kind)]


def family(name: str, kind: str = "gan") -> Any:
    """Return what holds a family's ``Config``, ``Generator`` and ``Discriminator``. Imports torch."""
    _refuse_unknown(name, kind)
    return _registered.get((kind, name)) or import_module(f"facesmith.networks.{kind}.{name}")


def family_settings(name: str, kind: str = "gan") -> dict[str, Field[Any]]:
    """Return the settings of a family by name."""
    _refuse_unknown(name, kind)
    registered = _registered.get((kind, name))
    return setting_fields(registered.Config) if registered else _built_in_settings(name, kind)


def _refuse_unknown(name: str, kind: str) -> None:
    if name not in _built_in(kind) and (kind, name) not in _registered and name not in families(kind):
        raise FacesmithError(
            f"unknown network family {name!r}: {did_you_mean(name, families(kind))} If it comes from a plugin, "
            "name its file with --plugin FILE"
        )


@cache
def _built_in(kind: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (_HERE / kind).glob("[a-z]*.py")))


@cache
def _built_in_settings(name: str, kind: str) -> dict[str, Field[Any]]:
    """Return a built-in family's settings. Only the fields of its ``Config`` are executed: no torch is imported."""
    tree = ast.parse((_HERE / kind / f"{name}.py").read_text(encoding="utf-8"))
    (config,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    config.body = [node for node in config.body if isinstance(node, ast.AnnAssign)] or [ast.Pass()]
    names: dict[str, Any] = {
        "dataclass": dataclass, "setting": setting, "FamilyConfig": FamilyConfig, "MakeoverConfig": MakeoverConfig
    }  # fmt: skip
    exec(compile(ast.fix_missing_locations(ast.Module([config], [])), name, "exec"), names)
    return setting_fields(names["Config"])
