"""Errors as responses: {"error": one sentence} with the right status, never a traceback."""

import math
import re
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from facesmith.errors import FacesmithError

MAX_LISTED_ERRORS = 8  # invalid parameters named in one response
MAX_MESSAGE_CHARS = 1_000  # a message may repeat what was sent


class Problem(HTTPException):
    """A response of ``status`` with one sentence."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message, headers)


class NotFound(Problem):
    """404: nothing has that name."""

    def __init__(self, message: str) -> None:
        super().__init__(404, message)


class Busy(Problem):
    """429: the server is at its limit. The client may retry after ``seconds``."""

    def __init__(self, message: str, seconds: float = 1.0) -> None:
        super().__init__(429, message, {"Retry-After": str(max(1, math.ceil(seconds)))})


class Error(BaseModel):
    """The body of every error response."""

    error: str = Field(examples=["unknown model 'mine': available are drawn64 and celeba64"])


# Messages that replace those of the framework.
_MESSAGES = {
    400: "the body cannot be read: send JSON as described in /api/v1/docs",
    404: "not found: /api/v1/docs lists all routes",
    405: "method not allowed: /api/v1/docs lists the methods of this route",
}

# Error pages have no script, and their style is in the page: the other files may require a token.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE_STYLE = (
    ":root { color-scheme: light dark; background: Canvas; font: 16px/1.5 system-ui, sans-serif } "
    "main { max-width: 36rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere } "
    "h1 { font-size: 1.4rem } input, button { font: inherit; padding: 0.3rem }"
)

# For the OpenAPI document: the errors that every route may return.
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": description}
    for code, description in {
        400: "The request is valid but cannot be fulfilled; the message explains why",
        401: "A valid token is required",
        403: "The origin, the host or the operation is not allowed",
        404: "Nothing with this name exists",
        405: "The route does not support this method",
        408: "The body did not arrive in time",
        413: "The body is too large",
        422: "A parameter is invalid",
        429: "Too many requests: retry after Retry-After seconds",
        431: "The URL or the headers are too long",
        500: "An error in the server; the server log has the traceback",
        503: "The server is starting or shutting down",
    }.items()
}


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a JSON response."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return error_response(error)

    for kind in (HTTPException, FacesmithError, RequestValidationError):
        app.add_exception_handler(kind, handle)


def error_response(error: Exception) -> JSONResponse:
    """Return the response to an error. An unexpected error is raised again; `AccessLog` responds with 500."""
    if isinstance(error, HTTPException):
        message = str(error.detail) if isinstance(error, Problem) else _MESSAGES.get(error.status_code, error.detail)
        return error_json(error.status_code, message, dict(error.headers or {}))
    if isinstance(error, FacesmithError):
        return error_json(400, without_folders(str(error)))
    if isinstance(error, RequestValidationError):
        errors = error.errors()
        suffix = f"; and {len(errors) - MAX_LISTED_ERRORS:,} more" if len(errors) > MAX_LISTED_ERRORS else ""
        return error_json(422, "; ".join(map(_validation_message, errors[:MAX_LISTED_ERRORS])) + suffix)
    raise error


def without_folders(message: str) -> str:
    """Return a message of a function that commands call with the last part of each path: clients get no others."""
    return re.sub(r"(?<![\w/:.])~?/(?:[^\s/,;:'\"]+/)+([^\s/,;:'\"]+)", r"\1", message)


def error_page(status: int, message: str, root_path: str, query: str) -> HTMLResponse:
    """Return an error as a page. For status 401 it has a form for the token, which keeps the rest of ``query``."""
    action = f'<p><a href="{root_path}/">Open the studio</a></p>'
    if status == 401:
        pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "token"]
        fields = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(text)}">' for name, text in pairs)
        attributes = 'type="password" name="token" autocomplete="current-password" required'
        token = f"<label>Token <input {attributes}></label> <button>Open</button>"
        action = f"<form>{fields}{token}</form>"
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: facesmith studio</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_PAGE_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1><p>{escape(message[:1].upper() + message[1:])}.</p>{action}</main></body></html>"
    )
    return HTMLResponse(page, status, {"content-security-policy": _PAGE_POLICY})


async def send_error(
    status: int, message: str, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None
) -> None:
    """Respond to a request before it reaches the app."""
    await error_json(status, message, headers)(scope, receive, send)


def error_json(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error as JSON."""
    text = message if len(message) <= MAX_MESSAGE_CHARS else f"{message[:MAX_MESSAGE_CHARS]}..."
    return JSONResponse({"error": text}, status, headers)


def _validation_message(error: Any) -> str:
    """Return an error of pydantic as one line: "count: input should be less than or equal to 256"."""
    if error["type"] == "json_invalid":
        return "the body is not valid JSON: send it as described in the API reference"
    field = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":  # the pattern itself is in the API reference
        message = f"invalid value {str(error['input'])[:80]!r}: see /api/v1/docs"
    return f"{field[:100]}: {message[:1].lower()}{message[1:]}"
