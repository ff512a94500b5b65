"""Django's `urlpatterns`: paths, includes, REST framework routers and class-based views."""

import ast
import re
from dataclasses import dataclass

from analyzers.appsource.reading.django_views import Operation, view_operations
from analyzers.appsource.reading.links import Found, Mount, Router, joined
from analyzers.appsource.reading.registrar import Registrar, plain_regex
from analyzers.appsource.reading.values import (
    Listed,
    Made,
    Module,
    Outside,
    Package,
    Scope,
    argument,
    calls_within,
)

_MAX_DEPTH = 15
_PATTERNS = "urlpatterns"
_PATHS = {"path": False, "re_path": True, "url": True}
_LOGIN = {"username": "form", "password": "form"}
_KNOWN_INCLUDES = {
    "django.contrib.auth.urls": (("login/", _LOGIN), ("password_reset/", {"email": "form"})),
    "rest_framework.urls": (("login/", _LOGIN),),
}
_NO_ROUTES = {"static", "staticfiles_urlpatterns", "debug_toolbar.urls"}


@dataclass(frozen=True, slots=True)
class _Place:
    module: Module
    prefix: str
    depth: int
    seen: frozenset[str]

    @property
    def scope(self) -> Scope:
        """The names of the file."""
        return self.module.scope


