"""/encode, /edit, /describe: the latent of a face, and the face with changed attributes.

A slider of the Photo page sends POST /edit with an edit {attribute: strength}; `edit_latents` applies it to the latent.
Sliders of the Generate page send GET /generate: see `facesmith.studio.api.generate`. Both end in `Directions.apply`.
"""

import asyncio
import hashlib
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

import facesmith
from facesmith import FaceLatent, Model, blend_face, read_photo
from facesmith.arrays import Floats, Images
from facesmith.studio.api.generate import parse_changes
from facesmith.studio.errors import Problem
from facesmith.studio.face_resolver import FaceResolver, FacesDep, Photo, ResolvedFace, latent_space
from facesmith.studio.image_responses import MEDIA_TYPES, encode_image
from facesmith.studio.rendering import face_metadata, json_response, render_faces, session_response, store_face
from facesmith.studio.schemas import (
    IMAGE_CONTENT,
    MAX_FACES,
    NOT_MODIFIED,
    Columns,
    FaceRequest,
    ImageFormat,
    LimitedFields,
    ModelName,
    Reference,
    RequestBody,
    Resample,
    Scale,
    StoredFace,
    documented,
)

router = APIRouter(tags=["faces"])

DirectionKind = Annotated[
    Literal["best", "orthogonal", "boundary", "mean", "label"],
    Field(
        description="kind of edit; label changes an input of the generator; best selects the kind that measured best"
    ),
]
Edit = Annotated[
    dict[Annotated[str, Field(max_length=100)], Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]],
    LimitedFields,
    Field(max_length=64),
]


class EncodeResponse(StoredFace):
    """A face as numbers."""

    latent: list[float] = Field(description="z, followed by the residual latent if the model has one")
    score: float | None = Field(
        examples=[21.4], description="PSNR of the reconstruction in decibels; null for generated faces"
    )


class EditFacesRequest(RequestBody):
    """Faces, and the edits to apply to each of them."""

    model: ModelName
    faces: list[Reference] = Field(min_length=1, max_length=64, examples=[["seed:7", "seed:7:3"]])
    edits: list[Edit] = Field([{}], min_length=1, max_length=64, examples=[[{}, {"Smiling": 1.5}]])
    kind: DirectionKind = "best"


class EditRequest(EditFacesRequest):
    """Faces and edits, and the sheet that shows them."""

    format: Annotated[Literal[ImageFormat, "json"], documented("png", "jpeg", "webp")] = "png"
    scale: Scale
    resample: Resample
    columns: Columns
    whole: bool = Field(
        False,
        description="return the whole photo, upright, with the edited faces blended in; requires exactly one edit",
    )


class EditedFace(StoredFace):
    """An edited face that this session stores."""

    of: str = Field(examples=["seed:7:3"])
    edit: dict[str, float] = Field(examples=[{"Smiling": 1.5}])


class EditResponse(BaseModel):
    faces: list[EditedFace] = Field(description="all faces with the first edit, then all with the second, and so on")


class EditQuery(BaseModel):
    """An edit of generated faces, as a URL."""

    model: ModelName
    face: list[Reference] = Field(min_length=1, max_length=64, examples=[["seed:7:3"]])
    changes: list[Annotated[str, Field(max_length=2000)]] = Field(
        [""],
        alias="set",
        max_length=64,
        description="an edit, such as Smiling:1.5,Young:-1; repeat the parameter for more edits",
        examples=[["Smiling:1.5"]],
    )
    kind: DirectionKind = "best"
    format: ImageFormat = "png"
    scale: Scale
    resample: Resample
    columns: Columns


class DescribeRequest(FaceRequest):
    top: int = Field(5, ge=1, le=100)
    by: Literal["probability", "lift"] = Field(
        "probability", description="probability: most likely first; lift: most unusual first"
    )


class AttributeEstimate(BaseModel):
    """An attribute and its probability."""

    name: str = Field(examples=["Smiling"])
    probability: float = Field(examples=[0.93])
    rate: float = Field(examples=[0.48], description="fraction of all faces that have the attribute")
    lift: float = Field(examples=[1.9], description="probability divided by rate")
    score: float = Field(
        examples=[0.61],
        description="0.5: like the average face with the attribute; -0.5: like the average face without it",
    )
    accuracy: float | None = Field(
        examples=[0.88], description="accuracy of this estimate on held-out faces; 0.5 is chance"
    )


