"""GET paths worth loading: what the template, the app's OpenAPI document and its source declare."""

import json
import re
from collections.abc import Iterable
from typing import Any

from analyzers.appsource.openapi import base_path
from analyzers.appsource.route_reader import routes_command
from analyzers.runtime.tool import Execute, ToolFault, ToolRun
from contract.analysis import Skipped
from contract.spec import TemplateSpec

# Loading these would end sessions or change state; a load test reads.
_UNSAFE = re.compile(r"log-?out|sign-?out|delete|remove|reset|shutdown|destroy|unsubscribe", re.I)
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
    """What the source's own routes say, and the files whose routes could not be read."""
    command = routes_command(run)
    if command is None:
        return (), ()
    try:
        document = json.loads((await execute(command)).stdout)
        paths = [str(row["path"]) for row in document["operations"] if row["method"] == "GET"]
        unread = [Skipped(what=name, reason=reason) for name, reason in document["unread"]]
    except (ToolFault, ValueError, KeyError, TypeError) as error:
        return (), (Skipped(what="source tree", reason=str(error)[:500]),)
    return _usable(paths), tuple(unread)


def _usable(paths: Iterable[str]) -> tuple[str, ...]:
    """Distinct paths that only read, parameters filled with `1`."""
    return tuple(
        dict.fromkeys(
            _PARAMETER.sub("1", path)
            for path in paths
            if path.startswith("/") and "*" not in path and not _UNSAFE.search(path)
        )
    )
