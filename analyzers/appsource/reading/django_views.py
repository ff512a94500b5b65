"""The operations of Django's views: functions, classes, REST framework's views and viewsets."""

import ast
import re
from dataclasses import dataclass, field

from analyzers.appsource.reading.frameworks import METHODS
from analyzers.appsource.reading.handlers import Handler, Read
from analyzers.appsource.reading.links import Found
from analyzers.appsource.reading.models import form_fields
from analyzers.appsource.reading.reach import PythonCode
from analyzers.appsource.reading.registrar import Registrar
from analyzers.appsource.reading.values import (
    Defined,
    Function,
    Made,
    Outside,
    Scope,
    calls_within,
    keywords,
)

_GENERIC = {
    "CreateView": "GET POST", "UpdateView": "GET POST", "FormView": "GET POST",
    "DeleteView": "GET POST", "LoginView": "GET POST", "PasswordChangeView": "GET POST",
    "PasswordResetView": "GET POST", "ListView": "GET", "DetailView": "GET",
    "TemplateView": "GET", "RedirectView": "GET", "LogoutView": "POST",
    "CreateAPIView": "POST", "ListAPIView": "GET", "RetrieveAPIView": "GET",
    "DestroyAPIView": "DELETE", "UpdateAPIView": "PUT PATCH", "ListCreateAPIView": "GET POST",
    "RetrieveUpdateAPIView": "GET PUT PATCH", "RetrieveDestroyAPIView": "GET DELETE",
    "RetrieveUpdateDestroyAPIView": "GET PUT PATCH DELETE", "TokenObtainPairView": "POST",
    "TokenRefreshView": "POST", "ObtainAuthToken": "POST", "SpectacularAPIView": "GET",
    "SpectacularSwaggerView": "GET", "SpectacularRedocView": "GET", "JavaScriptCatalog": "GET",
}  # fmt: skip
_OUTSIDE_INPUTS = {
    "LoginView": {"username": "form", "password": "form"},
    "TokenObtainPairView": {"username": "json", "password": "json"},
    "ObtainAuthToken": {"username": "json", "password": "json"},
    "obtain_auth_token": {"username": "json", "password": "json"},
    "PasswordResetView": {"email": "form"},
}
_SINGLE = "{pk}/"
_ACTIONS = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "retrieve": ("GET", _SINGLE),
    "update": ("PUT", _SINGLE),
    "partial_update": ("PATCH", _SINGLE),
    "destroy": ("DELETE", _SINGLE),
}
# What the REST framework's own actions call, the most telling first.
_HOOKS = {
    "GET": ("get_queryset", "get_object"),
    "POST": ("perform_create",),
    **dict.fromkeys(("PUT", "PATCH"), ("perform_update", "get_object", "get_queryset")),
    "DELETE": ("perform_destroy", "get_object", "get_queryset"),
}
_MIXED = {
    "ModelViewSet": tuple(_ACTIONS),
    "ReadOnlyModelViewSet": ("list", "retrieve"),
    "ListModelMixin": ("list",),
    "CreateModelMixin": ("create",),
    "RetrieveModelMixin": ("retrieve",),
    "UpdateModelMixin": ("update", "partial_update"),
    "DestroyModelMixin": ("destroy",),
}


@dataclass(slots=True)
class Operation:
    """One method of a view; `path` is relative to the view's place."""

    method: str
    path: str
    file: str
    line: int
    handler: str
    read: Read = field(default_factory=Read)

    def at(self, router: str, method: str, path: str) -> Found:
        """Its route at that place."""
        read = self.read
        file, line = (read.code.span[0], read.code.line) if read.code else (self.file, self.line)
        return Found(
            router, (method,), path, file, line, "django", self.handler, read.auth,
            read.inputs, read.opaque, read.writes, read.kind, read.code,
        )  # fmt: skip


