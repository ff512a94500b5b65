"""Things mounted on a router in JavaScript: routers, plugins, middleware, groups."""

from analyzers.appsource.reading.js_frameworks import HARMLESS, answers_graphql
from analyzers.appsource.reading.js_registrar import JsRegistrar, field_of
from analyzers.appsource.reading.js_values import (
    CLASSES,
    FUNCTIONS,
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
from analyzers.appsource.reading.links import Mount, Router


class JsMounts(JsRegistrar):
    """Reads `use`, `register` and the like."""

    def flat(self, handlers: list[Node], scope: JsScope) -> list[Node]:
        """Handlers given in arrays; Fastify's options hold one, too."""
        found: list[Node] = []
        for handler in handlers:
            if handler.get("type") == "ArrayExpression":
                found += [item for item in handler.get("elements", ()) if isinstance(item, dict)]
            elif handler.get("type") == "ObjectExpression":
                inner = field_of(handler, "handler")
                found += [handler] if inner is None else [handler, inner]
            else:
                found.append(handler)
        return found

    def mount(
        self, router: tuple[str, str], arguments: list[Node], node: Node, scope: JsScope
    ) -> None:
        """`use`, `register` and Hono's `route`: routers, plugins and middleware."""
        prefix: str | None = ""
        rest = arguments
        first = self.project.value(arguments[0], scope) if arguments else None
        paths = [first] if isinstance(first, str) else None
        if paths is None and arguments and arguments[0].get("type") == "ArrayExpression":
            texts = [
                self.project.text(*item) for item in self.project.items(arguments[0], scope) or []
            ]
            paths = [text for text in texts if text] or None
        if paths is not None:
            rest = arguments[1:]
        elif arguments and arguments[0].get("type") in {"TemplateLiteral", "BinaryExpression"}:
            self.miss(scope, node, "the prefix of a mount is made at run time")
            rest = arguments[1:]
        if paths is None and len(arguments) > 1:
            prefix = self.option(node, 1, "prefix", scope)
        for path in paths or [prefix or ""]:
            handlers = self.flat(rest, scope)
            for handler in handlers:
                self._mounted(router, str(path), handler, paths is not None, node, scope)
            if handlers:
                self._unknown(handlers[-1], node, scope)

    def _mounted(
        self,
        router: tuple[str, str],
        prefix: str,
        handler: Node,
        at_path: bool,
        node: Node,
        scope: JsScope,
    ) -> None:
        value = self._described_plugin(self.project.value(handler, scope))
        if isinstance(value, JsMade | JsOutside) and answers_graphql(value.name):
            self.graphql_at(router, prefix or "/graphql", node, scope)
            return
        child = self.router(value) if isinstance(value, JsMade) else None
        if child is not None:
            self.found.mounts.append(Mount(router[0], child[0], prefix))
        elif isinstance(value, JsDefined) and value.node.get("type") in FUNCTIONS:
            self._function(router, prefix, value, at_path, node, scope)
        elif isinstance(value, JsDefined):
            self._plugin(router, prefix, value)
        elif isinstance(value, JsOutside | JsMade):
            self._middleware(value, prefix, at_path, node, scope)
        elif isinstance(value, JsGiven) and (maybe := self.router(value)):
            self.found.mounts.append(Mount(router[0], maybe[0], prefix))

    def _unknown(self, handler: Node, node: Node, scope: JsScope) -> None:
        """The last handler answers; those before it let a request through or refuse it."""
        value = self._described_plugin(self.project.value(handler, scope))
        plain = handler.get("type") in {"ObjectExpression", "JSX"} or _harmless(handler)
        if value is None and not plain:
            shown = dotted(handler) or scope.module.slice(handler)[:60] or str(handler.get("type"))
            self.miss(scope, node, f"what {shown} is, which is mounted here, is not known")

    def _middleware(
        self, value: JsOutside | JsMade, prefix: str, at_path: bool, node: Node, scope: JsScope
    ) -> None:
        last = value.name.rpartition(".")[2].rpartition("/")[2]
        if (
            at_path
            and last not in HARMLESS
            and "swagger" not in value.name
            and prefix not in {"", "/"}
            and "static" not in value.name
        ):
            self.miss(scope, node, f"what {value.name} answers below {prefix} is not known")

    def _function(
        self,
        router: tuple[str, str],
        prefix: str,
        value: JsDefined,
        at_path: bool,
        node: Node,
        scope: JsScope,
    ) -> None:
        """A plugin that gets the application, or middleware."""
        params = [name_of(param) for param in value.node.get("params") or ()]
        if router[1] in {"fastify", "elysia", "hapi"} and params and params[0]:
            key = JsGiven(value.inside, params[0])
            self.found.routers.setdefault(
                key.key, Router(key.key, router[1], value.scope.module.file, 0, params[0])
            )
            self.found.mounts.append(Mount(router[0], key.key, prefix))
            return
        text = dotted(node.get("arguments", [{}])[-1]) or value.text
        answers = len(params) == 2 and at_path
        if answers and router[1] != "koa":
            self.put(router, ("GET", "POST"), prefix, [value.node], node, value.scope)
        elif not at_path:
            self.guards.setdefault(router[0], []).append(text[:300])

    def _described_plugin(self, value: JsValue) -> JsValue:
        """A Hapi plugin is a file's `plugin`, or the file itself."""
        whole = self.project.whole(value)
        if whole is None and isinstance(value, JsFile):
            return self.project.exported(value.file, "plugin")
        return whole

    def _plugin(self, router: tuple[str, str], prefix: str, value: JsDefined) -> None:
        """Hapi: `{ name, register: async (server) => ... }`, `{ plugin, routes: { prefix } }`."""
        if value.node.get("type") in CLASSES:
            return
        inner = field_of(value.node, "plugin")
        if inner is not None:
            routes = field_of(value.node, "routes") or {}
            text = self.project.text(field_of(routes, "prefix"), value.scope) or ""
            plugin = self._described_plugin(self.project.value(inner, value.scope))
            if isinstance(plugin, JsDefined):
                self._plugin(router, text, plugin)
            return
        register = field_of(value.node, "register")
        function = self.handler(register, value.scope) if register else None
        if register and register.get("type") == "ObjectMethod":
            function = JsDefined(register, value.scope)
        if function is not None and function.node.get("params"):
            name = name_of(function.node["params"][0])
            key = JsGiven(function.inside, name).key
            self.found.routers.setdefault(
                key, Router(key, router[1], value.scope.module.file, 0, f"the parameter {name}")
            )
            self.found.mounts.append(Mount(router[0], key, prefix))

    def group(self, router: tuple[str, str], arguments: list[Node], scope: JsScope) -> None:
        """Elysia: `app.group("/x", (inner) => inner.get(...))`."""
        prefix = self.project.text(arguments[0], scope)
        function = self.handler(arguments[-1], scope)
        if prefix is not None and function is not None and function.node.get("params"):
            name = name_of(function.node["params"][0])
            key = JsGiven(function.inside, name).key
            self.found.routers.setdefault(
                key, Router(key, router[1], scope.module.file, 0, f"the parameter {name}")
            )
            self.found.mounts.append(Mount(router[0], key, prefix))


def _harmless(node: Node) -> bool:
    return dotted(node.get("callee") or {}).rpartition(".")[2] in HARMLESS
