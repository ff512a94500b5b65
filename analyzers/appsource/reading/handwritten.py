"""Dispatch written by hand: `http.server` handlers and plain WSGI, read as far as they are literal."""

import ast

from analyzers.appsource.reading.frameworks import METHODS
from analyzers.appsource.reading.handlers import Handler
from analyzers.appsource.reading.registrar import Registrar
from analyzers.appsource.reading.values import Defined, Function, Module

_WSGI = ["environ", "start_response"]


def read_handwritten(reg: Registrar, module: Module) -> None:
    """Literal paths of request handlers; that there may be others is always said."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            defined = Defined(node, module.scope)
            if any(base.endswith("HTTPRequestHandler") for base in reg.project.bases(defined)):
                _handler(reg, module, defined)
        elif isinstance(node, Function) and [one.arg for one in node.args.args][-2:] == _WSGI:
            reg.miss(module.scope, node, "plain WSGI: which paths it answers is not known")


def _handler(reg: Registrar, module: Module, cls: Defined) -> None:
    router = reg.default("http.server", module.scope)
    methods = reg.project.methods(cls)
    for verb in METHODS:
        function = methods.get(f"do_{verb.upper()}")
        if function is None:
            continue
        for path, line in _literal_paths(function.node):
            handler = Handler(function)
            reg.add(router, (verb.upper(),), path, handler, function.node, module.scope)
            reg.found.routes[-1].line = line
    reg.miss(
        module.scope, cls.node, "requests are dispatched by hand: only literal paths are known"
    )


def _literal_paths(node: ast.AST) -> list[tuple[str, int]]:
    """Texts a path is compared with."""
    found: dict[str, int] = {}
    for one in ast.walk(node):
        compared: list[ast.AST] = []
        if isinstance(one, ast.Compare) and "path" in ast.unparse(one.left).lower():
            compared = list(one.comparators)
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            if one.func.attr == "startswith" and "path" in ast.unparse(one.func.value).lower():
                compared = list(one.args)
        elif isinstance(one, ast.match_case):
            compared = [one.pattern]
        for part in compared:
            for text in ast.walk(part):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    if text.value.startswith("/"):
                        found.setdefault(text.value, text.lineno)
    return list(found.items())
