"""/runs/NAME/export: make a model of a run, in the background."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from facesmith.studio.api.training import RunName
from facesmith.studio.errors import Problem
from facesmith.studio.registry import MODELS, Item, slug
from facesmith.studio.schemas import RequestBody
from facesmith.studio.services import Services, ServicesDep

router = APIRouter(tags=["runs"])


class ExportRequest(RequestBody):
    """What to export."""

    name: RunName | None = Field(
        default=None, description="name of the model; default: the name of the run, followed by -model"
    )


class ExportInfo(BaseModel):
    """The last export of a run from this studio."""

    state: Literal["none", "running", "done", "failed"]
    model: str | None = Field(default=None, description="name of the model; null until the export is complete")
    kind: str | None = Field(default=None, examples=["generator"])
    score: str | None = Field(default=None, description="best score of the run")
    error: str | None = None


@router.post("/runs/{name}/export", summary="Export a run as a model")
async def export_run(name: str, body: ExportRequest, services: ServicesDep) -> ExportInfo:
    """Start the export of the best checkpoint, or of the last one if the run has no scores.

    The export takes seconds to minutes.
    """
    jobs = services.training_jobs
    jobs.check_allowed()
    path = services.registry.find(name, "run").path
    process = services.command_jobs.find(_key(name))
    if process is not None and process.code is None:
        raise Problem(400, f"{name} is already being exported: wait until the export is complete")
    if body.name is not None:
        target = jobs.new_run_path(body.name)
    else:
        base = f"{slug(name)[:50].strip('.-')}-model"
        folder = jobs.runs_folder()
        candidates = [base, *(f"{base}-{number}" for number in range(2, 10_000))]
        target = folder / next(item for item in candidates if not (folder / item).exists())
    await services.command_jobs.start(_key(name), ["export", "--", str(path), str(target)])
    return await _info(services, name)


@router.get("/runs/{name}/export", summary="Read the state of an export")
async def export_info(name: str, services: ServicesDep) -> ExportInfo:
    return await _info(services, services.registry.find(name, "run").name)


async def _info(services: Services, name: str) -> ExportInfo:
    process = services.command_jobs.find(_key(name))
    score = (await services.run_watcher.run(name)).status.best
    if process is None:
        return ExportInfo(state="none", score=score)
    if process.code is None:
        return ExportInfo(state="running", score=score)
    if process.code:
        return ExportInfo(state="failed", error=process.message(), score=score)
    folder = process.arguments[-1]
    if (item := _find(services, folder)) is None:
        services.registry.refresh()
        item = _find(services, folder)
    if item is None:
        return ExportInfo(state="none", score=score)  # deleted since
    return ExportInfo(state="done", model=item.name, kind=item.kind, score=score)


def _find(services: Services, folder: str) -> Item | None:
    return next((item for item in services.registry.items(*MODELS) if str(item.path) == folder), None)


def _key(name: str) -> str:
    return f"export {name}"
