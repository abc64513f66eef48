"""Recipes: what can be trained, one line of difference each.

A recipe says what the networks are and how they learn; the picture size comes from the dataset. Nothing here imports
torch, so that ``facesmith recipes`` and ``--help`` answer at once.
"""

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.training.turns import parse


def _setting(
    default: Any, about: str, choices: tuple[str, ...] = (), least: float | None = None, most: float | None = None
) -> Any:
    return field(default=default, metadata={"about": about, "choices": choices, "least": least, "most": most})


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training. The order is the order of the documentation."""

    name: str
    about: str
    # the networks
    family: str = _setting("dcgan", "network family", ("dcgan", "residual", "mini28", "artiface"))
    latent_size: int = _setting(100, "length of the latent z", least=1)
    latent: str = _setting("normal", "distribution of z", ("normal", "uniform"))
    generator_width: int = _setting(64, "channels of G at half the picture's size", least=1)
    discriminator_width: int = _setting(64, "channels of D at half the picture's size", least=1)
    kernel: int = _setting(4, "side of every convolution kernel, 4 or 5", least=4)
    bias: bool = _setting(False, "convolutions and linear layers have biases")
    generator_norm: bool = _setting(True, "batch norm in G")
    discriminator_norm: bool = _setting(True, "batch norm in D, but for its first layer")
    blocks: int = _setting(1, "residual blocks at every level of G (residual)", least=1)
    discriminator_blocks: int = _setting(0, "residual blocks at every level of D (residual)", least=0)
    finest: int = _setting(32, "no residual block on levels with a longer shorter side (residual)", least=1)
    mapping: int = _setting(2, "layers that map z to the w which styles every level (residual)", least=0)
    # the game
    loss: str = _setting("bce", "bce: D names real and fake; rpgan: D compares pairs of them", ("bce", "rpgan"))
    update: str = _setting(
        "alternate", "alternate: G answers the D that has just learned; together: one pass", ("alternate", "together")
    )
    turns: str = _setting("every", "when D learns: every, ratio:k, decay:start,factor,every or accuracy:threshold")
    freeze_discriminator_after: float | None = _setting(
        None, "kimg after which D learns no more: an experiment", least=0
    )
    real_label: float = _setting(1.0, "what D should say of a real picture (bce)")
    generator_label: float = _setting(1.0, "what G wants D to say of its pictures (bce)")
    average_losses: bool = _setting(False, "D's loss is the mean, not the sum, of its real and fake parts (bce)")
    penalty: float = _setting(0.0, "γ of the zero-centred gradient penalties R1 and R2, 0 for none", least=0)
    penalty_every: int = _setting(4, "steps between two penalties, each scaled up by as much", least=1)
    # learning
    batch_size: int = _setting(64, "pictures a step", least=2)
    learning_rate: float = _setting(2e-4, "Adam's step size, of both networks", least=0)
    beta1: float = _setting(0.5, "Adam's β1", least=0)
    beta2: float = _setting(0.999, "Adam's β2", least=0)
    ema_kimg: float = _setting(0.0, "half-life of the averaged G that makes the pictures, 0 for none", least=0)
    flip: bool = _setting(True, "half of the real pictures are mirrored")
    augment: float = _setting(
        0.0, "probability of each differentiable augmentation of what D sees, 0 for none", least=0, most=1
    )
    epoch_share: float = _setting(1.0, "share of the pictures in an epoch, drawn anew for each", least=0, most=1)
    seed: int = _setting(0, "every random draw follows from it", least=0)
    # the schedule: over the first anneal_kimg the settings move along half a cosine to these, and stay there
    anneal_kimg: float = _setting(0.0, "kimg until the settings below are reached, 0: they never move", least=0)
    learning_rate_end: float | None = _setting(None, "Adam's step size after anneal_kimg", least=0)
    beta2_end: float | None = _setting(None, "Adam's β2 after anneal_kimg", least=0)
    penalty_end: float | None = _setting(None, "γ after anneal_kimg", least=0)
    ema_kimg_end: float | None = _setting(None, "half-life of the averaged G after anneal_kimg", least=0)
    augment_end: float | None = _setting(None, "probability of each augmentation after anneal_kimg", least=0, most=1)
    # the watch
    on_collapse: str = _setting(
        "rollback",
        "what a collapse leads to: back to the last healthy checkpoint, a stop, or words until numbers end",
        ("rollback", "stop", "warn"),
    )
    rollbacks: int = _setting(4, "rollbacks at most", least=0)
    watch_steps: int = _setting(50, "steps between two looks at how different the faces are", least=1)
    score_kimg: float = _setting(40.0, "KID and FID of the averaged G this often, 0 for never", least=0)
    score_count: int = _setting(1000, "faces a score is measured on", least=100)
    score_share: float = _setting(0.1, "share of the time that scores may take", least=0)
    # length and record
    kimg: float = _setting(1000.0, "length: thousand real pictures shown", least=0)
    tick_kimg: float = _setting(10.0, "a sample sheet this often, more rarely in long runs", least=0.001)
    checkpoint_kimg: float = _setting(20.0, "a checkpoint this often", least=0.001)
    keep: int = _setting(3, "checkpoints kept, beside the milestones", least=1)
    log_steps: int = _setting(10, "steps averaged in a line of the metrics", least=1)
    # the machine
    device: str = _setting("auto", "where to train", ("auto", "cpu", "cuda", "mps"))
    precision: str = _setting("auto", "auto: whichever this machine is faster at", ("auto", "float32", "bfloat16"))
    memory_format: str = _setting("auto", "order of pixels in memory", ("auto", "channels_last", "contiguous"))
    data: str = _setting("auto", "auto: in memory if it fits, else from disk", ("auto", "memory", "disk"))
    compile: str = _setting(
        "auto", "auto: CUDA graphs on a GPU, else none; compile: by torch.compile", ("auto", "none", "compile", "graph")
    )
    threads: int = _setting(0, "CPU threads, 0 for all", least=0)


SETTINGS = {f.name: f for f in fields(Recipe) if f.metadata}

# fmt: off
RECIPES = {recipe.name: recipe for recipe in (
    Recipe("tiny", "ours: faces on a laptop CPU in minutes", latent_size=64, generator_width=32, discriminator_width=32, bias=True, discriminator_norm=False, loss="rpgan", penalty=2.0, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, kimg=400.0, tick_kimg=2.0, checkpoint_kimg=8.0),
    Recipe("small", "ours: residual networks and a mapped latent, for one GPU or a patient CPU", family="residual", latent_size=64, generator_width=32, discriminator_width=32, loss="rpgan", penalty=2.0, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, kimg=2000.0, tick_kimg=4.0, checkpoint_kimg=16.0, score_kimg=20.0),
    Recipe("base", "ours: small, twice as wide and as deep, for one GPU overnight", family="residual", latent_size=64, generator_width=64, discriminator_width=64, blocks=2, discriminator_blocks=1, finest=64, loss="rpgan", penalty=2.0, batch_size=256, learning_rate=2e-4, beta1=0.0, beta2=0.9, ema_kimg=5.0, anneal_kimg=10000.0, learning_rate_end=5e-5, beta2_end=0.99, penalty_end=0.2, ema_kimg_end=100.0, augment_end=0.3, kimg=20000.0, tick_kimg=20.0, checkpoint_kimg=100.0, score_kimg=200.0),
    Recipe("mini28", "seed 1: faces of 28x28", family="mini28", generator_width=256, latent="uniform", real_label=0.9, learning_rate=2.5e-4, beta1=0.45, flip=False),
    Recipe("artiface", "seed 2: ArtiFace, faces of 128x128", family="artiface", generator_width=128, latent_size=250, average_losses=True, learning_rate=1e-4, beta1=0.9, flip=False),
    Recipe("celebrity", "seed 0: the classic DCGAN", flip=False),
    Recipe("dcgan64", "seed 4: NVIDIA's photo-editing DCGAN", kernel=5, bias=True, update="together", real_label=0.9, generator_label=1.1, average_losses=True, learning_rate=5e-4, beta1=0.9, flip=False),
)}
# fmt: on

# What may change when a run goes on: how long it is and how it is recorded, never what is learned.
LENGTH_SETTINGS = ("kimg", "on_collapse", "rollbacks", "score_kimg", "score_count", "score_share")


def get_recipe(name: str) -> Recipe:
    """The recipe of that name, or `FacesmithError` with the nearest ones."""
    if name not in RECIPES:
        raise FacesmithError(f"no recipe is called {name!r}: {_did_you_mean(name, RECIPES)}")
    return RECIPES[name]


def with_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """``recipe`` with ``key=value`` strings applied, each checked for name, type and range."""
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise FacesmithError(f"--set {setting} has no '=': write it as key=value, for example --set batch_size=32")
        if key not in SETTINGS:
            raise FacesmithError(f"recipes have no setting {key!r}: {_did_you_mean(key, SETTINGS)}")
        changes[key] = _parse(key, text)
    parse(changes.get("turns", recipe.turns))
    return replace(recipe, **changes)


def recipe_settings(name: str) -> list[tuple[str, Any, str]]:
    """(setting, value, what it is) for every setting of the recipe of that name, in the documentation's order."""
    recipe = get_recipe(name)
    return [(key, getattr(recipe, key), setting.metadata["about"]) for key, setting in SETTINGS.items()]


