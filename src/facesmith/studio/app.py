"""The app: routers, pages, errors as sentences, and what stands between them and the world.

Every module of `facesmith.studio.api` has an ``APIRouter`` called ``router``, which is served under /api/v1, or under
the module's ``PREFIX``. Its routes take ``here: Here`` for the studio's parts (settings, shelf, batcher, aside, sessions,
figures, watching, trainings, closing) and ``visitor: Visitor`` for the session of who asks, both from
`facesmith.studio.services`. They may raise `Problem`, `NotHere`, `Busy` or any `FacesmithError`. An ``async def`` route
leaves computing to ``here.batcher`` (faces), ``here.aside`` (all else that takes long) or ``asyncio.to_thread``
(reading a file); it is cancelled once its client has gone. What streams for long ends when ``here.closing`` is set.
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
from facesmith.studio import api, pages
from facesmith.studio.api import generate
from facesmith.studio.errors import RESPONSES, NotHere, install
from facesmith.studio.fast_path import Direct
from facesmith.studio.maintenance import keep_house
from facesmith.studio.middleware import guarded
from facesmith.studio.services import Parts, assemble
from facesmith.studio.settings import API, Settings
from facesmith.version import __version__

ABOUT = """
Faces that nobody has, made, edited and shown by facesmith. Everything a page does is here.

Every error is `{"error": "one sentence"}`; 429 comes with `Retry-After`. Nothing that is sent here is written to disk,
and nothing leaves the machine.
"""


def create_app(settings: Settings) -> FastAPI:
    """The studio as an ASGI app; `FacesmithError` for paths that are not there."""
    parts = assemble(settings)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        by_itself = [asyncio.create_task(_warm(parts)), asyncio.create_task(keep_house(parts.sessions))]
        yield
        parts.closing.set()
        for task in by_itself:
            task.cancel()
        await parts.trainings.close()
        parts.batcher.close()
        parts.aside.close()

    app = FastAPI(
        title="facesmith studio",
        version=__version__,
        description=ABOUT,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # these load scripts from other hosts
        redoc_url=None,
        lifespan=living,
        responses=RESPONSES,
        redirect_slashes=False,
    )
    app.state.parts = parts
    install(app)
    for module in iter_modules(api.__path__, f"{api.__name__}."):
        routes = import_module(module.name)
        app.include_router(routes.router, prefix=getattr(routes, "PREFIX", API))
    pages.install(app, API)
    app.add_middleware(Direct, f"{API}/generate", generate.direct)
    app.add_middleware(guarded, settings, parts.figures)
    return app


async def _warm(parts: Parts) -> None:
    """Make a face with the first model, so that the first visitor need not wait for what the first face takes."""
    try:
        model = await parts.shelf.model()
        await parts.batcher.make(model, 1, lambda first, last: model.latents(last - first), lambda faces: None)
    except NotHere:
        pass  # runs can be watched without any model
    except FacesmithError as error:
        print(f"facesmith: {error}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # what is here stays: looking for what is no longer used would hold up faces for as long as 30 ms
    parts.warm.set()