class DjangoRoutes:
    """Reads URL configurations from the roots down."""

    def __init__(self, reg: Registrar, registered: dict[str, list[tuple[ast.Call, Scope]]]):
        self.reg = reg
        self.project = reg.project
        self.registered = registered

    def read(self) -> None:
        """Every configuration that no other one includes, and ROOT_URLCONF's."""
        holders = {
            file: module
            for file, module in self.project.modules.items()
            if _PATTERNS in module.scope.names
        }
        roots = [file for file in self._roots() if file in holders]
        included = {file for module in holders.values() for file in self._included(module)}
        for file in (
            roots or [holder for holder in holders if holder not in included] or list(holders)
        ):
            self._file(_Place(holders[file], "", 0, frozenset({file})))

    def _roots(self) -> list[str]:
        found = []
        for module in self.project.modules.values():
            if "ROOT_URLCONF" in module.scope.names:
                name = self.project.named(module.scope, "ROOT_URLCONF")
                file = self.project.file_of(name, module.file) if isinstance(name, str) else None
                found += [file] if file else []
        return list(dict.fromkeys(found))

    def _included(self, module: Module) -> list[str]:
        found = []
        for call in calls_within(module.tree):
            if ast.unparse(call.func).rpartition(".")[2] == "include" and call.args:
                target = call.args[0]
                if isinstance(target, ast.Tuple | ast.List) and target.elts:
                    target = target.elts[0]
                if file := self._file_named(target, module.scope):
                    found.append(file)
        return found

    def _file_named(self, node: ast.expr, scope: Scope) -> str | None:
        value = self.project.value(node, scope)
        if isinstance(value, str):
            return self.project.file_of(value, scope.module.file)
        if isinstance(value, Package):
            return self.project.file_of(value.dotted, value.importer)
        return None

    def _file(self, place: _Place) -> None:
        for bound in place.scope.names.get(_PATTERNS, ()):
            if isinstance(bound.node, ast.expr):
                self._patterns(bound.node, bound.scope or place.scope, place)

    def _patterns(self, node: ast.expr, scope: Scope, place: _Place) -> None:
        if isinstance(node, ast.BinOp):
            self._patterns(node.left, scope, place)
            self._patterns(node.right, scope, place)
            return
        if isinstance(node, ast.List | ast.Tuple):
            for item in node.elts:
                self._element(item, scope, place)
            return
        if isinstance(node, ast.Call):
            self._patterns_call(node, scope, place)
            return
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "urls"
            and self._router_urls(node.value, scope, place)
        ):
            return
        value = self.project.value(node, scope)
        if isinstance(value, Listed):
            for item, where in value.items:
                self._element(item, where, place)
        elif not (isinstance(node, ast.Name) and node.id == _PATTERNS):
            self.reg.miss(
                scope, node, f"the patterns {ast.unparse(node)[:60]} are made at run time"
            )

    def _patterns_call(self, node: ast.Call, scope: Scope, place: _Place) -> None:
        last = ast.unparse(node.func).rpartition(".")[2]
        if last in _NO_ROUTES:
            return
        prefix = place.prefix
        if last == "i18n_patterns":
            prefix = joined(prefix, "{language}") + "/"
        if last in {"i18n_patterns", "patterns", "format_suffix_patterns"}:
            for item in node.args:
                inner = _Place(place.module, prefix, place.depth, place.seen)
                if isinstance(item, ast.Name | ast.List | ast.BinOp):
                    self._patterns(item, scope, inner)
                else:
                    self._element(item, scope, inner)
            return
        self.reg.miss(scope, node, f"the patterns {ast.unparse(node)[:60]} are made at run time")

    def _element(self, item: ast.expr, scope: Scope, place: _Place) -> None:
        if isinstance(item, ast.Starred):
            self._patterns(item.value, scope, place)
            return
        if not isinstance(item, ast.Call):
            self.reg.miss(scope, item, f"the pattern {ast.unparse(item)[:60]} is made at run time")
            return
        last = ast.unparse(item.func).rpartition(".")[2]
        if last not in _PATHS:
            self._patterns_call(item, scope, place)
            return
        node = argument(item, 0, "route", "regex")
        text = self.project.text(node, scope)
        if text is None and isinstance(node, ast.Call) and node.args:  # a translated path
            text = self.project.text(node.args[0], scope)
        view = argument(item, 1, "view")
        if text is None or view is None:
            self.reg.miss(scope, item, "a route's path is made at run time")
            return
        text = plain_regex(text) if _PATHS[last] else text
        path = place.prefix.rstrip("/") + "/" + text.lstrip("/")
        self._view(view, scope, path, item, place)

    def _view(self, view: ast.expr, scope: Scope, path: str, item: ast.Call, place: _Place) -> None:
        if (
            isinstance(view, ast.Attribute)
            and view.attr == "urls"
            and self._router_urls(view.value, scope, _Place(place.module, path, 0, place.seen))
        ):
            return
        if isinstance(view, ast.Call) and ast.unparse(view.func).rpartition(".")[2] == "include":
            self._include(view, scope, path, place)
            return
        operations = view_operations(self.reg, view, scope)
        if not operations:
            self.reg.miss(scope, item, f"the view of {path[:80]} is not known")
        for operation in operations:
            self._add(
                operation.method,
                joined(path, operation.path) if operation.path else path,
                operation,
            )

    def _add(self, method: str, path: str, found: Operation) -> None:
        key = "django:root"
        self.reg.found.routers.setdefault(key, Router(key, "django", "", 0, "urls", root=True))
        self.reg.found.routes.append(found.at(key, method, path))

    def _include(self, call: ast.Call, scope: Scope, path: str, place: _Place) -> None:
        target = call.args[0] if call.args else None
        if isinstance(target, ast.Tuple) and target.elts:
            target = target.elts[0]
        if target is None or place.depth > _MAX_DEPTH:
            self.reg.miss(scope, call, "includes nested too deep")
            return
        if (
            isinstance(target, ast.Attribute)
            and target.attr == "urls"
            and self._router_urls(target.value, scope, _Place(place.module, path, 0, place.seen))
        ):
            return
        file = self._file_named(target, scope)
        if file is not None:
            if file in place.seen:
                self.reg.miss(scope, call, f"{file} includes itself")
                return
            module = self.project.modules[file]
            self._file(_Place(module, path, place.depth + 1, place.seen | {file}))
            return
        inner = _Place(place.module, path, place.depth + 1, place.seen)
        if isinstance(target, ast.List | ast.BinOp):
            self._patterns(target, scope, inner)
            return
        value = self.project.value(target, scope)
        if isinstance(value, Listed):
            for item, where in value.items:
                self._element(item, where, inner)
            return
        self._outside(value, target, scope, path)

    def _outside(self, value: object, target: ast.expr, scope: Scope, path: str) -> None:
        name = value if isinstance(value, str) else getattr(value, "name", "")
        known = _KNOWN_INCLUDES.get(str(name))
        if known is None:
            if name not in _NO_ROUTES:
                shown = name or ast.unparse(target)[:60]
                self.reg.miss(scope, target, f"the included {shown} is no file of the app")
            return
        for below, inputs in known:
            self._form(joined(path, below), inputs, scope, target)

    def _form(self, path: str, inputs: dict[str, str], scope: Scope, node: ast.expr) -> None:
        key = "django:root"
        self.reg.found.routers.setdefault(key, Router(key, "django", "", 0, "urls", root=True))
        for method, takes in (("GET", {}), ("POST", inputs)):
            self.reg.found.routes.append(
                Found(key, (method,), path, scope.module.file, node.lineno, "django", inputs=takes)
            )

    def _router_urls(self, owner: ast.expr, scope: Scope, place: _Place) -> bool:
        """`router.urls`, `admin.site.urls`, `api.urls`: returns whether they were known."""
        text = ast.unparse(owner)
        value = self.project.value(owner, scope)
        if text.endswith(("admin.site", "admin_site")) or (
            isinstance(value, Outside) and value.name.endswith("admin.site")
        ):
            self._form(joined(place.prefix, "login/"), _LOGIN, scope, owner)
            return True
        if not isinstance(value, Made):
            return False
        router = self.reg.router(value)
        if router is not None and router[1] == "ninja":
            key = f"django:{place.prefix}"
            self.reg.found.routers[key] = Router(
                key, "django", "", 0, "urls", root=True, prefix=place.prefix
            )
            self.reg.found.mounts.append(Mount(key, value.key))
            return True
        rows = self.registered.get(value.key)
        if rows is None:
            return router is not None
        for call, where in rows:
            self._viewset(call, where, place)
        return True

    def _viewset(self, call: ast.Call, scope: Scope, place: _Place) -> None:
        prefix = self.project.text(argument(call, 0, "prefix"), scope)
        view = argument(call, 1, "viewset")
        if prefix is None or view is None:
            self.reg.miss(scope, call, "a viewset's prefix is made at run time")
            return
        base = joined(place.prefix, plain_regex(prefix)) + "/"
        operations = view_operations(self.reg, view, scope, viewset=True)
        if not operations:
            self.reg.miss(scope, call, f"the viewset {ast.unparse(view)[:60]} is not known")
        for operation in operations:
            self._add(
                operation.method, re.sub(r"//+", "/", base + operation.path.lstrip("/")), operation
            )
