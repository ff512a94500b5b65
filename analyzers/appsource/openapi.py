"""Where an app may serve its OpenAPI 3 or Swagger 2 document, and what counts as one."""

import json
from typing import Any

DOCUMENT_PATHS = (
    "/openapi.json",
    "/swagger.json",
    "/api/openapi.json",
    "/api/swagger.json",
    "/api-docs",
    "/api-docs.json",
    "/v3/api-docs",
    "/api/docs.json",
    "/docs/openapi.json",
    "/apispec_1.json",
)


def parse_document(body: bytes) -> dict[str, Any] | None:
    """The document, or None when this is not one that names at least one path."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not {"openapi", "swagger"} & document.keys():
        return None
    paths = document.get("paths")
    return document if isinstance(paths, dict) and paths else None


def base_path(document: dict[str, Any]) -> str:
    """The common prefix of its paths, without a final slash."""
    base = document.get("basePath")
    if not isinstance(base, str):
        servers = document.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else {}
        base = first.get("url") if isinstance(first, dict) else ""
    return base.rstrip("/") if isinstance(base, str) and base.startswith("/") else ""
