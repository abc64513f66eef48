"""What the requests for faces have in common, and how they are answered."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Response
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from facesmith import Model
from facesmith.studio.errors import Problem
from facesmith.studio.face_refs import REFERENCE, People, Person
from facesmith.studio.films import MEDIA as FILMS
from facesmith.studio.films import film
from facesmith.studio.image_responses import MEDIA, Pictures, encoded, notes, tiled

MOST = 256  # faces of one answer
LARGEST = 64_000_000  # pixels of a sheet, or of all frames of a film
FILM_SIDE = 256  # pixels that a film's frames are enlarged to, about
MOST_FIELDS = 100  # of a table

Name = Annotated[str | None, Field(None, max_length=200, description="of /models; by default the first that can")]
Reference = Annotated[
    str,
    Field(
        pattern=REFERENCE,
        description="seed:7, seed:7:3 for face 3 of seed 7, seed:7:3:0.7 with truncation, or photo:ID",
    ),
]
Scale = Annotated[int | None, Field(None, ge=1, le=8, description="every pixel becomes a square of that many")]
Columns = Annotated[int | None, Field(None, ge=1, le=MOST, description="of a sheet")]
Fps = Annotated[int, Field(16, ge=1, le=60, description="frames a second of a film")]
Picture = Literal["png", "jpeg", "webp"]
Film = Literal["gif", "mp4"]
Draw = Callable[[], NDArray[np.float32]]


def _few(given: Any) -> Any:
    """Refuse at once what would else be found wrong field by field: of thousands, that takes seconds."""
    if isinstance(given, dict) and len(given) > MOST_FIELDS:
        raise ValueError(f"a table of more than {MOST_FIELDS} fields is too large")
    return given


Few = BeforeValidator(_few)


class Strict(BaseModel):
    """A body whose misspelt fields are not passed over in silence."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: Any) -> Any:
        return _few(given)


class Kept(BaseModel):
    """A face that this session keeps."""

    id: str = Field(examples=["kZ0Yw5n0T7yYzB1m2c3d4e"], description="for /faces/{id}.png")
    face: str = Field(examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"], description="wherever a face is asked for")
    model: str = Field(examples=["drawn64"], description="the one it belongs to")


def pictured(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: an answer of one of these media types."""
    return {200: {"description": "As `format` says", "content": {kind: {} for kind in kinds}}}


PICTURED = pictured(*MEDIA.values(), "application/json")
FILMED = pictured(*MEDIA.values(), *FILMS.values(), "application/json")


def kept(people: People, person: Person) -> Kept:
    name = people.keep_person(person)
    return Kept(id=name, face=f"photo:{name}", model=person.model)


def answered(body: bytes, media: str, response: Response, **headers: str) -> Response:
    """An answer that no cache keeps, with the session of the injected ``response``."""
    said = {"Cache-Control": "no-store", **headers, **dict(response.headers)}
    return Response(body, media_type=media, headers=said)


def about(model: Model, people: Sequence[Person], **facts: object) -> dict[str, Any]:
    """What a picture of these says of itself."""
    photos = any(one.photo is not None for one in people)
    seeds = [one.subject.name for one in people if one.photo is None]
    return notes(model.name, model.digest, edited=photos, **({"faces": seeds} if seeds else {}), **facts)


async def drawn(
    people: People,
    model: Model,
    count: int,
    draw: Draw,
    form: str,
    facts: dict[str, Any],
    *,
    columns: int | None = None,
    scale: int | None = None,
    fps: int = 16,
    loop: bool = True,
) -> bytes:
    """The faces of ``count`` latents, which ``draw`` gives in a worker thread, as a sheet or as a film."""
    width, height = model.size
    if form in FILMS:
        scale = scale or max(1, round(FILM_SIDE / max(width, height)))
    if width * height * (scale or 1) ** 2 * (count + (columns or 0)) > LARGEST:
        raise Problem(422, f"scale: more than {LARGEST:,} pixels are too many; ask for less")
    latents: list[NDArray[np.float32]] = []

    def part(first: int, last: int) -> NDArray[np.float32]:
        if not latents:  # two threads may both do it, and come to the same
            latents.append(draw())
        return latents[0][first:last]

    def sheet(faces: Pictures) -> bytes:
        return encoded(tiled(faces, columns, scale or 1), form, facts)

    if form not in FILMS:
        return await people.here.batcher.make(model, count, part, sheet)
    faces = await people.here.batcher.make(model, count, part, lambda faces: faces)
    return await people.here.aside.run(lambda: film(faces, form, fps, loop, scale or 1, facts))
