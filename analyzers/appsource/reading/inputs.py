"""What a Python handler takes: parameters of a request it reads, models it is given."""

import ast
import re

from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.values import Defined, Function, Outside, Scope, calls_within

BODY_NAMES = {"data", "payload", "body", "json", "form", "content", "req_data", "request_data"}
MAX_INPUTS = 100
_QUERY = (".args", ".query_params", ".GET", ".query", ".rel_url.query", ".query_arguments")
_FORM = (".form", ".POST", ".forms", ".post_vars")
_BOTH = (".values", ".params")
_FILES = (".files", ".FILES")
_JSON = (".json", ".data", ".media", ".get_json", ".json_body")
_GETTERS = {"get", "getlist", "getall", "getone", "pop", "get_all"}
_NAMED = {
    "get_argument": "query",
    "get_arguments": "query",
    "get_query_argument": "query",
    "get_query_arguments": "query",
    "get_body_argument": "form",
    "get_body_arguments": "form",
    "get_param": "query",
    "get_param_as_int": "query",
}
_BODY = re.compile(
    r"\b(request|req|self\.request|ctx\.request)\.(get_json|get_data|json\b|form\b|data\b|body\b|"
    r"files\b|FILES\b|POST\b|post\(|read\(|stream\(|media\b|body_iterator|forms\b|get_media)|\bself\.rfile\.read|\b(ns|api|namespace)\.payload\b"
)
_FASTAPI = {"Query": "query", "Form": "form", "Body": "json", "File": "file", "Path": "path"}
_NOT_INPUT = re.compile(r"\b(Header|Cookie|Depends|Security|Path)\(")
_FIELDS = ("Field", "Column", "Input")


def inputs_of(project: Project, function: Defined, method: str) -> tuple[dict[str, str], str]:
    """Name -> place of what a function reads; and why that may not be all."""
    node = function.node
    places: dict[str, str] = {}
    bodies = _bodies(node)
    for item in ast.walk(node):
        name, place = _access(item, bodies)
        if name and place and len(places) < MAX_INPUTS:
            places.setdefault(name, place)
        if isinstance(item, ast.Call):
            places |= {
                name: place
                for name, place in _fields_of_call(project, item, function.inside).items()
                if name not in places
            }
    if isinstance(node, Function):
        for argument, default in _arguments(node):
            for name, place in _argument(project, argument, default, function.scope, method):
                places.setdefault(name, place)
    reads_body = _BODY.search(ast.unparse(node)) is not None
    has_body = any(place in {"json", "form", "file"} for place in places.values())
    opaque = "it reads a body whose fields are not named" if reads_body and not has_body else ""
    if method in {"GET", "HEAD", "DELETE", "OPTIONS"}:
        places = {name: at for name, at in places.items() if at in {"query", "path"}}
        opaque = ""
    return places, opaque


def _bodies(node: ast.AST) -> dict[str, str]:
    """Names a request's parts are put under: `body = await request.json()`."""
    found: dict[str, str] = {}
    for item in ast.walk(node):
        if isinstance(item, ast.Assign) and len(item.targets) == 1:
            target = item.targets[0]
            place = _place(_owner_text(item.value))
            if isinstance(target, ast.Name) and place:
                found[target.id] = place
    return found


def _owner_text(node: ast.expr) -> str:
    """`await request.json() or {}` as `request.json`."""
    while True:
        if isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.BoolOp):
            node = node.values[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"json.loads", "dict"}:
            node = node.args[0] if node.args else node.func
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ast.unparse(node)


def _place(text: str) -> str:
    if not re.search(r"\b(request|req|self|ctx|flask\.request|bottle\.request)\b", text):
        return ""
    for ends, place in ((_QUERY, "query"), (_FORM, "form"), (_BOTH, "query"), (_FILES, "file")):
        if text.endswith(ends):
            return place
    if text.endswith((*_JSON, ".body", ".get_data")):
        return "json"
    return "form" if text.endswith((".post", ".to_dict")) else ""


def _access(node: ast.AST, bodies: dict[str, str]) -> tuple[str, str]:
    """(name, place) of `request.args.get("q")`, `request.form["x"]`, `data.get("y")`."""
    key: ast.expr | None = None
    owner: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in _NAMED:
            text = _text_of(node.args[0])
            return (text, _NAMED[node.func.attr]) if text else ("", "")
        if node.func.attr in _GETTERS:
            key, owner = node.args[0], node.func.value
    elif isinstance(node, ast.Subscript):
        key, owner = node.slice, node.value
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
        key, owner = node.left, node.comparators[0]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        text = ast.unparse(node.value)  # Bottle: request.query.q
        known = {"request.query": "query", "request.forms": "form", "request.params": "query"}
        return (node.attr, known[text]) if text in known and node.attr not in _GETTERS else ("", "")
    name = _text_of(key) if key is not None else ""
    if not name or owner is None:
        return "", ""
    if isinstance(owner, ast.Name):
        place = bodies.get(owner.id, "json" if owner.id in BODY_NAMES else "")
        return name, place
    text = _owner_text(owner)
    if text.endswith(".match_info"):
        return name, "path"
    return name, _place(text) or ("json" if text.rpartition(".")[2] in {"get_json"} else "")


