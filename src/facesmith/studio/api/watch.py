"""/watch: what happens in runs, as it happens."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from facesmith.studio.errors import Problem
from facesmith.studio.run_watcher import format_marks, parse_marks
from facesmith.studio.schemas import event_content
from facesmith.studio.server_sent_events import event_response, format_event, heartbeat
from facesmith.studio.services import Services, ServicesDep

router = APIRouter(tags=["runs"])

MAX_WATCHED_RUNS = 16
_EVENTS = event_content("status, health, metrics, sheet, cut or gone; see the description")
LastEventId = Annotated[str | None, Header(max_length=4000)]


@router.get("/watch", summary="Watch runs", response_class=StreamingResponse, responses=_EVENTS)
async def watch(
    services: ServicesDep,
    run: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=MAX_WATCHED_RUNS,
            description="name of a run, or NAME@MARK to receive only events after that mark; repeatable",
            examples=[["first-run", "second-run@8750_8750_8750_f63353a8_000560.000"]],
        ),
    ],
    last_event_id: LastEventId = None,
) -> Response:
    """Server-sent events, each with its `run` and the `mark` after it:

    `status` (as in /runs/NAME), `health` (changed), `metrics` (new rows), `sheet` (a new one), `cut` (measurements and
    sheets sent before are no longer valid: request them again), `gone` (deleted). Last-Event-ID resumes a stream.

    Example:

        curl -N 'http://127.0.0.1:8000/api/v1/watch?run=first-run'
    """
    marks = parse_marks(",".join(run)) | parse_marks(last_event_id or "")
    if not marks or len(marks) > MAX_WATCHED_RUNS:
        raise Problem(422, f"run: pass 1 to {MAX_WATCHED_RUNS} runs")
    for name in marks:
        await services.run_watcher.run(name)
    return event_response(_events(services, marks))


@router.get("/runs/{name}/events", summary="Watch a run", response_class=StreamingResponse, responses=_EVENTS)
async def run_events(name: str, services: ServicesDep, last_event_id: LastEventId = None) -> Response:
    """The events of /watch for one run."""
    await services.run_watcher.run(name)
    mark = parse_marks(last_event_id or "").get(name, "")
    return event_response(_events(services, {name: mark}))


async def _events(services: Services, marks: dict[str, str]) -> AsyncIterator[bytes]:
    async for new_marks, events in services.run_watcher.events(marks, services.closing):
        for kind, data in events:
            yield format_event(kind, data | {"mark": new_marks.get(data["run"], "")}, format_marks(new_marks))
        if not events:
            yield heartbeat()
