"""/watch: what happens in runs, as it happens."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from facesmith.studio.errors import Problem
from facesmith.studio.run_watcher import joined, split
from facesmith.studio.server_sent_events import MEDIA, beat, event, streamed
from facesmith.studio.services import Here, Parts

router = APIRouter(tags=["runs"])

MOST_WATCHED = 16  # runs at once
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"description": "Server-sent events", "content": {MEDIA: {}}}}


@router.get("/watch", summary="What happens in runs", response_class=StreamingResponse, responses=_EVENTS)
async def watch(
    here: Here,
    run: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=MOST_WATCHED,
            description="a name, or name@mark to be told only of what came after the mark of an answer; repeatable",
            examples=[["first-run", "second-run@8750_8750_8750_f63353a8_000560.000"]],
        ),
    ],
    last_event_id: Annotated[str | None, Header(max_length=4000)] = None,
) -> Response:
    """Server-sent events, each with its `run` and the `mark` after it:

    `status` (as /runs/NAME gives it), `verdict`, `metrics` (new rows), `sheet`, `cut` (measurements and sheets of
    before no longer hold: ask for them anew), `gone`. Last-Event-ID goes on where a stream was cut off.

        curl -N 'http://127.0.0.1:8000/api/v1/watch?run=first-run'
    """
    marks = split(",".join(run)) | split(last_event_id or "")
    if not marks or len(marks) > MOST_WATCHED:
        raise Problem(422, f"run: name 1 to {MOST_WATCHED} runs to be watched")
    for name in marks:
        await here.watching.run(name)
    return streamed(_told(here, marks))


@router.get("/runs/{name}/events", summary="What happens in a run", response_class=StreamingResponse, responses=_EVENTS)
async def events(
    name: str, here: Here, last_event_id: Annotated[str | None, Header(max_length=4000)] = None
) -> Response:
    """As /watch tells it, of one run."""
    await here.watching.run(name)
    mark = split(last_event_id or "").get(name, "")
    return streamed(_told(here, {name: mark}))


async def _told(here: Parts, marks: dict[str, str]) -> AsyncIterator[bytes]:
    async for now, new in here.watching.events(marks, here.closing):
        for kind, about in new:
            yield event(kind, about | {"mark": now.get(about["run"], "")}, joined(now))
        if not new:
            yield beat()
