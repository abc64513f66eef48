"""/refine: bring a face closer to its photo, step by step."""

import asyncio
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from threading import Event

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

import facesmith
from facesmith import FaceLatent, Model
from facesmith.errors import FacesmithError
from facesmith.studio.api.edit import reconstruction_score
from facesmith.studio.errors import Problem
from facesmith.studio.face_resolver import FaceResolver, FacesDep, ResolvedFace, latent_space
from facesmith.studio.rendering import store_face
from facesmith.studio.schemas import FaceRequest, event_content
from facesmith.studio.server_sent_events import await_first, event_response, format_event

router = APIRouter(tags=["faces"])

_EVENTS = event_content("progress (step, steps), then done (id, face, model, score) or error (error)")


class RefineRequest(FaceRequest):
    steps: int = Field(60, ge=1, le=200)


class _Cancelled(Exception):
    """The client has disconnected, or the studio is shutting down."""


@router.post("/refine", summary="Refine a face", response_class=StreamingResponse, responses=_EVENTS)
async def refine(body: RefineRequest, resolver: FacesDep, response: Response) -> StreamingResponse:
    """Server-sent events: `progress` after each step, then `done` with the new face. Requires PyTorch (see /models).

    The search starts at the encoder's result and looks for a latent that reconstructs the photo better. It stops when
    the client disconnects.
    """
    if not can_refine():
        raise Problem(400, "refinement requires PyTorch, which is not installed: pip install 'facesmith[train]'")
    model = await resolver.model(body.model)
    face = await resolver.face(body.face, model)
    if face.latent.image is None:
        raise Problem(400, "generated faces cannot be refined: use a face from a photo")
    events = await await_first(_events(resolver, model, face, body.steps))
    return event_response(events, dict(response.headers))


def can_refine() -> bool:
    return find_spec("torch") is not None


async def _events(resolver: FaceResolver, model: Model, face: ResolvedFace, steps: int) -> AsyncGenerator[bytes, None]:
    loop, cancelled = asyncio.get_running_loop(), Event()
    done_steps: asyncio.Queue[int] = asyncio.Queue()
    services, image, z = resolver.services, face.latent.image, face.latent.z
    assert image is not None

    def on_step(step: int) -> None:
        if cancelled.is_set() or services.closing.is_set():
            raise _Cancelled
        loop.call_soon_threadsafe(done_steps.put_nowait, step)

    job = asyncio.ensure_future(
        services.jobs.run(lambda: facesmith.refine(model, image[None], z[None], steps, on_step=on_step, quiet=True)[0])
    )
    job.add_done_callback(lambda _: done_steps.put_nowait(0))
    started = False
    try:
        while step := await done_steps.get():
            started = True
            yield format_event("progress", {"step": step, "steps": steps})
        latent = FaceLatent(face.latent.name, await job, image, face.latent.marks)
        refined_face = ResolvedFace(latent, face.model, latent_space(model), face.photo, face.crop)
        score = await reconstruction_score(resolver, model, refined_face)
        yield format_event("done", {**store_face(resolver, refined_face).model_dump(), "score": score})
    except _Cancelled:
        yield format_event("error", {"error": "the studio is shutting down: retry in a moment"})
    except (FacesmithError, Problem) as error:
        if not started:
            raise
        yield format_event("error", {"error": str(getattr(error, "detail", error))})
    finally:
        cancelled.set()
        job.cancel()
