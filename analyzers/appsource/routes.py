"""Routes read from source: Flask and FastAPI decorators by syntax tree, Express by pattern.

A program of its own (`python -I routes.py ROOT < files.json`), run under the newest interpreter:
source that no parser survives must not take the analyzer down. Standard library only.
"""

import ast
import json
import re
import sys
import warnings
from pathlib import Path

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
AUTH = re.compile(
    r"(login|auth|authentication|jwt|token|user|admin)_?required|require_?(auth|login|user|token|jwt)|"
    r"\b(is_?)?authenticated?\b|authenticate_?token|verify_?(token|jwt|auth)|auth_?middleware",
    re.IGNORECASE,
)
BODY_NAMES = {"data", "payload", "body", "json", "form", "content", "req_data", "request_data"}
MAX_FILE_BYTES = 1_000_000


Handler = ast.FunctionDef | ast.AsyncFunctionDef


class PythonModule:
    """Routes of one Python file; prefixes given elsewhere are applied by `read_tree`."""

    def __init__(self, tree: ast.Module, file: str):
        self.file = file
        self.constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.prefixes = self._own_prefixes()
        self.mounts = self._mounts(tree)
        self.models = self._models(tree)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        handlers = [node for node in ast.walk(tree) if isinstance(node, functions)]
        self.routes = [row for node in handlers for row in self._routes_of(node)]

    def text(self, node: ast.expr | None) -> str | None:
        """Value of a string expression; f-strings and module constants are resolved."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name) and node.id in self.constants:
            value = self.constants[node.id]
            return str(value.value) if isinstance(value, ast.Constant) else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = self.text(node.left), self.text(node.right)
            return None if None in sides else f"{sides[0]}{sides[1]}"
        if isinstance(node, ast.JoinedStr):
            parts = [
                self.text(getattr(part, "value", None))
                if isinstance(part, ast.FormattedValue)
                else self.text(part)
                for part in node.values
            ]
            return None if None in parts else "".join(str(part) for part in parts)
        return None

    def _own_prefixes(self) -> dict[str, str]:
        """Router variable -> prefix, of `Blueprint(url_prefix=)` and `APIRouter(prefix=)`."""
        found = {}
        for name, value in self.constants.items():
            if isinstance(value, ast.Call) and _called(value) in {"Blueprint", "APIRouter"}:
                found[name] = self._prefix(value) or ""
        return found

    def _prefix(self, call: ast.Call) -> str | None:
        words = {word.arg: word.value for word in call.keywords}
        return self.text(words.get("url_prefix") or words.get("prefix"))

    def _mounts(self, tree: ast.Module) -> dict[str, str]:
        """Router's last name -> prefix, of `register_blueprint` and `include_router`."""
        found = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in {
                "register_blueprint",
                "include_router",
            }:
                prefix, router = self._prefix(node), node.args[:1]
                if prefix and router:
                    found[ast.unparse(router[0])] = prefix
        return found

    def _models(self, tree: ast.Module) -> dict[str, list[str]]:
        """Class -> annotated field names (pydantic bodies)."""
        return {
            node.name: [
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            ]
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        }

    def _routes_of(self, node: Handler) -> list[dict]:
        rows = []
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            path = self.text(decorator.args[0]) if decorator.args else None
            methods = _methods(decorator)
            if path is None or not methods:
                continue
            router = ast.unparse(decorator.func.value)
            others = [one for one in node.decorator_list if one is not decorator]
            needs_login = any(AUTH.search(ast.unparse(one)) for one in others)
            for method in methods:
                rows.append(
                    {
                        "method": method,
                        "router": router,
                        "path": _braces(path),
                        "file": self.file,
                        "line": node.lineno,
                        "auth": True if needs_login else None,
                        "parameters": self._parameters(node, path, method),
                    }
                )
        return rows

    def _parameters(self, node: Handler, path: str, method: str) -> list[dict]:
        places = dict.fromkeys(re.findall(r"\{([^}]+)\}", _braces(path)), "path")
        for item in ast.walk(node):
            name, place = _access(item)
            if name and place:
                places.setdefault(name, place)
        for argument in node.args.args:
            for field, place in self._argument(argument, method):
                places.setdefault(field, place)
        return [{"name": name, "place": place} for name, place in places.items()]

    def _argument(self, argument: ast.arg, method: str) -> list[tuple[str, str]]:
        """FastAPI: a pydantic argument is a JSON body, a simple one is a query parameter."""
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        if kind in self.models and self.models[kind] and method not in {"GET", "DELETE"}:
            return [(field, "json") for field in self.models[kind]]
        simple = re.match(r"(Annotated\[)?(str|int|float|bool)\b", kind)
        header = re.search(r"\b(Header|Cookie|Depends|Path)\(", kind)
        return [(argument.arg, "query")] if simple and not header else []


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _methods(call: ast.Call) -> list[str]:
    name = _called(call)
    if name in METHODS:
        return [name.upper()]
    if name != "route":
        return []
    listed = next((word.value for word in call.keywords if word.arg == "methods"), None)
    if not isinstance(listed, ast.List | ast.Tuple | ast.Set):
        return ["GET"]
    values = [item.value for item in listed.elts if isinstance(item, ast.Constant)]
    return [str(value).upper() for value in values if str(value).lower() in METHODS]


def _braces(path: str) -> str:
    """Flask's `<int:id>`, FastAPI's `{id:path}` and Express' `:id` as `{id}`."""
    path = re.sub(r"<(?:[^<>:]+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", path)
    path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)
    return re.sub(r"(?<=/):(\w+)\??(\([^)]*\))?", r"{\1}", path)


