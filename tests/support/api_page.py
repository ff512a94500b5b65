"""The page that lists what the API does, made from its own description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboard.app import create_app
from dashboard.urls import API
from tests.support.dashboard_site import site_of

_HEAD = """# Operations of the API

`python -m tests.support.reference` makes this page from the code; a test keeps it current.
Addresses begin with `/api/v1`; every running dashboard describes them whole at
`/api/v1/openapi.json` (OpenAPI 3.1). How to ask is in [api.md](api.md).

| operation | what it does | parameters |
|---|---|---|
"""


def page() -> str:
    """The page."""
    return _HEAD + "".join(f"{row}\n" for row in _rows(create_app(site_of(Path("nowhere")))))


def _rows(app: Any) -> Iterator[str]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            asked = (each for each in operation.get("parameters", ()) if each["in"] == "query")
            names = ", ".join(f"`{each['name']}`" for each in asked)
            name = f"`{method.upper()} {path.removeprefix(API)}`"
            yield f"| {name} | {operation['summary']} | {names} |"
