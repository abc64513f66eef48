"""What the request and response bodies of several routes have in common."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from facesmith import FaceRef
from facesmith.studio.image_responses import Resampling
from facesmith.studio.server_sent_events import EVENT_STREAM

MAX_FACES = 256  # in one response
MAX_PIXELS = 64_000_000  # of a sheet, or of all frames of a video
MAX_FIELDS = 100  # of a JSON object
BINARY = {"type": "string", "format": "binary"}  # the OpenAPI schema of a file
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"type": "string"},
    },
    "required": ["event", "data"],
}

ModelName = Annotated[
    str | None, Field(None, max_length=200, description="name from /models; default: the first suitable model")
]
Reference = Annotated[
    str,
    Field(
        pattern=FaceRef.HTTP_PATTERN,
        description="seed:7, seed:7:3 (face 3 of seed 7), seed:7:3:0.7 (with truncation) or photo:ID",
    ),
]
Scale = Annotated[int | None, Field(None, ge=1, le=8, description="integer factor by which the image is enlarged")]
Resample = Annotated[
    Resampling, Field("nearest", description="how `scale` enlarges: nearest makes pixels squares, lanczos interpolates")
]
Columns = Annotated[int | None, Field(None, ge=1, le=MAX_FACES, description="columns of the sheet")]
Fps = Annotated[int, Field(16, ge=1, le=60, description="frames per second of the video")]
ImageFormat = Literal["png", "jpeg", "webp"]
Version = Annotated[str | None, Query(max_length=64, description="version, as in the URL that the API returned")]


def _limit_fields(value: Any) -> Any:
    """Refuse objects with many fields at once: to validate thousands one by one takes seconds."""
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        raise ValueError(f"an object has at most {MAX_FIELDS} fields")
    return value


LimitedFields = BeforeValidator(_limit_fields)


class RequestBody(BaseModel):
    """A body in which unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, value: Any) -> Any:
        return _limit_fields(value)


class FaceRequest(RequestBody):
    """A face and a model."""

    model: ModelName
    face: Reference = Field(examples=["seed:7:3"])


class StoredFace(BaseModel):
    """A face that this session stores."""

    id: str = Field(examples=["kZ0Yw5n0T7yYzB1m2c3d4e"], description="for /faces/{id}.png")
    face: str = Field(examples=["photo:kZ0Yw5n0T7yYzB1m2c3d4e"], description="reference for other requests")
    model: str = Field(examples=["drawn64"], description="the model that the face belongs to")


class Neighbour(BaseModel):
    """An image of a dataset."""

    row: int = Field(examples=[1234], description="in the dataset")
    file: str = Field(examples=["000123.jpg"])
    distance: float = Field(examples=[5.2], description="in latent space")


def content(media_type: str, description: str = "As `format` says") -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that returns text or a file. Each route has one media type."""
    schema = {"type": "string"} if media_type.startswith("text/") else BINARY
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def documented(*formats: str) -> WithJsonSchema:
    """Document these formats only. The others, which version 0.1 documented, have routes of their own now."""
    return WithJsonSchema({"type": "string", "enum": list(formats)})


def event_content(description: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that streams server-sent events with JSON in ``data``.

    ``itemSchema`` is from OpenAPI 3.2; FastAPI also emits it. A ``schema`` would describe the stream as a whole.
    """
    return {200: {"description": description, "content": {EVENT_STREAM: {"itemSchema": _EVENT}}}}


IMAGE_CONTENT = content("image/*")
VIDEO_CONTENT = content("video/mp4", "The video; requires PyAV (see /films)")
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client's cached copy (If-None-Match) is up to date"}
}
