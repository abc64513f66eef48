"""/encode, /edit, /describe: what a face is to a model, and what becomes of it when its attributes change."""

import asyncio
import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import facesmith
from facesmith import FaceLatent, Model
from facesmith.studio import schemas as asked
from facesmith.studio.api.generate import changed
from facesmith.studio.errors import Problem
from facesmith.studio.face_refs import People, Person, Those, key
from facesmith.studio.image_responses import MEDIA, Pictures
from facesmith.studio.schemas import MOST, PICTURED, Columns, Few, Kept, Name, Picture, Reference, Scale, Strict

router = APIRouter(tags=["faces"])

_SHARED = PICTURED | {304: {"description": "What the If-None-Match of the request names is still it"}}

Kind = Annotated[
    Literal["orthogonal", "boundary", "mean"],
    Field(description="of direction: orthogonal drifts least on photos, mean is best on drawings"),
]
Edit = Annotated[
    dict[Annotated[str, Field(max_length=100)], Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]],
    Few,
    Field(max_length=64),
]


class One(Strict):
    """A face and a model."""

    model: Name
    face: Reference = Field(examples=["seed:7:3"])


class Encoded(Kept):
    """A face as numbers."""

    latent: list[float] = Field(description="z, and after it the detail that no z can tell")
    score: float | None = Field(
        examples=[21.4], description="PSNR in decibels, of what the model makes of it; null for faces of seeds"
    )


class EditAsked(Strict):
    """Which faces, and which edits each of them gets."""

    model: Name
    faces: list[Reference] = Field(min_length=1, max_length=64, examples=[["seed:7", "seed:7:3"]])
    edits: list[Edit] = Field([{}], min_length=1, max_length=64, examples=[[{}, {"Smiling": 1.5}]])
    kind: Kind = "orthogonal"
    format: Literal["png", "jpeg", "webp", "json"] = "png"
    scale: Scale
    columns: Columns


class EditedFace(Kept):
    """A face with an edit, which this session keeps."""

    of: str = Field(examples=["seed:7:3"])
    edit: dict[str, float] = Field(examples=[{"Smiling": 1.5}])


class Edited(BaseModel):
    faces: list[EditedFace] = Field(description="all faces with the first edit, all with the second, ...")


class EditShared(BaseModel):
    """The same as an address, for faces of seeds."""

    model: Name
    face: list[Reference] = Field(min_length=1, max_length=64, examples=[["seed:7:3"]])
    changes: list[Annotated[str, Field(max_length=2000)]] = Field(
        [""], alias="set", max_length=64, description="an edit each: Smiling:1.5,Young:-1", examples=[["Smiling:1.5"]]
    )
    kind: Kind = "orthogonal"
    format: Picture = "png"
    scale: Scale
    columns: Columns


class DescribeAsked(One):
    top: int = Field(5, ge=1, le=100)
    by: Literal["probability", "lift"] = Field("probability", description="lift: what is special about the face first")


class Trait(BaseModel):
    """An attribute, and how sure it is."""

    name: str = Field(examples=["Smiling"])
    probability: float = Field(examples=[0.93])
    rate: float = Field(examples=[0.48], description="the share of all faces that have it")
    lift: float = Field(examples=[1.9], description="how many times as likely it is as among all faces")
    score: float = Field(examples=[0.61], description="0.5 is the average face with it, -0.5 the average without")
    accuracy: float | None = Field(examples=[0.88], description="how often that is right; 0.5 is chance")


class Described(BaseModel):
    face: str = Field(examples=["seed:7:3"])
    attributes: list[Trait]


@router.post("/encode", summary="A face as numbers")
async def encode(body: One, people: Those) -> Encoded:
    """A face of a photo is what the model's encoder sees in it; `score` says how near the model comes to the photo."""
    model = await people.model(body.model)
    person = await people.person(body.face, model)
    kept = asked.kept(people, person)
    return Encoded(**kept.model_dump(), latent=person.subject.z.tolist(), score=await score(people, model, person))


