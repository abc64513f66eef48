"""Whether it lives, whether it is ready, what it counts; and the second seed's one address."""

import base64
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from facesmith.studio.api.generate import drawing
from facesmith.studio.errors import Problem
from facesmith.studio.image_responses import encoded, notes
from facesmith.studio.services import Here

router = APIRouter(tags=["server"])
PREFIX = ""  # outside /api/v1


class Health(BaseModel):
    """ "ok", or an error with another status."""

    status: str = "ok"


@router.get("/healthz", summary="Whether it lives")
async def healthz(here: Here) -> Health:
    """503 where no faces can be made any more: then a restart helps."""
    if not here.batcher.alive and not here.closing.is_set():
        raise Problem(503, "the threads that make faces have ended: restart the studio")
    return Health()


@router.get("/readyz", summary="Whether it takes requests")
async def readyz(here: Here) -> Health:
    """503 until the first model has made a face, while the queue is full, and from the moment it is told to end."""
    if here.closing.is_set():
        raise Problem(503, "the studio is about to end")
    if not here.warm.is_set():
        raise Problem(503, "the first model is still being loaded")
    if here.batcher.waiting >= here.batcher.limit:
        raise Problem(503, "as many faces wait as may")
    return Health()


@router.get("/metrics", summary="What it counts, for Prometheus", response_class=Response)
async def metrics(here: Here) -> Response:
    return Response(here.figures.text(), media_type=here.figures.media_type)


@router.get(
    "/generate_image",
    summary="A face nobody has seen",
    response_class=Response,
    responses={
        200: {
            "description": "One face",
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"image": {"type": "string", "format": "uri"}}},
                    "example": {"image": "data:image/png;base64,iVBORw0KGgo..."},
                },
                "image/png": {},
            },
        }
    },
)
async def generate_image(here: Here, request: Request) -> Response:
    """A face of a random seed, by the first model, as the second seed gave it: a PNG as a data: URL within JSON.

    Whoever accepts images by name, as a browser does, gets the PNG itself. Its metadata say which seed: /generate makes
    it again.
    """
    model, seed = await here.shelf.model(), secrets.randbelow(2**53)
    about = notes(model.name, model.digest, seed=seed, index=0, truncation=1.0)
    draw = drawing(model, seed, 0, 1.0, {})
    made = await here.batcher.make(model, 1, draw, lambda faces: encoded(faces[0], "png", about))
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if "image/" in request.headers.get("accept", ""):
        return Response(made, media_type="image/png", headers=headers)
    return JSONResponse({"image": f"data:image/png;base64,{base64.b64encode(made).decode()}"}, headers=headers)
