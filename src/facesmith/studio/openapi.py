"""The OpenAPI document: what FastAPI does not derive from the routes, for generated clients."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from facesmith.studio.limits import PROBE_PATHS
from facesmith.studio.settings import Settings

TOKEN = {"token": {"type": "http", "scheme": "bearer", "description": "The studio's token, if it was started with one"}}


def operation_id(route: APIRoute) -> str:
    """Return the name of a route's function, which generated clients use."""
    return route.name


def complete_openapi(app: FastAPI, settings: Settings) -> None:
    """Add errors and security to the OpenAPI document of ``app``."""
    openapi = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _secure(_document_errors(openapi()), settings)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document_errors(document: dict[str, Any]) -> dict[str, Any]:
    """Describe every error as JSON, also for routes that return images."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return document


def _secure(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Describe the token, which is optional without ``settings.token``, and the session, which always is."""
    document["components"].setdefault("securitySchemes", {}).update(TOKEN)
    token: list[dict[str, list[str]]] = [{"token": []}] if settings.token else [{}, {"token": []}]
    document["security"] = token
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in PROBE_PATHS:
                operation["security"] = []
            elif "security" in operation:
                operation["security"] = [first | second for first in token for second in ({}, *operation["security"])]
    return document
