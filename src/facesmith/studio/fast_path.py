"""The shortest path to a response, for the address that is requested most."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from facesmith.studio.errors import error_response


class FastPath:
    """Handles GET requests for one address in front of the app that declares and documents the route.

    FastAPI matches routes and validates parameters one by one in Python. Without that, two cores serve over a fifth
    more requests for single faces (docs/measured.md).
    """

    def __init__(self, app: ASGIApp, path: str, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self.app, self.route, self.handler = app, Route(path, handler), handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.route.path or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        scope["route"] = self.route
        try:
            response = await self.handler(Request(scope, receive))
        except Exception as error:
            response = error_response(error)
        await response(scope, receive, send)
