"""/refine: a face nearer to its photo, step by step."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from importlib.util import find_spec
from threading import Event

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

import facesmith
from facesmith import FaceLatent, Model
from facesmith.errors import FacesmithError
from facesmith.studio import schemas as asked
from facesmith.studio.api.edit import One, score
from facesmith.studio.errors import Problem
from facesmith.studio.face_refs import People, Person, Those, key
from facesmith.studio.server_sent_events import MEDIA, event, streamed

router = APIRouter(tags=["faces"])

_EVENTS = {
    200: {
        "description": "progress with step and steps; then done with id, face, model, score; or error with error",
        "content": {MEDIA: {}},
    }
}


class RefineAsked(One):
    steps: int = Field(60, ge=1, le=200)


class _Left(Exception):
    """Who asked has gone."""


@router.post("/refine", summary="A face nearer to its photo", response_class=StreamingResponse, responses=_EVENTS)  # type: ignore[arg-type]
async def refine(body: RefineAsked, people: Those, response: Response) -> StreamingResponse:
    """Server-sent events: `progress` after each step, then `done` with the new face. It needs PyTorch: see /models.

    What the encoder found is where a search begins, for a latent of which the model makes more of the photo. Nothing
    goes on for a client that has gone.
    """
    if not refines():
        raise Problem(400, "refining needs PyTorch, which this studio is without: pip install 'facesmith[train]'")
    model = await people.model(body.model)
    person = await people.person(body.face, model)
    if person.subject.image is None:
        raise Problem(400, "a face of a seed is what its model makes to the bit: give a face of a photo to refine")
    events = _events(people, model, person, body.steps)
    first = await anext(events)  # an error is said before the answer begins
    answer = streamed(_with(first, events))
    answer.headers.update(response.headers)
    return answer


def refines() -> bool:
    """Whether there is what refining needs."""
    return find_spec("torch") is not None


async def _events(people: People, model: Model, person: Person, steps: int) -> AsyncGenerator[bytes, None]:
    loop, gone = asyncio.get_running_loop(), Event()
    done: asyncio.Queue[int] = asyncio.Queue()
    picture, z = person.subject.image, person.subject.z
    assert picture is not None

    def told(step: int) -> None:
        if gone.is_set() or people.here.closing.is_set():
            raise _Left
        loop.call_soon_threadsafe(done.put_nowait, step)

    job = asyncio.ensure_future(
        people.here.aside.run(lambda: facesmith.refine(model, picture[None], z[None], steps, told=told, quiet=True)[0])
    )
    job.add_done_callback(lambda _: done.put_nowait(0))
    begun = False
    try:
        while step := await done.get():
            begun = True
            yield event("progress", {"step": step, "steps": steps})
        found = Person(FaceLatent(person.subject.name, await job, picture), person.model, key(model), person.photo)
        kept = asked.kept(people, found)
        yield event("done", {**kept.model_dump(), "score": await score(people, model, found)})
    except _Left:
        yield event("error", {"error": "the studio is about to end: ask again in a moment"})
    except (FacesmithError, Problem) as error:
        if not begun:
            raise
        yield event("error", {"error": str(getattr(error, "detail", error))})
    finally:
        gone.set()
        job.cancel()


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
