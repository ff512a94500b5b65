"""GET paths worth loading: what the template, the app's OpenAPI document and its source declare."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analyzers.appsource.openapi import base_path
from analyzers.appsource.route_reader import routes_command
from analyzers.runtime.tool import Execute, ToolFault, ToolRun
from contract.analysis import Skipped
from contract.spec import TemplateSpec

# A load test reads. Whole words, so that `/presets` and `/address` are not among them.
_WRITING = frozenset(
    [
        "add",
        "approve",
        "ban",
        "buy",
        "cancel",
        "charge",
        "clean",
        "cleanup",
        "clear",
        "confirm",
        "create",
        "decrement",
        "delete",
        "deploy",
        "destroy",
        "disable",
        "drop",
        "enqueue",
        "erase",
        "exec",
        "execute",
        "fill",
        "generate",
        "import",
        "increment",
        "init",
        "initialise",
        "initialize",
        "insert",
        "install",
        "kill",
        "logoff",
        "logout",
        "migrate",
        "mutate",
        "pay",
        "populate",
        "publish",
        "purge",
        "quit",
        "rebuild",
        "recreate",
        "refresh",
        "reject",
        "reload",
        "remove",
        "reset",
        "resetdb",
        "restart",
        "restore",
        "revoke",
        "rollback",
        "run",
        "save",
        "seed",
        "seeddb",
        "send",
        "setup",
        "shutdown",
        "signout",
        "start",
        "stop",
        "submit",
        "subscribe",
        "sync",
        "toggle",
        "trigger",
        "truncate",
        "unsubscribe",
        "update",
        "upload",
        "vote",
        "wipe",
    ]
)
_PAIRS = frozenset({("log", "out"), ("sign", "out"), ("log", "off"), ("shut", "down")})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PARAMETER = re.compile(r"<[^>/]*>|\{[^}/]*\}|:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Sourced:
    """What the source's own routes say.

    Attributes:
        paths: GET paths that only read.
        unread: files whose routes could not be read.
        only_writes: routes were read from all of them, and none of them only reads.
    """

    paths: tuple[str, ...] = ()
    unread: tuple[Skipped, ...] = ()
    only_writes: bool = False


def changes_state(path: str) -> bool:
    """Whether a path (with query) says that a GET of it does more than read."""
    words = [word.lower() for word in _WORD.findall(path)]
    return not _WRITING.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))


def template_paths(template: TemplateSpec | None) -> tuple[str, ...]:
    """What the template declares."""
    declared = template.endpoints if template else ()
    return usable(one.path for one in declared if one.method.upper() == "GET")


def document_paths(document: dict[str, Any]) -> tuple[str, ...]:
    """What an OpenAPI document declares; malformed parts are passed over."""
    base = base_path(document)
    paths: dict[Any, Any] = document["paths"]
    return usable(
        f"{base}{path}" for path, item in paths.items() if isinstance(item, dict) and "get" in item
    )


async def source_paths(run: ToolRun, execute: Execute) -> Sourced:
    """What the source's own routes say, and the files whose routes could not be read."""
    command = routes_command(run)
    if command is None:
        return Sourced()
    try:
        document = json.loads((await execute(command)).stdout)
        rows = [(str(row["method"]), str(row["path"])) for row in document["operations"]]
        unread = [Skipped(what=name, reason=reason) for name, reason in document["unread"]]
    except (ToolFault, ValueError, KeyError, TypeError) as error:
        return Sourced(unread=(Skipped(what="source tree", reason=str(error)[:500]),))
    paths = usable(path for method, path in rows if method == "GET")
    return Sourced(paths, tuple(unread), bool(rows) and not paths and not unread)


def usable(paths: Iterable[str]) -> tuple[str, ...]:
    """Distinct paths that only read, parameters filled with `1`."""
    return tuple(
        dict.fromkeys(
            path
            for declared in paths
            if (path := _PARAMETER.sub("1", declared)).startswith("/")
            and "*" not in path
            and not changes_state(path)
        )
    )
