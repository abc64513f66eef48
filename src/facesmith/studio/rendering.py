"""Render latents as sheets and videos, and return them as responses."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from facesmith import Model, encode_video
from facesmith.arrays import Floats, ImageArray
from facesmith.extras import require
from facesmith.studio.errors import Problem
from facesmith.studio.face_resolver import FaceResolver, ResolvedFace
from facesmith.studio.image_responses import (
    MEDIA_TYPES,
    VIDEO_MEDIA_TYPES,
    Resampling,
    encode_sheet,
    image_description,
    image_metadata,
    xmp_text,
)
from facesmith.studio.schemas import MAX_PIXELS, StoredFace

VIDEO_SIDE = 256  # pixels that a video's frames are enlarged to, about
LAST_FRAME_SECONDS = 1.5  # that a video shows its last face if it does not loop
ALL_MEDIA_TYPES = MEDIA_TYPES | VIDEO_MEDIA_TYPES


def store_face(resolver: FaceResolver, face: ResolvedFace) -> StoredFace:
    item_id = resolver.store_face(face)
    return StoredFace(id=item_id, face=f"photo:{item_id}", model=face.model)


def session_response(body: bytes, form: str, response: Response) -> Response:
    """Return a response that is never cached, with the session headers of the injected ``response``."""
    headers = {"Cache-Control": "no-store", **dict(response.headers)}
    return Response(body, media_type=ALL_MEDIA_TYPES[form], headers=headers)


def json_response(body: BaseModel, response: Response) -> Response:
    """Return JSON from a route that is documented to return a file, with the headers of the injected ``response``."""
    return Response(body.model_dump_json(), media_type="application/json", headers=dict(response.headers))


def face_metadata(model: Model, faces: Sequence[ResolvedFace], **facts: object) -> dict[str, Any]:
    """Return the metadata of an image of these faces."""
    photos = [face.latent.marks for face in faces if face.photo is not None]
    marks = model.edit_marks(photos) if photos else model.marks()
    seeds = [face.latent.name for face in faces if face.photo is None]
    return image_metadata(marks, **({"faces": seeds} if seeds else {}), **facts)


def check_video_support(form: str) -> None:
    """Raise `FacesmithError` if PyAV is missing for an mp4, before its faces are computed."""
    if form == "mp4":
        require("av", "train", "encoding an mp4")


async def render_faces(
    resolver: FaceResolver,
    model: Model,
    count: int,
    draw: Callable[[], Floats],
    form: str,
    metadata: dict[str, Any],
    *,
    columns: int | None = None,
    scale: int | None = None,
    resample: Resampling = "nearest",
    fps: int = 16,
    loop: bool = True,
) -> bytes:
    """Return the sheet or video of the ``count`` latents that ``draw`` returns; it is called in a worker thread."""
    width, height = model.size
    if form in VIDEO_MEDIA_TYPES:
        scale = scale or video_scale(model.size)
    if width * height * (scale or 1) ** 2 * (count + (columns or 0)) > MAX_PIXELS:
        raise Problem(422, f"scale: the result would have more than {MAX_PIXELS:,} pixels; request a smaller one")
    latents: list[Floats] = []

    def slice_latents(first: int, last: int) -> Floats:
        if not latents:  # if two threads both draw, they draw the same
            latents.append(draw())
        return latents[0][first:last]

    def sheet(images: ImageArray) -> bytes:
        return encode_sheet(images, form, metadata, columns=columns, scale=scale or 1, resample=resample)

    batcher = resolver.services.batcher
    if form not in VIDEO_MEDIA_TYPES:
        return await batcher.generate(model, count, slice_latents, sheet)
    images = await batcher.generate(model, count, slice_latents, lambda images: images)
    return await render_video(resolver, images, form, fps, loop, scale or 1, metadata)


def video_scale(size: tuple[int, int]) -> int:
    """Return the default scale of a video of faces of this size."""
    return max(1, round(VIDEO_SIDE / max(size)))


async def render_video(
    resolver: FaceResolver,
    images: ImageArray,
    form: str,
    fps: int,
    loop: bool,
    scale: int,
    metadata: dict[str, Any],
) -> bytes:
    """Encode images (N x H x W x 3) as "gif" or "mp4" in memory: uploaded photos never touch the disk."""
    comment = f"{image_description(metadata)} {json.dumps(metadata)} {xmp_text(metadata)}"
    hold = 0 if loop else LAST_FRAME_SECONDS
    return await resolver.services.jobs.run(
        lambda: encode_video(images, form, fps, hold=hold, scale=scale, comment=comment)
    )
