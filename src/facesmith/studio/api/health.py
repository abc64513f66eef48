"""/healthz, /readyz, /metrics for machines that operate the studio, and /generate_image of the first prototype."""

import base64
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from facesmith.studio.errors import Problem
from facesmith.studio.image_responses import encode_image, image_metadata
from facesmith.studio.schemas import content
from facesmith.studio.services import ServicesDep

router = APIRouter(tags=["server"])
PREFIX = ""  # not under /api/v1


class Health(BaseModel):
    status: str = "ok"


@router.get("/healthz", summary="Check that the server is alive")
async def healthz(services: ServicesDep) -> Health:
    """503 if faces can no longer be computed: restart the server."""
    if not services.batcher.alive and not services.closing.is_set():
        raise Problem(503, "the threads that generate faces have stopped: restart the studio")
    return Health()


@router.get("/readyz", summary="Check that the server accepts requests")
async def readyz(services: ServicesDep) -> Health:
    """503 until the first model has generated a face, while the queue is full, and during shutdown."""
    if services.closing.is_set():
        raise Problem(503, "the studio is shutting down")
    if not services.warm.is_set():
        raise Problem(503, "the first model is still loading")
    if services.batcher.waiting >= services.batcher.limit:
        raise Problem(503, "the queue is full")
    return Health()


@router.get(
    "/metrics",
    summary="Read the metrics, for Prometheus",
    response_class=Response,
    responses=content("text/plain", "The text format of Prometheus"),
)
async def metrics(services: ServicesDep) -> Response:
    return Response(services.metrics.text(), media_type=services.metrics.media_type)


@router.get(
    "/generate_image",
    summary="Generate a random face",
    response_class=Response,
    responses={
        200: {
            "description": "One face",
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"image": {"type": "string", "format": "uri"}}},
                    "example": {"image": "data:image/png;base64,iVBORw0KGgo..."},
                },
            },
        }
    },
)
async def generate_image(services: ServicesDep, request: Request) -> Response:
    """The first model generates a face from a random seed. As in ArtiFace, the response is JSON with the PNG as a data:
    URL.

    A client whose Accept header names image types, such as a browser, receives the PNG itself. The PNG's metadata
    contains the seed, from which /generate generates the same face again.
    """
    model, seed = await services.registry.model(), secrets.randbelow(2**53)
    metadata = image_metadata(model.marks(), seed=seed, index=0, truncation=1.0)
    z = model.latents(1, seed)
    png = await services.batcher.generate(
        model, 1, lambda first, last: z[first:last], lambda images: encode_image(images[0], "png", metadata)
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if "image/" in request.headers.get("accept", ""):
        return Response(png, media_type="image/png", headers=headers)
    return JSONResponse({"image": f"data:image/png;base64,{base64.b64encode(png).decode()}"}, headers=headers)
