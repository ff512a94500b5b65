"""Collects routers, mounts and routes of Python as the reader meets them."""

import ast
import re
from collections.abc import Callable, Sequence

from analyzers.appsource.reading.frameworks import GRAPHQL, METHODS, Kind, maker
from analyzers.appsource.reading.handlers import Handler, Handlers
from analyzers.appsource.reading.links import VERSION, Collected, Found, Mount, Router, joined
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.values import (
    Given,
    Made,
    Scope,
    Value,
    argument,
    calls_within,
    keywords,
)

TableReader = Callable[["Registrar", tuple[str, str], ast.expr, Scope, ast.Call], None]
"""Reads a table of routes that is put on a router: (registrar, router, table, scope, call)."""


class Registrar:
    """Collects routers, mounts and routes of one project."""

    def __init__(self, project: Project, found: Collected, read_table: TableReader):
        self._read_table = read_table
        self.project = project
        self.found = found
        self.handlers = Handlers(project)
        self.registered: dict[str, list[tuple[ast.Call, Scope]]] = {}
        """Calls of `register` on an object of the app (viewsets of Django's REST framework)."""

    def router(self, value: Value) -> tuple[str, str] | None:
        """(key, family) of a value that can hold routes; it becomes known here."""
        if isinstance(value, Given):
            known = Router(value.key, "", value.scope.module.file, 0, f"the parameter {value.name}")
            self.found.routers.setdefault(value.key, known)
            return value.key, ""
        kind = maker(value.name) if isinstance(value, Made) else None
        if not isinstance(value, Made) or kind is None:
            return None
        if value.key not in self.found.routers:
            self._make(value, kind)
        return value.key, kind.family

    def _make(self, value: Made, kind: Kind) -> None:
        file, line = value.scope.module.file, value.call.lineno
        prefix = self._prefix(value, kind)
        family = kind.family
        label = f"a router ({value.name.rpartition('.')[2]}, line {line})"
        # An Api or an application given to another one answers below that one.
        self.found.routers[value.key] = Router(
            value.key, family, file, line, label, kind.root, prefix
        )
        named = keywords(value.call)
        if value.name.endswith(".Api"):
            above = argument(value.call, 0, "app", "blueprint", "api")
            if parent := self.router(self.project.value(above, value.scope)):
                self.found.mounts.append(Mount(parent[0], value.key))
        self.table(value, named.get("routes"))
        self.table(value, named.get("route_handlers"))
        if kind.family == "tornado":
            self.table(value, argument(value.call, 0, "handlers"))
            self._made_by_class(value)
        if value.name.rpartition(".")[2] == "group":
            self._group(value)

    def _made_by_class(self, value: Made) -> None:
        """A subclass that passes its table to `super().__init__`."""
        made = self.project.methods(value.cls).get("__init__") if value.cls else None
        for call in calls_within(made.node) if made else ():
            func = call.func
            if made and isinstance(func, ast.Attribute) and func.attr == "__init__" and call.args:
                own = isinstance(call.args[0], ast.Name) and call.args[0].id == "self"
                table = argument(call, 1 if own else 0, "handlers")
                if table is not None and (router := self.router(value)):
                    self._read_table(self, router, table, made.inside, call)

    def _prefix(self, value: Made, kind: Kind) -> str:
        prefix = ""
        for name in kind.prefix:
            node = (
                argument(value.call, int(name))
                if name.isdigit()
                else keywords(value.call).get(name)
            )
            if node is None:
                continue
            text = self.project.text(node, value.scope)
            if text is None and not isinstance(node, ast.Constant):
                self.miss(value.scope, node, "its prefix is made at run time")
            prefix = text or ""
            break
        if value.name.endswith(".Namespace") and "path" not in keywords(value.call):
            name = self.project.text(argument(value.call, 0, "name"), value.scope)
            prefix = f"/{name or ''}"
        version = keywords(value.call).get("version")
        if kind.family == "sanic" and isinstance(version, ast.Constant):
            prefix = f"/{VERSION}v{version.value}{joined(prefix)}"
        return prefix

    def _group(self, value: Made) -> None:
        for node in value.call.args:
            items = self.project.items(node, value.scope) or [(node, value.scope)]
            for item, where in items:
                if child := self.router(self.project.value(item, where)):
                    self.found.mounts.append(Mount(value.key, child[0]))

    def listed_methods(self, node: ast.expr | None, scope: Scope) -> tuple[str, ...]:
        """Methods named by a list or a string."""
        if node is None:
            return ()
        items = self.project.items(node, scope)
        texts = (
            [self.project.text(item, where) for item, where in items]
            if items is not None
            else [self.project.text(node, scope)]
        )
        return tuple(text.upper() for text in texts if text and text.lower() in METHODS)

    def default(self, family: str, scope: Scope) -> tuple[str, str]:
        """The application of a framework that has none in the source."""
        key = f"{family}:default"
        label = f"the default application of {family}"
        self.found.routers.setdefault(
            key, Router(key, family, scope.module.file, 0, label, root=True)
        )
        return key, family

    def add(
        self,
        router: tuple[str, str],
        methods: tuple[str, ...],
        path: str,
        handler: Handler,
        node: ast.AST,
        scope: Scope,
    ) -> None:
        """Add one route, with the inputs of its handler."""
        line = getattr(handler.node, "lineno", getattr(node, "lineno", 1))
        file = handler.file or scope.module.file
        family = router[1] or "unknown"
        if router[1] == "tornado" or path.startswith("^"):
            path = plain_regex(path)
        for method in methods:
            self.found.budget.spend(100)
            read = self.handlers.read(handler, method)
            if method == "WEBSOCKET":
                continue
            at = (read.code.span[0], read.code.line) if read.code else (file, line)
            self.found.routes.append(
                Found(
                    router[0], (method,), path, *at, family,
                    handler.name, read.auth, read.inputs, read.opaque, read.writes, read.kind,
                    read.code,
                )
            )  # fmt: skip

    def graphql(self, value: Value) -> bool:
        """Whether a value answers GraphQL."""
        return isinstance(value, Made) and value.name.rpartition(".")[2] in GRAPHQL

    def graphql_path(self, value: Value) -> str:
        """The path given to a GraphQL router."""
        if isinstance(value, Made):
            return self.project.text(keywords(value.call).get("path"), value.scope) or ""
        return ""

    def table(self, value: Made, node: ast.expr | None) -> None:
        """Routes of the table that an application is made with."""
        if node is not None and (router := self.router(value)):
            self._read_table(self, router, node, value.scope, value.call)

    def table_on(
        self, router: tuple[str, str], node: ast.expr | None, scope: Scope, call: ast.Call
    ) -> None:
        """Routes of a table that is added to a router later."""
        if node is not None:
            self._read_table(self, router, node, scope, call)

    def miss(self, scope: Scope, node: ast.AST, reason: str) -> None:
        """Note a part of a file that could not be read."""
        self.found.miss(scope.module.file, reason, getattr(node, "lineno", None))


def plain_regex(pattern: str) -> str:
    r"""A path that a regular expression stands for: `^notes/(?P<id>\d+)/?$` -> `notes/{id}`.

    >>> plain_regex(r"/notes/(\d+)/?")
    '/notes/{arg1}'
    """
    text = pattern.removeprefix("^").removesuffix("$").removesuffix("/?")
    text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", text)
    count = 0

    def numbered(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"{{arg{count}}}"

    text = re.sub(r"\((?!\?)(?:[^()]|\([^()]*\))*\)", numbered, text)
    return re.sub(r"\\([/.\-_])", r"\1", text)


def first(call: ast.Call, names: Sequence[str]) -> ast.expr | None:
    """The first of these named arguments that a call has."""
    named = keywords(call)
    return next((named[name] for name in names if name in named), None)
