"""/analogy, /interpolate, /films, /neighbours: faces between faces, and the nearest faces of a dataset."""

import asyncio
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from facesmith import FaceLatent, Model, analogy_grid, latent_path, nearest_faces
from facesmith.arrays import Floats
from facesmith.studio.face_resolver import FacesDep, ResolvedFace, latent_space
from facesmith.studio.image_responses import VIDEO_MEDIA_TYPES, data_url
from facesmith.studio.rendering import (
    check_video_support,
    face_metadata,
    render_faces,
    session_response,
    store_face,
)
from facesmith.studio.schemas import (
    MAX_FACES,
    VIDEO_CONTENT,
    Columns,
    FaceRequest,
    Fps,
    ModelName,
    Neighbour,
    Reference,
    RequestBody,
    Scale,
    StoredFace,
)

router = APIRouter(tags=["faces"])

Format = Literal["png", "jpeg", "webp", "gif", "mp4", "json"]


class AnalogyRequest(RequestBody):
    """Three faces: what is to c as b is to a?"""

    model: ModelName
    a: Reference = Field(examples=["seed:7"])
    b: Reference = Field(examples=["seed:7:3"])
    c: Reference = Field(examples=["seed:7:5"])
    rows: int = Field(8, ge=2, le=16)
    columns: int = Field(8, ge=2, le=16)
    format: Format = "png"
    fps: Fps = 16
    scale: Scale


class InterpolateRequest(RequestBody):
    """The faces to interpolate between, and the number of frames."""

    model: ModelName
    faces: list[Reference] = Field(min_length=2, max_length=16, examples=[["seed:7", "seed:7:3"]])
    frames: int = Field(48, ge=2, le=MAX_FACES)
    loop: bool = Field(False, description="return to the first face, without a repeated frame")
    spherical: bool = Field(True, description="true: interpolate along arcs; false: along straight lines")
    format: Format = "png"
    fps: Fps = 16
    scale: Scale
    columns: Columns


class InterpolateResponse(BaseModel):
    """Faces that this session stores."""

    faces: list[StoredFace]


class VideoFormats(BaseModel):
    """Formats for /interpolate and /analogy, besides images."""

    formats: list[str] = Field(examples=[["gif", "mp4"]], description="mp4 requires the optional package PyAV")


class NeighboursRequest(FaceRequest):
    dataset: str | None = Field(None, max_length=200, description="name from /datasets; default: the first")
    count: int = Field(8, ge=1, le=24)


class DatasetNeighbour(Neighbour):
    """An image of the dataset."""

    picture: str = Field(description="PNG as a data: URL")


class NeighboursResponse(BaseModel):
    """The nearest images, nearest first."""

    face: str = Field(examples=["seed:7:3"])
    model: str
    dataset: str
    neighbours: list[DatasetNeighbour]


@router.post("/analogy", summary="Solve an analogy of faces", response_model=StoredFace, responses=VIDEO_CONTENT)
async def analogy(body: AnalogyRequest, resolver: FacesDep, response: Response) -> Any:
    """The faces between A (top left), B (top right), C (bottom left) and D = B - A + C (bottom right).

    A gif or mp4 shows the border of that grid; `json` stores D in this session.
    """
    model = await resolver.model(body.model)
    faces = await resolver.faces([body.a, body.b, body.c], model)
    a, b, c = (face.latent.z for face in faces)
    if body.format == "json":
        return store_face(resolver, _derived_face(model, faces, b - a + c))
    check_video_support(body.format)
    is_video = body.format in VIDEO_MEDIA_TYPES
    count = 2 * (body.rows + body.columns) - 4 if is_video else body.rows * body.columns

    def draw() -> Floats:
        grid = analogy_grid(a, b, c, body.rows, body.columns)
        if not is_video:
            return grid.reshape(count, -1)
        return np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])

    image = await render_faces(
        resolver,
        model,
        count,
        draw,
        body.format,
        face_metadata(model, faces),
        columns=body.columns,
        scale=body.scale,
        fps=body.fps,
    )
    return session_response(image, body.format, response)


@router.post(
    "/interpolate", summary="Interpolate between faces", response_model=InterpolateResponse, responses=VIDEO_CONTENT
)
async def interpolate(body: InterpolateRequest, resolver: FacesDep, response: Response) -> Any:
    """A sheet, row by row; a gif or mp4; or `json`, which stores every face of the path in this session."""
    model = await resolver.model(body.model)
    faces = await resolver.faces(body.faces, model)
    stops = [face.latent.z for face in faces]

    def draw() -> Floats:
        return latent_path(stops, body.frames, spherical=body.spherical, loop=body.loop)

    if body.format == "json":
        latents = await asyncio.to_thread(draw)
        infos = [store_face(resolver, _derived_face(model, faces, z)) for z in latents]
        return InterpolateResponse(faces=infos)
    check_video_support(body.format)
    image = await render_faces(
        resolver,
        model,
        body.frames,
        draw,
        body.format,
        face_metadata(model, faces),
        columns=body.columns,
        scale=body.scale,
        fps=body.fps,
        loop=body.loop,
    )
    return session_response(image, body.format, response)


@router.get("/films", summary="List video formats")
def video_formats() -> VideoFormats:
    return VideoFormats(formats=[form for form in VIDEO_MEDIA_TYPES if form != "mp4" or find_spec("av") is not None])


@router.post("/neighbours", summary="Find the nearest faces of a dataset")
async def neighbours(body: NeighboursRequest, resolver: FacesDep) -> NeighboursResponse:
    """The images of a dataset whose latents are nearest, which shows whether the model has memorized a face.

    The first request for a dataset encodes all of its images, which takes a while.
    """
    model, services = await resolver.model(body.model), resolver.services
    name = services.registry.find(body.dataset, "dataset").name
    dataset = await services.registry.dataset(name)
    face = await resolver.face(body.face, model)

    def job() -> list[DatasetNeighbour]:
        (nearest,) = nearest_faces(model, dataset, [face.latent], count=min(body.count, len(dataset)), quiet=True)
        return [
            DatasetNeighbour(**neighbour, picture=data_url(np.asarray(dataset.images[neighbour["row"]])))
            for neighbour in nearest["latent"]
        ]

    matches = await services.jobs.run(job)
    return NeighboursResponse(face=body.face, model=face.model, dataset=name, neighbours=matches)


def _derived_face(model: Model, faces: list[ResolvedFace], z: Floats) -> ResolvedFace:
    """Return a face computed from others. It is deleted with the first photo among them."""
    photo = next((face.photo for face in faces if face.photo is not None), None)
    return ResolvedFace(FaceLatent("between", np.asarray(z, np.float32)), faces[0].model, latent_space(model), photo)
