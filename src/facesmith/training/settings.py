"""Recipes: the settings of a run, in groups. A kind of training adds its own. Nothing here imports torch."""

from collections.abc import Container, Iterable
from dataclasses import Field, dataclass, field, fields, replace
from functools import partial
from typing import Any, ClassVar, Self, TypeVar

from facesmith.errors import FacesmithError, did_you_mean
from facesmith.networks.registry import family_config, family_settings
from facesmith.networks.settings import check_setting, parse_setting, setting, setting_fields
from facesmith.progress import tell
from facesmith.runs.old_names import FAMILIES as OLD_FAMILIES
from facesmith.runs.old_names import FAMILY_SETTINGS, current_table
from facesmith.runs.old_names import SETTINGS as OLD_SETTINGS

# The sections of a recipe.toml, and the order of the documentation.
GROUPS = ("pretrained", "network", "learning", "loss", "schedule", "health", "scores", "record", "machine")

pretrained_setting = partial(setting, "", group="pretrained")  # names a trained folder, which the run copies; "": none
network_setting = partial(setting, group="network")
learning_setting = partial(setting, group="learning")
loss_setting = partial(setting, group="loss")
schedule_setting = partial(setting, group="schedule")
health_setting = partial(setting, group="health")
scores_setting = partial(setting, group="scores")
record_setting = partial(setting, group="record")
machine_setting = partial(setting, group="machine")

# Settings that may change when a run is resumed: its length and how it is recorded, never what it learns.
RESUMABLE_SETTINGS = ("kimg", "on_collapse", "rollbacks", "score_kimg", "score_count", "score_share")

MAX_BETA = 0.999999
MAX_KIMG = 1e9  # 10^12 images


@dataclass(frozen=True)
class Recipe:
    """The settings of every run."""

    task: ClassVar[str] = ""  # the kind of training: a key of `facesmith.tasks.registry`

    name: str
    about: str

    batch_size: int = learning_setting(64, "images per step", minimum=2)
    learning_rate: float = learning_setting(2e-4, "Adam learning rate of all networks", minimum=0)
    beta1: float = learning_setting(0.5, "Adam β1", minimum=0, maximum=MAX_BETA)
    beta2: float = learning_setting(0.999, "Adam β2", minimum=0, maximum=MAX_BETA)
    ema_kimg: float = learning_setting(
        0.0, "half-life in kimg of the moving average of the weights (EMA); 0 disables the EMA", minimum=0
    )
    flip: bool = learning_setting(True, "mirror half of the real images at random")
    epoch_share: float = learning_setting(
        1.0, "fraction of the images used in each epoch, resampled every epoch", minimum=0, maximum=1
    )
    seed: int = learning_setting(0, "random seed", minimum=0)

    # Each setting with an end moves to it along half a cosine, or halves the distance per half-life.
    anneal_fraction: float = schedule_setting(
        0.0,
        "final fraction of the run in which settings move to their _end values; 0 disables the schedule",
        minimum=0,
        maximum=0.9,
    )
    anneal_kimg: float = schedule_setting(
        0.0, "length of the schedule in kimg from the start of the run, instead of anneal_fraction", minimum=0
    )
    schedule_half_life_kimg: float | None = schedule_setting(
        None, "kimg for each halving of the distance to the _end values, instead of anneal_kimg", minimum=0.001
    )
    learning_rate_end: float | None = schedule_setting(None, "learning rate at the end of the schedule", minimum=0)
    beta2_end: float | None = schedule_setting(None, "Adam β2 at the end of the schedule", minimum=0, maximum=MAX_BETA)
    ema_kimg_end: float | None = schedule_setting(None, "half-life of the EMA at the end of the schedule", minimum=0)

    on_collapse: str = health_setting(
        "rollback",
        "reaction to a collapse: rollback (to the last healthy checkpoint), stop or warn",
        ("rollback", "stop", "warn"),
    )
    rollbacks: int = health_setting(4, "maximum number of rollbacks", minimum=0)
    watch_steps: int = health_setting(50, "steps between diversity measurements", minimum=1)

    score_kimg: float = scores_setting(40.0, "kimg between scores; 0 disables scoring", minimum=0)
    score_count: int = scores_setting(1000, "number of faces per score", minimum=100, maximum=1_000_000)
    score_share: float = scores_setting(0.1, "maximum fraction of the time spent on scoring", minimum=0)

    kimg: float = record_setting(
        1000.0, "length of the run in thousands of real images", minimum=0.001, maximum=MAX_KIMG
    )
    tick_kimg: float = record_setting(10.0, "kimg between sample sheets; more in long runs", minimum=0.001)
    checkpoint_kimg: float = record_setting(20.0, "kimg between checkpoints", minimum=0.001)
    keep: int = record_setting(3, "number of recent checkpoints to keep, in addition to milestones", minimum=1)
    log_steps: int = record_setting(10, "steps averaged in each line of metrics.jsonl", minimum=1)

    device: str = machine_setting("auto", "device to train on", ("auto", "cpu", "cuda", "mps"))
    precision: str = machine_setting(
        "auto", "numeric precision; auto selects the fastest on this machine", ("auto", "float32", "bfloat16")
    )
    memory_format: str = machine_setting(
        "auto", "memory layout of image tensors", ("auto", "channels_last", "contiguous")
    )
    data: str = machine_setting(
        "auto", "where images are read from; auto selects memory if the dataset fits", ("auto", "memory", "disk")
    )
    threads: int = machine_setting(0, "number of CPU threads; 0 uses all cores", minimum=0)

    def check(self) -> None:
        """Raise `FacesmithError` where settings contradict each other."""

    def as_dict(self) -> dict[str, Any]:
        """Return the value of every setting by name, those of the network family included."""
        return {key: getattr(self, key) for key in settings_of(self)}

    def with_values(self, **values: Any) -> Self:
        """Return the recipe with different values, each checked for name, type and range."""
        schema = settings_of(self)
        return replace(
            self, **{key: check_setting(_find_setting(key, schema, self), value) for key, value in values.items()}
        )

    def resolve_machine(self, device: str) -> Self:
        """Return the recipe with the automatic settings of its kind resolved for a device."""
        return self


