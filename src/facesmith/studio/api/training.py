"""/training, and POST /runs: start, stop, resume and branch runs, if the studio allows it."""

import asyncio
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

import facesmith
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotFound, Problem
from facesmith.studio.registry import MAX_AGE_SECONDS, slug
from facesmith.studio.schemas import LimitedFields, RequestBody
from facesmith.studio.services import Services, ServicesDep

router = APIRouter(tags=["training"])

# The kind of folder that a setting takes. Clients give its name in the studio, never a path.
_PRETRAINED_KINDS = {"model": "generator", "classifier": "classifier", "gan": "run"}
MAX_NAME_BYTES = 200  # of a file name, which most systems limit to 255 with all endings
MAX_MINUTES, MAX_KIMG = 60.0 * 24 * 90, 1e7


def _check_run_name(name: str) -> str:
    if name.startswith(("_", ".", "-")) or slug(name) != name or len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"invalid name {name[:80]!r}: expected letters, digits, dots and dashes, starting with a letter or digit"
        )
    return name


RunName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_check_run_name)]
SettingName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
SettingValue = bool | int | float | Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f]*$")] | None


class TrainingLength(RequestBody):
    """How long to train: until the first of the two limits is reached."""

    model_config = ConfigDict(allow_inf_nan=False)

    minutes: float | None = Field(
        None, gt=0, le=MAX_MINUTES, examples=[10], description="duration of training, counted over all sessions"
    )
    kimg: float | None = Field(
        None, gt=0, le=MAX_KIMG, description="thousands of images to train on; default: the recipe's setting"
    )


class ContinuedLength(TrainingLength):
    """How long to continue a run; by default until its own goal."""

    additional_minutes: float | None = Field(
        None, gt=0, le=MAX_MINUTES, examples=[10], description="additional duration of training, instead of minutes"
    )


class NewRun(RequestBody):
    """The name and the settings of a new run."""

    name: RunName = Field(examples=["second-run"], description="name of the new run and its folder")
    settings: Annotated[dict[SettingName, SettingValue], LimitedFields] = Field(
        {},
        max_length=100,
        examples=[{"seed": 1, "learning_rate": 2e-4}],
        description="settings that differ from the recipe; models, classifiers and runs by their names in this studio",
    )


class BranchRequest(ContinuedLength, NewRun):
    """A new run that starts from another one."""


class TrainRequest(TrainingLength, NewRun):
    """A new training run."""

    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["drawn"], description="from /datasets")


class TrainingStarted(BaseModel):
    """A training run that was started."""

    name: str
    writing: bool = Field(description="false: training is still starting, and the run does not exist yet")


class SettingInfo(BaseModel):
    """A setting of a recipe."""

    name: str
    value: bool | int | float | str | None = Field(description="the default")
    about: str
    choices: list[str]
    pretrained: str | None = Field(description="kind of item that the setting names: generator, classifier or run")
    given: str | None = Field(description="the same as pretrained", deprecated=True)


class RecipeSummary(BaseModel):
    """A recipe in a list."""

    name: str = Field(examples=["tiny"])
    about: str
    task: str = Field(examples=["gan"])


class RecipeInfo(RecipeSummary):
    """A recipe with all settings."""

    settings: list[SettingInfo]


class TrainingInfo(BaseModel):
    """Whether runs can be started here, and the recipes."""

    allowed: bool
    recipes: list[RecipeSummary]


@router.get("/training", summary="List recipes")
def training_info(services: ServicesDep) -> TrainingInfo:
    recipes = [
        RecipeSummary(name=name, about=recipe.about, task=recipe.task) for name, recipe in facesmith.RECIPES.items()
    ]
    return TrainingInfo(allowed=services.training_jobs.is_allowed, recipes=recipes)


@router.get("/training/{recipe}", summary="Read a recipe and its settings")
def recipe_info(recipe: str) -> RecipeInfo:
    return _recipe_info(recipe)


@router.post("/runs", summary="Train")
async def train(body: TrainRequest, services: ServicesDep) -> TrainingStarted:
    """Start a run in the studio's first folder. The response is sent as soon as the run has started.

    Example:

        curl -H 'Content-Type: application/json' http://127.0.0.1:8000/api/v1/runs \\
          -d '{"name": "first-run", "recipe": "tiny", "dataset": "drawn", "minutes": 10}'
    """
    services.training_jobs.check_allowed()
    dataset = services.registry.find(body.dataset, "dataset").path
    path = services.training_jobs.new_run_path(body.name)
    arguments = [*_options(services, body.recipe, body, body.settings), "--", body.recipe, str(dataset), str(path)]
    return await _start(services, body.name, arguments, path)


@router.post("/runs/{name}/stop", summary="Stop training")
async def stop(name: str, services: ServicesDep) -> TrainingStarted:
    """The run saves a checkpoint, writes its video and report, and ends. Nothing is lost when it is resumed."""
    services.training_jobs.stop(services.registry.find(name, "run").name)
    return TrainingStarted(name=name, writing=True)


@router.post("/runs/{name}/resume", summary="Resume training")
async def resume(name: str, body: ContinuedLength, services: ServicesDep) -> TrainingStarted:
    """Continue exactly from the last checkpoint, even if the run has reached its goal."""
    services.training_jobs.check_allowed()
    run = await services.run_watcher.run(name)
    recipe, dataset = _recipe_and_dataset(services, run)
    sessions = len(run.card.get("sessions") or [])
    length = _length_to_continue(run, body)
    arguments = [*_options(services, recipe, length), "--resume", "--", recipe, str(dataset), str(run.path)]

    def has_started() -> bool:
        return len(facesmith.open_run(run.path).card.get("sessions") or []) > sessions

    return TrainingStarted(name=name, writing=await services.training_jobs.start(name, arguments, has_started))


