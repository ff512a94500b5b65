"""Dispatch written by hand: `http.server` handlers and plain WSGI, as far as it is literal."""

import ast

from analyzers.appsource.reading.frameworks import METHODS
from analyzers.appsource.reading.handlers import Handler
from analyzers.appsource.reading.registrar import Registrar
from analyzers.appsource.reading.values import Defined, Function, Module

_WSGI = ["environ", "start_response"]


def read_handwritten(reg: Registrar, module: Module) -> None:
    """Literal paths of request handlers; it is always noted that there may be others."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            defined = Defined(node, module.scope)
            if any(base.endswith("HTTPRequestHandler") for base in reg.project.bases(defined)):
                _handler(reg, module, defined)
        elif isinstance(node, Function) and [arg.arg for arg in node.args.args][-2:] == _WSGI:
            reg.miss(module.scope, node, "plain WSGI: which paths it answers is not known")


def _handler(reg: Registrar, module: Module, cls: Defined) -> None:
    router = reg.default("http.server", module.scope)
    methods = reg.project.methods(cls)
    verbs = [verb for verb in METHODS if f"do_{verb.upper()}" in methods]
    known = _all_literal(cls.node)
    for verb in verbs:
        function = methods[f"do_{verb.upper()}"]
        paths = _literal_paths(function.node)
        if known and not paths:
            paths = [("/", function.node.lineno)]  # one answer to every request
        paths.sort(key=lambda pair: pair[1])
        ends = [line - 1 for _, line in paths[1:]] + [function.node.end_lineno or 0]
        for (path, line), end in zip(paths, ends, strict=True):
            reg.add(router, (verb.upper(),), path, Handler(function), function.node, module.scope)
            route = reg.found.routes[-1]
            route.line, route.within = line, (line, max(line, end))
    if verbs and not known:
        reason = "requests are dispatched by hand (http.server): only literal paths are known"
        reg.miss(module.scope, cls.node, reason)


def _all_literal(cls: ast.AST) -> bool:
    """Whether a class only compares its request path with literals."""
    compared: set[int] = set()
    for inner in ast.walk(cls):
        if isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.Eq | ast.NotEq | ast.In):
            literal = all(
                isinstance(part, ast.Constant | ast.Tuple | ast.List | ast.Set)
                for part in inner.comparators
            )
            compared |= {id(inner.left)} if literal else set()
    for inner in ast.walk(cls):
        if isinstance(inner, ast.Attribute) and inner.attr in {
            "rfile",
            "requestline",
            "raw_requestline",
        }:
            return False
        if isinstance(inner, ast.Attribute) and inner.attr == "path" and id(inner) not in compared:
            return False
    return True


def _literal_paths(node: ast.AST) -> list[tuple[str, int]]:
    """Texts that a path is compared with."""
    found: dict[str, int] = {}
    for inner in ast.walk(node):
        compared: list[ast.AST] = []
        if isinstance(inner, ast.Compare) and "path" in ast.unparse(inner.left).lower():
            compared = list(inner.comparators)
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            if inner.func.attr == "startswith" and "path" in ast.unparse(inner.func.value).lower():
                compared = list(inner.args)
        elif isinstance(inner, ast.match_case):
            compared = [inner.pattern]
        for part in compared:
            for text in ast.walk(part):
                if (
                    isinstance(text, ast.Constant)
                    and isinstance(text.value, str)
                    and text.value.startswith("/")
                ):
                    found.setdefault(text.value, text.lineno)
    return list(found.items())
