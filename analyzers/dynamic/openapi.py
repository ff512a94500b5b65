"""Operations of an OpenAPI 3 or Swagger 2 document; documents come from strangers."""

from typing import Any

from analyzers.appsource.openapi import base_path
from analyzers.dynamic.surface import Operation, Parameter

METHODS = ("get", "post", "put", "patch", "delete")
KINDS = {"string", "integer", "number", "boolean", "object", "array"}
BODY_PLACES = {
    "application/json": "json",
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "form",
}


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Every operation that a document declares; malformed parts are ignored."""
    base = base_path(document)
    found: list[Operation] = []
    for path, item in document["paths"].items():
        if not isinstance(item, dict) or not str(path).startswith("/"):
            continue
        for method in METHODS:
            declared = item.get(method)
            if isinstance(declared, dict):
                shared = item.get("parameters")
                found.append(_operation(document, method, base + path, declared, shared))
    return found


def _operation(
    document: dict[str, Any], method: str, path: str, declared: dict[str, Any], shared: Any
) -> Operation:
    rows = [*_list(shared), *_list(declared.get("parameters"))]
    parameters = [parameter for row in rows if (parameter := _parameter(resolve(document, row)))]
    parameters += _body(document, declared.get("requestBody"))
    security = declared.get("security", document.get("security"))
    return Operation(
        method=method.upper(),
        path=path,
        parameters=tuple(parameters),
        origins=("openapi",),
        auth=None if security is None else bool(security),
    )


def _parameter(row: dict[str, Any]) -> Parameter | None:
    place = {"query": "query", "path": "path", "formData": "form"}.get(str(row.get("in")))
    name = row.get("name")
    if place is None or not isinstance(name, str):
        return None
    schema = row.get("schema") if isinstance(row.get("schema"), dict) else row
    return _typed(name, place, schema)


def _body(document: dict[str, Any], body: Any) -> list[Parameter]:
    content = resolve(document, body).get("content")
    for media, place in BODY_PLACES.items():
        part = content.get(media) if isinstance(content, dict) else None
        if isinstance(part, dict):
            schema = resolve(document, part.get("schema"))
            properties = schema.get("properties")
            fields = properties.items() if isinstance(properties, dict) else ()
            return [_typed(str(name), place, resolve(document, field)) for name, field in fields]
    return []


def _typed(name: str, place: Any, schema: Any) -> Parameter:
    schema = schema if isinstance(schema, dict) else {}
    kind = schema.get("type") if schema.get("type") in KINDS else "string"
    if schema.get("format") == "binary":
        place = "file"
    example = schema.get("example", schema.get("default", ""))
    shown = str(example) if isinstance(example, str | int) and not isinstance(example, bool) else ""
    return Parameter(name=name, place=place, kind=kind, example=shown[:200])


def resolve(document: dict[str, Any], node: Any) -> dict[str, Any]:
    """The object that `node` refers to, at most 5 references deep; empty when there is none."""
    for _ in range(5):
        if not isinstance(node, dict):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return node
        node = document
        for step in reference[2:].split("/"):
            node = node.get(step) if isinstance(node, dict) else None
    return {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
