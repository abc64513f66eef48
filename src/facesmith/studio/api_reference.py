"""The OpenAPI document as a page to read, which loads nothing from other hosts."""

import re
from html import escape
from typing import Any

METHODS = ("get", "post", "put", "delete")


def reference(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document: every route with its parameters, its body, its answers."""
    routes = [
        _route(path, method, operation, document)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title>"
        '<link rel="icon" href="/static/icon.svg">'
        '<link rel="stylesheet" href="/static/reference.css"></head><body><main>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_text(info.get('description', ''))}"
        f'<p><a href="openapi.json">The OpenAPI document</a>. What has a * is needed.</p>{"".join(routes)}'
        "</main></body></html>"
    )


def _route(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    parts = [
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>",
        f"<p><strong>{escape(operation.get('summary', ''))}</strong></p>{_text(operation.get('description', ''))}",
        _table([(p["name"], p["schema"], p.get("description", ""), p["required"]) for p in parameters], document),
    ]
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body: <code>{escape(kind)}</code></p>{_fields(body.get('schema', {}), document)}")
    answer = operation.get("responses", {}).get("200", {})
    for kind, content in answer.get("content", {}).items():
        said = escape(answer.get("description", ""))
        parts.append(f"<p>Answer: <code>{escape(kind)}</code> {said}</p>")
        parts.append(_fields(content.get("schema", {}), document))
    return "".join(parts) + "</section>"


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """The fields of an object, or of what a list holds; nothing for what has none."""
    schema = _resolved(schema, document)
    if schema.get("type") == "array":
        schema = _resolved(schema.get("items", {}), document)
    needed = schema.get("required", [])
    rows = [
        (name, field, field.get("description", ""), name in needed)
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(rows, document)


def _table(rows: list[tuple[str, dict[str, Any], str, bool]], document: dict[str, Any]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if needed else ''}</td><td>{escape(_kind(schema, document))}</td>"
        f"<td>{escape(about)}</td></tr>"
        for name, schema, about, needed in rows
    )
    head = "<thead><tr><th>name</th><th>what</th><th>about</th></tr></thead>"
    return f"<table tabindex=0>{head}<tbody>{cells}</tbody></table>"  # on a phone it scrolls, by the keyboard too


def _kind(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """The type of a value with its bounds: "integer, 1 to 256, by default 1"."""
    schema = next((one for one in schema.get("anyOf", []) if one.get("type") != "null"), {}) | schema
    resolved = _resolved(schema, document)
    words = [" or ".join(map(str, resolved["enum"])) if "enum" in resolved else str(resolved.get("type", "any"))]
    low, high = resolved.get("minimum"), resolved.get("maximum", resolved.get("exclusiveMaximum"))
    if low is not None or high is not None:
        words.append(f"{'' if low is None else low} to {'' if high is None else high}".strip())
    if schema.get("default") not in (None, []):
        words.append(f"by default {schema['default']}")
    return ", ".join(words)


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, schema) if name else schema
    return found


def _text(text: str) -> str:
    """Paragraphs; a command, which is indented, stays as it is."""
    blocks = filter(None, (block.rstrip() for block in text.strip("\n").split("\n\n")))
    return "".join(
        f"<pre tabindex=0>{escape(block.strip())}</pre>" if block.startswith("    ") else f"<p>{_codes(block)}</p>"
        for block in blocks
    )


def _codes(text: str) -> str:
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(text, quote=False))
