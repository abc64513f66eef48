"""Trainings started, stopped, gone on with and branched from here, only where the studio was started to allow it."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

import facesmith
from facesmith.errors import FacesmithError
from facesmith.studio.errors import NotHere, Problem
from facesmith.studio.registry import FRESH
from facesmith.studio.schemas import Few, Strict
from facesmith.studio.services import Here, Parts

router = APIRouter(tags=["training"])

# What a recipe may be given that was trained before: a visitor names it as the studio does, never by a path.
_GIVEN = {"model": "generator", "classifier": "judge", "gan": "run"}
_MOST_MINUTES, _MOST_KIMG = 60.0 * 24 * 90, 1e7

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Value = bool | int | float | Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f]*$")] | None


class Length(Strict):
    """How long to train: until the nearer of the two."""

    model_config = ConfigDict(allow_inf_nan=False)

    minutes: float | None = Field(None, gt=0, le=_MOST_MINUTES, examples=[10], description="all sessions counted")
    kimg: float | None = Field(None, gt=0, le=_MOST_KIMG, description="thousands of pictures; by default the recipe's")


class Changed(Length):
    """A training that differs from its recipe in some settings."""

    name: Name = Field(examples=["second-run"], description="of the new run, which gets a folder of that name")
    settings: Annotated[dict[Key, Value], Few] = Field(
        {},
        max_length=100,
        examples=[{"seed": 1, "learning_rate": 2e-4}],
        description="any of the recipe's; a model, a judge or a run is named as it is here",
    )


class Wanted(Changed):
    """A training from the beginning."""

    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["drawn"], description="of /datasets")


class Begun(BaseModel):
    """A training that has begun."""

    name: str
    writing: bool = Field(description="false: it takes long to begin, and its run is not there yet")


class SettingInfo(BaseModel):
    """One setting of a recipe."""

    name: str
    value: bool | int | float | str | None = Field(description="what it is if nobody changes it")
    about: str
    choices: list[str]
    given: str | None = Field(description="generator, judge or run: it takes the name of one")


class RecipeBrief(BaseModel):
    """What can be trained."""

    name: str = Field(examples=["tiny"])
    about: str
    task: str = Field(examples=["gan"])


class RecipeInfo(RecipeBrief):
    """A recipe with every setting."""

    settings: list[SettingInfo]


class TrainingInfo(BaseModel):
    """Whether trainings can be started here, and of what."""

    allowed: bool
    recipes: list[RecipeBrief]


@router.get("/training", summary="What can be trained here")
def training(here: Here) -> TrainingInfo:
    recipes = [RecipeBrief(name=name, about=of.about, task=of.task) for name, of in facesmith.RECIPES.items()]
    return TrainingInfo(allowed=here.trainings.allowed, recipes=recipes)


@router.get("/training/{recipe}", summary="A recipe and its settings")
def recipe(recipe: str) -> RecipeInfo:
    return _recipe(recipe)


@router.post("/runs", summary="Train")
async def train(wanted: Wanted, here: Here) -> Begun:
    """Start a run in the first folder that the studio was given; it answers once the run has begun.

        curl -H 'Content-Type: application/json' http://127.0.0.1:8000/api/v1/runs \\
          -d '{"name": "first-run", "recipe": "tiny", "dataset": "drawn", "minutes": 10}'
    """
    here.trainings.check()
    dataset = here.shelf.find(wanted.dataset, "dataset").path
    path = here.trainings.place(wanted.name)
    words = [*_words(here, wanted.recipe, wanted), "--", wanted.recipe, str(dataset), str(path)]
    return await _begin(here, wanted.name, words, path)


@router.post("/runs/{name}/stop", summary="Stop a training")
async def stop(name: str, here: Here) -> Begun:
    """It saves, writes its pictures and its report, and ends; it can be gone on with without loss."""
    here.trainings.stop(here.shelf.find(name, "run").name)
    return Begun(name=name, writing=True)


@router.post("/runs/{name}/resume", summary="Go on with a training")
async def resume(name: str, length: Length, here: Here) -> Begun:
    """From its last checkpoint, exactly as if it had never been stopped."""
    here.trainings.check()
    run = await here.watching.run(name)
    recipe, dataset = _trained_on(here, run)
    before = len(run.card.get("sessions") or [])
    words = [*_words(here, recipe, length), "--resume", "--", recipe, str(dataset), str(run.path)]

    def begun() -> bool:
        return len(facesmith.open_run(run.path).card.get("sessions") or []) > before

    return Begun(name=name, writing=await here.trainings.start(name, words, begun))


@router.post("/runs/{name}/branch", summary="Go on in a new run, changed")
async def branch(name: str, changed: Changed, here: Here) -> Begun:
    """From the last checkpoint of a run, with other settings; the run itself stays as it is."""
    here.trainings.check()
    run = await here.watching.run(name)
    recipe, dataset = _trained_on(here, run)
    path = here.trainings.place(changed.name)
    words = [*_words(here, recipe, changed), "--resume", "--branch", str(path)]
    return await _begin(here, changed.name, [*words, "--", recipe, str(dataset), str(run.path)], path)


@router.post("/runs/{name}/report", summary="Write a run's report anew")
async def write_report(name: str, here: Here) -> Begun:
    path = here.shelf.find(name, "run").path
    with here.trainings.writing(path):
        await here.aside.run(lambda: facesmith.report(path))
    return Begun(name=name, writing=True)


async def _begin(here: Parts, name: str, words: list[str], path: Path) -> Begun:
    writing = await here.trainings.start(name, words, (path / "run.json").exists)
    until = time.monotonic() + 2 * FRESH
    while writing and time.monotonic() < until and all(item.path != path for item in here.shelf.items("run")):
        await asyncio.sleep(0.1)  # until the shelf has looked again, so that the run is found by who is told of it
    return Begun(name=name, writing=writing)


def _words(here: Parts, recipe: str, asked: Length) -> list[str]:
    """The options of ``facesmith train``."""
    words = [f"--{key}={value}" for key in ("minutes", "kimg") if (value := getattr(asked, key)) is not None]
    known = {setting.name: setting for setting in _recipe(recipe).settings}
    for key, value in (asked.settings if isinstance(asked, Changed) else {}).items():
        if key not in known:
            raise Problem(422, f"settings: the recipe {recipe} has no setting {key!r}")
        kind = known[key].given
        text = str(value).lower() if value is None or isinstance(value, bool) else str(value)
        words.append(f"--set={key}={here.shelf.find(text, kind).path if kind and text else text}")
    return words


def _trained_on(here: Parts, run: facesmith.Run) -> tuple[str, Path]:
    """The recipe of a run, and its dataset: where the studio has it, or where it was."""
    recipe = _recipe(str(run.recipe.get("name"))).name
    wanted = run.settings.get("dataset_fingerprint")
    for item in here.shelf.items("dataset"):
        try:
            if wanted and item.card().get("fingerprint") == wanted:
                return recipe, item.path
        except FacesmithError:
            continue
    path = Path(str(run.settings.get("dataset")))
    if not (path / "dataset.json").is_file():
        raise NotHere(f"the dataset that {run.path.name} was trained on is not here: give the studio its folder too")
    return recipe, path


def _recipe(name: str) -> RecipeInfo:
    if name not in facesmith.RECIPES:
        raise NotHere(f"no recipe is called {name!r}; there are {', '.join(facesmith.RECIPES)}")
    recipe = facesmith.RECIPES[name]
    settings = [
        SettingInfo(
            name=setting.name,
            value=setting.value,
            about=setting.about,
            choices=list(setting.choices),
            given=_GIVEN[setting.name] if setting.group == "pretrained" else None,
        )
        for setting in facesmith.recipe_settings(name)
    ]
    return RecipeInfo(name=name, about=recipe.about, task=recipe.task, settings=settings)