@dataclass(frozen=True)
class AdversarialRecipe(Recipe):
    """The settings of every run that trains a generator G against a discriminator D."""

    family_kind: ClassVar[str] = "gan"

    family: str = network_setting("dcgan", "network family")
    network: dict[str, Any] = field(default_factory=dict)  # the family's settings; completed with its defaults
    loss: str = loss_setting(
        "bce", "adversarial loss: bce (binary cross-entropy) or rpgan (relativistic pairing)", ("bce", "rpgan")
    )
    real_label: float = loss_setting(1.0, "label of real images in D's loss (bce)")
    generator_label: float = loss_setting(1.0, "label of generated images in G's loss (bce)")
    average_losses: bool = loss_setting(False, "average the two parts of D's loss instead of adding them (bce)")
    penalty: float = loss_setting(0.0, "weight γ of the gradient penalties R1 and R2; 0 disables both", minimum=0)
    penalty_every: int = loss_setting(
        4, "steps between gradient penalties; the penalties are multiplied by this number to compensate", minimum=1
    )
    augment: float = loss_setting(0.0, "probability of each augmentation of D's input", minimum=0, maximum=1)
    penalty_end: float | None = schedule_setting(None, "γ at the end of the schedule", minimum=0)
    augment_end: float | None = schedule_setting(
        None, "value of augment at the end of the schedule", minimum=0, maximum=1
    )

    def __post_init__(self) -> None:
        schema = family_settings(self.family, self.family_kind)
        if clash := sorted(schema.keys() & {f.name for f in fields(self)}):
            raise FacesmithError(
                f"the family {self.family} defines the setting {clash[0]!r}, which every recipe already has: rename it"
            )
        for key in self.network:
            _find_setting(key, schema, self)
        object.__setattr__(self, "network", {key: f.default for key, f in schema.items()} | self.network)

    @property
    def penalty_weight(self) -> float:
        """Return the weight of the sum of R1 and R2 in a step that computes them."""
        return self.penalty / 2 * self.penalty_every

    def as_dict(self) -> dict[str, Any]:
        all_values = {f.name: getattr(self, f.name) for f in fields(self)} | self.network
        return {key: all_values[key] for key in settings_of(self)}

    def with_values(self, **values: Any) -> Self:
        if "family" in values:  # settings that both families have keep their values, but not their defaults
            schema, old = (family_settings(name, self.family_kind) for name in (values["family"], self.family))
            network = {k: v for k, v in self.network.items() if k in schema and v != old[k].default}
            self = replace(self, family=values.pop("family"), network=network)
        schema = family_settings(self.family, self.family_kind)
        network = {key: check_setting(schema[key], values.pop(key)) for key in schema if key in values}
        return replace(super().with_values(**values), network=self.network | network)

    def grow(self) -> Self:
        """Return the recipe for images of twice the size. Raises `FacesmithError` for a family that cannot grow."""
        return replace(self, network=family_config(self.family, self.family_kind).grow(self.network))


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def settings_of(recipe: Recipe | type[Recipe]) -> dict[str, Field[Any]]:
    """Return the settings of a recipe, or of a kind of recipe, by name and ordered by group."""
    schema = setting_fields(recipe)
    if isinstance(recipe, AdversarialRecipe):
        schema |= family_settings(recipe.family, recipe.family_kind)
    return dict(sorted(schema.items(), key=lambda item: GROUPS.index(item[1].metadata["group"])))


