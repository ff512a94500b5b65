"""Collects routers, mounts and routes of JavaScript as the reader meets them."""

from collections.abc import Sequence
from typing import Any

from analyzers.appsource.reading.js_frameworks import JsKind, answers_graphql, maker
from analyzers.appsource.reading.js_handlers import JsRead, read_handler
from analyzers.appsource.reading.js_project import JsProject
from analyzers.appsource.reading.js_values import (
    FUNCTIONS,
    JsAt,
    JsDefined,
    JsFile,
    JsGiven,
    JsMade,
    JsOutside,
    JsScope,
    JsValue,
    Node,
    dotted,
    name_of,
)
from analyzers.appsource.reading.links import Collected, Found, Mount, Router, braces
from analyzers.appsource.reading.reach import JsCode

_UNWRAPPED = 4


class JsRegistrar:
    """Collects routers, mounts and routes of one project."""

    def __init__(self, project: JsProject, found: Collected):
        self.project = project
        self.found = found
        self.guards: dict[str, list[str]] = {}
        """Middleware that stands before all later routes of a router."""

    def router(self, value: JsValue) -> tuple[str, str] | None:
        """(key, family) of a value that can hold routes; it becomes known here."""
        value = self.project.whole(value)
        if isinstance(value, JsGiven):
            label = f"the parameter {value.name}"
            known = Router(value.key, "", value.scope.module.file, 0, label)
            self.found.routers.setdefault(value.key, known)
            return value.key, ""
        kind = maker(value.name) if isinstance(value, JsMade) else None
        if not isinstance(value, JsMade) or kind is None:
            return None
        if value.key not in self.found.routers:
            self._make(value, kind)
        return value.key, kind.family

    def _make(self, value: JsMade, kind: JsKind) -> None:
        line = value.node.get("line") or 1
        label = f"a router ({value.name.rpartition('/')[2]}, line {line})"
        prefix = self.option(value.node, 0, kind.prefix, value.scope) if kind.prefix else ""
        self.found.routers[value.key] = Router(
            value.key, kind.family, value.scope.module.file, line, label, kind.root, prefix or ""
        )

    def option(self, call: Node, position: int, name: str, scope: JsScope) -> str | None:
        """A string among the options of a call."""
        arguments = call.get("arguments") or []
        if len(arguments) <= position:
            return ""
        options = self.project.whole(self.project.value(arguments[position], scope))
        if not isinstance(options, JsDefined):
            return ""
        node = field_of(options.node, name)
        if node is None:
            return ""
        text = self.project.text(node, options.scope)
        if text is None:
            self.miss(scope, call, "a prefix is made at run time")
        return text

    # --- handlers ----------------------------------------------------------------------------

    def handler(self, node: Any, scope: JsScope, depth: int = 0) -> JsDefined | None:
        """The function behind an expression; calls around it are ignored."""
        value = self.project.whole(self.project.value(node, scope))
        if isinstance(value, JsDefined) and value.node.get("type") in FUNCTIONS:
            return value
        if isinstance(node, dict) and depth < _UNWRAPPED and node.get("arguments"):
            callee = node.get("callee") or {}
            if name_of(callee.get("property")) == "bind":  # controller.list.bind(controller)
                return self.handler(callee.get("object"), scope, depth + 1)
            for argument in reversed(node["arguments"]):  # asyncHandler(fn)
                if found := self.handler(argument, scope, depth + 1):
                    return found
        return None

    def put(
        self,
        router: tuple[str, str],
        methods: tuple[str, ...],
        path: str,
        handlers: list[Node],
        node: Node,
        scope: JsScope,
    ) -> None:
        """One route; the last of its handlers answers, the others run before it."""
        found = self.handler(handlers[-1], scope) if handlers else None
        self.found.budget.spend(len(found.text) // 10 if found else 1)
        before = [self._text(handler, scope) for handler in handlers[:-1]]
        before += self.guards.get(router[0], [])
        name = dotted(handlers[-1]) if handlers else ""
        if handlers and self.graphql(handlers[-1], scope):
            self.graphql_at(router, path, node, scope)
            return
        for method in methods:
            read = read_handler(found.text if found else "", before, braces(path), method)
            read.code = self.code(
                found, node, [self.handler(handler, scope) for handler in handlers[:-1]]
            )
            self.add(router, method, path, read, node, scope, name)

    def add(
        self,
        router: tuple[str, str],
        method: str,
        path: str,
        read: JsRead,
        node: Node,
        scope: JsScope,
        name: str = "",
        kind: str = "http",
    ) -> None:
        """One operation."""
        self.found.budget.spend(100)
        code = read.code
        at = (scope.module.file, scope.module.lines_of(node)[0])
        self.found.routes.append(
            Found(
                router[0], (method,), path, *((code.span[0], code.line) if code else at),
                router[1] or "unknown", name, read.auth, dict(read.inputs), read.opaque,
                read.writes, kind, code,
            )
        )  # fmt: skip

    def code(
        self, found: JsDefined | None, node: Node, before: Sequence[JsDefined | None] = ()
    ) -> JsCode | None:
        """The code of a handler; code that is written where it is registered begins there."""
        if found is None:
            return None
        start, end, inner = node.get("s"), node.get("e"), found.node
        inline = None not in (start, end) and start <= inner["s"] and inner["e"] <= end
        first = found.scope.module.lines_of(node)[0] if inline else None
        return JsCode(self.project, found, first, tuple(code for code in before if code))

    def graphql(self, node: Any, scope: JsScope) -> bool:
        """Whether an expression answers GraphQL."""
        value = self.project.value(node, scope)
        return isinstance(value, JsMade | JsOutside) and answers_graphql(value.name)

    def graphql_at(self, router: tuple[str, str], path: str, node: Node, scope: JsScope) -> None:
        """GraphQL's two operations."""
        named = (router[0], router[1] or "graphql")
        self.found.frameworks.setdefault("graphql", scope.module.file)
        self.add(named, "GET", path, JsRead({"query": "query"}), node, scope, kind="graphql")
        takes = JsRead({"query": "json", "variables": "json"})
        self.add(named, "POST", path, takes, node, scope, kind="graphql")

    def _text(self, node: Node, scope: JsScope) -> str:
        return dotted(node) or scope.module.slice(node)

    def default(self, family: str, scope: JsScope, prefix: str = "") -> tuple[str, str]:
        """The application of a framework that has none in the source."""
        key = f"{family}:{prefix}"
        label = f"the application of {family}"
        self.found.routers.setdefault(
            key, Router(key, family, scope.module.file, 0, label, root=True, prefix=prefix)
        )
        return key, family

    def bind(self, inside: JsScope, name: str, value: JsValue, prefix: str = "") -> None:
        """Let a parameter of an app's function stand for the router that it gets."""
        if isinstance(value, JsAt):
            return
        router = self.router(value)
        if router is not None:
            key = JsGiven(inside, name).key
            if key not in self.found.routers:
                self.found.routers[key] = Router(
                    key, router[1], inside.module.file, 0, f"the parameter {name}"
                )
            self.found.mounts.append(Mount(router[0], key, prefix))

    def bindings(self, target: Any, item: Node, where: JsScope) -> dict[str, tuple[Node, JsScope]]:
        """The values of a loop's variables at one element."""
        kind = (target or {}).get("type")
        if kind == "Identifier":
            return {name_of(target): (item, where)}
        found: dict[str, tuple[Node, JsScope]] = {}
        value = self.project.whole(self.project.value(item, where))
        if kind == "ObjectPattern" and isinstance(value, JsDefined):
            for property_node in target.get("properties", ()):
                node = field_of(value.node, name_of(property_node.get("key")))
                if node is not None and name_of(property_node.get("value")):
                    found[name_of(property_node.get("value"))] = (node, value.scope)
        elif kind == "ArrayPattern":
            parts = self.project.items(item, where) or []
            for property_node, part in zip(target.get("elements", ()), parts, strict=False):
                if name_of(property_node):
                    found[name_of(property_node)] = part
        return found

    def miss(self, scope: JsScope, node: Node | None, reason: str) -> None:
        """Note a part of a file that could not be read."""
        self.found.miss(scope.module.file, reason, (node or {}).get("line"))


def field_of(node: Node, name: str) -> Node | None:
    """The value of a name in an object literal; a method stands for itself."""
    for property_node in node.get("properties", ()):
        if name_of(property_node.get("key")) == name:
            return (
                property_node
                if property_node.get("type") == "ObjectMethod"
                else property_node.get("value")
            )
    return None


def is_file(value: JsValue) -> bool:
    """Whether a value is a module of the app."""
    return isinstance(value, JsFile)
