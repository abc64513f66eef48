"""/identify: the marks of a picture or film."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from facesmith import identify
from facesmith.errors import FacesmithError
from facesmith.studio.errors import Problem
from facesmith.studio.services import ServicesDep

router = APIRouter(tags=["photos"])

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "application/octet-stream")
_BODY = {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES}}


class MarksResponse(BaseModel):
    """What a picture says of its making."""

    source_type: str = Field(examples=["trainedAlgorithmicMedia"], description="digital source type of the IPTC")
    model: str = Field(examples=["drawn64"], description="empty if it is not stated")
    digest: str = Field(description="SHA-256 of the model, or empty")
    terms: str = Field(examples=["any use, with credit to the artist"])
    seed: int | None
    index: int | None
    tool: str = Field(examples=["facesmith 0.2.0"])


class IdentifyResponse(BaseModel):
    """The marks of a picture. They prove nothing: anyone can write or remove them."""

    kind: Literal["generated", "edited", "other", "unmarked"]
    marks: MarksResponse | None
    c2pa: bool = Field(description="whether the file holds a C2PA manifest")
    summary: str


@router.post(
    "/identify", summary="Report the marks of a picture", openapi_extra={"requestBody": {**_BODY, "required": True}}
)
async def identify_file(request: Request, services: ServicesDep) -> IdentifyResponse:
    """The body is the file: a picture, an MP4 or a GIF. It is not stored.

    curl --data-binary @face.png -H 'Content-Type: image/png' http://127.0.0.1:8000/api/v1/identify
    """
    data = await request.body()
    if not data:
        raise Problem(422, "the body is empty: send a picture")

    def job() -> dict[str, Any]:
        try:
            return identify(data)
        except FacesmithError as error:
            raise Problem(415, str(error)) from None

    return IdentifyResponse(**await services.jobs.run(job))
