"""The middlewares around the app, one concern each: access control, error pages, headers, and a short path to faces.

`protect_app` puts them, with those of limits and monitoring, around an app in the right order. They are plain ASGI,
which costs a request microseconds.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.studio.errors import error_json, error_page, error_response, send_error
from facesmith.studio.limits import PROBE_PATHS, BodyLimit, RateLimit, header
from facesmith.studio.monitoring import AccessLog, Metrics
from facesmith.studio.sessions import HEADER
from facesmith.studio.settings import API, Settings

COOKIE = "facesmith_token"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Everything is loaded from this server, nothing is inline, no other page may frame it. Pages create images themselves
# (blob:, data:).
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}


def protect_app(app: ASGIApp, settings: Settings, metrics: Metrics) -> ASGIApp:
    """Return ``app`` behind all middlewares; only HTTP requests pass through them."""
    root = settings.root_path
    inner: ASGIApp = BodyLimit(app, settings.body_bytes, settings.body_seconds)
    if settings.token is not None:
        inner = TokenAuth(inner, settings, settings.token)
    if settings.client_rate is not None:  # before the token, so that it cannot be guessed quickly
        inner = RateLimit(inner, settings.client_rate)
    inner = OriginCheck(inner, settings.cors)
    if settings.hosts is not None:
        inner = AllowedHosts(inner, settings.hosts)
    if settings.cors:  # before the token: browsers send preflight requests without it
        headers = [HEADER, "Retry-After"]
        inner = CORSMiddleware(
            inner, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=headers
        )
    outer = ErrorPages(AccessLog(HeadRequests(inner), metrics, settings.quiet), root)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif root and scope["path"] == root:
            await RedirectResponse(f"{root}/{_query(scope)}", 308)(scope, receive, send)
        elif root and scope["path"].startswith(f"{root}/"):  # the proxy has not removed it
            await outer({**scope, "path": scope["path"].removeprefix(root)}, receive, send)
        else:
            await outer(scope, receive, send)

    return SecurityHeaders(dispatch, settings)


class ErrorPages:
    """Turns errors into pages for clients that accept HTML, as browsers do that open an address; else into JSON."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app, self.root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        body = b""

        async def send_error_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and message["status"] >= 400 and scope["method"] != "HEAD":
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._response(scope, start, body)(scope, receive, send)

        await self.app(scope, receive, send_error_page)

    def _response(self, scope: Scope, start: Message, body: bytes) -> Response:
        status, headers = start["status"], start["headers"]
        if (b"content-type", b"application/json") in headers:
            message = json.loads(body)["error"]
        else:  # of a file
            message = "the Range header is invalid: send bytes=FIRST-LAST within the file size"
        message = message.replace(f" {API}/", f" {self.root_path}{API}/")  # the addresses that it advises
        if "text/html" in header(scope, b"accept"):
            response: Response = error_page(status, message, self.root_path, scope["query_string"].decode("latin-1"))
        else:
            response = error_json(status, message)
        names = {name for name, _ in response.raw_headers}
        response.raw_headers += [*(pair for pair in headers if pair[0] not in names), (b"vary", b"Accept")]
        return response


class HeadRequests:
    """Responds to HEAD as to GET, without the body, which is computed no further once the headers are sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        is_received, sent = False, asyncio.Event()

        async def receive_once() -> Message:
            nonlocal is_received
            if is_received:
                await sent.wait()
                return {"type": "http.disconnect"}  # `BodyLimit` cancels the rest
            message = await receive()
            is_received = not message.get("more_body", False)
            return message

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                sent.set()

        get_scope = {**scope, "method": "GET"}
        await self.app(get_scope, receive_once, send_headers)
        scope["route"] = get_scope.get("route")


class SecurityHeaders:
    """Adds `SECURITY_HEADERS` to every response that does not set its own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        headers = dict(SECURITY_HEADERS)
        if settings.cors:
            headers["cross-origin-resource-policy"] = "cross-origin"
        if settings.tls:
            headers["strict-transport-security"] = "max-age=31536000"
        self.app, self.headers = app, [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self.headers if pair[0] not in present)]
            await send(message)

        await self.app(scope, receive, send_with_headers)


class AllowedHosts:
    """Responds only to its own host names, against DNS rebinding. Probes may use any name, such as a pod's address."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = header(scope, b"host")
        if scope["path"] in PROBE_PATHS or _hostname(host) in self.names:
            await self.app(scope, receive, send)
            return
        message = f"host {host!r} is not allowed: start the studio with --allowed-host"
        await send_error(403, message, scope, receive, send)


class OriginCheck:
    """Refuses state-changing requests that a page of another origin makes, unless CORS allows that origin."""

    def __init__(self, app: ASGIApp, cors: Collection[str]) -> None:
        self.app, self.cors = app, cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in SAFE_METHODS:
            origin = header(scope, b"origin")
            is_same_origin = not origin or origin.partition("://")[2] == header(scope, b"host")
            if not is_same_origin and origin not in self.cors and "*" not in self.cors:
                message = f"requests from pages of {origin} are not allowed: start the studio with --cors"
                await send_error(403, message, scope, receive, send)
                return
        await self.app(scope, receive, send)


class TokenAuth:
    """Requires the token: as a Bearer header, or as the cookie that an address with ?token= sets."""

    def __init__(self, app: ASGIApp, settings: Settings, token: str) -> None:
        self.app, self.settings, self.token = app, settings, token
        # The cookie proves knowledge of the token without containing it.
        self.proof = hashlib.sha256(b"facesmith studio " + token.encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBE_PATHS or self._is_authorized(scope):
            await self.app(scope, receive, send)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and _equal(dict(query).get("token", ""), self.token):
            remaining_query = urlencode([(name, value) for name, value in query if name != "token"]).encode()
            path = "/" + scope["path"].lstrip("/")  # //host would be another host
            address = self.settings.root_path + quote(path) + _query({"query_string": remaining_query})
            response = RedirectResponse(address, 303)
            secure, cookie_path = scope.get("scheme") == "https", self.settings.cookie_path
            response.set_cookie(COOKIE, self.proof, path=cookie_path, httponly=True, samesite="strict", secure=secure)
            await response(scope, receive, send)
            return
        reason = "the token is wrong" if "token" in dict(query) else "this studio requires a token"
        message = f"{reason}: open the studio with ?token=..., or send the token in a Bearer header"
        await send_error(401, message, scope, receive, send, {"www-authenticate": "Bearer"})

    def _is_authorized(self, scope: Scope) -> bool:
        scheme, _, value = header(scope, b"authorization").partition(" ")
        if scheme.lower() == "bearer" and _equal(value.strip(), self.token):
            return True
        cookies = (part.strip().partition("=") for part in header(scope, b"cookie").split(";"))
        return any(name == COOKIE and _equal(value, self.proof) for name, _, value in cookies)


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


def _query(scope: Scope) -> str:
    """Return the query of an address with its question mark, or ""."""
    query: str = scope["query_string"].decode("latin-1")
    return f"?{query}" if query else ""


def _equal(first: str, second: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(first.encode(), second.encode())


def _hostname(host: str) -> str | None:
    """Return the name in a Host header, in lower case and without the port; None if there is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
