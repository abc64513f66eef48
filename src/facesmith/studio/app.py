"""The application: routes, pages, error handling, and the middlewares around them.

To add a route, add a module to `facesmith.studio.api` with an ``APIRouter`` called ``router``. It is found by itself
and served under /api/v1, or under the module's ``PREFIX``. A route takes ``services: ServicesDep`` for what the routes
share, and ``resolver: FacesDep`` (`facesmith.studio.face_resolver`) for face references and the session. It may raise
`Problem`, `NotFound`, `Busy` or any `FacesmithError`. An ``async def`` route never computes itself:
``services.batcher`` computes faces, ``services.jobs`` runs long jobs, ``asyncio.to_thread`` reads files. It is
cancelled when its client disconnects. A long stream ends when ``services.closing`` is set.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules

from fastapi import FastAPI

from facesmith.errors import FacesmithError
from facesmith.studio import api
from facesmith.studio.api.generate import generate_fast
from facesmith.studio.errors import ERROR_RESPONSES, NotFound, install_error_handlers
from facesmith.studio.maintenance import run_maintenance
from facesmith.studio.middleware import FastPath, protect_app
from facesmith.studio.openapi import complete_openapi, operation_id
from facesmith.studio.pages import add_pages
from facesmith.studio.services import Services, create_services
from facesmith.studio.settings import API, Settings
from facesmith.version import __version__

DESCRIPTION = """
Generate, edit and inspect synthetic faces. The studio's own pages use only this API.

Every error is `{"error": "one sentence"}`; 429 comes with `Retry-After`. Nothing that is sent here is written to disk,
except photos for a dataset (/imports), and no data leaves the machine.
"""


def create_app(settings: Settings) -> FastAPI:
    """Return the studio as an ASGI app. Raises `FacesmithError` for paths that do not exist."""
    services = create_services(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_warm_up(services)), asyncio.create_task(run_maintenance(services.sessions))]
        yield
        services.closing.set()
        for task in tasks:
            task.cancel()
        await services.training_jobs.close()
        await services.command_jobs.close()
        services.batcher.close()
        services.jobs.close()
        services.registry.close()

    app = FastAPI(
        title="facesmith studio",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
        lifespan=lifespan,
        responses=ERROR_RESPONSES,
        redirect_slashes=False,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        generate_unique_id_function=operation_id,
    )
    app.state.services = services
    install_error_handlers(app)
    for module in iter_modules(api.__path__, f"{api.__name__}."):
        routes = import_module(module.name)
        app.include_router(routes.router, prefix=getattr(routes, "PREFIX", API))
    add_pages(app, settings.root_path)
    complete_openapi(app, settings)
    app.add_middleware(FastPath, f"{API}/generate", generate_fast)
    app.add_middleware(protect_app, settings, services.metrics)
    return app


async def _warm_up(services: Services) -> None:
    """Generate a face with the first model, so that the first visitor does not wait for the model to load."""
    try:
        model = await services.registry.model()
        await services.batcher.generate(model, 1, lambda first, last: model.latents(last - first), lambda images: None)
    except NotFound:
        pass  # a studio without models can still show runs
    except FacesmithError as error:
        print(f"facesmith: {error}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # collecting these objects again would pause the process for up to 30 ms
    services.warm.set()
