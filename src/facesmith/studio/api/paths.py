"""/analogy, /interpolate, /films, /neighbours: faces between faces, and the nearest faces of a dataset."""

import asyncio
from importlib.util import find_spec
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from facesmith import FaceLatent, Model, analogy_grid, latent_path, nearest_faces
from facesmith.arrays import Floats
from facesmith.studio.face_resolver import FaceResolver, FacesDep, ResolvedFace, latent_space
from facesmith.studio.image_responses import VIDEO_MEDIA_TYPES, data_url
from facesmith.studio.rendering import (
    check_video_support,
    face_metadata,
    json_response,
    render_faces,
    session_response,
    store_face,
)
from facesmith.studio.schemas import (
    IMAGE_CONTENT,
    MAX_FACES,
    VIDEO_CONTENT,
    Columns,
    FaceRequest,
    Fps,
    ImageFormat,
    ModelName,
    Neighbour,
    Reference,
    RequestBody,
    Scale,
    StoredFace,
    documented,
)

router = APIRouter(tags=["faces"])

Format = Annotated[Literal[ImageFormat, "gif", "mp4", "json"], documented("png", "jpeg", "webp", "gif")]


class AnalogyFaceRequest(RequestBody):
    """Three faces: what is to c as b is to a?"""

    model: ModelName
    a: Reference = Field(examples=["seed:7"])
    b: Reference = Field(examples=["seed:7:3"])
    c: Reference = Field(examples=["seed:7:5"])


class AnalogyVideoRequest(AnalogyFaceRequest):
    """Three faces, and the grid between them and the fourth."""

    rows: int = Field(8, ge=2, le=16)
    columns: int = Field(8, ge=2, le=16)
    fps: Fps = 16
    scale: Scale


class AnalogyRequest(AnalogyVideoRequest):
    format: Format = "png"


class InterpolateFacesRequest(RequestBody):
    """The faces to interpolate between, and the number of frames."""

    model: ModelName
    faces: list[Reference] = Field(min_length=2, max_length=16, examples=[["seed:7", "seed:7:3"]])
    frames: int = Field(48, ge=2, le=MAX_FACES)
    loop: bool = Field(False, description="return to the first face, without a repeated frame")
    spherical: bool = Field(True, description="true: interpolate along arcs; false: along straight lines")


class InterpolateVideoRequest(InterpolateFacesRequest):
    """The faces to interpolate between, and how they are shown."""

    fps: Fps = 16
    scale: Scale


class InterpolateRequest(InterpolateVideoRequest):
    format: Format = "png"
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


@router.post("/analogy", summary="Solve an analogy of faces", response_class=Response, responses=IMAGE_CONTENT)
async def analogy(body: AnalogyRequest, resolver: FacesDep, response: Response) -> Response:
    """The faces between A (top left), B (top right), C (bottom left) and D = B - A + C (bottom right).

    A gif shows the border of that grid.
    """
    if body.format == "json":
        return json_response(await analogy_face(body, resolver), response)
    return await _analogy(body, body.format, resolver, response)


@router.post("/analogy/video", summary="Show an analogy as a video", response_class=Response, responses=VIDEO_CONTENT)
async def analogy_video(body: AnalogyVideoRequest, resolver: FacesDep, response: Response) -> Response:
    """The border of the grid of /analogy, as mp4."""
    return await _analogy(body, "mp4", resolver, response)


@router.post("/analogy/face", summary="Store the fourth face of an analogy")
async def analogy_face(body: AnalogyFaceRequest, resolver: FacesDep) -> StoredFace:
    """D = B - A + C is stored in this session."""
    model = await resolver.model(body.model)
    faces = await resolver.faces([body.a, body.b, body.c], model)
    a, b, c = (face.latent.z for face in faces)
    return store_face(resolver, _derived_face(model, faces, b - a + c))


async def _analogy(body: AnalogyVideoRequest, form: str, resolver: FaceResolver, response: Response) -> Response:
    model = await resolver.model(body.model)
    faces = await resolver.faces([body.a, body.b, body.c], model)
    a, b, c = (face.latent.z for face in faces)
    check_video_support(form)
    is_video = form in VIDEO_MEDIA_TYPES
    count = 2 * (body.rows + body.columns) - 4 if is_video else body.rows * body.columns

    def draw() -> Floats:
        grid = analogy_grid(a, b, c, body.rows, body.columns)
        if not is_video:
            return grid.reshape(count, -1)
        return np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])

    metadata = face_metadata(model, faces)
    image = await render_faces(
        resolver, model, count, draw, form, metadata, columns=body.columns, scale=body.scale, fps=body.fps
    )
    return session_response(image, form, response)


