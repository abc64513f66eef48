"""/generate: faces of a seed, as one image, as numbers, or as a zip of many."""

import asyncio
import csv
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field, ValidationError

from facesmith import FaceRef, LabelledFaces, Model, parse_face_ref, parse_requests, seed_latents
from facesmith.arrays import ImageArray, Integers, Latents, Signs
from facesmith.studio.batching import DrawLatents
from facesmith.studio.errors import Busy, Problem
from facesmith.studio.image_responses import MEDIA_TYPES, encode_sheet, image_metadata
from facesmith.studio.schemas import (
    IMAGE_CONTENT,
    MAX_FACES,
    MAX_PIXELS,
    NOT_MODIFIED,
    ImageFormat,
    Resample,
    content,
    documented,
)
from facesmith.studio.server_sent_events import await_first
from facesmith.studio.services import Services, ServicesDep
from facesmith.studio.zip_stream import ZipStream
from facesmith.version import __version__

MAX_ZIP_FACES = 10_000
ZIP_CHUNK_FACES = 64  # of a zip, computed at a time
_MANIFEST = ("file", "seed", "index", "truncation", "model", "digest", "terms")

router = APIRouter(tags=["faces"])


class LatentsQuery(BaseModel):
    """Which faces to generate. The same URL always gives the same faces."""

    model: str | None = Field(None, description="name from /models; default: the first generator", examples=["drawn64"])
    seed: int = Field(
        0, ge=0, lt=10**18, description="random seed; the same seed and index always give the same face", examples=[7]
    )
    count: int = Field(
        1, ge=1, le=MAX_ZIP_FACES, description=f"number of faces: at most {MAX_FACES}, or {MAX_ZIP_FACES:,} as zip"
    )
    start: int = Field(0, ge=0, lt=10**9, description="index of the first face")
    truncation: float = Field(1.0, ge=0, le=2, description="values below 1 give more typical faces")
    changes: list[str] = Field(
        [],
        alias="set",
        max_length=64,
        description="change an attribute of all faces by a strength, such as Smiling:1; repeatable",
        examples=[["Smiling:1"]],
    )
    attributes: list[str] = Field(
        [],
        alias="with",
        max_length=64,
        description="generate faces with this attribute, or without it (~); repeatable. An attribute that is an input "
        "of the generator is set; faces that have all attributes are selected from many",
        examples=[["Smiling", "~Eyeglasses"]],
    )
    balance: list[str] = Field(
        [], max_length=8, description="give all combinations of these attributes equal shares", examples=[["Male"]]
    )
    share: list[str] = Field(
        [],
        max_length=16,
        description="share of the faces that have an attribute; repeatable",
        examples=[["Eyeglasses=0.3"]],
    )
    like: str | None = Field(
        None,
        pattern=FaceRef.HTTP_SEED_PATTERN,
        description="generate variations of this face by mixing it with the faces of the seed",
        examples=["seed:7:3"],
    )
    spread: int = Field(
        30, ge=0, le=100, description="with like, how far the variations may be from the face, in percent"
    )
    lock: list[Annotated[str, Field(pattern="^[A-Za-z0-9_]{1,40}$")]] = Field(
        [],
        max_length=8,
        description="with like, an attribute that all variations keep; repeatable",
        examples=[["Male"]],
    )
    digest: str | None = Field(
        None,
        pattern="^[0-9a-f]{8,64}$",
        description="prefix of the model's digest; the response can then be cached forever, and the request fails if "
        "the model was replaced",
    )


class ZipQuery(LatentsQuery):
    scale: int = Field(1, ge=1, le=8, description="integer factor by which the image is enlarged")
    resample: Resample


class GenerateQuery(ZipQuery):
    """Which faces to generate, and in which format."""

    format: Annotated[Literal[ImageFormat, "json", "zip"], documented("png", "jpeg", "webp")] = "png"
    columns: int | None = Field(None, ge=1, le=MAX_FACES, description="columns of the sheet; default: a square sheet")
    caption: bool = Field(False, description="write AI-generated, the model and the seed below the image")