@router.post("/runs/{name}/branch", summary="Branch a run")
async def branch(name: str, body: BranchRequest, services: ServicesDep) -> TrainingStarted:
    """Start a new run from the last checkpoint of a run, with changed settings. The original run does not change."""
    services.training_jobs.check_allowed()
    run = await services.run_watcher.run(name)
    recipe, dataset = _recipe_and_dataset(services, run)
    path = services.training_jobs.new_run_path(body.name)
    length = _length_to_continue(run, body)
    arguments = [*_options(services, recipe, length, body.settings), "--resume", "--branch", str(path)]
    return await _start(services, body.name, [*arguments, "--", recipe, str(dataset), str(run.path)], path)


@router.post("/runs/{name}/report", summary="Write a run's report")
async def write_report(name: str, services: ServicesDep) -> TrainingStarted:
    path = services.registry.find(name, "run").path
    with services.training_jobs.writing(path):
        await services.jobs.run(lambda: facesmith.report(path))
    return TrainingStarted(name=name, writing=True)


async def _start(services: Services, name: str, arguments: list[str], path: Path) -> TrainingStarted:
    started = await services.training_jobs.start(name, arguments, lambda: facesmith.artefact_kind(path) == "run")
    deadline = time.monotonic() + 2 * MAX_AGE_SECONDS
    while started and time.monotonic() < deadline and all(item.path != path for item in services.registry.items("run")):
        await asyncio.sleep(0.1)  # until the registry contains the run, so that the client can request it
    return TrainingStarted(name=name, writing=started)


def _length_to_continue(run: facesmith.Run, body: ContinuedLength) -> TrainingLength:
    """Return the goal of a run that continues. Raises `Problem` for one that is already reached."""
    status, minutes, kimg = run.status, body.minutes, body.kimg
    seconds = status.seconds or 0.0
    if body.additional_minutes is not None:
        if minutes is not None:
            raise Problem(422, "pass minutes or additional_minutes, not both")
        minutes = round(seconds / 60 + body.additional_minutes, 2)
        speed = status.images_per_second
        if kimg is None and status.goal_kimg and speed:  # a goal that would be reached before the time is up moves
            needed = status.kimg + 1.5 * 60 * body.additional_minutes * speed / 1000
            kimg = math.ceil(needed) if needed > status.goal_kimg else None
    elif minutes is None and kimg is None:
        minutes = status.goal_minutes
    goal_kimg = kimg or status.goal_kimg
    if (minutes is not None and 60 * minutes <= seconds) or (goal_kimg is not None and goal_kimg <= status.kimg):
        raise Problem(
            400,
            f"{run.path.name} has already trained for {status.kimg:g} kimg in {seconds / 60:.1f} minutes: pass "
            "additional_minutes",
        )
    return TrainingLength(minutes=minutes, kimg=kimg)


def _options(
    services: Services, recipe: str, body: TrainingLength, changes: Mapping[str, SettingValue] | None = None
) -> list[str]:
    """Return the options of ``facesmith train``."""
    options = [f"--{name}={value}" for name in ("minutes", "kimg") if (value := getattr(body, name)) is not None]
    settings = {setting.name: setting for setting in _recipe_info(recipe).settings}
    for name, value in (changes or {}).items():
        if name not in settings:
            raise Problem(422, f"settings: the recipe {recipe} has no setting {name!r}")
        kind = settings[name].pretrained
        text = str(value).lower() if value is None or isinstance(value, bool) else str(value)
        options.append(f"--set={name}={services.registry.find(text, kind).path if kind and text else text}")
    return options


def _recipe_and_dataset(services: Services, run: facesmith.Run) -> tuple[str, Path]:
    """Return the recipe of a run, and its dataset: the one in the registry, or the original path."""
    recipe = _recipe_info(str(run.recipe.get("name"))).name
    fingerprint = run.settings.get("dataset_fingerprint")
    for item in services.registry.items("dataset"):
        try:
            if fingerprint and item.card().get("fingerprint") == fingerprint:
                return recipe, item.path
        except FacesmithError:
            continue
    path = Path(str(run.settings.get("dataset")))
    if facesmith.artefact_kind(path) != "dataset":
        raise NotFound(f"the dataset of {run.path.name} is missing: start the studio with the dataset's folder too")
    return recipe, path


def _recipe_info(name: str) -> RecipeInfo:
    if name not in facesmith.RECIPES:
        raise NotFound(f"unknown recipe {name!r}: choose one of {', '.join(facesmith.RECIPES)}")
    recipe = facesmith.RECIPES[name]
    settings = []
    for setting in facesmith.recipe_settings(name):
        pretrained = _PRETRAINED_KINDS[setting.name] if setting.group == "pretrained" else None
        settings.append(
            SettingInfo(
                name=setting.name,
                value=setting.value,
                about=setting.about,
                choices=list(setting.choices),
                pretrained=pretrained,
                given=pretrained,
            )
        )
    return RecipeInfo(name=name, about=recipe.about, task=recipe.task, settings=settings)
