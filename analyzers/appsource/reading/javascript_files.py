"""JavaScript and TypeScript sources of an app, parsed and read together."""

import json
import re
import time
from dataclasses import dataclass, field

from analyzers.appsource.reading.js_binder import js_module
from analyzers.appsource.reading.js_conventions import read_conventions, read_nest
from analyzers.appsource.reading.js_frameworks import PACKAGES, UNKNOWN
from analyzers.appsource.reading.js_project import JsProject
from analyzers.appsource.reading.js_registrar import JsRegistrar
from analyzers.appsource.reading.js_routes import JsRoutes
from analyzers.appsource.reading.js_values import JsModule, dotted, name_of, walk
from analyzers.appsource.reading.links import Collected, attempt
from analyzers.appsource.reading.parser import JavaScriptParser, Unparsed

JAVASCRIPT = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
_NAMES = "|".join(re.escape(name) for name in sorted({*PACKAGES, *UNKNOWN}))
_HINT = re.compile(
    rf"['\"](?:{_NAMES}|@nestjs/\w+|(?:node:)?https?)(?:/[\w./-]*)?['\"]|"
    r"\b(?:app|router|server|fastify)\.(?:get|post|put|patch|delete|use|route|register)\(|"
    r"\bdefineEventHandler\b|export\s+(?:async\s+)?function\s+(?:GET|POST|PUT|PATCH|DELETE)\b|"
    r"@Controller\b|['\"]use server['\"]"
)
_TESTS = re.compile(
    r"(^|/)(tests?|__tests__|__mocks__|spec|e2e|cypress)/|\.(test|spec|stories|d)\.[cm]?[jt]sx?$"
)
_BY_PLACE = re.compile(r"(^|/)(pages/api/|app/.*route\.|src/routes/.*\+server\.|server/api/)")


@dataclass(slots=True)
class Scripts:
    """Scripts of an app, and the packages that its manifests name."""

    texts: dict[str, str] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()


def packages_of(text: str) -> frozenset[str]:
    """Packages that a `package.json` names; none where it is no such file."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return frozenset()
    document = document if isinstance(document, dict) else {}
    tables = [value for key, value in document.items() if key.endswith("ependencies")]
    named = {str(name) for table in tables if isinstance(table, dict) for name in table}
    return frozenset(named | {str(document.get("name"))})


def may_route_javascript(file: str, text: str) -> bool:
    """Whether an unreadable file mentions a server or is a route by its place."""
    if _TESTS.search(file):
        return False
    return _HINT.search(text) is not None or _BY_PLACE.search(file) is not None


def read_javascript(sources: Scripts, parser: str | None, found: Collected, end: float) -> None:
    """Routes of all scripts; `parser` is the file of Babel's parser, None where there is none."""
    wanted = {file: text for file, text in sources.texts.items() if not _TESTS.search(file)}
    if not any(may_route_javascript(file, text) for file, text in wanted.items()):
        return
    modules = _parsed(wanted, parser, found, end)
    project = JsProject(modules, sources.packages, found.budget)
    reader = JsRoutes(project, found)
    packages = frozenset(name for module in modules.values() for name in _imports(module))
    packages |= sources.packages
    for module in modules.values():
        attempt(lambda module_now=module: reader.module(module_now), module.file, found)
        attempt(
            lambda module_now=module: _by_place(reader, module_now, packages), module.file, found
        )
        _frameworks(module, found)
    if modules:
        attempt(lambda: read_nest(reader, modules), next(iter(modules)), found)


def _by_place(reader: JsRoutes, module: JsModule, packages: frozenset[str]) -> None:
    read_conventions(reader, module, packages)
    _by_hand(reader, module)


def _parsed(
    sources: dict[str, str], parser: str | None, found: Collected, end: float
) -> dict[str, JsModule]:
    modules: dict[str, JsModule] = {}
    if parser is None:
        for file, text in sources.items():
            if may_route_javascript(file, text):
                found.miss(file, "no parser for JavaScript is installed")
        return modules
    babel = JavaScriptParser(parser)
    try:
        for file, text in sources.items():
            try:
                if time.monotonic() > end:
                    raise Unparsed("not read: the time for one app was used up")
                modules[file] = js_module(file, babel.parse(file, text), text)
            except (Unparsed, RecursionError) as error:
                line = error.line if isinstance(error, Unparsed) else None
                found.miss(file, f"{error}", line, may_route=may_route_javascript(file, text))
    finally:
        babel.close()
    return modules


def _imports(module: JsModule) -> list[str]:
    names = []
    for node in walk(module.body):
        source = None
        if node.get("type") in {"ImportDeclaration", "ExportNamedDeclaration"}:
            source = node.get("source") if node.get("importKind") != "type" else None
        elif node.get("type") == "CallExpression" and name_of(node.get("callee")) == "require":
            source = (node.get("arguments") or [None])[0]
        if isinstance(source, dict) and isinstance(source.get("value"), str):
            names.append(source["value"])
    return names


def _frameworks(module: JsModule, found: Collected) -> None:
    for name in _imports(module):
        base = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
        if base in PACKAGES:
            found.frameworks.setdefault(PACKAGES[base], module.file)
        elif name in UNKNOWN or base in UNKNOWN:
            found.frameworks.setdefault(base, module.file)
            found.miss(module.file, f"no reader knows the routes of {base}")


def _by_hand(reader: JsRegistrar, module: JsModule) -> None:
    """`http.createServer((req, res) => ...)`: literal paths; others may exist."""
    for node in walk(module.body):
        if node.get("type") != "CallExpression":
            continue
        callee = node.get("callee") or {}
        called = name_of(callee.get("property")) or name_of(callee)
        if called != "createServer" and dotted(callee) not in {"Bun.serve", "Deno.serve"}:
            continue
        function = next(
            (
                hit
                for argument in node.get("arguments", ())
                if (hit := reader.handler(argument, module.scope))
            ),
            None,
        )
        if function is None:
            continue
        router = reader.default("http", module.scope)
        text = function.text
        pattern = r"(?:url|pathname|path)\s*(?:===?\s*|\.startsWith\(\s*)['\"`](/[^'\"`?]*)['\"`]"
        paths = re.findall(pattern, text) + re.findall(r"case\s+['\"`](/[^'\"`?]*)['\"`]", text)
        for path in dict.fromkeys(paths):
            methods = set(
                re.findall(r"method\s*===?\s*['\"](GET|POST|PUT|PATCH|DELETE)['\"]", text)
            )
            for method in sorted(methods | {"GET"}):
                reader.put(router, (method,), path, [function.node], node, function.scope)
        reader.miss(
            module.scope, node, "requests are dispatched by hand: only literal paths are known"
        )
