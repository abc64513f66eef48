"""/analogy, /interpolate, /neighbours: faces between faces, and those of a dataset that are nearest to one."""

import asyncio
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from facesmith import FaceLatent, Model, analogy_grid, latent_path, nearest_faces
from facesmith.extras import require
from facesmith.studio import schemas as asked
from facesmith.studio.api.edit import One
from facesmith.studio.face_refs import Person, Those, key
from facesmith.studio.films import MEDIA as FILMS
from facesmith.studio.image_responses import MEDIA, within_page
from facesmith.studio.schemas import FILMED, Columns, Fps, Kept, Name, Reference, Scale, Strict

router = APIRouter(tags=["faces"])

Format = Literal["png", "jpeg", "webp", "gif", "mp4", "json"]
_ALL = MEDIA | FILMS


class AnalogyAsked(Strict):
    """Three faces: what is to c as b is to a?"""

    model: Name
    a: Reference = Field(examples=["seed:7"])
    b: Reference = Field(examples=["seed:7:3"])
    c: Reference = Field(examples=["seed:7:5"])
    rows: int = Field(8, ge=2, le=16)
    columns: int = Field(8, ge=2, le=16)
    format: Format = "png"
    fps: Fps = 16
    scale: Scale


class InterpolateAsked(Strict):
    """The faces on the way, and how many to show of it."""

    model: Name
    faces: list[Reference] = Field(min_length=2, max_length=16, examples=[["seed:7", "seed:7:3"]])
    frames: int = Field(48, ge=2, le=asked.MOST)
    loop: bool = Field(False, description="come back to the first face, without showing one twice")
    spherical: bool = Field(True, description="along arcs, else along straight lines")
    format: Format = "png"
    fps: Fps = 16
    scale: Scale
    columns: Columns


class Series(BaseModel):
    """Faces that this session keeps."""

    faces: list[Kept]


class NeighboursAsked(One):
    dataset: str | None = Field(None, max_length=200, description="of /datasets; by default the first")
    count: int = Field(8, ge=1, le=24)


class Neighbour(BaseModel):
    """A picture of the dataset."""

    row: int = Field(examples=[1234])
    file: str = Field(examples=["000123.jpg"])
    distance: float = Field(examples=[5.2], description="in the latent space")
    picture: str = Field(description="a data: URL of a PNG")


class Neighbours(BaseModel):
    """The nearest pictures, the nearest first."""

    face: str = Field(examples=["seed:7:3"])
    model: str
    dataset: str
    neighbours: list[Neighbour]


@router.post("/analogy", summary="What is to C as B is to A", response_model=Kept, responses=FILMED)
async def analogy(body: AnalogyAsked, people: Those, response: Response) -> Any:
    """The faces between A (top left), B (top right), C (bottom left) and D = B - A + C (bottom right).

    As gif or mp4 it is the way round the border; `json` keeps D in this session.
    """
    model = await people.model(body.model)
    persons = await people.people([body.a, body.b, body.c], model)
    a, b, c = (one.subject.z for one in persons)
    if body.format == "json":
        return asked.kept(people, _new(model, persons, b - a + c))
    _refuse_film(body.format)
    count = 2 * (body.rows + body.columns) - 4 if body.format in FILMS else body.rows * body.columns

    def draw() -> NDArray[np.float32]:
        grid = analogy_grid(a, b, c, body.rows, body.columns)
        if body.format not in FILMS:
            return grid.reshape(count, -1)
        return np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])

    facts = asked.about(model, persons)
    made = await asked.drawn(
        people, model, count, draw, body.format, facts, columns=body.columns, scale=body.scale, fps=body.fps
    )
    return asked.answered(made, _ALL[body.format], response)


@router.post("/interpolate", summary="The way from face to face", response_model=Series, responses=FILMED)
async def interpolate(body: InterpolateAsked, people: Those, response: Response) -> Any:
    """As a sheet, row by row; as gif or mp4; `json` keeps every face of the way in this session."""
    model = await people.model(body.model)
    persons = await people.people(body.faces, model)
    stops = [one.subject.z for one in persons]

    def draw() -> NDArray[np.float32]:
        return latent_path(stops, body.frames, spherical=body.spherical, loop=body.loop)

    if body.format == "json":
        return Series(faces=[asked.kept(people, _new(model, persons, z)) for z in await asyncio.to_thread(draw)])
    _refuse_film(body.format)
    made = await asked.drawn(
        people,
        model,
        body.frames,
        draw,
        body.format,
        asked.about(model, persons),
        columns=body.columns,
        scale=body.scale,
        fps=body.fps,
        loop=body.loop,
    )
    return asked.answered(made, _ALL[body.format], response)


@router.post("/neighbours", summary="The nearest faces of a dataset")
async def neighbours(body: NeighboursAsked, people: Those) -> Neighbours:
    """Of all pictures of a dataset, those whose latents are nearest: whether a face was learned by heart.

    The first time a dataset is asked about, all of its pictures are encoded, which takes a while.
    """
    model = await people.model(body.model)
    name = people.here.shelf.find(body.dataset, "dataset").name
    data = await people.here.shelf.dataset(name)
    person = await people.person(body.face, model)

    def job() -> list[Neighbour]:
        (found,) = nearest_faces(model, data, [person.subject], count=min(body.count, len(data)), quiet=True)
        pictures = (within_page(np.asarray(data.images[near["row"]])) for near in found["latent"])
        return [Neighbour(**near, picture=picture) for near, picture in zip(found["latent"], pictures, strict=True)]

    found = await people.here.aside.run(job)
    return Neighbours(face=body.face, model=person.model, dataset=name, neighbours=found)


def _new(model: Model, persons: list[Person], z: NDArray[np.float32]) -> Person:
    """A face made of others; with the first photo among them it is forgotten."""
    photo = next((one.photo for one in persons if one.photo is not None), None)
    return Person(FaceLatent("between", np.asarray(z, np.float32)), persons[0].model, key(model), photo)


def _refuse_film(form: str) -> None:
    """Say that there is no mp4 before its faces are made."""
    if form == "mp4":
        require("av", "train", "making an mp4")
