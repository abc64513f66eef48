"""Who may ask, and what a browser may do with the answer: middlewares around the app, each about one thing.

`guarded` puts them, and those of limits and records, around an app in their order. They speak ASGI itself, which costs
a request microseconds.
"""

import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facesmith.studio.access_log import Records
from facesmith.studio.errors import header, refuse
from facesmith.studio.limits import PROBES, Body, Rate
from facesmith.studio.metrics import Figures
from facesmith.studio.sessions import HEADER
from facesmith.studio.settings import Settings

COOKIE = "facesmith_token"
SAFE = ("GET", "HEAD", "OPTIONS")
# Everything comes from here, nothing is inline, nobody frames it. Pictures are also made in the page (blob:, data:).
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}


def guarded(app: ASGIApp, settings: Settings, figures: Figures) -> ASGIApp:
    """``app`` with all that stands between it and the world; what is no request over HTTP goes straight to it."""
    inner: ASGIApp = Body(app, settings.body_bytes, settings.body_seconds)
    if settings.token is not None:
        inner = Token(inner, settings.token)
    if settings.client_rate is not None:  # before the token, which is not to be guessed
        inner = Rate(inner, settings.client_rate)
    inner = Origin(inner, settings.cors)
    if settings.hosts is not None:
        inner = Hosts(inner, settings.hosts)
    if settings.cors:  # before the token: a browser asks whether it may ask without it
        told = [HEADER, "Retry-After"]
        inner = CORSMiddleware(
            inner, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=told
        )
    outer = Records(Headers(inner, settings), figures, settings.quiet)

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        await (outer if scope["type"] == "http" else app)(scope, receive, send)

    return whole


class Headers:
    """Adds the strict headers to every answer that does not have its own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        said = dict(HEADERS)
        if settings.cors:
            said["cross-origin-resource-policy"] = "cross-origin"
        if settings.tls:
            said["strict-transport-security"] = "max-age=31536000"
        self.app, self.added = app, [(name.encode(), value.encode()) for name, value in said.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self.added if pair[0] not in there)]
            await send(message)

        await self.app(scope, receive, strict)


class Hosts:
    """Answers to its own names alone: any other was chosen by who wants a browser to ask here for another page.

    Probes come by any name, such as a pod's address.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = header(scope, b"host")
        if scope["path"] in PROBES or _hostname(host) in self.names:
            await self.app(scope, receive, send)
            return
        await refuse(403, f"{host or 'no host'} is not this studio's name", scope, receive, send)


class Origin:
    """Refuses what changes something and another page makes a browser ask, unless its origin was allowed."""

    def __init__(self, app: ASGIApp, cors: Collection[str]) -> None:
        self.app, self.cors = app, cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in SAFE:
            origin = header(scope, b"origin")
            same = not origin or origin.partition("://")[2] == header(scope, b"host")
            if not same and origin not in self.cors and "*" not in self.cors:
                await refuse(403, "requests of other pages are not taken here", scope, receive, send)
                return
        await self.app(scope, receive, send)


class Token:
    """Lets in who has the token: as a Bearer header, or in the cookie that an address with ?token= sets."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token
        # The cookie shows that its owner knew the token, and does not tell it.
        self.proof = hashlib.sha256(b"facesmith studio " + token.encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES or self._known(scope):
            await self.app(scope, receive, send)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        offered = dict(query).get("token", "")
        if scope["method"] == "GET" and _same(offered, self.token):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            secure = scope.get("scheme") == "https"
            answer.set_cookie(COOKIE, self.proof, httponly=True, samesite="strict", secure=secure)
            await answer(scope, receive, send)
            return
        asks = {"www-authenticate": "Bearer"}
        sentence = "this studio wants its token: open its address with ?token=..., or send it as a Bearer header"
        await refuse(401, sentence, scope, receive, send, asks)

    def _known(self, scope: Scope) -> bool:
        kind, _, value = header(scope, b"authorization").partition(" ")
        if kind.lower() == "bearer" and _same(value.strip(), self.token):
            return True
        cookies = (part.strip().partition("=") for part in header(scope, b"cookie").split(";"))
        return any(name == COOKIE and _same(value, self.proof) for name, _, value in cookies)


def _same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _hostname(host: str) -> str | None:
    """The name in a Host header, in small letters and without a port; None where there is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