@router.post("/interpolate", summary="Interpolate between faces", response_class=Response, responses=IMAGE_CONTENT)
async def interpolate(body: InterpolateRequest, resolver: FacesDep, response: Response) -> Response:
    """A sheet, row by row, or a gif."""
    if body.format == "json":
        return json_response(await interpolate_faces(body, resolver), response)
    return await _interpolate(body, body.format, body.columns, resolver, response)


@router.post("/interpolate/video", summary="Interpolate in a video", response_class=Response, responses=VIDEO_CONTENT)
async def interpolate_video(body: InterpolateVideoRequest, resolver: FacesDep, response: Response) -> Response:
    """A frame for each face, as mp4."""
    return await _interpolate(body, "mp4", None, resolver, response)


@router.post("/interpolate/faces", summary="Interpolate and store the faces")
async def interpolate_faces(body: InterpolateFacesRequest, resolver: FacesDep) -> InterpolateResponse:
    """Every face of the path is stored in this session."""
    model = await resolver.model(body.model)
    faces = await resolver.faces(body.faces, model)
    latents = await asyncio.to_thread(_path, body, faces)
    return InterpolateResponse(faces=[store_face(resolver, _derived_face(model, faces, z)) for z in latents])


async def _interpolate(
    body: InterpolateVideoRequest, form: str, columns: int | None, resolver: FaceResolver, response: Response
) -> Response:
    model = await resolver.model(body.model)
    faces = await resolver.faces(body.faces, model)
    check_video_support(form)
    metadata = face_metadata(model, faces)
    image = await render_faces(
        resolver,
        model,
        body.frames,
        lambda: _path(body, faces),
        form,
        metadata,
        columns=columns,
        scale=body.scale,
        fps=body.fps,
        loop=body.loop,
    )
    return session_response(image, form, response)


def _path(body: InterpolateFacesRequest, faces: list[ResolvedFace]) -> Floats:
    """Return the latents of the faces between the requested ones."""
    stops = [face.latent.z for face in faces]
    return latent_path(stops, body.frames, spherical=body.spherical, loop=body.loop)


@router.get("/films", summary="List video formats")
def video_formats() -> VideoFormats:
    return VideoFormats(formats=[form for form in VIDEO_MEDIA_TYPES if form != "mp4" or find_spec("av") is not None])


@router.post("/neighbours", summary="Find the nearest faces of a dataset")
async def neighbours(body: NeighboursRequest, resolver: FacesDep) -> NeighboursResponse:
    """The images of a dataset whose latents are nearest. They show whether the model has memorised a face.

    The first request for a dataset encodes all of its images, which takes a while.
    """
    model, services = await resolver.model(body.model), resolver.services
    name = services.registry.find(body.dataset, "dataset").name
    dataset = await services.registry.dataset(name)
    face = await resolver.face(body.face, model)

    def job() -> list[DatasetNeighbour]:
        (nearest,) = nearest_faces(model, dataset, [face.latent], count=min(body.count, len(dataset)), quiet=True)
        rows = [neighbour["row"] for neighbour in nearest["latent"]]
        pictures = map(data_url, np.asarray(dataset.images[rows]), dataset.image_marks(rows))
        return [
            DatasetNeighbour(**neighbour, picture=picture)
            for neighbour, picture in zip(nearest["latent"], pictures, strict=True)
        ]

    matches = await services.jobs.run(job)
    return NeighboursResponse(face=body.face, model=face.model, dataset=name, neighbours=matches)


def _derived_face(model: Model, faces: list[ResolvedFace], z: Floats) -> ResolvedFace:
    """Return a face computed from others. It is deleted with the first photo among them."""
    photo = next((face.photo for face in faces if face.photo is not None), None)
    return ResolvedFace(FaceLatent("between", np.asarray(z, np.float32)), faces[0].model, latent_space(model), photo)
