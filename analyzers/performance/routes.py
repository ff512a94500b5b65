"""GET paths worth loading: what the template, the app's OpenAPI document and its source declare."""

import re
from collections.abc import Iterable
from typing import Any

from analyzers.appsource.changes import changes_state, path_changes_state
from analyzers.appsource.openapi import base_path
from analyzers.appsource.route_reader import read_routes
from analyzers.runtime.tool import Execute, ToolRun
from contract.analysis import Skipped
from contract.spec import TemplateSpec

_PARAMETER = re.compile(r"<[^>/]*>|\{[^}/]*\}|:[A-Za-z_]\w*")


def template_paths(template: TemplateSpec | None) -> tuple[str, ...]:
    """What the template declares."""
    declared = template.endpoints if template else ()
    return _usable(one.path for one in declared if one.method.upper() == "GET")


def document_paths(document: dict[str, Any]) -> tuple[str, ...]:
    """What an OpenAPI document declares; malformed parts are passed over."""
    base = base_path(document)
    paths: dict[Any, Any] = document["paths"]
    return _usable(
        f"{base}{path}" for path, item in paths.items() if isinstance(item, dict) and "get" in item
    )


async def source_paths(
    run: ToolRun, execute: Execute
) -> tuple[tuple[str, ...], tuple[Skipped, ...]]:
    """What the source's own routes say; what of it is not read, and what is not to be loaded."""
    known = await read_routes(run, execute)
    gets = [route for route in known.routes if route.method == "GET"]
    reasons = {route.path: changes_state(route) for route in gets}
    refused = [
        Skipped(what=f"GET {path}", reason=f"not loaded: {reason}")
        for path, reason in reasons.items()
        if reason
    ]
    calm = [route.path for route in gets if not reasons[route.path]]
    return _usable(calm), (*known.skipped, *refused)


def _usable(paths: Iterable[str]) -> tuple[str, ...]:
    """Distinct paths that only read, parameters filled with `1`."""
    return tuple(
        dict.fromkeys(
            _PARAMETER.sub("1", path)
            for path in paths
            if path.startswith("/") and "*" not in path and not path_changes_state(path)
        )
    )
