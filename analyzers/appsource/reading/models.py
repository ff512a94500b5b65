"""The data that a Python handler gets: typed arguments, models, forms, serializers, parsers."""

import ast
import re

from analyzers.appsource.reading.access import text_of
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.values import Defined, Function, Outside, Scope, calls_within

MAX_INPUTS = 100
_FASTAPI = {"Query": "query", "Form": "form", "Body": "json", "File": "file", "Path": "path"}
_SIMPLE = re.compile(
    r"(?:(?:typing\.)?(?:Annotated|Optional|Union|List|list)\[)?"
    r"(?:str|int|float|bool|date|datetime|UUID|Literal|EmailStr)\b"
)
_NOT_INPUT = re.compile(r"\b(Header|Cookie|Depends|Security|Path)\(")
_FIELDS = ("Field", "Column", "Input")


def arguments_of(node: Function) -> list[tuple[ast.arg, ast.expr | None]]:
    """Parameters of a function, each with its default."""
    plain = [*node.args.posonlyargs, *node.args.args]
    missing = len(plain) - len(node.args.defaults)
    defaults: list[ast.expr | None] = [*[None] * missing, *node.args.defaults]
    return [
        *zip(plain, defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]


def argument_inputs(
    project: Project, argument: ast.arg, default: ast.expr | None, scope: Scope, method: str
) -> list[tuple[str, str]]:
    """FastAPI: a model is a body, a simple argument a query parameter."""
    kind, scope = _alias(project, argument.annotation, scope)
    text = ast.unparse(kind) if kind is not None else ""
    words = f"{text} {ast.unparse(default) if default is not None else ''}"
    if not text or _NOT_INPUT.search(words):
        return _depended(project, default, kind, scope, method)
    for name, place in _FASTAPI.items():
        if re.search(rf"\b{name}\(", words) or (name == "File" and "UploadFile" in text):
            return [(argument.arg, place)]
    fields = _model_fields(project, kind, scope)
    if fields:
        return [(field, "json") for field in fields]
    simple = _SIMPLE.match(text)
    return [(argument.arg, "query")] if simple else []


def _alias(project: Project, kind: ast.expr | None, scope: Scope) -> tuple[ast.expr | None, Scope]:
    """`Term` as the `Annotated[str, Query()]` that it is another name for."""
    if not isinstance(kind, ast.Name):
        return kind, scope
    holder, name = scope.module.scope, kind.id
    for bound in holder.names.get(name, ()):
        if bound.kind == "from":
            base, _, name = bound.text.partition("|")
            file = project.file_of(base, scope.module.file)
            holder = project.modules[file].scope if file else holder
    for bound in holder.names.get(name, ()):
        if bound.kind == "expr" and isinstance(bound.node, ast.Subscript | ast.BinOp):
            return bound.node, holder
    return kind, scope


def _depended(
    project: Project, default: ast.expr | None, kind: ast.expr | None, scope: Scope, method: str
) -> list[tuple[str, str]]:
    """The inputs of a FastAPI dependency: `form: OAuth2PasswordRequestForm = Depends()`."""
    text = f"{ast.unparse(kind) if kind else ''} {ast.unparse(default) if default else ''}"
    if "OAuth2PasswordRequestForm" in text:
        return [("username", "form"), ("password", "form")]
    for node in (default, kind):
        for call in calls_within(node) if node is not None else ():
            if ast.unparse(call.func).rpartition(".")[2] == "Depends" and call.args:
                value = project.value(call.args[0], scope)
                if isinstance(value, Defined) and isinstance(value.node, Function):
                    own = [
                        parameter
                        for parameter in arguments_of(value.node)
                        if "Depends" not in ast.dump(parameter[0])
                    ]
                    return [
                        pair
                        for argument, given in own
                        if given is None or "Depends" not in ast.unparse(given)
                        for pair in argument_inputs(project, argument, given, value.scope, method)
                    ]
    return []


def _model_fields(project: Project, kind: ast.expr | None, scope: Scope) -> list[str]:
    """Annotated fields of a class of the app (pydantic, dataclass, msgspec), bases included."""
    if isinstance(kind, ast.Subscript):
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        return next(
            (
                inner_fields
                for node in inner
                if (inner_fields := _model_fields(project, node, scope))
            ),
            [],
        )
    if isinstance(kind, ast.BinOp):
        return _model_fields(project, kind.left, scope) or _model_fields(project, kind.right, scope)
    if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and kind.value.isidentifier():
        kind = ast.Name(id=kind.value, ctx=ast.Load())
    value = project.value(kind, scope) if kind is not None else None
    if not isinstance(value, Defined) or not isinstance(value.node, ast.ClassDef):
        return []
    fields: list[str] = []
    for inner_fields in project.line(value):
        for item in inner_fields.node.body:
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(item.target, ast.Name)
                and not ast.unparse(item.annotation).startswith("ClassVar")
            ):
                fields.append(item.target.id)
    return list(dict.fromkeys(fields))[:MAX_INPUTS]


def form_fields(project: Project, cls: Defined) -> list[str]:
    """Fields of a form or serializer class: `title = StringField()`, `Meta.fields`."""
    fields: list[str] = []
    for ancestor in project.line(cls):
        for item in ancestor.node.body:
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
                last = ast.unparse(item.value.func).rpartition(".")[2]
                if last.endswith(_FIELDS) and last != "SubmitField":
                    fields += [target.id for target in item.targets if isinstance(target, ast.Name)]
            if isinstance(item, ast.ClassDef) and item.name == "Meta":
                fields += _meta_fields(project, item, ancestor.scope)
    return list(dict.fromkeys(fields))[:MAX_INPUTS]


def _meta_fields(project: Project, meta: ast.ClassDef, scope: Scope) -> list[str]:
    for item in meta.body:
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "fields":
            rows = project.items(item.value, scope) or []
            return [text for node, where in rows if (text := project.text(node, where))]
    return []


def fields_of_call(project: Project, call: ast.Call, scope: Scope) -> dict[str, str]:
    """Forms made in a handler, and flask-restful's parsers."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "parse_args":
        return _parser_fields(func.value, scope)
    if isinstance(func, ast.Name):
        value = project.named(scope, func.id)
        if isinstance(value, Defined) and isinstance(value.node, ast.ClassDef):
            bases = project.bases(value)
            place = _form_place(bases)
            return dict.fromkeys(form_fields(project, value), place) if place else {}
        if isinstance(value, Outside) and value.name.endswith("AuthenticationForm"):
            return {"username": "form", "password": "form"}
    return {}


def _form_place(bases: list[str]) -> str:
    for base in bases:
        last = base.rpartition(".")[2]
        if last.endswith("Form"):
            return "form"
        if last.endswith(("Serializer", "Schema")):
            return "json"
    return ""


def _parser_fields(owner: ast.expr, scope: Scope) -> dict[str, str]:
    name = ast.unparse(owner)
    return {
        text: "query" if "args" in ast.unparse(call) and "location" in ast.unparse(call) else "json"
        for call in calls_within(scope.module.tree)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "add_argument"
        and ast.unparse(call.func.value) == name
        and call.args
        and (text := text_of(call.args[0]))
    }