def _access(node: ast.AST) -> tuple[str, str]:
    """(name, place) of `request.args.get("q")`, `request.form["x"]`, `data.get("y")`."""
    if isinstance(node, ast.Call) and _called(node) in {"get", "getlist"} and node.args:
        key, owner = node.args[0], getattr(node.func, "value", None)
    elif isinstance(node, ast.Subscript):
        key, owner = node.slice, node.value
    else:
        return "", ""
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str)) or owner is None:
        return "", ""
    text = ast.unparse(owner)
    if text.endswith((".args", ".query_params", ".GET")):
        return key.value, "query"
    if text.endswith((".form", ".POST")):
        return key.value, "form"
    if text.endswith(".files"):
        return key.value, "file"
    last = re.sub(r"\(.*\)$", "", text, flags=re.DOTALL).split(".")[-1]
    is_body = last in BODY_NAMES or last == "get_json"
    return (key.value, "json") if is_body else ("", "")


EXPRESS = re.compile(
    r"""\b(?P<router>\w*(?:app|router|server|api|routes?)\w*)\s*\.\s*"""
    r"""(?P<method>get|post|put|patch|delete)\(\s*(?P<quote>["'`])(?P<path>/[^"'`]*)(?P=quote)"""
    r"""(?P<rest>[^\n]*)""",
    re.IGNORECASE,
)
USE = re.compile(
    r"""\.use\(\s*["'`](/[^"'`]*)["'`]\s*,[^\n]*?"""
    r"""(?:require\(["'`]([^"'`]+)["'`]\)|(\w+)\s*\))"""
)
IMPORT = re.compile(
    r"""(?:const|let|var|import)\s+(\w+)\s*(?:=\s*require\(|from\s+)["'`](\.[^"'`]+)["'`]"""
)


def express_routes(text: str, file: str) -> list[dict]:
    """Routes of one JavaScript or TypeScript file."""
    hits, rows = list(EXPRESS.finditer(text)), []
    for index, hit in enumerate(hits):
        end = hits[index + 1].start() if index + 1 < len(hits) else len(text)
        rows.append(
            {
                "method": hit["method"].upper(),
                "router": hit["router"],
                "path": _braces(hit["path"]),
                "file": file,
                "line": text.count("\n", 0, hit.start()) + 1,
                "auth": True if AUTH.search(hit["rest"].split("=>")[0]) else None,
                "parameters": express_parameters(text[hit.start() : end], _braces(hit["path"])),
            }
        )
    return rows


def express_parameters(body: str, path: str) -> list[dict]:
    """Inputs a handler reads: `req.query.q`, `{ a, b } = req.body`."""
    places = dict.fromkeys(re.findall(r"\{([^}]+)\}", path), "path")
    for kind, place in (("query", "query"), ("body", "json")):
        for name in re.findall(rf"req\.{kind}(?:\s*\|\|\s*\{{\}}\))?\??\.(\w+)", body):
            places.setdefault(name, place)
        for names in re.findall(rf"\{{([^{{}}]*)\}}\s*=\s*req\.{kind}\b", body):
            for part in names.split(","):
                name = re.split(r"[:=]", part)[0].strip()
                if name.isidentifier():
                    places.setdefault(name, place)
    return [{"name": name, "place": place} for name, place in places.items()]


def express_mounts(text: str) -> dict[str, str]:
    """Module stem -> prefix of `app.use("/api", require("./routes/x"))`."""
    modules, found = dict(IMPORT.findall(text)), {}
    for prefix, required, variable in USE.findall(text):
        module = required or modules.get(variable, "")
        if module.startswith("."):
            found[Path(module).stem] = prefix.rstrip("/")
    return found


def read_tree(root: Path, files: list[str]) -> dict:
    """All routes of a source tree, prefixes applied, and the files that could not be read."""
    routes, unread, prefixes, mounts = [], [], {}, {}
    for file in files:
        try:
            data = (root / file).read_bytes()
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
            text = data.decode("utf-8")
            if file.endswith(".py"):
                module = PythonModule(ast.parse(text), file)
                routes += module.routes
                prefixes |= {(file, name): value for name, value in module.prefixes.items()}
                mounts |= module.mounts
            else:
                routes += express_routes(text, file)
                mounts |= {f"js:{stem}": prefix for stem, prefix in express_mounts(text).items()}
        except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
            unread.append([file, f"{type(error).__name__}: {error}"[:200]])
    for route in routes:
        route["path"] = _full_path(route, prefixes, mounts)
    return {"operations": routes, "unread": unread}


def _full_path(route: dict, prefixes: dict, mounts: dict) -> str:
    file, router = route["file"], route.pop("router")
    stem = Path(file).stem
    if not file.endswith(".py"):
        folder = Path(file).parent.name
        key = folder if stem == "index" else stem
        return mounts.get(f"js:{key}", "") + route["path"]
    own = prefixes.get((file, router))
    if own is None:
        return route["path"]
    names = (router, f"{stem}.{router}", f"{stem}_{router}", f"{stem}_{router}".replace("_bp", ""))
    mounted = next((mounts[name] for name in names if name in mounts), "")
    # Flask's mount prefix replaces the blueprint's own one, FastAPI's comes before it.
    return (mounted if mounted.endswith(own) else mounted + own) + route["path"]


def main() -> None:
    """Read the file list (JSON) from standard input, write routes (JSON) to standard output."""
    warnings.simplefilter("ignore")
    files = json.load(sys.stdin)
    json.dump(read_tree(Path(sys.argv[1]), files), sys.stdout)


if __name__ == "__main__":
    main()
