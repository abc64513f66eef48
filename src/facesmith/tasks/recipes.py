"""Recipes: what can be trained, one line of difference each.

A recipe says what the networks are and how they learn; the picture size comes from the dataset. Nothing here imports
torch, so that ``facesmith recipes`` and ``--help`` answer at once.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from facesmith.errors import FacesmithError
from facesmith.progress import tell
from facesmith.runs.old_names import RECIPES as OLD_RECIPES
from facesmith.runs.old_names import current_table
from facesmith.tasks.gan.d_schedule import parse
from facesmith.tasks.makeover import domains as sides
from facesmith.training.settings import (
    LENGTH_SETTINGS,
    AdversarialRecipe,
    Recipe,
    did_you_mean,
    differences,
    pretrained,
    setting,
    settings_of,
    with_settings,
)

__all__ = [
    "GAN_RECIPES",
    "LENGTH_SETTINGS",
    "RECIPES",
    "AdversarialRecipe",
    "ClassifierRecipe",
    "EncoderRecipe",
    "GANRecipe",
    "MakeoverRecipe",
    "Recipe",
    "as_table",
    "differences",
    "from_table",
    "get_recipe",
    "recipe_settings",
    "with_settings",
]


@dataclass(frozen=True)
class GANRecipe(AdversarialRecipe):
    """A game of G and D: faces from latents."""

    task: ClassVar[str] = "gan"

    # the networks
    family: str = setting("dcgan", "network family", ("dcgan", "residual", "mini28", "artiface"))
    latent_size: int = setting(100, "length of the latent z", least=1)
    latent: str = setting("normal", "distribution of z", ("normal", "uniform"))
    generator_width: int = setting(64, "channels of G at half the picture's size", least=1)
    discriminator_width: int = setting(64, "channels of D at half the picture's size", least=1)
    kernel: int = setting(4, "side of every convolution kernel, 4 or 5", least=4)
    bias: bool = setting(False, "convolutions and linear layers have biases")
    generator_norm: bool = setting(True, "batch norm in G")
    discriminator_norm: bool = setting(True, "batch norm in D, but for its first layer")
    blocks: int = setting(1, "residual blocks at every level of G (residual)", least=1)
    discriminator_blocks: int = setting(0, "residual blocks at every level of D (residual)", least=0)
    finest: int = setting(32, "no residual block on levels with a longer shorter side (residual)", least=1)
    mapping: int = setting(2, "layers that map z to the w which styles every level (residual)", least=0)
    # the game
    update: str = setting(
        "alternate", "alternate: G answers the D that has just learned; together: one pass", ("alternate", "together")
    )
    d_schedule: str = setting("every", "when D learns: every, ratio:k, decay:start,factor,every or accuracy:threshold")
    freeze_discriminator_after: float | None = setting(
        None, "kimg after which D learns no more: an experiment", least=0
    )
    hold_out: bool = setting(False, "leave out the pictures that encoders, judges and edits are measured on")
    # the machine
    compile: str = setting(
        "auto", "auto: CUDA graphs on a GPU, else none; compile: by torch.compile", ("auto", "none", "compile", "graph")
    )

    def check(self) -> None:
        parse(self.d_schedule)


@dataclass(frozen=True)
class EncoderRecipe(Recipe):
    """An encoder E, fitted to a generator that learns no more: latents from faces."""

    task: ClassVar[str] = "encoder"

    # what was trained before
    model: str = pretrained("the model whose generator E is fitted to (--model)")
    classifier: str = pretrained("an attribute classifier, through whose features pictures are compared")
    gan: str = pretrained(
        "the model's run: E starts as its D, and pictures are compared through D where no judge is given"
    )
    # the network
    width: int = setting(0, "channels of E at half the picture's size, 0: as D has", least=0)
    norm: bool = setting(True, "batch norm in E, but for its first layer (dcgan)")
    detail: bool = setting(
        True, "after z E tells what more of a photo is added inside G, where G's first grid is small"
    )
    # what E wants, each part with what it counts for, 0 for none
    pixel: float = setting(1.0, "weight of the difference of a photo and its reconstruction", least=0)
    pixel_power: float = setting(2.0, "how a difference of two pixels counts: 2 squared, 1 as it is", least=1, most=2)
    latent: float = setting(0.1, "weight of the squared error in the latents of generated faces", least=0)
    feature: float = setting(0.1, "weight of the squared difference in features, as a share of the photo's", least=0)
    prior: float = setting(0.01, "weight of a latent's squared distance from the usual length", least=0)
    detail_prior: float = setting(0.1, "weight of the detail's mean square, ten times in generated faces", least=0)


@dataclass(frozen=True)
class ClassifierRecipe(Recipe):
    """A judge: what a face has, from a labelled dataset."""

    task: ClassVar[str] = "classifier"

    # the network
    width: int = setting(
        24, "channels at half the picture's size; doubled at every halving, up to eight times", least=1
    )
    feature_size: int = setting(256, "length of the feature vector", least=1)
    dropout: float = setting(0.1, "share of the features that are hidden in a step", least=0, most=0.9)
    # learning
    weight_decay: float = setting(0.05, "AdamW's: weights shrink by this much times the step size", least=0)
    shift: float = setting(0.06, "pictures are moved by up to this share of their sides", least=0, most=0.5)
    colour: float = setting(0.2, "brightness, saturation and contrast vary by up to this share", least=0, most=1)


@dataclass(frozen=True)
class MakeoverRecipe(AdversarialRecipe):
    """A makeover: one kind of face into another, the same person, from a labelled dataset."""

    task: ClassVar[str] = "makeover"

    # what was trained before
    classifier: str = pretrained(
        "an attribute classifier, for the parts of the loss that it measures; without one they rest"
    )
    # the networks
    kind: str = setting("masked", "makeover: the seed's networks; masked: ours", ("makeover", "masked"))
    directions: str = setting("mtf", "mtf, ftm, mtm, ftf, or 'NAME: SOURCE > TARGET'; several separated by ';'")
    width: int = setting(16, "channels of G at the full size (masked)", least=1)
    blocks: int = setting(4, "residual blocks of G on its coarse grid (masked)", least=1)
    discriminator_width: int = setting(32, "channels of D at half the size (masked)", least=1)
    # what G wants beside D's approval
    pixel: float = setting(
        0.8, "share of G's loss that is the mean change of 4x4 pixels; what D says is the rest", least=0, most=1
    )
    mask: float = setting(0.0, "weight of the mean of the mask: how much of a picture may change (masked)", least=0)
    outside: float = setting(0.0, "weight of the mean change outside the face, where faces are aligned", least=0)
    identity: float = setting(0.0, "weight of the change in what a judge sees half way through, as a share", least=0)
    attributes: float = setting(0.0, "weight of the change in a judge's logits, where both sides are alike", least=0)
    target: float = setting(0.0, "weight of a judge's doubt in what all target faces have, or have not", least=0)
    shift: float = setting(0.0, "a judge sees pictures moved by up to this share of their sides", least=0, most=0.5)
    colour: float = setting(
        0.0,
        "and brightness, saturation and contrast changed by up to this share, alike before and after",
        least=0,
        most=1,
    )
    noise: float = setting(0.0, "spread of the noise on what D sees, as a share of white", least=0)
    # the schedule
    pixel_end: float | None = setting(None, "share of the change in G's loss at the schedule's end", least=0, most=1)
    mask_end: float | None = setting(None, "weight of the mask at the schedule's end", least=0)
    noise_end: float | None = setting(None, "spread of the noise at the schedule's end", least=0)

    def check(self) -> None:
        several = len(sides.parse(self.directions))
        if self.kind == "makeover" and several > 1:
            raise FacesmithError(
                f"the recipe {self.name} knows one direction, not {several}: train one for each, or all in one by the "
                "recipe makeover+"
            )


# fmt: off
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (
    GANRecipe("tiny", "ours: faces on a laptop CPU in minutes", latent_size=64, generator_width=32, discriminator_width=32, bias=True, discriminator_norm=False, loss="rpgan", penalty=2.0, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, kimg=400.0, tick_kimg=2.0, checkpoint_kimg=8.0),
    GANRecipe("small", "ours: residual networks and a mapped latent, for one GPU or a patient CPU", family="residual", latent_size=64, generator_width=32, discriminator_width=32, loss="rpgan", penalty=2.0, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, kimg=2000.0, tick_kimg=4.0, checkpoint_kimg=16.0, score_kimg=20.0),
    GANRecipe("base", "ours: small, twice as wide and as deep, for one GPU overnight", family="residual", latent_size=64, generator_width=64, discriminator_width=64, blocks=2, discriminator_blocks=1, finest=64, loss="rpgan", penalty=2.0, batch_size=256, learning_rate=2e-4, beta1=0.0, beta2=0.9, ema_kimg=5.0, anneal_kimg=10000.0, learning_rate_end=5e-5, beta2_end=0.99, penalty_end=0.2, ema_kimg_end=100.0, augment_end=0.3, kimg=20000.0, tick_kimg=20.0, checkpoint_kimg=100.0, score_kimg=200.0),
    GANRecipe("mini28", "seed 1: faces of 28x28", family="mini28", generator_width=256, latent="uniform", real_label=0.9, learning_rate=2.5e-4, beta1=0.45, flip=False),
    GANRecipe("artiface", "seed 2: ArtiFace, faces of 128x128", family="artiface", generator_width=128, latent_size=250, average_losses=True, learning_rate=1e-4, beta1=0.9, flip=False),
    GANRecipe("celebrity", "seed 0: the classic DCGAN", flip=False),
    GANRecipe("dcgan64", "seed 4: NVIDIA's photo-editing DCGAN", kernel=5, bias=True, update="together", real_label=0.9, generator_label=1.1, average_losses=True, learning_rate=5e-4, beta1=0.9, flip=False),
    EncoderRecipe("encoder", "from a photo to its latent, for a model that is trained already", learning_rate=1e-3, beta1=0.9, ema_kimg=5.0, anneal_kimg=300.0, learning_rate_end=1e-5, score_kimg=10.0, kimg=300.0),
    ClassifierRecipe("classifier", "names the attributes of a face, for measuring edits and labelling", learning_rate=2e-3, beta1=0.9, ema_kimg=10.0, anneal_kimg=500.0, learning_rate_end=1e-5, score_kimg=20.0, score_count=2000, kimg=500.0),
    MakeoverRecipe("makeover", "seed 3: one kind of face into another", kind="makeover", batch_size=16, beta1=0.9, pixel=0.95, noise=0.2, schedule_half_life_kimg=80.0, learning_rate_end=1e-7, pixel_end=0.7, noise_end=0.0, tick_kimg=4.0, kimg=700.0),
    MakeoverRecipe("makeover+", "ours: many makeovers in one network, to any strength, and only where it is needed", batch_size=32, loss="rpgan", penalty=2.0, pixel=0.2, mask_end=0.05, outside=5.0, identity=1.0, attributes=0.05, target=2.0, shift=0.06, colour=0.2, learning_rate=4e-4, beta1=0.0, beta2=0.99, ema_kimg=5.0, anneal_kimg=200.0, learning_rate_end=4e-5, tick_kimg=4.0, score_kimg=20.0, kimg=400.0),
)}
# fmt: on
GAN_RECIPES = {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, GANRecipe)}
KINDS: dict[str, type[Recipe]] = {
    kind.task: kind for kind in (GANRecipe, EncoderRecipe, ClassifierRecipe, MakeoverRecipe)
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name, or `FacesmithError` with the nearest ones."""
    if name in OLD_RECIPES:
        tell(f"the recipe {name} is now called {OLD_RECIPES[name]}")
        name = OLD_RECIPES[name]
    if name not in RECIPES:
        raise FacesmithError(f"no recipe is called {name!r}: {did_you_mean(name, RECIPES)}")
    return RECIPES[name]


def recipe_settings(name: str) -> list[tuple[str, Any, str]]:
    """(setting, value, what it is) for every setting of the recipe of that name, in the documentation's order."""
    recipe = get_recipe(name)
    return [(key, getattr(recipe, key), f.metadata["about"]) for key, f in settings_of(recipe).items()]


def as_table(recipe: Recipe) -> dict[str, Any]:
    """Every field by name, as `from_table` takes it back and ``recipe.toml`` holds it."""
    return asdict(recipe) | {"task": recipe.task}


def from_table(table: dict[str, Any]) -> Recipe:
    """The recipe a ``recipe.toml`` holds."""
    values = current_table(table)
    task = values.pop("task")
    if task not in KINDS:
        raise FacesmithError(f"unknown task {task!r} in a recipe: use the version of facesmith that wrote it")
    kind = KINDS[task]
    names = [f.name for f in fields(kind)]
    if unknown := sorted(set(values) - set(names)):
        raise FacesmithError(
            f"unknown setting {unknown[0]!r} in a recipe: {did_you_mean(unknown[0], names)} "
            "A recipe of a newer facesmith needs that version"
        )
    return kind(**values)
