"""The API reference: the OpenAPI document as a page that loads nothing from other hosts."""

import re
from html import escape
from typing import Any

from facesmith.studio.settings import API

METHODS = ("get", "post", "put", "delete")
DEFAULT_DESCRIPTION = "Successful Response"  # of FastAPI, which says nothing


def render_api_reference(document: dict[str, Any]) -> str:
    """Return the HTML page of an OpenAPI document: every route with its parameters, body and responses."""
    operations_by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                tag = (operation.get("tags") or ["other"])[0]
                operations_by_tag.setdefault(tag, []).append((path, method, operation))
    contents = "".join(
        f"<h3>{escape(tag.capitalize())}</h3><ul>{''.join(_contents_line(*route) for route in routes)}</ul>"
        for tag, routes in operations_by_tag.items()
    )
    sections = "".join(_route(*route, document) for routes in operations_by_tag.values() for route in routes)
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title>"
        '<link rel="icon" href="/static/icon.svg">'
        '<link rel="stylesheet" href="/static/reference.css"></head><body>'
        f'<nav aria-label="Contents"><h2>Contents</h2>{contents}</nav><main>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_paragraphs(info.get('description', ''))}"
        f'<p><a href="openapi.json">The OpenAPI document</a>. Fields with a * are required.</p>{sections}'
        "</main></body></html>"
    )


def _contents_line(path: str, method: str, operation: dict[str, Any]) -> str:
    return (
        f'<li><a href="#{escape(operation["operationId"])}">{escape(operation.get("summary", path))}</a> '
        f"<code>{method.upper()} {escape(path.removeprefix(API))}</code></li>"
    )


def _route(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h2><code>{method.upper()} {escape(path)}</code></h2>',
        f"<p><strong>{escape(operation.get('summary', ''))}</strong></p>"
        f"{_paragraphs(operation.get('description', ''))}",
        _table([(p["name"], p["schema"], p.get("description", ""), p["required"]) for p in parameters], document),
    ]
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body: <code>{escape(kind)}</code></p>{_fields(body.get('schema', {}), document)}")
    response = operation.get("responses", {}).get("200", {})
    for kind, content in response.get("content", {}).items():
        description = escape(response.get("description", "").replace(DEFAULT_DESCRIPTION, ""))
        parts.append(f"<p>Response: <code>{escape(kind)}</code> {description}</p>")
        parts.append(_fields(content.get("schema", {}), document))
    return "".join(parts) + "</section>"


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """Return a table of the fields of an object, or of the items of a list; "" if there are none."""
    schema = _resolve(schema, document)
    if schema.get("type") == "array":
        schema = _resolve(schema.get("items", {}), document)
    required = schema.get("required", [])
    rows = [
        (name, field, field.get("description", ""), name in required)
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(rows, document)


def _table(rows: list[tuple[str, dict[str, Any], str, bool]], document: dict[str, Any]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if required else ''}</td>"
        f"<td>{escape(_type(schema, document))}</td><td>{escape(description)}</td></tr>"
        for name, schema, description, required in rows
    )
    head = "<thead><tr><th>Name</th><th>Type</th><th>Description</th></tr></thead>"
    return f"<table tabindex=0>{head}<tbody>{cells}</tbody></table>"  # focusable, to scroll it by keyboard on phones


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """Return the type of a value with its limits: "integer, 1 to 256, default 1"."""
    schema = next((option for option in schema.get("anyOf", []) if option.get("type") != "null"), {}) | schema
    resolved = _resolve(schema, document)
    parts = [" or ".join(map(str, resolved["enum"])) if "enum" in resolved else str(resolved.get("type", "any"))]
    low, high = resolved.get("minimum"), resolved.get("maximum", resolved.get("exclusiveMaximum"))
    if low is not None or high is not None:
        parts.append(f"{'' if low is None else low} to {'' if high is None else high}".strip())
    if schema.get("default") not in (None, []):
        parts.append(f"default {schema['default']}")
    return ", ".join(parts)


def _resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved: dict[str, Any] = document["components"]["schemas"].get(name, schema) if name else schema
    return resolved


def _paragraphs(text: str) -> str:
    """Return a description as paragraphs; indented commands are kept as they are."""
    blocks = filter(None, (block.rstrip() for block in text.strip("\n").split("\n\n")))
    return "".join(
        f"<pre tabindex=0>{escape(block.strip())}</pre>" if block.startswith("    ") else f"<p>{_inline(block)}</p>"
        for block in blocks
    )


def _inline(text: str) -> str:
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(text, quote=False))
