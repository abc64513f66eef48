"""/imports: make a dataset of photos that are sent part by part, if the studio allows training."""

import asyncio
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from PIL import Image
from pydantic import BaseModel, Field

import facesmith
from facesmith.errors import FacesmithError
from facesmith.studio.api.training import RunName
from facesmith.studio.command_jobs import PhotoUpload, write_part
from facesmith.studio.errors import Problem
from facesmith.studio.image_responses import encode_jpeg, tile
from facesmith.studio.schemas import RequestBody, content
from facesmith.studio.services import Services, ServicesDep

router = APIRouter(prefix="/imports", tags=["datasets"])

PREVIEW_PHOTOS = 12
Size = Annotated[int, Query(ge=16, le=512, description="width and height of the dataset's images")]
Align = Annotated[bool, Query(description="find every face, turn it upright and crop it")]


class ImportRequest(RequestBody):
    """The dataset to create."""

    name: RunName = Field(examples=["friends"])
    size: int = Field(default=64, ge=16, le=512)
    align: bool = False


class ImportInfo(BaseModel):
    """An upload of photos, and the dataset created from them."""

    id: str
    state: Literal["uploading", "importing", "done", "failed"]
    files: int
    bytes: int
    progress: float | None = Field(default=None, description="fraction of the photos imported so far, from 0 to 1")
    dataset: str | None = Field(default=None, description="name of the dataset; null until the import is complete")
    error: str | None = None


@router.post("", summary="Start an upload of photos")
async def new_import(services: ServicesDep) -> ImportInfo:
    services.training_jobs.check_allowed()
    return _info(services, services.command_jobs.new_upload(services.training_jobs.runs_folder()))


@router.put("/{upload_id}/files", summary="Send a photo, or a part of a zip")
async def send_part(
    upload_id: str,
    request: Request,
    services: ServicesDep,
    path: Annotated[str, Query(max_length=500, description="path in the folder", examples=["holidays/beach.jpg"])],
    offset: Annotated[int, Query(ge=0, description="number of bytes of this file that were already sent")] = 0,
) -> ImportInfo:
    """Send the file, or the part that begins at `offset`, as application/octet-stream."""
    services.training_jobs.check_allowed()
    upload = services.command_jobs.upload(upload_id)
    data = await request.body()
    await asyncio.to_thread(write_part, upload, path, offset, data)
    return _info(services, upload)


@router.get(
    "/{upload_id}/preview",
    summary="Show how photos will be cropped",
    response_class=Response,
    responses=content("image/jpeg", description="A sheet of up to 12 images"),
)
async def preview(upload_id: str, services: ServicesDep, size: Size = 64, align: Align = False) -> Response:
    services.training_jobs.check_allowed()
    photos = services.command_jobs.upload(upload_id).photos
    jpeg = await services.jobs.run(lambda: _preview_jpeg(photos, size, align))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.post("/{upload_id}/start", summary="Import the photos")
async def start_import(upload_id: str, body: ImportRequest, services: ServicesDep) -> ImportInfo:
    services.training_jobs.check_allowed()
    upload = services.command_jobs.upload(upload_id)
    process = services.command_jobs.find(f"import {upload_id}")
    if process is not None and process.code is None:
        raise Problem(400, "the photos are already being imported: wait until the import is complete")
    upload.dataset = services.training_jobs.new_run_path(body.name)
    options = [f"--size={body.size}", f"--name={body.name}", *(["--align", "--crop=center:178"] if body.align else [])]
    arguments = ["data", "import", *options, "--", str(upload.photos), str(upload.dataset)]
    await services.command_jobs.start(f"import {upload_id}", arguments)
    return _info(services, upload)


@router.get("/{upload_id}", summary="Read the state of an import")
async def import_info(upload_id: str, services: ServicesDep) -> ImportInfo:
    services.training_jobs.check_allowed()
    return _info(services, services.command_jobs.upload(upload_id))


@router.delete("/{upload_id}", summary="Cancel an import", status_code=204)
async def cancel_import(upload_id: str, services: ServicesDep) -> None:
    """Stop the import and delete the uploaded photos. A complete dataset is kept."""
    services.training_jobs.check_allowed()
    await services.command_jobs.remove_upload(upload_id)


def _info(services: Services, upload: PhotoUpload) -> ImportInfo:
    process = services.command_jobs.find(f"import {upload.id}")
    info = ImportInfo(id=upload.id, state="uploading", files=upload.files, bytes=upload.bytes)
    if process is None:
        return info
    if process.code is None:
        info.state, info.progress = "importing", process.progress
    elif process.code:
        info.state, info.error = "failed", process.message()
    else:
        services.registry.refresh()
        found = (item.name for item in services.registry.items("dataset") if item.path == upload.dataset)
        info.state, info.dataset = "done", next(found, None)
    return info


def _preview_jpeg(photos: Path, size: int, align: bool) -> bytes:
    """Return a sheet of up to `PREVIEW_PHOTOS` images, cropped as the import would crop them."""
    if photos.is_file() and not zipfile.is_zipfile(photos):
        raise Problem(400, f"{photos.name} cannot be read as a zip: pack it again")
    crop = "center:178" if align else "fit"
    with tempfile.TemporaryDirectory() as folder:
        preview = Path(folder) / "preview"
        try:
            dataset = facesmith.import_dataset(
                photos, preview, size=size, crop=crop, align=align, limit=PREVIEW_PHOTOS, workers=1, quiet=True
            )
        except FacesmithError as error:  # visitors must not see the server's folders
            raise Problem(400, str(error).replace(str(photos), photos.name)) from None
        sheet = Image.fromarray(tile(dataset.images[:PREVIEW_PHOTOS], 4))
    return encode_jpeg(sheet, dataset.marks, quality=90, subsampling=0)
