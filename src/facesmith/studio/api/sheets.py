"""The sample sheets of runs, and the video of them."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, Field

from facesmith import Run, read_marks
from facesmith.studio.errors import NotFound
from facesmith.studio.file_responses import cache_headers, file_version
from facesmith.studio.image_responses import encode_jpeg
from facesmith.studio.schemas import Version, content
from facesmith.studio.services import ServicesDep

router = APIRouter(tags=["runs"])


class Sheet(BaseModel):
    """A sample sheet."""

    sheet: str = Field(examples=["000020.032"], description="its name")
    kimg: float = Field(examples=[20.032])
    address: str = Field(examples=["/api/v1/runs/first-run/sheets/000020.032.png?v=18ab-1f"])


@router.get("/runs/{name}/sheets", summary="List a run's sample sheets")
async def list_sheets(name: str, services: ServicesDep) -> list[Sheet]:
    """In the order of training. A URL that contains a version can be cached forever."""
    run = await services.run_watcher.run(name)
    return [
        Sheet(sheet=path.stem, kimg=kimg, address=services.run_watcher.sheet_address(name, path))
        for kimg, path in run.sheets
    ]


@router.get(
    "/runs/{name}/sheets/{sheet}.{form}",
    summary="Show a sample sheet",
    response_class=Response,
    responses=content("image/*", "The sheet: PNG or JPEG"),
)
async def sheet_image(
    name: str,
    sheet: str,
    form: Literal["png", "jpg"],
    services: ServicesDep,
    width: Annotated[int | None, Query(ge=16, le=2048, description="maximum width of the image, for jpg")] = None,
    v: Version = None,
) -> Response:
    """Return the sheet with this name or kimg, or the `newest` one, as a PNG or a JPEG."""
    path = _find_sheet(await services.run_watcher.run(name), sheet)
    if form == "png":
        return FileResponse(path, media_type="image/png", headers=cache_headers(v, path))
    jpeg = await asyncio.to_thread(_resized_jpeg, path, width)
    return Response(jpeg, media_type="image/jpeg", headers=cache_headers(v, path))


@router.get(
    "/runs/{name}/video",
    summary="Show the video of a run's sheets",
    response_class=Response,
    responses=content("video/mp4", description="The video") | {206: {"description": "A part of the video"}},
)
async def video(name: str, services: ServicesDep, v: Version = None) -> Response:
    path = services.registry.find(name, "run").path / "progress.mp4"
    if not file_version(path):
        raise NotFound(f"{name} has no video yet: it is written when training ends or pauses")
    return FileResponse(path, media_type="video/mp4", headers=cache_headers(v, path))


def _find_sheet(run: Run, sheet: str) -> Path:
    """Return the path of a sheet by its name. Only paths that the run lists are ever opened."""
    if sheet == "newest" and run.sheets:
        return run.sheets[-1][1]
    for kimg, path in run.sheets:
        if sheet in (path.stem, f"{kimg:g}"):
            return path
    raise NotFound(f"{run.path.name} has no sheet {sheet!r}: /sheets lists its sheets")


def _resized_jpeg(path: Path, width: int | None) -> bytes:
    """Return a sheet as JPEG, no wider than requested."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    if width is not None and width < image.width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    return encode_jpeg(image, read_marks(str(path)), quality=88)
