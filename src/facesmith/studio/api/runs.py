"""/runs: how trainings go and went."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from facesmith.studio.errors import NotHere
from facesmith.studio.files import STILL, page, version
from facesmith.studio.run_watcher import mark_of, numbers
from facesmith.studio.services import Here

router = APIRouter(tags=["runs"])

Status = Literal["running", "silent", "finished", "interrupted", "failed"]


class RunBrief(BaseModel):
    """A run in a list."""

    name: str = Field(examples=["first-run"], description="as every other route takes it")
    status: Status = Field(description="silent: it should be writing, and is not")
    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["builtin avataaars"])
    kimg: float = Field(examples=[512.0], description="thousands of real pictures shown")
    goal_kimg: float | None
    health: str | None = Field(examples=["healthy"], description="of the watch")
    started: str | None = Field(description="ISO 8601")
    ended: str | None
    sheet: str | None = Field(description="address of the newest sheet")


class RunInfo(BaseModel):
    """How a run stands."""

    model_config = ConfigDict(from_attributes=True)

    name: str = ""
    status: Status
    sentence: str = Field(examples=["The run is going: 40,000 real images have been shown."])
    task: str = Field(examples=["gan"], description="what is trained: gan, encoder, classifier or makeover")
    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["builtin avataaars"])
    pictures: int | None = Field(description="of the dataset")
    kimg: float = Field(description="thousands of real pictures shown")
    epochs: float | None = Field(description="times through the dataset")
    seconds: float | None = Field(description="of training, all sessions together")
    images_per_second: float | None
    goal_kimg: float | None
    goal_minutes: float | None
    share: float | None = Field(description="of the goal that is reached, 0 to 1")
    seconds_left: float | None = Field(description="at the present speed")
    health: str | None = Field(examples=["healthy"])
    health_text: str | None = Field(description="the verdict with its meaning")
    health_history: list[str] = Field(description="what the watch saw and did")
    remarks: list[str]
    warnings: list[str]
    history: list[str]
    best: str | None = Field(description="the best score, and when")
    settings: dict[str, Any] = Field({}, description="the recipe, every setting of it")
    mark: str = Field("", description="for /watch, to be told only of what comes after this answer")
    video: str | None = Field(None, description="address of the film of its sheets, once it is made")
    report: str | None = Field(None, description="address of its page, once it is written")
    here: bool = Field(False, description="it is being trained by this studio, and can be stopped from it")
    last_words: str | None = Field(None, description="why the training that this studio started ended early")


class Curve(BaseModel):
    """A chart: which columns of which table belong together, and what they are called."""

    title: str = Field(examples=["Losses"])
    ylabel: str = Field(examples=["loss"])
    table: str = Field(examples=["metrics"])
    columns: dict[str, str] = Field(examples=[{"loss_D": "D", "loss_G": "G"}])
    limits: tuple[float, float] | None
    smooth: bool = Field(description="single values jump, and their average tells more")


class Metrics(BaseModel):
    """What a run has measured."""

    mark: str = Field(description="for /watch, to be told only of what comes after this answer")
    charts: dict[str, Curve]
    resumed: list[float] = Field(description="where it was resumed, or rolled back to, in kimg")
    tables: dict[str, dict[str, list[float | None]]] = Field(
        description="metrics, timing and scores, by column, all columns of a table equally long"
    )


@router.get("/runs", summary="All runs")
async def runs(here: Here) -> list[RunBrief]:
    """The newest first."""
    found = []
    for brief in await here.watching.briefs():
        try:
            found.append(RunBrief(**brief))
        except ValueError:
            continue  # its card says what no training writes
    return sorted(found, key=lambda run: run.started or "", reverse=True)


@router.get("/runs/{name}", summary="How a run stands")
async def run(name: str, here: Here) -> RunInfo:
    """Its status and the watch's verdict in words, images a second, time left, and its recipe."""
    found = await here.watching.run(name)
    training = here.trainings.find(name)
    info = RunInfo.model_validate(found.status)
    info.name, info.settings, info.mark = name, found.recipe, mark_of(found)
    info.here = here.trainings.going(name)
    if training is not None and training.code:
        info.last_words = training.sentence()
        info.status = "silent" if info.status == "running" else info.status
    for what, file in (("video", "progress.mp4"), ("report", "report.html")):
        if of := version(found.path / file):
            setattr(info, what, f"/api/v1/runs/{name}/{what}?v={of}")
    return info


@router.get("/runs/{name}/metrics", summary="A run's measurements")
async def metrics(
    name: str,
    here: Here,
    since: Annotated[int, Query(ge=-1, lt=10**12, description="only what came after this step")] = -1,
    most: Annotated[int, Query(ge=2, le=4000, description="rows of a table")] = 1000,
) -> Metrics:
    """Where a table has more rows, each stretch of a column is left with its lowest and its highest value."""
    found = await here.watching.run(name)
    curves = found.curves(dict.fromkeys(("metrics", "timing", "scores"), since), most)
    charts = {
        key: Curve(
            title=chart.title,
            ylabel=chart.ylabel,
            table=chart.table,
            columns=chart.columns,
            limits=chart.limits,
            smooth=chart.smooth != 1,
        )
        for key, chart in found.charts().items()
    }
    return Metrics(mark=mark_of(found), charts=charts, resumed=found.marks(), tables=numbers(curves))


@router.get(
    "/runs/{name}/report",
    summary="The page that tells a run's story",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "The page"}},
)
async def report(name: str, here: Here, v: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    path = here.shelf.find(name, "run").path / "report.html"
    if not version(path):
        raise NotHere(f"{name} has no report yet: it is written when training ends, or by facesmith report")
    return page(path, STILL, v)
