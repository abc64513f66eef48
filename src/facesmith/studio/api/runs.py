"""/runs: the status and the measurements of training runs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from facesmith.studio.file_responses import SCRIPTED_PAGE_POLICY, Theme, page_response, versioned_address
from facesmith.studio.run_watcher import json_tables, run_mark, status_json
from facesmith.studio.schemas import Version, content
from facesmith.studio.services import ServicesDep

router = APIRouter(tags=["runs"])

Status = Literal["running", "silent", "finished", "interrupted", "failed"]


class RunSummary(BaseModel):
    """A run in a list."""

    name: str = Field(examples=["first-run"], description="identifier used by all other routes")
    status: Status = Field(description="silent: not responding (the run should be training, but writes nothing)")
    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["builtin avataaars"])
    kimg: float = Field(examples=[512.0], description="thousands of real images shown so far")
    goal_kimg: float | None
    health: str | None = Field(examples=["healthy"], description="duration of training")
    verdict: str | None = Field(description="the same as health", deprecated=True)
    started: str | None = Field(description="ISO 8601")
    ended: str | None
    sheet: str | None = Field(description="URL of the newest sheet")


class RunInfo(BaseModel):
    """The status of a run."""

    name: str = ""
    status: Status
    sentence: str = Field(examples=["The run is training: 40,000 real images so far."])
    task: str = Field(examples=["gan"], description="gan, encoder, classifier or makeover")
    recipe: str = Field(examples=["tiny"])
    dataset: str = Field(examples=["builtin avataaars"])
    pictures: int | None = Field(description="number of images in the dataset")
    kimg: float = Field(description="thousands of real images shown so far")
    epochs: float | None = Field(description="passes over the dataset")
    seconds: float | None = Field(description="duration of training in all sessions")
    images_per_second: float | None
    goal_kimg: float | None
    goal_minutes: float | None
    share: float | None = Field(description="fraction of the goal that has been reached, from 0 to 1")
    seconds_left: float | None = Field(description="at the current speed")
    health: str | None = Field(examples=["healthy"])
    health_text: str | None = Field(description="health as a sentence")
    health_history: list[str] = Field(description="health events and the reaction to each")
    verdict: str | None = Field(description="the same as health", deprecated=True)
    watch: str | None = Field(description="the same as health_text", deprecated=True)
    story: list[str] = Field(description="the same as health_history", deprecated=True)
    remarks: list[str]
    warnings: list[str]
    history: list[str]
    best: str | None = Field(description="best score, and when it was reached")
    settings: dict[str, Any] = Field({}, description="all settings of the recipe")
    mark: str = Field("", description="mark for /watch, to receive only events after this response")
    video: str | None = Field(None, description="URL of the video of the sample sheets; null until it is written")
    report: str | None = Field(None, description="URL of the report; null until it is written")
    here: bool = Field(False, description="whether this studio trains the run, and can therefore stop it")
    last_words: str | None = Field(None, description="why the run ended early, if this studio started it")


class ChartInfo(BaseModel):
    """A chart: the columns of a table that are drawn together, and their names."""

    title: str = Field(examples=["Losses"])
    ylabel: str = Field(examples=["loss"])
    table: str = Field(examples=["metrics"])
    columns: dict[str, str] = Field(examples=[{"loss_D": "D", "loss_G": "G"}])
    limits: tuple[float, float] | None
    smooth: bool = Field(description="whether to draw a moving average, because single values are noisy")


class RunMetrics(BaseModel):
    """The measurements of a run."""

    mark: str = Field(description="mark for /watch, to receive only events after this response")
    charts: dict[str, ChartInfo]
    resumed: list[float] = Field(description="kimg at which training was resumed or to which it was rolled back")
    tables: dict[str, dict[str, list[float | None]]] = Field(
        description="tables (metrics, timing, scores) of columns; all columns of a table have the same length"
    )


@router.get("/runs", summary="List runs")
async def list_runs(services: ServicesDep) -> list[RunSummary]:
    """Newest first."""
    runs = []
    for summary in await services.run_watcher.summaries():
        training = services.training_jobs.find(summary["name"])
        if training is not None and training.code and summary["status"] == "running":
            summary["status"] = "silent"  # its process has ended
        try:
            runs.append(RunSummary(**summary))
        except ValueError:
            continue  # the card was not written by facesmith
    return sorted(runs, key=lambda run: run.started or "", reverse=True)


@router.get("/runs/{name}", summary="Read a run's status")
async def run_info(name: str, services: ServicesDep) -> RunInfo:
    """Status and health as sentences, speed, remaining time, and the recipe."""
    run = await services.run_watcher.run(name)
    training = services.training_jobs.find(name)
    info = RunInfo(**status_json(run))
    info.name, info.settings, info.mark = name, run.recipe, run_mark(run)
    info.here = services.training_jobs.is_running(name)
    if training is not None and training.code:
        info.last_words = training.message()
        info.status = "silent" if info.status == "running" else info.status
    api = services.settings.api
    info.video = versioned_address(f"{api}/runs/{name}/video", run.path / "progress.mp4")
    info.report = versioned_address(f"{api}/runs/{name}/report", run.path / "report.html")
    return info


@router.get("/runs/{name}/metrics", summary="Read a run's measurements")
async def run_metrics(
    name: str,
    services: ServicesDep,
    since: Annotated[int, Query(ge=-1, lt=10**12, description="return only rows after this step")] = -1,
    most: Annotated[int, Query(ge=2, le=4000, description="maximum number of rows per table")] = 1000,
) -> RunMetrics:
    """Longer tables are downsampled: each section of a column keeps its lowest and its highest value."""
    run = await services.run_watcher.run(name)
    curves = run.curves(dict.fromkeys(("metrics", "timing", "scores"), since), most)
    charts = {
        key: ChartInfo(
            title=chart.title,
            ylabel=chart.ylabel,
            table=chart.table,
            columns=chart.columns,
            limits=chart.limits,
            smooth=chart.smooth,
        )
        for key, chart in run.charts().items()
    }
    return RunMetrics(mark=run_mark(run), charts=charts, resumed=run.marks(), tables=json_tables(curves))


@router.get(
    "/runs/{name}/report",
    summary="Show a run's report",
    response_class=Response,
    responses=content("text/html", description="The page"),
)
async def report_page(name: str, services: ServicesDep, v: Version = None, theme: Theme = None) -> Response:
    path = services.registry.find(name, "run").path / "report.html"
    missing = f"{name} has no report yet: it is written when training ends, or by facesmith report"
    return await page_response(path, SCRIPTED_PAGE_POLICY, v, theme, missing)