def view_operations(
    reg: Registrar, view: ast.expr, scope: Scope, *, viewset: bool = False
) -> list[Operation]:
    """The operations of a view; none where it is unknown."""
    if not viewset and isinstance(view, ast.Call) and _is_as_view(view) and view.args:
        return _mapped_viewset(reg, view, scope)  # as_view({"get": "list"})
    handler = reg.handlers.of(view, scope)
    if handler.graphql:
        return [_operation(reg, handler, method, scope, view) for method in ("GET", "POST")]
    if handler.defined is None:
        value = reg.project.value(view, scope)
        name = value.name if isinstance(value, Made | Outside) else ""
        return _outside(handler.label, f"{name} {ast.unparse(view)}", scope, view)
    if isinstance(handler.defined.node, ast.ClassDef):
        if viewset:
            return _viewset(reg, handler.defined)
        return _class(reg, handler, scope, view)
    return [
        _operation(reg, handler, method, scope, view)
        for method in function_methods(handler.defined)
    ]


def function_methods(view: Defined) -> tuple[str, ...]:
    """Methods that a function view answers, by its decorators, else by what it reads."""
    node = view.node
    for decorator in node.decorator_list:
        text = ast.unparse(decorator)
        name = text.partition("(")[0].rpartition(".")[2]
        if name in {"require_http_methods", "api_view"}:
            named = [word.upper() for word in re.findall(r"'(\w+)'", text)]
            return tuple(word for word in named if word.lower() in METHODS) or ("GET",)
        plain = {"require_POST": ("POST",), "require_GET": ("GET",), "require_safe": ("GET",)}
        if name in plain:
            return plain[name]
    text = ast.unparse(node)
    found = [
        method for method in ("PUT", "PATCH", "DELETE") if re.search(rf"method\W+'{method}'", text)
    ]
    posts = re.search(r"'POST'|\.POST\b|\.FILES\b|request\.body\b", text)
    return ("GET", *(("POST",) if posts else ()), *found)