class DescribeResponse(BaseModel):
    face: str = Field(examples=["seed:7:3"])
    attributes: list[AttributeEstimate]


@router.post("/encode", summary="Encode a face as a latent")
async def encode(body: FaceRequest, resolver: FacesDep) -> EncodeResponse:
    """A photo's face is encoded by the model's encoder; `score` is the PSNR of the reconstruction."""
    model = await resolver.model(body.model)
    face = await resolver.face(body.face, model)
    info = store_face(resolver, face)
    score = await reconstruction_score(resolver, model, face)
    return EncodeResponse(**info.model_dump(), latent=face.latent.z.tolist(), score=score)


@router.post("/edit", summary="Edit faces", response_class=Response, responses=IMAGE_CONTENT)
async def edit(body: EditRequest, resolver: FacesDep, response: Response) -> Response:
    """The sheet has one row per edit and one column per face, without gaps.

    Strength 1 moves the average face without an attribute to the average face with it.

    Example:

        curl -o smile.png -H 'Content-Type: application/json' http://127.0.0.1:8000/api/v1/edit \\
          -d '{"model": "drawn64", "faces": ["seed:7:3"], "edits": [{"Smiling": 1.5}]}'
    """
    if body.format == "json":
        return json_response(await edit_faces(body, resolver), response)
    model = await resolver.model(body.model)
    _check_count(len(body.faces) * len(body.edits))
    faces = await resolver.faces(body.faces, model)
    if body.whole:
        return session_response(await _edit_photo(resolver, model, faces, body), body.format, response)
    sheet = await _render_edits(resolver, model, faces, body.edits, body)
    return session_response(sheet, body.format, response)


@router.post("/edit/faces", summary="Edit faces and store them")
async def edit_faces(body: EditFacesRequest, resolver: FacesDep) -> EditResponse:
    """All edited faces are stored in this session, so that they can be edited further."""
    model = await resolver.model(body.model)
    _check_count(len(body.faces) * len(body.edits))
    faces = await resolver.faces(body.faces, model)
    latents = await asyncio.to_thread(edit_latents, model, faces, body.edits, body.kind)
    edited_faces = []
    for number, z in enumerate(latents):
        row, column = divmod(number, len(faces))
        reference, original = body.faces[column], faces[column]
        latent = FaceLatent(reference, z, original.latent.image, original.latent.marks)
        face = ResolvedFace(latent, original.model, latent_space(model), original.photo, original.crop)
        info = store_face(resolver, face)
        edited_faces.append(EditedFace(**info.model_dump(), of=reference, edit=body.edits[row]))
    return EditResponse(faces=edited_faces)


@router.get(
    "/edit",
    summary="Edit generated faces by URL",
    response_class=Response,
    responses=IMAGE_CONTENT | NOT_MODIFIED,
)
async def edit_by_address(query: Annotated[EditQuery, Query()], request: Request, resolver: FacesDep) -> Response:
    """Return the same image as POST /edit, for generated faces only. The same URL always returns the same image.

    Example:

        curl -o smile.png 'http://127.0.0.1:8000/api/v1/edit?model=drawn64&face=seed:7:3&set=Smiling:1.5'
    """
    if not all(face.startswith("seed") for face in query.face):
        raise Problem(
            400,
            "GET /edit accepts only generated faces (seed:...), because URLs of photos must not be shared: use "
            "POST /edit",
        )
    model = await resolver.model(query.model or None)
    directions = model.card.get("directions", {}).get("digest")
    key = f"{facesmith.__version__} {latent_space(model)} {directions} {request.url.query}"
    etag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    _check_count(len(query.face) * max(1, len(query.changes)))
    edits = [parse_changes([part for part in text.split(",") if part]) for text in query.changes] or [{}]
    faces = await resolver.faces(query.face, model)
    sheet = await _render_edits(resolver, model, faces, edits, query)
    return Response(sheet, media_type=MEDIA_TYPES[query.format], headers=headers)


