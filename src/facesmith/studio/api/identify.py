"""/identify: the provenance metadata of an image or video."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from facesmith import identify
from facesmith.errors import FacesmithError
from facesmith.studio.errors import Problem
from facesmith.studio.services import ServicesDep
from facesmith.studio.uploads import UNSUPPORTED_TYPE, UPLOAD, read_upload

router = APIRouter(tags=["photos"])


class MarksResponse(BaseModel):
    """The provenance metadata of an image."""

    source_type: str = Field(examples=["trainedAlgorithmicMedia"], description="IPTC digital source type")
    model: str = Field(examples=["drawn64"], description="name of the model, or empty")
    digest: str = Field(description="SHA-256 of the model, or empty")
    terms: str = Field(examples=["any use, with credit to the artist"])
    seed: int | None
    index: int | None
    tool: str = Field(examples=["facesmith 0.2.0"])


class ManifestResponse(BaseModel):
    """The state of a C2PA manifest, and who signed it."""

    state: str = Field(examples=["Valid"])
    issuer: str | None


class IdentifyResponse(BaseModel):
    """The marks in an image. They prove nothing: anyone can write or remove them."""

    kind: Literal["generated", "edited", "other", "unmarked"]
    marks: MarksResponse | None
    manifest: ManifestResponse | None = Field(description="null if there is no manifest or the studio cannot check it")
    c2pa: bool = Field(description="whether the file contains a C2PA manifest")
    summary: str


@router.post(
    "/identify", summary="Read the provenance metadata of an image", openapi_extra=UPLOAD, responses=UNSUPPORTED_TYPE
)
async def identify_file(request: Request, services: ServicesDep) -> IdentifyResponse:
    """The body is an image, an MP4 or a GIF, or a form that contains one. It is not stored.

    Example:

        curl --data-binary @face.png -H 'Content-Type: image/png' http://127.0.0.1:8000/api/v1/identify
    """
    data = await read_upload(request)
    if not data:
        raise Problem(422, "the body is empty: send an image")

    def job() -> dict[str, Any]:
        try:
            return identify(data)
        except FacesmithError as error:
            raise Problem(415, str(error)) from None

    return IdentifyResponse(**await services.jobs.run(job))
