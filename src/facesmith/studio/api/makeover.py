"""/makeover: a face made over, alone or blended back into its photo."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import Field

from facesmith import FaceCrop, Makeover, blend_face, read_photo
from facesmith.arrays import Images
from facesmith.studio.errors import Problem
from facesmith.studio.face_resolver import FaceInPhoto, FaceResolver, FacesDep, Photo
from facesmith.studio.image_responses import VIDEO_MEDIA_TYPES, Resampling, encode_image, encode_sheet, image_metadata
from facesmith.studio.rendering import (
    check_video_support,
    render_video,
    session_response,
    video_scale,
)
from facesmith.studio.schemas import (
    IMAGE_CONTENT,
    VIDEO_CONTENT,
    Fps,
    ImageFormat,
    Reference,
    RequestBody,
    Resample,
    Scale,
    documented,
)

router = APIRouter(tags=["photos"])

VIDEO_FRAMES = 24  # from the face to its makeover


class MakeoverVideoRequest(RequestBody):
    """A face, and how to make it over."""

    model: str | None = Field(None, max_length=200, description="a makeover from /models; default: the first")
    face: Reference = Field(description="a face returned by POST /photos", examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"])
    direction: str | None = Field(None, max_length=100, examples=["mtf"], description="default: the first")
    strength: float = Field(1.0, ge=0, le=1, description="from 0 (no change) to 1 (full makeover)")
    fps: Fps = 16
    scale: Scale
    others: list[Reference] = Field(
        [],
        max_length=12,
        description="other faces to make over: with whole, in the same photo; in a video, beside the face",
    )


class MakeoverRequest(MakeoverVideoRequest):
    """A face, how to make it over, and what to show."""

    whole: bool = Field(False, description="return the whole photo, upright, with the changed face blended in")
    resample: Resample
    format: Annotated[Literal[ImageFormat, "gif", "mp4"], documented("png", "jpeg", "webp", "gif")] = "png"


@router.post("/makeover", summary="Apply a makeover to a face", response_class=Response, responses=IMAGE_CONTENT)
async def makeover(body: MakeoverRequest, resolver: FacesDep, response: Response) -> Response:
    """The face at the makeover's size, the whole photo at its own size, or a gif that morphs to the result and back."""
    return await _make_over(body, body.format, body.whole, resolver, response, body.resample)


@router.post("/makeover/video", summary="Show a makeover as a video", response_class=Response, responses=VIDEO_CONTENT)
async def makeover_video(body: MakeoverVideoRequest, resolver: FacesDep, response: Response) -> Response:
    """An mp4 that morphs to the result and back."""
    return await _make_over(body, "mp4", False, resolver, response)


async def _make_over(
    body: MakeoverVideoRequest,
    form: str,
    whole: bool,
    resolver: FaceResolver,
    response: Response,
    resample: Resampling = "nearest",
) -> Response:
    """Return the face made over, or with ``whole`` its photo with all faces of the request made over."""
    is_video = form in VIDEO_MEDIA_TYPES
    if whole and is_video:
        raise Problem(422, "whole: videos show only the face; request png, jpeg or webp, or omit whole")
    check_video_support(form)
    registry, jobs = resolver.services.registry, resolver.services.jobs
    network = await registry.makeover(registry.find(body.model, "makeover").name)
    direction = network.directions[network.direction_index(body.direction)]["name"]
    crop = await resolver.crop(body.face, network)
    face = resolver.get(body.face)
    marks = network.edit_marks([resolver.marks(face)])
    metadata = image_metadata(marks, direction=direction, strength=body.strength)
    crops = [crop]
    for reference in body.others if whole or is_video else []:
        other = resolver.get(reference)
        is_same_photo = isinstance(face, FaceInPhoto) and isinstance(other, FaceInPhoto) and face.photo == other.photo
        if whole and not is_same_photo:
            raise Problem(400, "others: these faces are not all from one photo; use faces returned by one POST /photos")
        crops.append(await resolver.crop(reference, network))
    if is_video:
        images = await jobs.run(partial(_video_frames, network, crops, direction, body.strength))
        scale = body.scale or video_scale(network.size)
        video = await render_video(resolver, images, form, body.fps, True, scale, metadata)
        return session_response(video, form, response)
    photo = resolver.get(face.photo) if whole and isinstance(face, FaceInPhoto) else None

    def job() -> bytes:
        if not isinstance(photo, Photo):
            images = network.apply(crop.image, direction, body.strength)
            return encode_sheet(images, form, metadata, scale=body.scale or 1, resample=resample)
        result = read_photo(photo.data)
        for each in crops:
            result = blend_face(result, each, network.apply(each.image, direction, body.strength)[0])
        return encode_image(result, form, metadata)

    return session_response(await jobs.run(job), form, response)


def _video_frames(network: Makeover, crops: Sequence[FaceCrop], direction: str, strength: float) -> Images:
    """Return the frames from faces, side by side, to their makeovers and back, slow at both ends: N x H x W x 3."""
    strengths = strength * (1 - np.cos(np.linspace(0, np.pi, VIDEO_FRAMES))) / 2
    images = np.stack([crop.image for crop in crops])
    frames = np.stack([np.concatenate(network.apply(images, direction, float(value)), 1) for value in strengths])
    return np.concatenate([frames, frames[-2:0:-1]])
