"""How a Python handler reads a request: `request.args.get("q")`, `body["title"]`."""

import ast
import re

BODY_NAMES = {"data", "payload", "body", "json", "form", "content", "req_data", "request_data"}
_QUERY = (".args", ".query_params", ".GET", ".query", ".rel_url.query", ".query_arguments")
_FORM = (".form", ".POST", ".forms", ".post_vars")
_BOTH = (".values", ".params")
_FILES = (".files", ".FILES")
_JSON = (".json", ".data", ".media", ".get_json", ".json_body")
GETTERS = {"get", "getlist", "getall", "getone", "pop", "get_all"}
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


def keyed_access(node: ast.AST, bodies: dict[str, str]) -> tuple[str, str]:
    """(variable, place) of `request.form.get(name)`."""
    if isinstance(node, ast.Subscript):
        key, owner = node.slice, node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in GETTERS
        and node.args
    ):
        key, owner = node.args[0], node.func.value
    else:
        return "", ""
    if not isinstance(key, ast.Name):
        return "", ""
    if isinstance(owner, ast.Name):
        return key.id, bodies.get(owner.id, "")
    return key.id, place_of(owner_text(owner))


def bodies_of(node: ast.AST) -> dict[str, str]:
    """Names of variables that hold parts of a request: `body = await request.json()`."""
    found: dict[str, str] = {}
    for item in ast.walk(node):
        if isinstance(item, ast.Assign) and len(item.targets) == 1:
            target = item.targets[0]
            place = place_of(owner_text(item.value))
            if isinstance(target, ast.Name) and place:
                found[target.id] = place
    return found


def owner_text(node: ast.expr) -> str:
    """`await request.json() or {}` as `request.json`."""
    while True:
        if isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.BoolOp):
            node = node.values[0]
        elif isinstance(node, ast.IfExp):
            node = node.body
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"json.loads", "dict"}:
            node = node.args[0] if node.args else node.func
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ast.unparse(node)


def place_of(text: str) -> str:
    """The place of a part of a request (`request.args`: query); empty where it is none."""
    if not re.search(r"\b(request|req|self|ctx|flask\.request|bottle\.request)\b", text):
        return ""
    for ends, place in ((_QUERY, "query"), (_FORM, "form"), (_BOTH, "query"), (_FILES, "file")):
        if text.endswith(ends):
            return place
    if text.endswith((*_JSON, ".body", ".get_data")):
        return "json"
    return "form" if text.endswith((".post", ".to_dict")) else ""


def access(node: ast.AST, bodies: dict[str, str]) -> tuple[str, str]:
    """(name, place) of `request.args.get("q")`, `request.form["x"]`, `data.get("y")`."""
    key: ast.expr | None = None
    owner: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in _NAMED:
            text = text_of(node.args[0])
            return (text, _NAMED[node.func.attr]) if text else ("", "")
        if node.func.attr in GETTERS:
            key, owner = node.args[0], node.func.value
    elif isinstance(node, ast.Subscript):
        key, owner = node.slice, node.value
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
        key, owner = node.left, node.comparators[0]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        text = ast.unparse(node.value)  # Bottle: request.query.q
        known = {"request.query": "query", "request.forms": "form", "request.params": "query"}
        return (node.attr, known[text]) if text in known and node.attr not in GETTERS else ("", "")
    name = text_of(key) if key is not None else ""
    if not name or owner is None:
        return "", ""
    if isinstance(owner, ast.Name):
        place = bodies.get(owner.id, "json" if owner.id in BODY_NAMES else "")
        return name, place
    text = owner_text(owner)
    if text.endswith(".match_info"):
        return name, "path"
    return name, place_of(text) or ("json" if text.rpartition(".")[2] in {"get_json"} else "")


def text_of(node: ast.expr | None) -> str:
    """A literal string; empty for everything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