@router.post("/edit", summary="Edited faces", response_model=Edited, responses=PICTURED)
async def edit(body: EditAsked, people: Those, response: Response) -> Any:
    """A row for each edit and a column for each face, without gaps; one face with one edit is one picture.

    `json` keeps every one of them in this session, to be edited further. Strength 1 takes the average face without an
    attribute as far as the average face with it.

        curl -o smile.png -H 'Content-Type: application/json' http://127.0.0.1:8000/api/v1/edit \\
          -d '{"model": "drawn64", "faces": ["seed:7:3"], "edits": [{"Smiling": 1.5}]}'
    """
    model = await people.model(body.model)
    _refuse_many(len(body.faces) * len(body.edits))
    persons = await people.people(body.faces, model)
    if body.format == "json":
        latents = await asyncio.to_thread(_edited, model, persons, body.edits, body.kind)
        faces = []
        for number, z in enumerate(latents):
            of, change = number % len(persons), body.edits[number // len(persons)]
            one = Person(FaceLatent(body.faces[of], z, persons[of].subject.image), persons[of].model, key(model),
                         persons[of].photo)  # fmt: skip
            faces.append(EditedFace(**asked.kept(people, one).model_dump(), of=body.faces[of], edit=change))
        return Edited(faces=faces)
    made = await _sheet(people, model, persons, body.edits, body.kind, body.format, body.columns, body.scale)
    return asked.answered(made, MEDIA[body.format], response)


@router.get("/edit", summary="Edited faces of seeds, as an address", response_class=Response, responses=_SHARED)
async def share(shared: Annotated[EditShared, Query()], request: Request, people: Those) -> Response:
    """What POST /edit draws, for faces of seeds alone: the same address always gives the same picture.

    curl -o smile.png 'http://127.0.0.1:8000/api/v1/edit?model=drawn64&face=seed:7:3&set=Smiling:1.5'
    """
    if not all(face.startswith("seed") for face in shared.face):
        raise Problem(400, "an address is for everyone, and a photo is not: give faces of seeds, or use POST /edit")
    model = await people.model(shared.model or None)
    tag = hashlib.sha256(f"{facesmith.__version__} {_moves(model)} {request.url.query}".encode()).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if f'"{tag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    _refuse_many(len(shared.face) * max(1, len(shared.changes)))
    edits = [changed([part for part in one.split(",") if part]) for one in shared.changes] or [{}]
    persons = await people.people(shared.face, model)
    made = await _sheet(people, model, persons, edits, shared.kind, shared.format, shared.columns, shared.scale)
    return Response(made, media_type=MEDIA[shared.format], headers=headers)


@router.post("/describe", summary="What a face has")
async def describe(body: DescribeAsked, people: Those) -> Described:
    """Its likeliest attributes, calibrated on photos that the model had not seen."""
    model = await people.model(body.model)
    _refuse_without_directions(model)
    person = await people.person(body.face, model)

    def job() -> list[dict[str, Any]]:
        return facesmith.describe(model, [person.subject], top=body.top, by=body.by, quiet=True)

    (found,) = await asyncio.to_thread(job)
    return Described(face=body.face, attributes=found["attributes"])


async def score(people: People, model: Model, person: Person) -> float | None:
    """PSNR in decibels of what a model makes of a photo, at most 100; None for a face that is of none."""
    seen, z = person.subject.image, person.subject.z[None]
    if seen is None:
        return None

    def compare(faces: Pictures) -> float:
        error = float(np.mean((faces[0].astype(np.float64) - seen) ** 2))
        return min(100.0, float(10 * np.log10(255**2 / max(error, 1e-12))))

    return await people.here.batcher.make(model, 1, lambda first, last: z, compare)


async def _sheet(
    people: People,
    model: Model,
    persons: list[Person],
    edits: list[dict[str, float]],
    kind: str,
    form: str,
    columns: int | None,
    scale: int | None,
) -> bytes:
    """The picture of faces and edits; it says which edit it shows, unless it shows several."""
    facts = asked.about(model, persons, kind=kind, **({"edit": edits[0]} if len(edits) == 1 else {}))
    count, columns = len(persons) * len(edits), columns or len(persons)

    def draw() -> NDArray[np.float32]:
        return _edited(model, persons, edits, kind)

    return await asked.drawn(people, model, count, draw, form, facts, columns=columns, scale=scale)


def _edited(model: Model, persons: list[Person], edits: list[dict[str, float]], kind: str) -> NDArray[np.float32]:
    """The latents of all faces with the first edit, then with the second, ..."""
    z = np.stack([one.subject.z for one in persons])
    if any(edits):
        _refuse_without_directions(model)
    return np.concatenate([model.directions.moved(z, change, kind) if change else z for change in edits])


def _moves(model: Model) -> str:
    return f"{key(model)} {model.card.get('directions', {}).get('digest')}"


def _refuse_many(count: int) -> None:
    if count > MOST:
        raise Problem(422, f"edits: {count:,} faces are too many at once; ask for at most {MOST}")


def _refuse_without_directions(model: Model) -> None:
    if "directions" not in model.card:
        raise Problem(400, f"{model.name} has no attribute directions: choose a model that GET /models lists some of")
