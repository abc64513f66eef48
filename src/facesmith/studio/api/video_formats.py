"""/films: the video formats that this studio can encode."""

from importlib.util import find_spec

from fastapi import APIRouter
from pydantic import BaseModel, Field

from facesmith.studio.image_responses import VIDEO_MEDIA_TYPES

router = APIRouter(tags=["faces"])


class VideoFormats(BaseModel):
    """Formats for /interpolate and /analogy, besides images."""

    formats: list[str] = Field(examples=[["gif", "mp4"]], description="mp4 requires PyAV, which is optional")


@router.get("/films", summary="List video formats")
def video_formats() -> VideoFormats:
    return VideoFormats(formats=[form for form in VIDEO_MEDIA_TYPES if form != "mp4" or find_spec("av") is not None])
