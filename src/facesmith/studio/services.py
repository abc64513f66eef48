"""What every route may ask for: the studio's parts, and the visitor who asks."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Response

from facesmith.studio.batching import Batcher
from facesmith.studio.jobs import Aside
from facesmith.studio.metrics import Figures
from facesmith.studio.registry import Shelf
from facesmith.studio.run_watcher import Watching
from facesmith.studio.sessions import COOKIE, HEADER, Session, Sessions
from facesmith.studio.settings import Settings
from facesmith.studio.training_jobs import Trainings


@dataclass(frozen=True, eq=False)
class Parts:
    """One studio. ``closing`` is set as soon as it is told to end: what streams for long watches it."""

    settings: Settings
    shelf: Shelf
    batcher: Batcher
    aside: Aside
    sessions: Sessions
    figures: Figures
    watching: Watching
    trainings: Trainings
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    warm: asyncio.Event = field(default_factory=asyncio.Event)  # set once the first model has made a face


def assemble(settings: Settings) -> Parts:
    """The parts of a studio with these settings; `FacesmithError` for paths that are not there."""
    figures = Figures()
    shelf = Shelf(settings.paths, settings.models_loaded)
    batcher = Batcher(
        settings.threads, settings.queue_faces, lambda model, faces: figures.faces.labels(model).inc(faces)
    )
    aside = Aside(max(1, settings.threads // 2), settings.aside_jobs)
    sessions = Sessions(
        settings.sessions, settings.session_bytes, settings.sessions_bytes, 60 * settings.session_minutes
    )
    figures.watch("queue_faces", "Faces that wait to be made", lambda: batcher.waiting)
    figures.watch("queue_limit_faces", "Faces that may wait", lambda: batcher.limit)
    figures.watch("aside_jobs", "Long jobs under way or waiting", lambda: aside.jobs)
    figures.watch("models_loaded", "Models in memory", lambda: shelf.loaded)
    figures.watch("sessions", "Visitors whose photos and faces are kept", lambda: len(sessions))
    figures.watch("session_bytes", "Bytes kept for visitors", lambda: sessions.bytes)
    watching, trainings = Watching(shelf), Trainings(settings, shelf)
    figures.watch("watchers", "Visitors who watch runs", lambda: watching.watchers)
    return Parts(settings, shelf, batcher, aside, sessions, figures, watching, trainings)


async def _here(request: Request) -> Parts:  # without async, FastAPI would ask a thread for it
    parts: Parts = request.app.state.parts
    return parts


Here = Annotated[Parts, Depends(_here)]


def session_name(request: Request) -> str | None:
    """What the visitor calls their session: a header from scripts, a cookie from pages."""
    return request.headers.get(HEADER) or request.cookies.get(COOKIE)


def begun(request: Request, response: Response, sessions: Sessions) -> Session:
    """The session of who asks, begun where there is none; its cookie and header go into ``response``."""
    session = sessions.open(session_name(request))
    response.headers[HEADER] = session.name
    response.set_cookie(
        COOKIE,
        session.name,
        max_age=round(sessions.seconds),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return session


async def _visitor(request: Request, response: Response, here: Here) -> Session:
    return begun(request, response, here.sessions)


# The session of who asks, begun where there is none. Cookie and header go into the `Response` that FastAPI injects: a
# route that returns a response of its own copies the headers of the injected one into it.
Visitor = Annotated[Session, Depends(_visitor)]
