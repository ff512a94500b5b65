"""Python sources of an app, parsed and read together."""

import ast
import re

from analyzers.appsource.reading.django_routes import DjangoRoutes
from analyzers.appsource.reading.frameworks import package_of
from analyzers.appsource.reading.handwritten import read_handwritten
from analyzers.appsource.reading.links import Collected, attempt
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.python_routes import PythonRoutes
from analyzers.appsource.reading.tables import read_table
from analyzers.appsource.reading.values import Module

_HINT = re.compile(
    r"\b(flask|quart|fastapi|starlette|sanic|bottle|aiohttp|tornado|falcon|litestar|django|urlpatterns|"
    r"http\.server|BaseHTTPServer|cherrypy|pyramid|webapp2|web\.application)\b|"
    r"@\w+(\.\w+)*\.(route|get|post|put|delete)\(|add_url_rule|register_blueprint|include_router"
)
_TESTS = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$")


def parse_python(sources: dict[str, str], found: Collected) -> dict[str, Module]:
    """Modules that parse; the others are noted, and whether routes may be lost with them."""
    modules: dict[str, Module] = {}
    for file, text in sources.items():
        try:
            modules[file] = Module(file, ast.parse(text.lstrip("\ufeff")))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = error.lineno if isinstance(error, SyntaxError) else None
            why = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
            found.miss(file, why, line, may_route=may_route_python(file, text))
    return modules


def may_route_python(file: str, text: str) -> bool:
    """Whether an unreadable file mentions a web framework."""
    return not is_test(file) and _HINT.search(text) is not None


def is_test(file: str) -> bool:
    """Whether a file belongs to a test suite, which is no part of the running app."""
    return _TESTS.search(file) is not None


def read_python(modules: dict[str, Module], found: Collected) -> None:
    """Routes of all modules."""
    project = Project(modules, found.budget)
    reader = PythonRoutes(project, found, read_table)
    own = {file: module for file, module in modules.items() if not is_test(file)}
    for module in own.values():
        attempt(lambda module_now=module: reader.module(module_now), module.file, found)
    for module in own.values():
        attempt(lambda module_now=module: read_handwritten(reader, module_now), module.file, found)
    holders = [file for file, module in own.items() if "urlpatterns" in module.scope.names]
    if holders:
        attempt(DjangoRoutes(reader, reader.registered).read, holders[0], found)
    for module in own.values():
        _frameworks(module, found)


def _frameworks(module: Module, found: Collected) -> None:
    for node in ast.walk(module.tree):
        names: list[str] = []
        line = getattr(node, "lineno", None)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            known = package_of(name)
            if known is None:
                continue
            found.frameworks.setdefault(known[0], module.file)
            if not known[1]:
                found.miss(module.file, f"no reader knows the routes of {known[0]}", line)