class SeedLatent(BaseModel):
    """The latent of a generated face."""

    seed: int
    index: int
    latent: list[float]


class LatentsResponse(BaseModel):
    """The latents of generated faces, with the requested changes."""

    model: str = Field(examples=["drawn64"])
    digest: str
    truncation: float
    faces: list[SeedLatent]


@router.get(
    "/generate",
    summary="Generate faces",
    response_class=Response,
    responses=IMAGE_CONTENT | NOT_MODIFIED,
)
async def generate(services: ServicesDep, request: Request, query: Annotated[GenerateQuery, Query()]) -> Response:
    """One face is returned as an image, several as a sheet, row by row without gaps.

    Example:

        curl -o faces.png 'http://127.0.0.1:8000/api/v1/generate?model=drawn64&seed=7&count=64'
    """
    model = await services.registry.model(query.model or None)
    if query.digest and not model.digest.startswith(query.digest):
        raise Problem(
            404,
            f"the model {model.name} was replaced and no longer has the digest {query.digest}: omit digest, or use "
            "the new digest",
        )
    if query.count > MAX_FACES and query.format != "zip":
        raise Problem(422, f"count: {query.count:,} faces require format=zip; other formats return at most {MAX_FACES}")
    width, height = model.size
    if width * height * query.scale**2 * (query.count + (query.columns or 0)) > MAX_PIXELS and query.format != "zip":
        raise Problem(422, f"scale: the sheet would have more than {MAX_PIXELS:,} pixels; request a smaller one")
    etag = _etag(model, request.scope["query_string"])
    lifetime = "max-age=31536000, immutable" if query.digest else "no-cache"
    headers = {"ETag": etag, "Cache-Control": f"private, {lifetime}"}
    if etag in (part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    if query.changes and "directions" not in model.card:
        raise Problem(400, f"{model.name} has no attribute directions, so its faces cannot be edited: omit set")
    faces = _RequestedFaces(model, query)
    faces.check()
    draw = faces.latents
    if query.format != "zip" and faces.is_slow:
        z = await services.jobs.run(lambda: faces.latents(0, query.count))
        draw = lambda first, last: z[first:last]  # noqa: E731
    if query.format == "json":
        return JSONResponse(await asyncio.to_thread(_latents_json, model, query, draw), headers=headers)
    name = f"{model.name}-{query.seed}-{query.start}"
    file, plain_file = (f"{text}.{query.format}" for text in (name, re.sub(r"[^A-Za-z0-9._-]", "_", name)))
    headers["Content-Disposition"] = (
        f"inline; filename=\"{plain_file}\"; filename*=UTF-8''{quote(file, errors='replace')}"
    )
    if query.format == "zip":
        parts = await await_first(_zip_parts(services, faces, query))
        return StreamingResponse(parts, media_type="application/zip", headers=headers)
    form, metadata = query.format, _metadata(model, query)

    def encode(images: ImageArray) -> bytes:
        return encode_sheet(
            images,
            form,
            metadata,
            columns=query.columns,
            scale=query.scale,
            resample=query.resample,
            caption=query.caption,
        )

    image = await services.batcher.generate(model, query.count, draw, encode, start=query.start)
    return Response(image, media_type=MEDIA_TYPES[form], headers=headers)


@router.get(
    "/generate/latents",
    summary="Read the latents of generated faces",
    response_model=LatentsResponse,
    responses=NOT_MODIFIED,
)
async def latents(services: ServicesDep, request: Request, query: Annotated[LatentsQuery, Query()]) -> Response:
    """The numbers from which /generate generates the faces."""
    return await generate(services, request, _with_format(query, "json"))


@router.get(
    "/generate/zip",
    summary="Download generated faces",
    response_class=Response,
    responses=content("application/zip", "PNG files and manifests") | NOT_MODIFIED,
)
async def generate_zip(services: ServicesDep, request: Request, query: Annotated[ZipQuery, Query()]) -> Response:
    """The zip has a PNG for each face, metadata.jsonl as written by `facesmith generate`, and the manifests of version
    0.1.

    These files contain everything needed to generate each face again and, if the model has attribute directions, the
    attributes of each face with their probabilities.
    """
    return await generate(services, request, _with_format(query, "zip"))


def _with_format(query: LatentsQuery, form: str) -> GenerateQuery:
    return GenerateQuery.model_validate(query.model_dump(by_alias=True) | {"format": form})


async def generate_fast(request: Request) -> Response:
    """Handle `generate` for `FastPath`, which validates all parameters at once."""
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("set", "with", "balance", "share", "lock"):
        if name in parameters:
            parameters[name] = request.query_params.getlist(name)
    try:
        query = GenerateQuery.model_validate(parameters)
    except ValidationError as error:
        errors = [{**detail, "loc": ("query", *detail["loc"])} for detail in error.errors()]
        raise RequestValidationError(errors) from None
    return await generate(request.app.state.services, request, query)


def parse_changes(texts: list[str]) -> dict[str, float]:
    """Parse Smiling:1, Male:-0.5. Raises `Problem` for anything else, and for an attribute that is given twice."""
    changes: dict[str, float] = {}
    for text in texts:
        name, _, strength = text.rpartition(":")
        if not name or not re.fullmatch(r"[+-]?\d{1,4}(\.\d{0,8})?", strength) or name in changes:
            raise Problem(
                422,
                f"set: invalid {text[:80]!r}; expected ATTRIBUTE:STRENGTH, each attribute once, for example "
                "Smiling:0.5",
            )
        changes[name] = float(strength)
    return changes


class _RequestedFaces:
    """The faces of a query: of its seed, with the attributes asked for, or variations of one face; then changed."""

    def __init__(self, model: Model, query: LatentsQuery) -> None:
        if query.like and (query.attributes or query.balance or query.share):
            raise Problem(
                422, "like: variations of a face cannot be selected by attributes; omit with, balance and share"
            )
        if query.lock and not query.like:
            raise Problem(422, "lock: attributes are locked to those of a face; pass this face as like")
        for name in query.lock:
            model.directions.find(name)  # raises if it is unknown
        self.requests = parse_requests(query.attributes, query.balance, query.share)
        self.model, self.query, self.changes = model, query, parse_changes(query.changes)
        # Both generate and encode faces: to select among many, or to restore attributes.
        self.is_slow = bool(query.lock or self.requests.names)

    @cached_property
    def labelled(self) -> LabelledFaces:
        return LabelledFaces(self.model, self.requests, self.query.seed, self.query.truncation, "png")

    def reference(self, index: int) -> str:
        """Return variation ``index`` as a face reference."""
        locks = "".join(f"@{name}" for name in self.query.lock)
        return f"{self.query.like}~{self.query.seed}:{index}:{self.query.spread}{locks}"

    def check(self) -> None:
        """Raise `FacesmithError` for a face that cannot be varied and for unknown attributes, before any work."""
        if self.query.like:
            parse_face_ref(self.reference(self.query.start))
        elif self.requests.names:
            self.labelled.draw(self.query.start, 0)

    def draw(self, first: int, last: int) -> tuple[Latents, Integers, Signs]:
        """Return the latents of faces ``first`` to ``last``, their indices in the seed, and what is asked of them."""
        start, count = self.query.start + first, last - first
        indices, signs = np.arange(start, start + count), np.zeros((count, 0), np.int8)
        if self.query.like:
            z = seed_latents(self.model, [parse_face_ref(self.reference(index)) for index in indices.tolist()])
        elif not self.requests.names:
            z = self.model.latents(count, self.query.seed, start=start) * np.float32(self.query.truncation)
        else:
            z, indices, signs = self.labelled.draw(start, count)
        if self.changes:
            z = self.model.directions.apply(z, self.changes)
        return z, indices, signs

    def latents(self, first: int, last: int) -> Latents:
        return self.draw(first, last)[0]


def _etag(model: Model, query: bytes) -> str:
    """Return a tag that is equal for equal responses, without computing them."""
    directions = model.card.get("directions", {}).get("digest")
    key = f"{__version__} {model.digest} {directions} ".encode() + query
    return f'"{hashlib.sha256(key).hexdigest()[:32]}"'


def _metadata(model: Model, query: GenerateQuery) -> dict[str, Any]:
    last = query.start + query.count - 1
    metadata = image_metadata(model.marks(), seed=query.seed, truncation=query.truncation)
    metadata |= {"index": query.start} if query.count == 1 else {"indices": [query.start, last]}
    for name in ("attributes", "balance", "share", "like", "lock"):
        if value := getattr(query, name):
            metadata["with" if name == "attributes" else name] = value
    metadata |= {"spread": query.spread} if query.like else {}
    return metadata | ({"changes": parse_changes(query.changes)} if query.changes else {})


def _latents_json(model: Model, query: GenerateQuery, draw: DrawLatents) -> dict[str, Any]:
    rows = draw(0, query.count).tolist()
    return {
        "model": model.name,
        "digest": model.digest,
        "truncation": query.truncation,
        "faces": [{"seed": query.seed, "index": index, "latent": row} for index, row in enumerate(rows, query.start)],
    }


async def _zip_parts(services: Services, faces: _RequestedFaces, query: GenerateQuery) -> AsyncIterator[bytes]:
    """Yield the bytes of a zip, computed in chunks; between them it waits for its turn.

    metadata.jsonl has the columns of `facesmith.generate`, manifest.csv those of version 0.1.
    """
    model, archive, metadata = faces.model, ZipStream(), _metadata(faces.model, query)
    lines, rows, names = list[str](), list[dict[str, Any]](), faces.labelled.measured
    for first in range(0, query.count, ZIP_CHUNK_FACES):
        last, start = min(first + ZIP_CHUNK_FACES, query.count), query.start + first
        z, indices, signs = await asyncio.to_thread(faces.draw, first, last)
        pngs = await _chunk_pngs(services, model, z, metadata, start, indices.tolist(), query, wait=first > 0)
        probabilities = await asyncio.to_thread(faces.labelled.measure, z)
        labels = faces.labelled.rows(indices, signs, probabilities)
        for index, png, row in zip(range(start, start + len(z)), pngs, labels, strict=True):
            file = f"{index:06d}.png"
            archive.add(file, png)
            face = {"face": faces.reference(index)} if query.like else {}
            lines.append(json.dumps({"file_name": file, **row, **face}) + "\n")
            facts = (file, query.seed, row["latent_index"], query.truncation, model.name, model.digest, model.terms)
            values = {name: row[f"{name}_probability"] for name in names}
            rows.append(dict(zip(_MANIFEST, facts, strict=True)) | values)
        yield archive.take()
    table = io.StringIO()
    writer = csv.DictWriter(table, [*_MANIFEST, *names])
    writer.writeheader()
    writer.writerows(rows)
    archive.add("metadata.jsonl", "".join(lines))
    archive.add("manifest.csv", table.getvalue())
    archive.add("manifest.json", json.dumps({**metadata, "faces": rows}, indent=1))
    yield archive.finish()


async def _chunk_pngs(
    services: Services,
    model: Model,
    z: Latents,
    metadata: dict[str, Any],
    start: int,
    indices: list[int],
    query: GenerateQuery,
    *,
    wait: bool,
) -> list[bytes]:
    """Return the PNGs of latents. With ``wait``, it retries while the studio is busy: the response has begun."""

    def encode(images: ImageArray) -> list[bytes]:
        return [
            encode_sheet(image[None], "png", {**metadata, "index": index}, scale=query.scale, resample=query.resample)
            for index, image in zip(indices, images, strict=True)
        ]

    while True:
        try:
            return await services.batcher.generate(
                model, len(z), lambda first, last: z[first:last], encode, start=start
            )
        except Busy:
            if not wait or services.closing.is_set():
                raise
            await asyncio.sleep(1)
