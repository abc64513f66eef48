"""/generate: faces of a seed, as one picture, as numbers, or as a zip of many."""

import asyncio
import csv
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field, ValidationError

from facesmith import Model, __version__
from facesmith.studio.batching import Draw, Latents
from facesmith.studio.errors import Busy, Problem
from facesmith.studio.image_responses import MEDIA, Pictures, encoded, notes, tiled
from facesmith.studio.services import Here, Parts
from facesmith.studio.zip_stream import Zip

MOST, MOST_ZIPPED = 256, 10_000
LARGEST = 64_000_000  # pixels of a sheet
CHUNK = 64  # faces of a zip that wait at a time
_MANIFEST = ("file", "seed", "index", "truncation", "model", "digest")


class Asked(BaseModel):
    """Which faces, and how they are to come. The same address always gives the same faces."""

    model: str | None = Field(None, description="of /models; by default its first generator", examples=["drawn64"])
    seed: int = Field(0, ge=0, lt=10**18, description="faces 0, 1, 2, ... of a seed are always the same", examples=[7])
    count: int = Field(1, ge=1, le=MOST_ZIPPED, description=f"up to {MOST}; as zip up to {MOST_ZIPPED:,}")
    start: int = Field(0, ge=0, lt=10**9, description="index of the first face")
    truncation: float = Field(1.0, ge=0, le=2, description="less than 1: more ordinary, more regular faces")
    changes: list[str] = Field(
        [],
        alias="set",
        max_length=64,
        description="an attribute and how strongly all faces get it: Smiling:1, Male:-0.5; repeatable",
        examples=[["Smiling:1"]],
    )
    format: Literal["png", "jpeg", "webp", "json", "zip"] = "png"
    scale: int = Field(1, ge=1, le=8, description="every pixel becomes a square of that many")
    columns: int | None = Field(None, ge=1, le=MOST, description="of a sheet; by default as many as rows")
    digest: str | None = Field(
        None,
        pattern="^[0-9a-f]{8,64}$",
        description="how the model's digest begins: the answer may then be kept for ever, and another model is refused",
    )


router = APIRouter(tags=["faces"])


@router.get(
    "/generate",
    summary="Faces of a seed",
    response_class=Response,
    responses={
        200: {
            "description": "One face, a sheet without gaps, numbers, or a zip",
            "content": {kind: {} for kind in (*MEDIA.values(), "application/json", "application/zip")},
        },
        304: {"description": "What the If-None-Match of the request names is still it"},
    },
)
async def generate(here: Here, request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """One face comes as a picture, several as a sheet, row by row without gaps.

    `json` gives every face's latent, `zip` a PNG a face with manifest.csv and manifest.json, which say how to make each
    again, and how likely it has each attribute where the model can tell.

        curl -o faces.png 'http://127.0.0.1:8000/api/v1/generate?model=drawn64&seed=7&count=64'
    """
    model = await here.shelf.model(asked.model or None)
    if asked.digest and not model.digest.startswith(asked.digest):
        raise Problem(404, f"{model.name} is no longer the model {asked.digest}: it was replaced, so leave digest out")
    if asked.count > MOST and asked.format != "zip":
        raise Problem(422, f"count: {asked.count:,} faces come only as a zip; ask for at most {MOST}")
    width, height = model.size
    if width * height * asked.scale**2 * (asked.count + (asked.columns or 0)) > LARGEST and asked.format != "zip":
        raise Problem(422, f"scale: a sheet of more than {LARGEST:,} pixels is too large; ask for less")
    tag = _tag(model, request.scope["query_string"])
    kept = "max-age=31536000, immutable" if asked.digest else "no-cache"
    headers = {"ETag": tag, "Cache-Control": f"private, {kept}"}
    if tag in (part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    if asked.changes and "directions" not in model.card:
        raise Problem(400, f"{model.name} has no attribute directions, so its faces cannot be changed: leave set out")
    draw = drawing(model, asked.seed, asked.start, asked.truncation, changed(asked.changes))
    if asked.format == "json":
        return JSONResponse(await asyncio.to_thread(_numbers, model, asked, draw), headers=headers)
    name = f"{model.name}-{asked.seed}-{asked.start}"
    headers["Content-Disposition"] = f'inline; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", name)}.{asked.format}"'
    if asked.format == "zip":
        parts = _zipped(here, model, asked, draw)
        first = await anext(parts)  # an error is said before the answer begins
        return StreamingResponse(_with(first, parts), media_type="application/zip", headers=headers)
    form, about = asked.format, _about(model, asked)

    def picture(faces: Pictures) -> bytes:
        return encoded(tiled(faces, asked.columns, asked.scale), form, about)

    made = await here.batcher.make(model, asked.count, draw, picture, place=asked.start)
    return Response(made, media_type=MEDIA[form], headers=headers)


async def direct(request: Request) -> Response:
    """`generate`, for `Direct`: the address is read at once."""
    query = request.query_params
    said: dict[str, Any] = dict(query)
    if "set" in query:
        said["set"] = query.getlist("set")
    try:
        asked = Asked.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in error.errors()]) from None
    return await generate(request.app.state.parts, request, asked)


