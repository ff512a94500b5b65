"""Routes of Python frameworks: decorators, calls and tables, on routers followed across files."""

import ast
from collections.abc import Iterable, Sequence

from analyzers.appsource.reading.decorators import PER_CALL, Decorated
from analyzers.appsource.reading.frameworks import ANY, METHODS
from analyzers.appsource.reading.handlers import Handler
from analyzers.appsource.reading.links import Mount, Router, joined
from analyzers.appsource.reading.registrar import first
from analyzers.appsource.reading.values import (
    Defined,
    Function,
    Given,
    Made,
    Module,
    Package,
    Scope,
    Value,
    argument,
)

MAX_LOOP = 200
_MOUNTING = {
    "register_blueprint": ("url_prefix",),
    "blueprint": ("url_prefix",),
    "include_router": ("prefix", "url_prefix"),
    "register_api": ("url_prefix",),
    "add_namespace": ("path",),
    "add_subapp": (),
    "add_router": ("prefix",),
    "mount": (),
}
_LATE = {"add_url_rule", "add_api_route", "add_route", "add_resource", "add_view"}
_PLAIN = {f"add_{name}" for name in (*METHODS, "view")}


class PythonRoutes(Decorated):
    """Walks every module once and collects routers, mounts and routes."""

    def module(self, module: Module) -> None:
        """All registrations of one file."""
        self._body(module.tree.body, module.scope)

    # --- walking -----------------------------------------------------------------------------

    def _body(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        for node in nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        self.found.budget.spend()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.decorated(node, scope)
            self._body(node.decorator_list, scope)
            self._body(node.body, scope.inner.get(id(node), scope))
            return
        if isinstance(node, ast.For | ast.AsyncFor):
            self._loop(node, scope)
            return
        if isinstance(node, ast.Call):
            self._call(node, scope)
        self._body(ast.iter_child_nodes(node), scope)

    def _loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        """Read the body once for each element of a list that can be read."""
        items = self.project.items(node.iter, scope)
        if items is None:
            self._body(node.body, scope)
            return
        for item, where in items[:MAX_LOOP]:
            names = self._bindings(node.target, item, where)
            self.project.loops |= {(id(scope), name): value for name, value in names.items()}
            self._body(node.body, scope)
            for name in names:
                self.project.loops.pop((id(scope), name), None)

    def _bindings(
        self, target: ast.expr, item: ast.expr, where: Scope
    ) -> dict[str, tuple[ast.expr, Scope]]:
        if isinstance(target, ast.Name):
            return {target.id: (item, where)}
        if isinstance(target, ast.Tuple | ast.List):
            parts = self.project.items(item, where) or []
            pairs = zip(target.elts, parts, strict=False)
            return {
                target_node.id: part
                for target_node, part in pairs
                if isinstance(target_node, ast.Name)
            }
        return {}

    # --- calls -------------------------------------------------------------------------------

    def _call(self, call: ast.Call, scope: Scope) -> None:
        self._handed_on(call, scope)
        if isinstance(call.func, ast.Call):  # app.route("/x")(handler)
            self.applied(call.func, call, scope)
            return
        if not isinstance(call.func, ast.Attribute):
            self.router(self.project.value(call, scope))
            return
        name = call.func.attr
        owner = self.project.value(call.func.value, scope)
        router = self.router(owner)
        if name == "register" and isinstance(owner, Made):
            self.registered.setdefault(owner.key, []).append((call, scope))
        if router is None:
            self.router(self.project.value(call, scope))
            self._lost(call, name, owner, scope)
        elif name in _MOUNTING:
            self._mount(call, name, router, scope)
        elif name in {"add_routes", "add_handlers"}:
            table = call.args[-1] if call.args else None
            self.table_on(router, table, scope, call)
        elif (
            name in _LATE
            or name in _PLAIN
            or (name in PER_CALL and router[1] == "bottle" and len(call.args) > 1)
        ):
            self._late(call, name, router, scope)

    def _lost(self, call: ast.Call, name: str, owner: Value, scope: Scope) -> None:
        """A registration on an unknown object."""
        if name in {"add_url_rule", "register_blueprint", "include_router", "add_api_route"} and (
            owner is None or isinstance(owner, Made)
        ):
            shown = (
                ast.unparse(call.func.value)[:60] if isinstance(call.func, ast.Attribute) else ""
            )
            self.miss(scope, call, f"what {shown} is, on which {name} is called, is not known")

    def _handed_on(self, call: ast.Call, scope: Scope) -> None:
        """Let a parameter of an app's function stand for the router that it gets."""
        callee = self.project.value(call.func, scope)
        if not isinstance(callee, Defined):
            return
        skipped = 0
        target = callee
        if isinstance(callee.node, ast.ClassDef):
            made = self.project.methods(callee).get("__init__")
            target, skipped = made or callee, 1
        if not isinstance(target.node, Function):
            return
        names = [arg.arg for arg in target.node.args.args][skipped:]
        if isinstance(call.func, ast.Attribute) and names[:1] == ["self"]:
            names = names[1:]
        pairs = list(zip(names, call.args, strict=False))
        pairs += [(word.arg, word.value) for word in call.keywords if word.arg]
        for name, node in pairs:
            value = self.project.value(node, scope)
            if isinstance(value, str | Given | Made):
                self._bind(target.inside, name, value)

    def _bind(self, inside: Scope, name: str, value: Value) -> None:
        router = self.router(value)
        if router is not None:
            key = Given(inside, name).key
            known = self.found.routers.get(key)
            if known is None:
                label = f"the parameter {name}"
                known = Router(key, router[1], inside.module.file, 0, label)
                self.found.routers[key] = known
            self.found.mounts.append(Mount(router[0], key))

    def _mount(self, call: ast.Call, name: str, parent: tuple[str, str], scope: Scope) -> None:
        path_first = name in {"mount", "add_subapp", "add_router"} or parent[1] == "bottle"
        prefix_node = (
            argument(call, 0, "path", "prefix") if path_first else first(call, _MOUNTING[name])
        )
        if name == "add_namespace" and prefix_node is None:
            prefix_node = argument(call, 1, "path")
        prefix = self.project.text(prefix_node, scope) if prefix_node is not None else None
        if prefix_node is not None and prefix is None and not isinstance(prefix_node, ast.Constant):
            self.miss(scope, call, "the prefix of a mount is made at run time")
        node = (
            argument(call, 1, "app", "subapp", "router") if path_first else (call.args or [None])[0]
        )
        node = node if node is not None else first(call, ("blueprint", "router", "bp", "ns"))
        children = self.project.items(node, scope) or ([(node, scope)] if node is not None else [])
        for item, where in children:
            self._mount_one(call, item, where, parent, prefix, scope)

    def _mount_one(
        self,
        call: ast.Call,
        item: ast.expr,
        where: Scope,
        parent: tuple[str, str],
        prefix: str | None,
        scope: Scope,
    ) -> None:
        value = self.project.value(item, where)
        if parent[1] == "ninja" and isinstance(item, ast.Constant) and isinstance(item.value, str):
            value = self._by_name(item.value, where)
        child = self.router(value)
        if child is not None:
            replaces = prefix is not None and child[1] == "flask"
            self.found.mounts.append(Mount(parent[0], child[0], prefix or "", replaces))
        if self.graphql(value):
            own = self.graphql_path(value)
            self.add(parent, ANY, joined(prefix or "", own), Handler(graphql=True), call, scope)
        elif child is None and not is_files(value):
            shown = ast.unparse(item)[:60]
            self.miss(scope, call, f"what {shown} is, which is mounted here, is not known")

    def _by_name(self, dotted: str, scope: Scope) -> Value:
        """The value named by `"shop.api.router"`."""
        module, _, name = dotted.rpartition(".")
        package = self.project.imported(module, scope.module.file)
        return self.project.member(package, name) if isinstance(package, Package) else None

    def _late(self, call: ast.Call, name: str, router: tuple[str, str], scope: Scope) -> None:
        """Registrations by a call that names path and handler."""
        path_node, handler_node = argument(call, 0, "rule", "path", "uri"), None
        paths: Sequence[ast.expr | None] = [path_node]
        methods = self.listed_methods(first(call, ("methods", "method")), scope)
        if name == "add_resource":
            handler_node, paths = argument(call, 0, "resource"), [*call.args[1:]]
        elif name == "add_url_rule":
            handler_node = argument(call, 2, "view_func")
            methods = methods or ()
        elif name in _PLAIN:
            handler_node = argument(call, 1, "handler")
            verb = name.removeprefix("add_")
            methods = () if verb == "view" else (verb.upper(),)
        elif router[1] == "aiohttp":
            paths = [argument(call, 1, "path")]
            handler_node = argument(call, 2, "handler")
            methods = self.listed_methods(call.args[0] if call.args else None, scope) or ANY
        elif router[1] == "sanic":
            handler_node, paths = argument(call, 0, "handler"), [argument(call, 1, "uri")]
        elif router[1] == "bottle":
            methods = self.listed_methods(argument(call, 1, "method"), scope)
            handler_node = argument(call, 2, "callback")
            if name in METHODS:
                methods, handler_node = (
                    (name.upper(),),
                    argument(call, 1, "callback") or handler_node,
                )
        else:
            handler_node = argument(call, 1, "endpoint", "route", "resource", "view_func")
        self._late_add(call, router, paths, handler_node, methods, scope)

    def _late_add(
        self,
        call: ast.Call,
        router: tuple[str, str],
        paths: Sequence[ast.expr | None],
        handler_node: ast.expr | None,
        methods: tuple[str, ...],
        scope: Scope,
    ) -> None:
        handler = self.handlers.of(handler_node, scope)
        for node in paths:
            path = self.project.text(node, scope) if node is not None else None
            if path is None:
                self.miss(scope, call, "a route's path is made at run time")
                continue
            named = methods or self.handlers.class_methods(handler) or ("GET",)
            self.add(router, named, path, handler, call, scope)


def is_files(value: Value) -> bool:
    """Folders of files are no routes."""
    return isinstance(value, Made) and value.name.rpartition(".")[2] in {"StaticFiles", "static"}