def pretrained_settings(recipe: Recipe) -> dict[str, str]:
    """Return the trained folders that a recipe names, by setting."""
    folders = {
        key: getattr(recipe, key) for key, f in settings_of(recipe).items() if f.metadata["group"] == "pretrained"
    }
    return {key: value for key, value in folders.items() if value}


def with_settings(recipe: AnyRecipe, settings: Iterable[str]) -> AnyRecipe:
    """Return ``recipe`` with ``key=value`` strings applied, each checked for name, type and range."""
    texts: dict[str, str] = {}
    for item in settings:
        key, equals, text = (part.strip() for part in item.partition("="))
        if not equals:
            raise FacesmithError(f"invalid --set {item}: expected KEY=VALUE, for example --set batch_size=32")
        if key in OLD_SETTINGS and key not in settings_of(recipe):
            tell(f"the setting {key} is now called {OLD_SETTINGS[key]}")
            key = OLD_SETTINGS[key]
        if key == "family":
            text = OLD_FAMILIES.get(text, text)
        texts[key] = text
    if "family" in texts and isinstance(recipe, AdversarialRecipe):  # first: it decides which other settings there are
        recipe = recipe.with_values(family=texts["family"])
    schema = settings_of(recipe)
    result = recipe.with_values(
        **{key: parse_setting(_find_setting(key, schema, recipe), text) for key, text in texts.items()}
    )
    result.check()
    return result


def as_table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as recipe.toml holds it: name, about and task, then a table for every group of settings."""
    schema, values = settings_of(recipe), recipe.as_dict()
    groups = {group: {k: values[k] for k, f in schema.items() if f.metadata["group"] == group} for group in GROUPS}
    head = {"name": recipe.name, "about": recipe.about, "task": recipe.task}
    return head | {group: table for group, table in groups.items() if table}


def from_table(kind: type[AnyRecipe], table: dict[str, Any]) -> AnyRecipe:
    """Return the recipe of a recipe.toml of any version. A setting that it lacks takes its default."""
    values = current_table(table)
    values.pop("task")
    if not isinstance(values.get("name"), str):
        raise FacesmithError("the recipe has no name: restore the file")
    recipe = kind(values.pop("name"), values.pop("about", ""))
    if isinstance(recipe, AdversarialRecipe) and "family" in values:
        recipe = recipe.with_values(family=values.pop("family"))
    schema = settings_of(recipe)
    return recipe.with_values(
        **{key: value for key, value in values.items() if key in schema or key not in FAMILY_SETTINGS}
    )


def differences(old: Recipe, new: Recipe, ignored: Container[str] = ()) -> list[str]:
    """Return ``name old -> new`` for every setting in which two recipes of one kind differ, except ``ignored`` ones."""
    before, after = old.as_dict(), new.as_dict()
    changed = [key for key in before | after if before.get(key) != after.get(key) and key not in ignored]
    return [f"{key} {before.get(key)} -> {after.get(key)}" for key in changed]


def _find_setting(key: str, schema: dict[str, Field[Any]], recipe: Recipe) -> Field[Any]:
    if key in schema:
        return schema[key]
    advice = {
        "model": "omit --model, which applies to GANs and encoders",
        "directions": "omit --direction, --source and --target, which apply to makeovers",
    }
    raise FacesmithError(
        f"the recipe {recipe.name} has no setting {key!r}: {advice.get(key) or did_you_mean(key, schema)}"
    )
