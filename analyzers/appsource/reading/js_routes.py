"""Routes of JavaScript frameworks: calls on routers, followed across files."""

from typing import Any

from analyzers.appsource.reading.js_frameworks import VERBS
from analyzers.appsource.reading.js_mounts import JsMounts
from analyzers.appsource.reading.js_registrar import JsRegistrar, field_of
from analyzers.appsource.reading.js_values import (
    CLASSES,
    FUNCTIONS,
    JsAt,
    JsDefined,
    JsGiven,
    JsMade,
    JsModule,
    JsOutside,
    JsScope,
    JsValue,
    Node,
    arguments_of,
    dotted,
    name_of,
)
from analyzers.appsource.reading.links import Router

_MAX_LOOP = 200
_MEMBERS = {"MemberExpression", "OptionalMemberExpression"}
_CALLS = {"CallExpression", "OptionalCallExpression"}
_EACH = {"forEach", "map"}


class JsRoutes(JsMounts):
    """Walks every module once and collects routers, mounts and routes."""

    def module(self, module: JsModule) -> None:
        """All registrations of one file."""
        self._walk(module.body, module.scope)

    def _walk(self, start: Any, scope: JsScope) -> None:
        pending: list[tuple[Any, JsScope]] = [(start, scope)]
        while pending:
            node, where = pending.pop()
            self.found.budget.spend()
            if isinstance(node, list):
                pending += [(child, where) for child in reversed(node)]
                continue
            if not isinstance(node, dict):
                continue
            kind = node.get("type")
            if kind == "ForOfStatement" and self._loop_of(node, where):
                continue
            if kind in _CALLS and self._each(node, where):
                continue
            later = kind in _CALLS or kind == "NewExpression"
            if later:
                self._call(node, where)
            inside = where.inner.get(id(node), where)
            pending += [
                (value, inside)
                for value in reversed(list(node.values()))
                if isinstance(value, dict | list)
            ]

    # --- loops -------------------------------------------------------------------------------

    def _loop_of(self, node: Node, scope: JsScope) -> bool:
        items = self.project.items(node.get("right"), scope)
        left = node.get("left") or {}
        targets = [declaration.get("id") for declaration in left.get("declarations", ())] or [left]
        if items is None or not targets:
            return False
        self._unrolled(targets[0], items, scope, [node.get("body")], scope)
        return True

    def _each(self, node: Node, scope: JsScope) -> bool:
        """`[a, b].forEach((router) => app.use(router))`."""
        callee = node.get("callee") or {}
        if callee.get("type") not in _MEMBERS or name_of(callee.get("property")) not in _EACH:
            return False
        function = (node.get("arguments") or [{}])[0]
        items = self.project.items(callee.get("object"), scope)
        if items is None or function.get("type") not in FUNCTIONS or not function.get("params"):
            return False
        inside = scope.inner.get(id(function), scope)
        self._unrolled(function["params"][0], items, inside, [function.get("body")], inside)
        return True

    def _unrolled(
        self,
        target: Any,
        items: list[tuple[Node, JsScope]],
        bound_in: JsScope,
        body: Any,
        scope: JsScope,
    ) -> None:
        for item, where in items[:_MAX_LOOP]:
            names = self.bindings(target, item, where)
            marks = {(id(bound_in), name): value for name, value in names.items()}
            self.project.loops |= marks
            self._walk(body, scope)
            for mark in marks:
                self.project.loops.pop(mark, None)

    # --- calls -------------------------------------------------------------------------------

    def _call(self, node: Node, scope: JsScope) -> None:
        self._handed_on(node, scope)
        callee = node.get("callee") or {}
        if callee.get("type") not in _MEMBERS:
            self._plain(node, callee, scope)
            return
        name = name_of(callee.get("property"))
        owner = self.project.whole(self.project.value(callee.get("object"), scope))
        arguments = arguments_of(node)
        if isinstance(owner, JsAt):
            self._at(owner, name, arguments, node, scope)
            return
        if name == "applyMiddleware":
            self._apollo(node, owner, scope)
            return
        router = self.router(owner)
        if router is None:
            self._lost(name, arguments, owner, node, scope)
            return
        if isinstance(owner, JsGiven) and not self._looks_like_routing(name, arguments, scope):
            return
        self._on_router(router, name, arguments, node, scope)

    def _on_router(
        self, router: tuple[str, str], name: str, arguments: list[Node], node: Node, scope: JsScope
    ) -> None:
        if name in VERBS:
            self._verb(router, name, arguments, node, scope)
        elif name in {"use", "register", "mount"} or (name == "route" and len(arguments) == 2):
            self.mount(router, arguments, node, scope)
        elif name == "route" and arguments and not _is_path(self, arguments[0], scope):
            self._described(router, arguments[0], node, scope)
        elif name in {"basePath", "prefix", "setGlobalPrefix"} and arguments:
            self._prefixed(router, self.project.text(arguments[0], scope))
        elif name in {"group", "on"} and len(arguments) >= 2:
            self.group(router, arguments, scope)

    def _prefixed(self, router: tuple[str, str], prefix: str | None) -> None:
        known = self.found.routers[router[0]]
        if prefix:
            self.found.routers[router[0]] = Router(
                known.key, known.family, known.file, known.line, known.label, known.root, prefix
            )

    def _looks_like_routing(self, name: str, arguments: list[Node], scope: JsScope) -> bool:
        """A parameter counts as a router only where it is used like one."""
        if not arguments:
            return False
        if name in VERBS:
            path = self.project.text(arguments[0], scope)
            return path is not None and path.startswith("/") and len(arguments) > 1
        if name in {"use", "register"}:
            return True
        return name == "route" and arguments[0].get("type") in {
            "ObjectExpression",
            "ArrayExpression",
        }

    def _verb(
        self, router: tuple[str, str], name: str, arguments: list[Node], node: Node, scope: JsScope
    ) -> None:
        if len(arguments) < 2:
            return  # app.get("setting")
        paths = self.project.items(arguments[0], scope) or [(arguments[0], scope)]
        handlers = arguments[1:]
        second = self.project.text(arguments[1], scope)
        if second is not None and second.startswith("/"):  # Koa: a route with a name
            paths, handlers = [(arguments[1], scope)], arguments[2:]
        for item, where in paths:
            path = self.project.text(item, where)
            if path is None:
                catch_all = item.get("type") == "RegExpLiteral" and ".*" in str(item.get("pattern"))
                if not catch_all:
                    self.miss(scope, node, "a route's path is made at run time")
                continue
            self.put(router, VERBS[name], path, self.flat(handlers, scope), node, scope)

    def _at(
        self, owner: JsAt, name: str, arguments: list[Node], node: Node, scope: JsScope
    ) -> None:
        """`router.route("/x").get(handler).post(handler)`."""
        router = self.router(owner.owner)
        if router is None or name not in VERBS or not arguments:
            return
        if owner.path is None:
            self.miss(scope, node, "a route's path is made at run time")
            return
        self.put(router, VERBS[name], owner.path, self.flat(arguments, scope), node, scope)

    def _described(self, router: tuple[str, str], node: Node, call: Node, scope: JsScope) -> None:
        """Fastify's and Hapi's `route({ method, path, handler })`."""
        items = self.project.items(node, scope) or [(node, scope)]
        for item, where in items:
            value = self.project.whole(self.project.value(item, where))
            if not isinstance(value, JsDefined) or value.node.get("type") != "ObjectExpression":
                self.miss(scope, call, "a route's description is made at run time")
                continue
            path_node = field_of(value.node, "url") or field_of(value.node, "path")
            path = self.project.text(path_node, value.scope) if path_node else None
            if path is None:
                self.miss(scope, call, "a route's path is made at run time")
                continue
            methods = self._methods(field_of(value.node, "method"), value.scope)
            handler = field_of(value.node, "handler")
            options = field_of(value.node, "options") or field_of(value.node, "config")
            if handler is None and options is not None:
                handler = field_of(options, "handler")
            handlers = [value.node, *([handler] if handler else [])]
            self.put(
                router, methods, path, handlers, item if item.get("line") else call, value.scope
            )

    def _methods(self, node: Node | None, scope: JsScope) -> tuple[str, ...]:
        if node is None:
            return ("GET",)
        items = self.project.items(node, scope)
        texts = (
            [self.project.text(*item) for item in items]
            if items
            else [self.project.text(node, scope)]
        )
        named = tuple(text.upper() for text in texts if text and text.lower() in VERBS)
        return named or ("GET", "POST")

    def _handed_on(self, node: Node, scope: JsScope) -> None:
        """`require("./routes")(app)`: a router given to a function of the app."""
        callee = node.get("callee")
        function = self.project.whole(self.project.value(callee, scope))
        arguments = arguments_of(node)
        if not isinstance(function, JsDefined):
            given = [self.project.value(argument, scope) for argument in arguments]
            unknown = function is None and (callee or {}).get("type") in _CALLS
            if unknown and any(isinstance(part, JsMade) and self.router(part) for part in given):
                self.miss(scope, node, "what an application is given to here is not known")
            return
        target = function
        if function.node.get("type") in CLASSES:
            members = (function.node.get("body") or {}).get("body", ())
            made = next((member for member in members if member.get("kind") == "constructor"), None)
            if made is None:
                return
            target = JsDefined(made, function.inside)
        for param, argument in zip(target.node.get("params") or (), arguments, strict=False):
            value = self.project.value(argument, scope)
            if name_of(param) and isinstance(value, JsMade | JsGiven):
                self.bind(target.inside, name_of(param), value)

    def _plain(self, node: Node, callee: Node, scope: JsScope) -> None:
        value = self.project.value(node, scope)
        if isinstance(value, JsMade) and value.name.endswith("startStandaloneServer"):
            self.graphql_at(self.default("graphql", scope), "/", node, scope)
        elif isinstance(value, JsMade):
            self.router(value)

    def _apollo(self, node: Node, owner: JsValue, scope: JsScope) -> None:
        arguments = node.get("arguments") or [{}]
        app = field_of(arguments[0], "app")
        path = self.option(node, 0, "path", scope) or "/graphql"
        router = self.router(self.project.value(app, scope)) if app else None
        self.graphql_at(router or self.default("graphql", scope), path, node, scope)

    def _lost(
        self, name: str, arguments: list[Node], owner: JsValue, node: Node, scope: JsScope
    ) -> None:
        """A call that looks like a route on an unknown object."""
        if isinstance(owner, JsMade) and owner.name.endswith("ApolloServer") and name == "listen":
            self.graphql_at(self.default("graphql", scope), "/", node, scope)
            return
        if isinstance(owner, JsMade | JsOutside) or name not in VERBS or len(arguments) < 2:
            return
        path = self.project.text(arguments[0], scope)
        answers = self.handler(arguments[-1], scope)
        if path is None or not path.startswith("/") or answers is None:
            return
        if len(answers.node.get("params") or ()) >= 1 and not _is_client(answers):
            text = dotted((node.get("callee") or {}).get("object"))
            key = f"{scope.module.file}:?:{text}"
            known = Router(key, "", scope.module.file, int(node.get("line") or 1), text, root=True)
            self.found.routers.setdefault(key, known)
            self.miss(scope, node, f"what {text} is, on which a route is put, is not known")
            self._verb((key, ""), name, arguments, node, scope)


def _is_path(reader: JsRegistrar, node: Node, scope: JsScope) -> bool:
    """Whether `route(node)` begins a chain: `router.route(path).get(handler)`."""
    literal = {"StringLiteral", "TemplateLiteral", "BinaryExpression", "MemberExpression"}
    return node.get("type") in literal or isinstance(reader.project.value(node, scope), str)


def _is_client(function: JsDefined) -> bool:
    """A callback that answers nothing (`client.get("/x", (error, data) => ...)`)."""
    return not any(
        name_of(param) in {"req", "request", "ctx", "c", "res", "reply", "_req", "context"}
        for param in (function.node.get("params") or ())
    )
