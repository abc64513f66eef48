"""What every recipe has, and how its settings are described, parsed and compared.

A setting is a field of a recipe's dataclass with a default and a sentence. Nothing here imports torch, so that
``facesmith recipes`` and ``--help`` answer at once.
"""

import difflib
import inspect
from collections.abc import Iterable
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar

from facesmith.errors import FacesmithError
from facesmith.progress import tell
from facesmith.runs.old_names import SETTINGS as OLD_SETTINGS


def setting(
    default: Any, about: str, choices: tuple[str, ...] = (), least: float | None = None, most: float | None = None
) -> Any:
    """A field with a default and what it is; ``choices`` or a range are held to when it is set."""
    return field(default=default, metadata={"about": about, "choices": choices, "least": least, "most": most})


def pretrained(about: str) -> Any:
    """Define a setting that names a trained folder, of which the run keeps a copy; "" for none."""
    return field(default="", metadata={"about": about, "choices": (), "least": None, "most": None, "pretrained": True})


@dataclass(frozen=True)
class Recipe:
    """The settings that every training has. A kind of training adds its own, which the documentation shows first."""

    task: ClassVar[str] = ""  # what is trained: a key of `facesmith.tasks.registry`

    name: str
    about: str
    # learning
    batch_size: int = setting(64, "pictures a step", least=2)
    learning_rate: float = setting(2e-4, "Adam's step size, of every network", least=0)
    beta1: float = setting(0.5, "Adam's β1", least=0)
    beta2: float = setting(0.999, "Adam's β2", least=0)
    ema_kimg: float = setting(0.0, "half-life of the averaged network that is used afterwards, 0 for none", least=0)
    flip: bool = setting(True, "half of the real pictures are mirrored")
    epoch_share: float = setting(1.0, "share of the pictures in an epoch, drawn anew for each", least=0, most=1)
    seed: int = setting(0, "every random draw follows from it", least=0)
    # the schedule: the settings move to these, along half a cosine or by half of the way left in every half-life
    anneal_kimg: float = setting(0.0, "kimg until every setting with an end has reached it, 0: none moves", least=0)
    schedule_half_life_kimg: float | None = setting(
        None, "in place of anneal_kimg: kimg in which half of the way left to every end is gone", least=0.001
    )
    learning_rate_end: float | None = setting(None, "Adam's step size at the schedule's end", least=0)
    beta2_end: float | None = setting(None, "Adam's β2 at the schedule's end", least=0)
    ema_kimg_end: float | None = setting(None, "half-life of the averaged network at the schedule's end", least=0)
    # the watch
    on_collapse: str = setting(
        "rollback",
        "what a collapse leads to: back to the last healthy checkpoint, a stop, or words until numbers end",
        ("rollback", "stop", "warn"),
    )
    rollbacks: int = setting(4, "rollbacks at most", least=0)
    watch_steps: int = setting(50, "steps between two looks at the pictures made", least=1)
    score_kimg: float = setting(40.0, "scores of the averaged network this often, 0 for never", least=0)
    score_count: int = setting(1000, "faces a score is measured on", least=100)
    score_share: float = setting(0.1, "share of the time that scores may take", least=0)
    # length and record
    kimg: float = setting(1000.0, "length: thousand real pictures shown", least=0)
    tick_kimg: float = setting(10.0, "a sample sheet this often, more rarely in long runs", least=0.001)
    checkpoint_kimg: float = setting(20.0, "a checkpoint this often", least=0.001)
    keep: int = setting(3, "checkpoints kept, beside the milestones", least=1)
    log_steps: int = setting(10, "steps averaged in a line of the metrics", least=1)
    # the machine
    device: str = setting("auto", "where to train", ("auto", "cpu", "cuda", "mps"))
    precision: str = setting("auto", "auto: whichever this machine is faster at", ("auto", "float32", "bfloat16"))
    memory_format: str = setting("auto", "order of pixels in memory", ("auto", "channels_last", "contiguous"))
    data: str = setting("auto", "auto: in memory if it fits, else from disk", ("auto", "memory", "disk"))
    threads: int = setting(0, "CPU threads, 0 for all", least=0)

    def check(self) -> None:
        """Raise `FacesmithError` where settings that are right one by one do not go together."""