def _is_as_view(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "as_view"


def _mapped_viewset(reg: Registrar, view: ast.Call, scope: Scope) -> list[Operation]:
    handler = reg.handlers.of(view, scope)
    mapping = view.args[0]
    if not isinstance(mapping, ast.Dict) or handler.defined is None:
        return []
    rows = []
    for key, value in zip(mapping.keys, mapping.values, strict=True):
        verb, action = reg.project.text(key, scope), reg.project.text(value, scope)
        if verb and action:
            rows.append(_action(reg, handler.defined, action, verb.upper(), ""))
    return rows


def _class(reg: Registrar, handler: Handler, scope: Scope, view: ast.expr) -> list[Operation]:
    cls = handler.defined
    assert cls is not None  # noqa: S101 - only called for classes
    bases = [base.rpartition(".")[2] for base in reg.project.bases(cls)]
    own = reg.handlers.class_methods(handler)
    generic = next((_GENERIC[base] for base in bases if base in _GENERIC), "").split()
    # A generic view answers its own HTTP methods, whatever else the class defines.
    methods = tuple(dict.fromkeys((*own, *generic)))
    rows = []
    for method in methods:
        operation = _operation(reg, handler, method, scope, view)
        if method not in own:
            operation.read.opaque = ""
        if method in {"POST", "PUT", "PATCH"}:
            fields, place = _declared_fields(reg, cls, bases)
            operation.read.inputs |= {
                name: place for name in fields if name not in operation.read.inputs
            }
            if not operation.read.inputs and not operation.read.opaque:
                operation.read.opaque = "its fields come from a model"
        rows.append(operation)
    return rows


def _declared_fields(reg: Registrar, cls: Defined, bases: list[str]) -> tuple[list[str], str]:
    """Fields of `form_class`, `serializer_class` or `fields = [...]`."""
    place = "json" if any("API" in base or "ViewSet" in base for base in bases) else "form"
    for ancestor in reg.project.line(cls):
        for name in ("form_class", "serializer_class"):
            for bound in ancestor.inside.names.get(name, ()):
                value = reg.project.value(bound.node, ancestor.inside)
                if isinstance(value, Defined):
                    return form_fields(reg.project, value), place
        for bound in ancestor.inside.names.get("fields", ()):
            items = reg.project.items(bound.node, ancestor.inside) or []
            return [text for node, at in items if (text := reg.project.text(node, at))], place
    known = next((_OUTSIDE_INPUTS[base] for base in bases if base in _OUTSIDE_INPUTS), {})
    return list(known), place


def _viewset(reg: Registrar, cls: Defined) -> list[Operation]:
    bases = [base.rpartition(".")[2] for base in reg.project.bases(cls)]
    methods = reg.project.methods(cls)
    named = [action for base in bases for action in _MIXED.get(base, ())]
    named += [action for action in _ACTIONS if action in methods]
    allowed = _allowed(cls)
    rows = []
    for action in dict.fromkeys(named):
        method, path = _ACTIONS[action]
        if not allowed or method.lower() in allowed:
            rows.append(_action(reg, cls, action, method, path))
    for name, function in methods.items():
        rows += _extra(reg, cls, name, function)
    return rows


def _allowed(cls: Defined) -> set[str]:
    for bound in cls.inside.names.get("http_method_names", ()):
        return set(re.findall(r"'(\w+)'", ast.unparse(bound.node))) if bound.node else set()
    return set()


def _extra(reg: Registrar, cls: Defined, name: str, function: Defined) -> list[Operation]:
    """`@action(detail=True, methods=["post"], url_path="x")`."""
    rows: list[Operation] = []
    for decorator in function.node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("action"):
            named = keywords(decorator)
            detail = ast.unparse(named["detail"]) == "True" if "detail" in named else False
            path = reg.project.text(named.get("url_path"), function.scope) or name
            methods = (
                re.findall(r"'(\w+)'", ast.unparse(named["methods"])) if "methods" in named else []
            )
            below = f"{_SINGLE if detail else ''}{path}/"
            rows += [
                _action(reg, cls, name, method.upper(), below) for method in methods or ["get"]
            ]
    return rows


def _action(reg: Registrar, cls: Defined, action: str, method: str, path: str) -> Operation:
    methods = reg.project.methods(cls)
    function = methods.get(action)
    file, line = cls.scope.module.file, cls.node.lineno
    read = Read()
    if function is not None:
        read = reg.handlers.read(Handler(function, list(cls.node.decorator_list)), method)
        file, line = function.scope.module.file, function.node.lineno
    elif hook := next((own for name in _HOOKS.get(method, ()) if (own := methods.get(name))), None):
        read.code = PythonCode(reg.project, hook)
        file, line = hook.scope.module.file, hook.node.lineno
    if method in {"POST", "PUT", "PATCH"}:
        fields, _ = _declared_fields(reg, cls, ["ViewSet"])
        read.inputs |= {name: "json" for name in fields if name not in read.inputs}
        if not read.inputs and function is None:
            read.opaque = "its fields come from a model"
    guard = any(
        "IsAuthenticated" in ast.unparse(bound.node)
        for bound in cls.inside.names.get("permission_classes", ())
        if bound.node is not None
    )
    read.auth = True if guard else read.auth
    return Operation(method, path, file, line, f"{cls.node.name}.{action}", read)


def _operation(
    reg: Registrar, handler: Handler, method: str, scope: Scope, view: ast.expr
) -> Operation:
    read = reg.handlers.read(handler, method)
    line = getattr(handler.node, "lineno", view.lineno)
    return Operation(method, "", handler.file or scope.module.file, line, handler.name, read)


def _outside(label: str, text: str, scope: Scope, view: ast.expr) -> list[Operation]:
    """Views of Django and of the REST framework themselves, by their name in `text`."""
    last = next(
        (
            view_name
            for view_name in (*_GENERIC, "obtain_auth_token")
            if re.search(rf"\b{view_name}\b", text)
        ),
        "",
    )
    methods = _GENERIC.get(last, "POST" if last else "").split()
    inputs = _OUTSIDE_INPUTS.get(last, {})
    forms = [word for call in calls_within(view) for word in keywords(call)]
    opaque = "its fields come from a model" if "POST" in methods and not inputs else ""
    return [
        Operation(
            method, "", scope.module.file, view.lineno, label or last or ",".join(forms),
            Read(dict(inputs), opaque=opaque) if method == "POST" else Read(),
        )
        for method in methods
    ]  # fmt: skip


__all__ = ["Function", "Operation", "function_methods", "view_operations"]