def _text_of(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _arguments(node: Function) -> list[tuple[ast.arg, ast.expr | None]]:
    plain = [*node.args.posonlyargs, *node.args.args]
    missing = len(plain) - len(node.args.defaults)
    defaults: list[ast.expr | None] = [*[None] * missing, *node.args.defaults]
    return [
        *zip(plain, defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]


def _argument(
    project: Project, argument: ast.arg, default: ast.expr | None, scope: Scope, method: str
) -> list[tuple[str, str]]:
    """FastAPI: a model is a body, a simple argument a query parameter."""
    kind = argument.annotation
    text = ast.unparse(kind) if kind is not None else ""
    said = f"{text} {ast.unparse(default) if default is not None else ''}"
    if not text or _NOT_INPUT.search(said):
        return _depended(project, default, kind, scope, method)
    for name, place in _FASTAPI.items():
        if re.search(rf"\b{name}\(", said) or (name == "File" and "UploadFile" in text):
            return [(argument.arg, place)]
    fields = _model_fields(project, kind, scope)
    if fields:
        return [(field, "json") for field in fields]
    simple = re.match(r"(?:(?:typing\.)?(?:Annotated|Optional|Union|List|list)\[)?"
                      r"(?:str|int|float|bool|date|datetime|UUID|Literal|EmailStr)\b", text)  # fmt: skip
    return [(argument.arg, "query")] if simple else []


def _depended(
    project: Project, default: ast.expr | None, kind: ast.expr | None, scope: Scope, method: str
) -> list[tuple[str, str]]:
    """What a FastAPI dependency of the app takes: `form: OAuth2PasswordRequestForm = Depends()`."""
    text = f"{ast.unparse(kind) if kind else ''} {ast.unparse(default) if default else ''}"
    if "OAuth2PasswordRequestForm" in text:
        return [("username", "form"), ("password", "form")]
    for node in (default, kind):
        for call in calls_within(node) if node is not None else ():
            if ast.unparse(call.func).rpartition(".")[2] == "Depends" and call.args:
                value = project.value(call.args[0], scope)
                if isinstance(value, Defined) and isinstance(value.node, Function):
                    own = [
                        one for one in _arguments(value.node) if "Depends" not in ast.dump(one[0])
                    ]
                    return [
                        pair
                        for argument, given in own
                        if given is None or "Depends" not in ast.unparse(given)
                        for pair in _argument(project, argument, given, value.scope, method)
                    ]
    return []


def _model_fields(project: Project, kind: ast.expr | None, scope: Scope) -> list[str]:
    """Annotated fields of a class of the app (pydantic, dataclass, msgspec), bases included."""
    if isinstance(kind, ast.Subscript):
        inner = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        return next((one for node in inner if (one := _model_fields(project, node, scope))), [])
    if isinstance(kind, ast.BinOp):
        return _model_fields(project, kind.left, scope) or _model_fields(project, kind.right, scope)
    if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and kind.value.isidentifier():
        kind = ast.Name(id=kind.value, ctx=ast.Load())
    value = project.value(kind, scope) if kind is not None else None
    if not isinstance(value, Defined) or not isinstance(value.node, ast.ClassDef):
        return []
    fields: list[str] = []
    for one in project.line(value):
        for item in one.node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                if not ast.unparse(item.annotation).startswith("ClassVar"):
                    fields.append(item.target.id)
    return list(dict.fromkeys(fields))[:MAX_INPUTS]


def form_fields(project: Project, cls: Defined) -> list[str]:
    """Fields of a form or serializer class: `title = StringField()`, `Meta.fields`."""
    fields: list[str] = []
    for one in project.line(cls):
        for item in one.node.body:
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
                last = ast.unparse(item.value.func).rpartition(".")[2]
                if last.endswith(_FIELDS) and last != "SubmitField":
                    fields += [one.id for one in item.targets if isinstance(one, ast.Name)]
            if isinstance(item, ast.ClassDef) and item.name == "Meta":
                fields += _meta_fields(project, item, one.scope)
    return list(dict.fromkeys(fields))[:MAX_INPUTS]


def _meta_fields(project: Project, meta: ast.ClassDef, scope: Scope) -> list[str]:
    for item in meta.body:
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "fields":
            rows = project.items(item.value, scope) or []
            return [text for node, where in rows if (text := project.text(node, where))]
    return []


def _fields_of_call(project: Project, call: ast.Call, scope: Scope) -> dict[str, str]:
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
        and (text := _text_of(call.args[0]))
    }
