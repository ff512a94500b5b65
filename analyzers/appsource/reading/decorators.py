"""Routes that decorators declare: Flask, FastAPI, Sanic, Bottle, aiohttp and their like."""

import ast

from analyzers.appsource.reading.frameworks import METHODS
from analyzers.appsource.reading.handlers import Handler
from analyzers.appsource.reading.links import Router
from analyzers.appsource.reading.registrar import Registrar, first
from analyzers.appsource.reading.values import Defined, Definition, Outside, Scope, Value, argument

PER_CALL = {"get", "post", "put", "patch", "delete", "route", "api_route", "head", "options"}
_DECORATORS = PER_CALL | {"websocket", "websocket_route", "view", "query", "api_operation"}


class Decorated(Registrar):
    """Reads decorators of functions and classes."""

    def decorated(self, node: Definition, scope: Scope) -> None:
        """Routes that the decorators of a function or class declare."""
        defined = Defined(node, scope)
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                self._decorator(decorator, defined, scope)

    def _decorator(self, decorator: ast.Call, defined: Defined, scope: Scope) -> None:
        others = [guard for guard in defined.node.decorator_list if guard is not decorator]
        handler = Handler(defined, guards=others)
        if isinstance(decorator.func, ast.Attribute) and decorator.func.attr in _DECORATORS:
            owner = self.project.value(decorator.func.value, scope)
            router = self.router(owner)
            if router is None and not self._module_level(owner, decorator, handler, scope):
                router = self._guessed(decorator, scope)
            if router is not None:
                self._register(decorator, decorator.func.attr, router, handler, scope)
        elif isinstance(decorator.func, ast.Name):
            owner = self.project.value(decorator.func, scope)
            self._module_level(owner, decorator, handler, scope)

    def applied(self, inner: ast.Call, outer: ast.Call, scope: Scope) -> None:
        """`app.route("/x")(handler)`."""
        if isinstance(inner.func, ast.Attribute) and inner.func.attr in _DECORATORS and outer.args:
            router = self.router(self.project.value(inner.func.value, scope))
            if router is not None:
                handler = self.handlers.of(outer.args[0], scope)
                self._register(inner, inner.func.attr, router, handler, scope)

    def _module_level(
        self, owner: Value, decorator: ast.Call, handler: Handler, scope: Scope
    ) -> bool:
        """Decorators of Bottle and Litestar that belong to no object of the app."""
        if not isinstance(owner, Outside):
            return False
        package, last = owner.name.partition(".")[0], owner.name.rpartition(".")[2]
        if isinstance(decorator.func, ast.Attribute):
            last = decorator.func.attr
        if package not in {"bottle", "litestar"} or last not in _DECORATORS:
            return False
        if package == "litestar":
            return True  # a table names the function that it decorates
        router = self.default("bottle", scope)
        self._register(decorator, last, router, handler, scope)
        return True

    def _guessed(self, decorator: ast.Call, scope: Scope) -> tuple[str, str] | None:
        """A decorator that looks like a route on an unknown object."""
        path = self.project.text(argument(decorator, 0, "path", "rule"), scope)
        if path is None or not path.startswith("/"):
            return None
        func = decorator.func
        name = ast.unparse(func.value)[:60] if isinstance(func, ast.Attribute) else ""
        key = f"{scope.module.file}:?:{name}"
        self.found.routers.setdefault(
            key, Router(key, "", scope.module.file, decorator.lineno, name, root=True)
        )
        if is_bound(scope, name.partition(".")[0]):
            self.miss(scope, decorator, f"what {name} is, on which a route is put, is not known")
        return key, ""

    def _register(
        self, call: ast.Call, name: str, router: tuple[str, str], handler: Handler, scope: Scope
    ) -> None:
        """`@router.get("/x")` and the like."""
        at = 1 if name == "api_operation" else 0  # Ninja's, where the methods come first
        nodes = [argument(call, at, "path", "rule", "uri", "pattern", "endpoint")]
        if router[1] == "flask" and len(call.args) > 1 and not is_list(call.args[1]):
            nodes = list(call.args)  # flask-restx takes several paths
        for node in nodes:
            items = self.project.items(node, scope) if node is not None else None
            for path_node, where in items or [(node, scope)]:
                path = self.project.text(path_node, where) if path_node is not None else ""
                if path is None:
                    self.miss(scope, call, "a route's path is made at run time")
                    continue
                methods = self._methods(call, name, router[1], handler, scope)
                self.add(router, methods, path, handler, call, scope)

    def _methods(
        self, call: ast.Call, name: str, family: str, handler: Handler, scope: Scope
    ) -> tuple[str, ...]:
        if name in METHODS:
            return (name.upper(),)
        if name in {"websocket", "websocket_route"}:
            return ("WEBSOCKET",)
        given = argument(call, 0, "methods") if name == "api_operation" else None
        listed = self.listed_methods(given or first(call, ("methods", "method")), scope)
        if listed:
            return listed
        own = self.handlers.class_methods(handler)
        return own or ("GET",)


def is_bound(scope: Scope, name: str) -> bool:
    """Whether anything in a file gives a name a value, even an unknown one."""
    inner: Scope | None = scope
    while inner is not None:
        if name in inner.names or inner.stars:
            return True
        inner = inner.parent
    return False


def is_list(node: ast.expr) -> bool:
    """Whether a node is written as a list."""
    return isinstance(node, ast.List | ast.Tuple | ast.Set)
