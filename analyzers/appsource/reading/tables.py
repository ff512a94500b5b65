"""Routes in tables: Starlette, aiohttp, Tornado, Litestar."""

import ast

from analyzers.appsource.reading.frameworks import ANY, METHODS
from analyzers.appsource.reading.handlers import Handler
from analyzers.appsource.reading.links import Mount, joined
from analyzers.appsource.reading.registrar import Registrar
from analyzers.appsource.reading.values import (
    Defined,
    Function,
    Listed,
    Made,
    Outside,
    Scope,
    argument,
    keywords,
)

_ENDPOINTS = {"Route", "APIRoute"}
_NO_ROUTES = {"static", "StaticFiles", "WebSocketRoute", "HostRoute", "Host"}
_TORNADO = {"url", "URLSpec", "Rule"}


def read_table(
    reg: Registrar, router: tuple[str, str], node: ast.expr, scope: Scope, call: ast.Call
) -> None:
    """Read every entry of a table of routes on `router`."""
    items = reg.project.items(node, scope)
    if items is None:
        value = reg.project.value(node, scope)
        if child := reg.router(value):  # aiohttp: add_routes(routes)
            reg.found.mounts.append(Mount(router[0], child[0]))
        else:
            reg.miss(
                scope, call, f"the table of routes {ast.unparse(node)[:60]} is made at run time"
            )
        return
    for item, where in items:
        _entry(reg, router, item, where, call)


def _entry(
    reg: Registrar, router: tuple[str, str], item: ast.expr, scope: Scope, call: ast.Call
) -> None:
    item = item.value if isinstance(item, ast.Starred) else item
    value = reg.project.value(item, scope)
    if isinstance(value, Listed) and router[1] == "tornado":
        _tornado(reg, router, value.items, item, scope)
    elif isinstance(value, Made):
        _made(reg, router, value, scope)
    elif isinstance(value, Defined):
        litestar_handler(reg, router, value)
    else:
        reg.miss(
            scope, item, f"the entry {ast.unparse(item)[:60]} of a table of routes is not known"
        )


def _made(reg: Registrar, router: tuple[str, str], value: Made, scope: Scope) -> None:
    last, call = value.name.rpartition(".")[2], value.call
    if last in _NO_ROUTES:
        return
    if last in _ENDPOINTS:
        handler = reg.handlers.of(argument(call, 1, "endpoint"), value.scope)
        methods = reg.listed_methods(argument(call, 2, "methods"), value.scope)
        methods = methods or reg.handlers.class_methods(handler) or ("GET",)
        _add(reg, router, methods, argument(call, 0, "path"), handler, value)
    elif last == "Mount":
        _mount(reg, router, value)
    elif last in _TORNADO and router[1] == "tornado":
        parts = tuple((arg, value.scope) for arg in call.args)
        _tornado(reg, router, parts, call, value.scope)
    elif value.name.startswith("aiohttp.web.") and last in {*METHODS, "view", "route"}:
        _aiohttp(reg, router, value, last)
    elif child := reg.router(value):
        reg.found.mounts.append(Mount(router[0], child[0]))
    else:
        reg.miss(scope, call, f"the entry {value.name}() of a table of routes is not known")


def _add(
    reg: Registrar,
    router: tuple[str, str],
    methods: tuple[str, ...],
    path_node: ast.expr | None,
    handler: Handler,
    value: Made,
) -> None:
    path = reg.project.text(path_node, value.scope)
    if path is None:
        reg.miss(value.scope, value.call, "a route's path is made at run time")
        return
    reg.add(router, methods, path, handler, value.call, value.scope)


def _mount(reg: Registrar, router: tuple[str, str], value: Made) -> None:
    prefix = reg.project.text(argument(value.call, 0, "path"), value.scope)
    if prefix is None:
        reg.miss(value.scope, value.call, "the prefix of a mount is made at run time")
    own = reg.router(value)
    app = argument(value.call, 1, "app")
    if own is None:
        return
    reg.found.mounts.append(Mount(router[0], own[0], prefix or ""))
    if app is None:
        return
    inner = reg.project.value(app, value.scope)
    if child := reg.router(inner):
        reg.found.mounts.append(Mount(own[0], child[0]))
    elif reg.graphql(inner):
        reg.add(own, ANY, "", Handler(graphql=True), value.call, value.scope)
    elif not (isinstance(inner, Made) and inner.name.rpartition(".")[2] in _NO_ROUTES):
        reg.miss(value.scope, app, f"what {ast.unparse(app)[:60]} is, mounted here, is not known")


def _aiohttp(reg: Registrar, router: tuple[str, str], value: Made, last: str) -> None:
    call, shift = value.call, 1 if last == "route" else 0
    handler = reg.handlers.of(argument(call, 1 + shift, "handler"), value.scope)
    methods: tuple[str, ...] = (last.upper(),)
    if last == "route":
        methods = reg.listed_methods(call.args[0] if call.args else None, value.scope) or ANY
    elif last == "view":
        methods = reg.handlers.class_methods(handler) or ("GET",)
    _add(reg, router, methods, argument(call, shift, "path"), handler, value)


def _tornado(
    reg: Registrar,
    router: tuple[str, str],
    parts: tuple[tuple[ast.expr, Scope], ...],
    node: ast.expr,
    scope: Scope,
) -> None:
    if len(parts) < 2:
        return
    path = reg.project.text(*parts[0])
    if path is None and isinstance(parts[0][0], ast.Call) and parts[0][0].args:
        path = reg.project.text(parts[0][0].args[0], parts[0][1])  # PathMatches(r"/x")
    if path is None:
        reg.miss(scope, node, "a route's path is made at run time")
        return
    value = reg.project.value(*parts[1])
    if isinstance(value, Outside) and value.name.endswith("StaticFileHandler"):
        return
    handler = reg.handlers.of(*parts[1])
    methods = reg.handlers.class_methods(handler)
    if not methods:
        reg.miss(scope, node, f"the handler of {path[:60]} is not known")
    reg.add(router, methods or ("GET",), path, handler, node, scope)


def litestar_handler(reg: Registrar, router: tuple[str, str], value: Defined) -> None:
    """A decorated function, or a Controller with such methods."""
    if isinstance(value.node, ast.ClassDef):
        prefix = _controller_path(reg, value)
        for inner in reg.project.methods(value).values():
            _litestar(reg, router, prefix, inner)
    else:
        _litestar(reg, router, "", value)


def _controller_path(reg: Registrar, cls: Defined) -> str:
    for bound in cls.inside.names.get("path", ()):
        if text := reg.project.text(bound.node, cls.inside):
            return text
    return ""


def _litestar(reg: Registrar, router: tuple[str, str], prefix: str, function: Defined) -> None:
    node = function.node
    for decorator in node.decorator_list if isinstance(node, Function) else ():
        call = decorator if isinstance(decorator, ast.Call) else None
        name = ast.unparse(call.func if call else decorator).rpartition(".")[2]
        if name not in {*METHODS, "route"}:
            continue
        path_node = argument(call, 0, "path") if call else None
        path = reg.project.text(path_node, function.scope) if path_node is not None else ""
        if path is None:
            reg.miss(function.scope, decorator, "a route's path is made at run time")
            continue
        methods: tuple[str, ...] = (name.upper(),)
        if name == "route" and call is not None:
            methods = reg.listed_methods(keywords(call).get("http_method"), function.scope) or ANY
        handler = Handler(
            function, [guard for guard in node.decorator_list if guard is not decorator]
        )
        reg.add(router, methods, joined(prefix, path), handler, decorator, function.scope)
