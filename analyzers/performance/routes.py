"""GET paths worth loading: declared by the template, the app's OpenAPI document and its source."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from analyzers.appsource.changes import changes_state, path_changes_state
from analyzers.appsource.openapi import base_path
from analyzers.appsource.route_map import RouteMap
from contract.template import TemplateSpec

_PARAMETER = re.compile(r"<[^>/]*>|\{[^}/]*\}|:[A-Za-z_]\w*")
_MAX_WORDS = 20


@dataclass(frozen=True, slots=True)
class Sourced:
    """The routes in the app's source."""

    known: RouteMap

    @property
    def paths(self) -> tuple[str, ...]:
        """Every GET path, with its parameters filled in."""
        return filled(route.path for route in self.known.routes if route.method == "GET")

    @property
    def only_writes(self) -> bool:
        """Whether all routes could be read, and each of them changes state."""
        gets = [route for route in self.known.routes if route.method == "GET"]
        is_known = self.known.complete and bool(self.known.routes)
        return is_known and all(changes_state(get) for get in gets)

    def forbids(self, path: str) -> str:
        """Why a path (with query) is never loaded; empty where it only reads, as far as we know.

        A load test asks a thousand times: `GET /reset-db` would be no measurement of the app.
        """
        route = self.known.find("GET", path)
        return forbidden(path) or (changes_state(route) if route else "")


def forbidden(path: str) -> str:
    """Why a path (with query) changes state, judged only by its words; empty where it does not."""
    if reason := path_changes_state(path):
        return reason
    query = path.partition("?")[2]
    words = [word for pair in parse_qsl(query)[:_MAX_WORDS] for word in pair]
    changes = any(path_changes_state(f"/{word}") for word in words if "/" not in word)
    return f"its query says {query[:100]}" if changes else ""


def template_paths(template: TemplateSpec | None) -> tuple[str, ...]:
    """Paths that the template declares."""
    declared = template.endpoints if template else ()
    return filled(operation.path for operation in declared if operation.method.upper() == "GET")


def document_paths(document: dict[str, Any]) -> tuple[str, ...]:
    """Paths that an OpenAPI document declares; malformed parts are ignored."""
    base = base_path(document)
    paths: dict[Any, Any] = document["paths"]
    return filled(
        f"{base}{path}" for path, item in paths.items() if isinstance(item, dict) and "get" in item
    )


def filled(paths: Iterable[str]) -> tuple[str, ...]:
    """Distinct paths, parameters filled with `1`, without those that have a wildcard."""
    return tuple(
        dict.fromkeys(
            _PARAMETER.sub("1", path) for path in paths if path.startswith("/") and "*" not in path
        )
    )
