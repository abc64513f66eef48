"""/style-mix: one face with the style of another."""

from typing import Any

import numpy as np
from fastapi import APIRouter, Response
from pydantic import Field

from facesmith import mix_styles
from facesmith.studio.face_resolver import FacesDep
from facesmith.studio.image_responses import encode_sheet
from facesmith.studio.rendering import face_metadata, session_response
from facesmith.studio.schemas import IMAGE_CONTENT, ImageFormat, ModelName, Reference, RequestBody

router = APIRouter(tags=["faces"])


class StyleMixRequest(RequestBody):
    """A face, and the face whose style it gets."""

    model: ModelName
    face: Reference = Field(examples=["seed:7"])
    style: Reference = Field(examples=["seed:7:3"])
    format: ImageFormat = "png"


@router.post("/style-mix", summary="Mix the styles of two faces", response_class=Response, responses=IMAGE_CONTENT)
async def style_mix(body: StyleMixRequest, resolver: FacesDep, response: Response) -> Response:
    """A row of faces: `face` with the style of `style` from the coarsest level on, from the next, and so on.

    Only models with styled levels can mix styles (`styles` in /models).
    """
    model = await resolver.model(body.model)
    faces = await resolver.faces([body.face, body.style], model)

    def job() -> bytes:
        images = mix_styles(model, *(face.latent.z for face in faces))
        metadata: dict[str, Any] = face_metadata(model, faces)
        return encode_sheet(np.asarray(images), body.format, metadata, columns=len(images))

    return session_response(await resolver.services.jobs.run(job), body.format, response)