@router.post("/describe", summary="Describe a face by its attributes")
async def describe(body: DescribeRequest, resolver: FacesDep) -> DescribeResponse:
    """The most likely attributes, calibrated on held-out photos."""
    model = await resolver.model(body.model)
    _require_directions(model)
    face = await resolver.face(body.face, model)

    def job() -> list[dict[str, Any]]:
        return facesmith.describe(model, [face.latent], top=body.top, by=body.by, quiet=True)

    (description,) = await asyncio.to_thread(job)
    return DescribeResponse(face=body.face, attributes=description["attributes"])


async def reconstruction_score(resolver: FaceResolver, model: Model, face: ResolvedFace) -> float | None:
    """Return the PSNR of a photo's reconstruction in decibels, at most 100; None for a face without a photo."""
    photo, z = face.latent.image, face.latent.z[None]
    if photo is None:
        return None

    def score(images: Images) -> float:
        return min(100.0, float(facesmith.psnr(images, photo[None])[0]))

    return await resolver.services.batcher.generate(model, 1, lambda first, last: z, score)


def edit_latents(model: Model, faces: list[ResolvedFace], edits: list[dict[str, float]], kind: str) -> Floats:
    """Return the latents of all faces with the first edit, then with the second, ..."""
    z = np.stack([face.latent.z for face in faces])
    if any(edits):
        _require_directions(model)
    return np.concatenate([model.directions.apply(z, strengths, kind) if strengths else z for strengths in edits])


async def _edit_photo(resolver: FaceResolver, model: Model, faces: list[ResolvedFace], body: EditRequest) -> bytes:
    """Return the photo of the faces with what the edit changes in their reconstructions added to it."""
    crops = [face.crop for face in faces if face.crop is not None]
    photo_ids = {face.photo for face in faces}
    if len(crops) < len(faces) or len(photo_ids) > 1:
        raise Problem(400, "whole: these faces are not all from one photo; use faces returned by one POST /photos")
    if len(body.edits) > 1:
        raise Problem(422, f"edits: {len(body.edits)} edits of a whole photo are too many; send only one")
    photo = resolver.get(str(photo_ids.pop()))
    if not isinstance(photo, Photo):
        raise Problem(400, "whole: the photo was deleted; upload it again")
    before = edit_latents(model, faces, [{}], body.kind)
    z = np.concatenate([before, await asyncio.to_thread(edit_latents, model, faces, body.edits, body.kind)])
    images = await resolver.services.batcher.generate(
        model, len(z), lambda first, last: z[first:last], lambda images: images
    )
    metadata = face_metadata(model, faces, kind=body.kind, edit=body.edits[0])

    def job() -> bytes:
        result = read_photo(photo.data)
        for crop, rebuilt, edited in zip(crops, images[: len(faces)], images[len(faces) :], strict=True):
            result = blend_face(result, replace(crop, image=rebuilt), edited)
        return encode_image(result, body.format, metadata)

    return await resolver.services.jobs.run(job)


async def _render_edits(
    resolver: FaceResolver,
    model: Model,
    faces: list[ResolvedFace],
    edits: list[dict[str, float]],
    options: EditRequest | EditQuery,
) -> bytes:
    """Return the sheet of faces and edits. Its metadata contain the edit if there is only one."""
    metadata = face_metadata(model, faces, kind=options.kind, **({"edit": edits[0]} if len(edits) == 1 else {}))

    def draw() -> Floats:
        return edit_latents(model, faces, edits, options.kind)

    count, columns = len(faces) * len(edits), options.columns or len(faces)
    return await render_faces(
        resolver,
        model,
        count,
        draw,
        options.format,
        metadata,
        columns=columns,
        scale=options.scale,
        resample=options.resample,
    )


def _check_count(count: int) -> None:
    if count > MAX_FACES:
        raise Problem(422, f"edits: {count:,} faces are too many; request at most {MAX_FACES}")


def _require_directions(model: Model) -> None:
    if "directions" not in model.card:
        raise Problem(400, f"{model.name} has no attribute directions: choose a model with attributes in GET /models")