def as_table(recipe: Recipe) -> dict[str, Any]:
    """Every field by name, as `from_table` takes it back and ``recipe.toml`` holds it."""
    return asdict(recipe)


def from_table(table: dict[str, Any]) -> Recipe:
    """The recipe a ``recipe.toml`` holds."""
    names, optional = {f.name for f in fields(Recipe)}, {key for key, f in SETTINGS.items() if f.default is None}
    unknown, missing = set(table) - names, names - optional - set(table)
    if unknown or missing:
        odd = ", ".join(sorted(unknown or missing))
        raise FacesmithError(f"the recipe does not fit this facesmith ({odd}): use the version that wrote it")
    return Recipe(**table)


def differences(old: Recipe, new: Recipe) -> list[str]:
    """``name old -> new`` for every setting in which two recipes differ."""
    a, b = as_table(old), as_table(new)
    return [f"{key} {a[key]} -> {b[key]}" for key in a if a[key] != b[key]]


def _parse(key: str, text: str) -> Any:
    setting = SETTINGS[key]
    kind: Any = setting.type
    choices, least, most = (setting.metadata[name] for name in ("choices", "least", "most"))
    if setting.default is None:
        if text.lower() == "none":
            return None
        kind = float
    try:
        value: Any = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        word = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise FacesmithError(f"--set {key}={text} must be {word} ({setting.metadata['about']})") from None
    if choices and value not in choices:
        raise FacesmithError(f"--set {key}={text} must be one of {', '.join(choices)}")
    if least is not None and not value >= least:
        raise FacesmithError(f"--set {key}={text} must be at least {least} ({setting.metadata['about']})")
    if most is not None and value > most:
        raise FacesmithError(f"--set {key}={text} must be at most {most} ({setting.metadata['about']})")
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise FacesmithError(f"--set {key}={text} must be a finite number")
    return value


def _did_you_mean(wrong: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
