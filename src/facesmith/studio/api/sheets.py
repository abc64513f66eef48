"""The sample sheets of runs, and the film of them."""

import asyncio
import io
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, Field

from facesmith import Run
from facesmith.studio.errors import NotHere
from facesmith.studio.files import kept, version
from facesmith.studio.run_watcher import sheet_address
from facesmith.studio.services import Here

router = APIRouter(tags=["runs"])


class Sheet(BaseModel):
    """A sample sheet."""

    sheet: str = Field(examples=["000020.032"], description="its name")
    kimg: float = Field(examples=[20.032])
    address: str = Field(examples=["/api/v1/runs/first-run/sheets/000020.032.png?v=18ab-1f"])


@router.get("/runs/{name}/sheets", summary="A run's sample sheets")
async def sheets(name: str, here: Here) -> list[Sheet]:
    """In the order of training. Their addresses hold for these very pictures, which may be kept for ever."""
    found = await here.watching.run(name)
    return [Sheet(sheet=path.stem, kimg=kimg, address=sheet_address(name, path)) for kimg, path in found.sheets]


@router.get(
    "/runs/{name}/sheets/{sheet}.{form}",
    summary="A sample sheet",
    response_class=Response,
    responses={200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The sheet"}},
)
async def sheet(
    name: str,
    sheet: str,
    form: Literal["png", "jpg"],
    here: Here,
    width: Annotated[int | None, Query(ge=16, le=2048, description="of a jpg: no wider than this")] = None,
    v: Annotated[str | None, Query(max_length=64, description="as in the address that /sheets gives")] = None,
) -> Response:
    """`newest`, or one by its kimg: the PNG as it lies in the run's folder, or a JPEG, which may be smaller."""
    path = _find(await here.watching.run(name), sheet)
    if form == "png":
        return FileResponse(path, media_type="image/png", headers=kept(v, path))
    return Response(await asyncio.to_thread(_small, path, width), media_type="image/jpeg", headers=kept(v, path))


@router.get(
    "/runs/{name}/video",
    summary="The film of a run's sheets",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}}, "description": "The film"}, 206: {"description": "A part of it"}},
)
async def video(name: str, here: Here, v: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    path = here.shelf.find(name, "run").path / "progress.mp4"
    if not version(path):
        raise NotHere(f"there is no film of {name} yet: it is made when training ends or pauses")
    return FileResponse(path, media_type="video/mp4", headers=kept(v, path))


def _find(run: Run, sheet: str) -> Path:
    """The sheet that is called so; only what the run itself lists is ever opened."""
    if sheet == "newest" and run.sheets:
        return run.sheets[-1][1]
    for kimg, path in run.sheets:
        if sheet in (path.stem, f"{kimg:g}"):
            return path
    raise NotHere(f"there is no sheet {sheet!r} of {run.path.name}: /sheets lists them")


def _small(path: Path, width: int | None) -> bytes:
    """A sheet as JPEG, no wider than asked."""
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    if width is not None and width < shown.width:
        shown = shown.resize((width, max(1, round(shown.height * width / shown.width))), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=88)
    return out.getvalue()
