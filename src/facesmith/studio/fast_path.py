"""The shortest way to an answer, for the address that is asked most."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from facesmith.studio.errors import answer_to


class Direct:
    """Answers GET requests for one address by itself, in front of the app that declares and documents it.

    FastAPI finds a route among all there are and reads its parameters one by one, in Python, of which two cores have
    too little where many ask for a face: without that they get over a fifth more (docs/measured.md).
    """

    def __init__(self, app: ASGIApp, path: str, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self.app, self.route, self.answer = app, Route(path, answer), answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.route.path or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        scope["route"] = self.route
        try:
            response = await self.answer(Request(scope, receive))
        except Exception as error:
            response = answer_to(error)
        await response(scope, receive, send)