def changed(texts: list[str]) -> dict[str, float]:
    """The strengths of Smiling:1, Male:-0.5; `Problem` where one is not that, or an attribute comes twice."""
    changes: dict[str, float] = {}
    for text in texts:
        name, _, strength = text.rpartition(":")
        if not name or not re.fullmatch(r"[+-]?\d{1,4}(\.\d{0,8})?", strength) or name in changes:
            raise Problem(422, f"set: {text[:80]!r} is not an attribute and a strength, once each, such as Smiling:0.5")
        changes[name] = float(strength)
    return changes


def drawing(model: Model, seed: int, start: int, truncation: float, changes: dict[str, float]) -> Draw:
    """The latents of faces of a seed for `Batcher.make`, as `Model.sample` draws them, each attribute changed."""

    def draw(first: int, last: int) -> Latents:
        z = model.latents(last - first, seed, start=start + first) * np.float32(truncation)
        return model.directions.moved(z, changes) if changes else z

    return draw


def _tag(model: Model, query: bytes) -> str:
    """The same for the same answer, without making it."""
    moves = model.card.get("directions", {}).get("digest")
    return f'"{hashlib.sha256(f"{__version__} {model.digest} {moves} ".encode() + query).hexdigest()[:32]}"'


def _about(model: Model, asked: Asked) -> dict[str, Any]:
    last = asked.start + asked.count - 1
    about = notes(model.name, model.digest, seed=asked.seed, truncation=asked.truncation)
    about |= {"index": asked.start} if asked.count == 1 else {"indices": [asked.start, last]}
    return about | ({"changes": changed(asked.changes)} if asked.changes else {})


def _numbers(model: Model, asked: Asked, draw: Draw) -> dict[str, Any]:
    z = draw(0, asked.count)
    return {
        "model": model.name,
        "digest": model.digest,
        "truncation": asked.truncation,
        "faces": [
            {"seed": asked.seed, "index": index, "latent": row} for index, row in enumerate(z.tolist(), asked.start)
        ],
    }


async def _zipped(here: Parts, model: Model, asked: Asked, draw: Draw) -> AsyncIterator[bytes]:
    """The bytes of a zip, some dozens of faces at a time; it waits its turn where others are many."""
    archive, rows, about = Zip(), list[dict[str, Any]](), _about(model, asked)
    names = model.directions.names if "directions" in model.card else []
    for first in range(0, asked.count, CHUNK):
        last, start = min(first + CHUNK, asked.count), asked.start + first
        z = await asyncio.to_thread(draw, first, last)
        made = await _patiently(here, model, z, about, start, asked.scale, first > 0)
        likely = model.directions.probabilities(z) if names else np.zeros((len(z), 0))
        for index, (png, each) in enumerate(zip(made, likely.tolist(), strict=True), start):
            file = f"{index:06d}.png"
            archive.put(file, png)
            facts = (file, asked.seed, index, asked.truncation, model.name, model.digest)
            rows.append(dict(zip(_MANIFEST, facts, strict=True)) | dict(zip(names, each, strict=True)))
        yield archive.taken()
    table = io.StringIO()
    writer = csv.DictWriter(table, [*_MANIFEST, *names])
    writer.writeheader()
    writer.writerows(rows)
    archive.put("manifest.csv", table.getvalue())
    archive.put("manifest.json", json.dumps({**about, "faces": rows}, indent=1))
    yield archive.ended()


async def _patiently(
    here: Parts, model: Model, z: Latents, about: dict[str, Any], start: int, scale: int, begun: bool
) -> list[bytes]:
    """The PNGs of latents; the first of a zip may be refused, the others are waited for."""

    def pngs(faces: Pictures) -> list[bytes]:
        return [
            encoded(tiled(face[None], 1, scale), "png", {**about, "index": index})
            for index, face in enumerate(faces, start)
        ]

    while True:
        try:
            return await here.batcher.make(model, len(z), lambda first, last: z[first:last], pngs, place=start)
        except Busy:
            if not begun or here.closing.is_set():
                raise
            await asyncio.sleep(1)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