@dataclass(frozen=True)
class AdversarialRecipe(Recipe):
    """The settings of every training in which a discriminator D judges what a generator G makes."""

    loss: str = setting("bce", "bce: D names real and fake; rpgan: D compares pairs of them", ("bce", "rpgan"))
    real_label: float = setting(1.0, "what D should say of a real picture (bce)")
    generator_label: float = setting(1.0, "what G wants D to say of its pictures (bce)")
    average_losses: bool = setting(False, "D's loss is the mean, not the sum, of its real and fake parts (bce)")
    penalty: float = setting(0.0, "γ of the zero-centred gradient penalties R1 and R2, 0 for none", least=0)
    penalty_every: int = setting(4, "steps between two penalties, each scaled up by as much", least=1)
    augment: float = setting(
        0.0, "probability of each differentiable augmentation of what D sees, 0 for none", least=0, most=1
    )
    # the schedule
    penalty_end: float | None = setting(None, "γ at the schedule's end", least=0)
    augment_end: float | None = setting(None, "probability of each augmentation at the schedule's end", least=0, most=1)


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)

# What may change when a run goes on: how long it is and how it is recorded, never what is learned.
LENGTH_SETTINGS = ("kimg", "on_collapse", "rollbacks", "score_kimg", "score_count", "score_share")


def settings_of(recipe: Recipe | type[Recipe]) -> dict[str, Field[Any]]:
    """The settings of a recipe by name, those of its own kind first: the documentation's order."""
    known = {f.name: f for f in fields(recipe) if f.metadata}
    kinds = (recipe if isinstance(recipe, type) else type(recipe)).__mro__
    return {key: known[key] for kind in kinds for key in inspect.get_annotations(kind) if key in known}


def pretrained_settings(recipe: Recipe) -> dict[str, str]:
    """What the recipe names that was trained before, by setting; what it leaves out is not there."""
    names = [key for key, f in settings_of(recipe).items() if f.metadata.get("pretrained")]
    return {name: getattr(recipe, name) for name in names if getattr(recipe, name)}


def with_settings(recipe: AnyRecipe, settings: Iterable[str]) -> AnyRecipe:
    """``recipe`` with ``key=value`` strings applied, each checked for name, type and range."""
    changes: dict[str, Any] = {}
    known = settings_of(recipe)
    for one in settings:
        key, equals, text = (part.strip() for part in one.partition("="))
        if not equals:
            raise FacesmithError(f"--set {one} has no '=': write it as key=value, for example --set batch_size=32")
        if key in OLD_SETTINGS and key not in known:
            tell(f"the setting {key} is now called {OLD_SETTINGS[key]}")
            key = OLD_SETTINGS[key]
        if key == "model" and key not in known:
            raise FacesmithError(f"the recipe {recipe.name} is not fitted to a model: leave out --model")
        if key == "directions" and key not in known:
            raise FacesmithError(
                f"the recipe {recipe.name} has no two sides: leave out --direction, --source, --target"
            )
        if key not in known:
            raise FacesmithError(f"the recipe {recipe.name} has no setting {key!r}: {did_you_mean(key, known)}")
        changes[key] = _parse(known[key], text)
    changed = replace(recipe, **changes)
    changed.check()
    return changed


def differences(old: Recipe, new: Recipe) -> list[str]:
    """``name old -> new`` for every setting in which two recipes of one kind differ."""
    a, b = asdict(old), asdict(new)
    return [f"{key} {a[key]} -> {b[key]}" for key in a if a[key] != b[key]]


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"


def _parse(setting: Field[Any], text: str) -> Any:
    key, kind = setting.name, setting.type
    choices, least, most = (setting.metadata[name] for name in ("choices", "least", "most"))
    if setting.default is None:
        if text.lower() == "none":
            return None
        kind = float
    try:
        value: Any = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)  # type: ignore[operator]
    except (KeyError, ValueError):
        word = {bool: "true or false", int: "a whole number", float: "a number"}[kind]  # type: ignore[index]
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
