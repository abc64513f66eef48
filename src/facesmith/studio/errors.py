"""What goes wrong, said to whoever asked: {"error": one sentence}, with the status that fits, and never a traceback."""

import math
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from facesmith.errors import FacesmithError

MOST_WRONG = 8  # parameters that are named in one answer
LONGEST = 1_000  # letters of a sentence, which may repeat what was sent


class Problem(HTTPException):
    """An answer of ``status`` with one sentence."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)


class NotHere(Problem):
    """There is nothing of that name: 404."""

    def __init__(self, sentence: str) -> None:
        super().__init__(404, sentence)


class Busy(Problem):
    """More is asked for than is being done: 429, and in how many ``seconds`` to come back."""

    def __init__(self, sentence: str, seconds: float = 1.0) -> None:
        super().__init__(429, sentence, {"Retry-After": str(max(1, math.ceil(seconds)))})


class Error(BaseModel):
    """What every answer that is not the one asked for holds."""

    error: str = Field(examples=["there is no model 'mine' here: GET /api/v1/models lists them"])


# In place of the frameworks' own words.
_SENTENCES = {
    400: "the body cannot be read: send JSON, as /api/v1/docs says",
    404: "there is nothing at this address: /api/v1/docs lists what there is",
    405: "that method is not for this address: /api/v1/docs says which are",
}

# For the OpenAPI document: what every route may answer besides its own.
RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": about}
    for code, about in {
        400: "What was asked for cannot be done; the sentence says why",
        401: "A token is needed",
        403: "Not from there, or not allowed here",
        404: "There is nothing of that name",
        405: "That method is not for this address",
        408: "The body did not arrive in time",
        413: "The body is too large",
        422: "A parameter is not what it must be",
        429: "Too much at once: come back after Retry-After seconds",
        431: "The address or the headers are too long",
        500: "A defect of the server, which its log describes",
        503: "Not ready yet, or about to end",
    }.items()
}


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a sentence, and say so in its document; what is a defect is left to `Records`."""
    made = app.openapi
    app.openapi = lambda: documented(made())  # type: ignore[method-assign]

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return answer_to(error)

    for kind in (HTTPException, FacesmithError, RequestValidationError):
        app.add_exception_handler(kind, handle)


def answer_to(error: Exception) -> JSONResponse:
    """What is said of an error to whoever asked; a defect is raised again."""
    if isinstance(error, HTTPException):
        sentence = str(error.detail) if isinstance(error, Problem) else _SENTENCES.get(error.status_code, error.detail)
        return _answer(error.status_code, sentence, dict(error.headers or {}))
    if isinstance(error, FacesmithError):
        # Functions that a command calls too say where on disk; a visitor is told the last part of it.
        return _answer(400, re.sub(r"(?<![\w/:.])~?/(?:[^\s/,;:'\"]+/)+([^\s/,;:'\"]+)", r"\1", str(error)))
    if isinstance(error, RequestValidationError):
        wrong = error.errors()
        more = f"; and {len(wrong) - MOST_WRONG:,} more" if len(wrong) > MOST_WRONG else ""
        return _answer(422, "; ".join(map(_in_words, wrong[:MOST_WRONG])) + more)
    raise error


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document in which every error is JSON, also of routes that answer with pictures."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    answer["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return document


async def refuse(
    status: int, sentence: str, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None
) -> None:
    """Answer a request with a sentence before it gets to the app."""
    await _answer(status, sentence, headers)(scope, receive, send)


def header(scope: Scope, name: bytes) -> str:
    """The first header of that name (lower case), or an empty text."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    said = sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}..."
    return JSONResponse({"error": said}, status, headers)


def _in_words(error: Any) -> str:
    """A line of pydantic's on as few words: "count: input should be less than or equal to 256"."""
    where = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    words = str(error["msg"]).removeprefix("Value error, ")
    return f"{where[:100]}: {words[:1].lower()}{words[1:]}"
