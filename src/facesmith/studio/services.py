"""What the routes share: the services of one studio, and the session of a request."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Response

from facesmith.studio.batching import Batcher
from facesmith.studio.command_jobs import CommandJobs
from facesmith.studio.jobs import Jobs
from facesmith.studio.monitoring import Metrics
from facesmith.studio.registry import Registry
from facesmith.studio.run_watcher import RunWatcher
from facesmith.studio.sessions import COOKIE, HEADER, Session, Sessions
from facesmith.studio.settings import Settings
from facesmith.studio.training_jobs import TrainingJobs


@dataclass(frozen=True, eq=False)
class Services:
    """The services of one studio."""

    settings: Settings
    registry: Registry
    batcher: Batcher
    jobs: Jobs
    sessions: Sessions
    metrics: Metrics
    run_watcher: RunWatcher
    training_jobs: TrainingJobs
    command_jobs: CommandJobs = field(default_factory=CommandJobs)
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # set on shutdown: long streams end
    warm: asyncio.Event = field(default_factory=asyncio.Event)  # set once the first model has generated a face


def create_services(settings: Settings) -> Services:
    """Create the services of a studio. Raises `FacesmithError` for paths that do not exist."""
    metrics = Metrics()
    registry = Registry(settings.paths, settings.models_loaded, settings.backend)
    batcher = Batcher(
        settings.threads, settings.queue_faces, lambda model, faces: metrics.faces.labels(model).inc(faces)
    )
    jobs = Jobs(max(1, settings.threads // 2), settings.waiting_jobs)
    sessions = Sessions(
        settings.sessions, settings.session_bytes, settings.sessions_bytes, 60 * settings.session_minutes
    )
    run_watcher = RunWatcher(registry, settings.api)
    metrics.add_gauge("queue_faces", "Faces in the queue", lambda: batcher.waiting)
    metrics.add_gauge("queue_limit_faces", "Maximum number of faces in the queue", lambda: batcher.limit)
    metrics.add_gauge("aside_jobs", "Long jobs running or queued", lambda: jobs.count)
    metrics.add_gauge("models_loaded", "Models in memory", lambda: registry.loaded_count)
    metrics.add_gauge("sessions", "Sessions with photos or faces", lambda: len(sessions))
    metrics.add_gauge("session_bytes", "Bytes in all sessions", lambda: sessions.bytes)
    metrics.add_gauge("watchers", "Clients watching runs", lambda: run_watcher.watchers)
    training_jobs = TrainingJobs(settings, registry)
    return Services(settings, registry, batcher, jobs, sessions, metrics, run_watcher, training_jobs)


async def _services(request: Request) -> Services:  # async, because FastAPI runs other functions in a thread
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


def session_id(request: Request) -> str | None:
    """Return the session id that a request sends: as a header from scripts, as a cookie from pages."""
    return request.headers.get(HEADER) or request.cookies.get(COOKIE)


def open_session(request: Request, response: Response, services: Services) -> Session:
    """Return the session of a request, a new one if it has none. Its cookie and header are set on ``response``."""
    sessions = services.sessions
    session = sessions.open(session_id(request))
    response.headers[HEADER] = session.id
    response.set_cookie(
        COOKIE,
        session.id,
        max_age=round(sessions.seconds),
        path=services.settings.cookie_path,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return session
