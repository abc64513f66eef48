"""/films: what films this studio can write."""

from importlib.util import find_spec

from fastapi import APIRouter
from pydantic import BaseModel, Field

from facesmith.studio.films import MEDIA

router = APIRouter(tags=["faces"])


class Films(BaseModel):
    """What /interpolate and /analogy may be asked for besides pictures."""

    formats: list[str] = Field(examples=[["gif", "mp4"]], description="mp4 takes PyAV, which not every install has")


@router.get("/films", summary="Formats of films")
def films() -> Films:
    return Films(formats=[form for form in MEDIA if form != "mp4" or find_spec("av") is not None])
