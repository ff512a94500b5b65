"""Routes by a file's place or a class's decorators: Next.js, SvelteKit, Nuxt, Astro, NestJS."""

import re
from typing import Any

from analyzers.appsource.reading.js_frameworks import METHODS
from analyzers.appsource.reading.js_handlers import JsRead, read_handler
from analyzers.appsource.reading.js_registrar import JsRegistrar
from analyzers.appsource.reading.js_values import (
    CLASSES,
    JsDefined,
    JsModule,
    Node,
    arguments_of,
    dotted,
    name_of,
    walk,
)
from analyzers.appsource.reading.links import braces, joined

_UPPER = tuple(name.upper() for name in METHODS)
_PAGES = re.compile(r"(?:^|/)(?:src/)?pages/(api(?:/.*)?)\.[jt]sx?$")
_APP = re.compile(r"(?:^|/)(?:src/)?app/(?:(.*)/)?route\.[jt]sx?$")
_SVELTE = re.compile(r"(?:^|/)src/routes/(?:(.*)/)?\+server\.[jt]s$")
_SVELTE_PAGE = re.compile(r"(?:^|/)src/routes/(?:(.*)/)?\+page\.server\.[jt]s$")
_NUXT = re.compile(r"(?:^|/)server/(api|routes)/(.*?)(?:\.(get|post|put|patch|delete))?\.[jt]s$")
_ASTRO = re.compile(r"(?:^|/)src/pages/(.*)\.[jt]s$")
_NEST = {"Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE"}
_NEST_ANY = {"All": ("GET", "POST"), "Head": ("HEAD",), "Options": ("OPTIONS",)}


def read_conventions(reg: JsRegistrar, module: JsModule, packages: frozenset[str]) -> None:
    """Operations that a file has by its place. `packages`: those imported or in manifests."""
    file = module.file
    astro = any(name == "astro" or name.startswith("astro/") for name in packages)
    if astro and "next" not in packages and (hit := _ASTRO.search(file)):
        _exported(reg, module, "/" + _segments(hit[1]), "astro")
    elif hit := _PAGES.search(file):
        _next_pages(reg, module, "/" + _segments(hit[1]))
    elif hit := _APP.search(file):
        _exported(reg, module, "/" + _segments(hit[1] or ""), "next")
    elif hit := _SVELTE.search(file):
        _exported(reg, module, "/" + _segments(hit[1] or ""), "sveltekit")
    elif hit := _SVELTE_PAGE.search(file):
        _actions(reg, module, "/" + _segments(hit[1] or ""))
    elif (hit := _NUXT.search(file)) and "defineEventHandler" in module.text:
        _nuxt(reg, module, hit)
    if re.search(r"^[ \t]*['\"]use server['\"]", module.text, re.MULTILINE):
        reg.miss(module.scope, None, "server actions are not read")


def _segments(path: str) -> str:
    """`users/[id]/(group)/index` as `users/{id}`."""
    parts = []
    for part in path.split("/"):
        if re.fullmatch(r"\(.*\)|index|@\w+", part) or not part:
            continue
        part = re.sub(r"\[\[?(?:\.\.\.)?(\w+)(?:=\w+)?\]?\]", r"{\1}", part)
        parts.append(part)
    return "/".join(parts)


def _exported(reg: JsRegistrar, module: JsModule, path: str, family: str) -> None:
    """`export async function GET(request)`."""
    router = reg.default(family, module.scope)
    reg.found.frameworks.setdefault(family, module.file)
    names = [name for name in module.exports if name in _UPPER or name in {"ALL", "fallback"}]
    for name in names:
        value = reg.project.exported(module.file, name)
        found = value if isinstance(value, JsDefined) else None
        node = module.exports[name]
        if found is None:
            found = reg.handler(node, module.scope)
        methods = ("GET", "POST") if name in {"ALL", "fallback"} else (name,)
        for method in methods:
            read = read_handler(found.text if found else "", [], path, method)
            read.code = reg.code(found, {})
            reg.add(router, method, path, read, found.node if found else node, module.scope, name)
    if not names:
        reg.miss(module.scope, None, "no method it answers could be read")


def _next_pages(reg: JsRegistrar, module: JsModule, path: str) -> None:
    """A handler of all methods; if it compares `req.method`, of those methods."""
    router = reg.default("next", module.scope)
    reg.found.frameworks.setdefault("next", module.file)
    node = module.exports.get("default")
    found = reg.handler(node, module.scope) if node else None
    text = found.text if found else module.text
    named = re.findall(r"method\b[^;{}]{0,20}?['\"](GET|POST|PUT|PATCH|DELETE)['\"]", text)
    named += re.findall(r"case\s+['\"](GET|POST|PUT|PATCH|DELETE)['\"]", text)
    refused = re.findall(r"method\s*!==?\s*['\"](GET|POST|PUT|PATCH|DELETE)['\"]", text)
    methods = dict.fromkeys(refused or named or ["GET", "POST"])
    if not refused and "GET" not in methods:
        methods = dict.fromkeys(["GET", *methods])
    for method in methods:
        read = read_handler(text, [], path, method)
        read.code = reg.code(found, {})
        reg.add(router, method, path, read, found.node if found else {"line": 1}, module.scope)


def _actions(reg: JsRegistrar, module: JsModule, path: str) -> None:
    """SvelteKit's form actions."""
    if "actions" in module.exports:
        router = reg.default("sveltekit", module.scope)
        reg.found.frameworks.setdefault("sveltekit", module.file)
        read = read_handler(module.text, [], path, "POST")
        reg.add(router, "POST", path, read, {"line": 1}, module.scope, "actions")


def _nuxt(reg: JsRegistrar, module: JsModule, hit: "re.Match[str]") -> None:
    router = reg.default("nuxt", module.scope)
    reg.found.frameworks.setdefault("nuxt", module.file)
    path = "/" + _segments(("api/" if hit[1] == "api" else "") + hit[2])
    methods = (hit[3].upper(),) if hit[3] else ("GET", "POST")
    made = module.exports.get("default") or {}
    handlers = arguments_of(made) if made.get("type") == "CallExpression" else [made]
    found = reg.handler(handlers[0], module.scope) if handlers else None
    for method in methods:
        read = read_handler(module.text, [], path, method)
        read.code = reg.code(found, {})
        reg.add(router, method, path, read, found.node if found else {"line": 1}, module.scope)


# --- NestJS ----------------------------------------------------------------------------------


def read_nest(reg: JsRegistrar, modules: dict[str, JsModule]) -> None:
    """Controllers and resolvers by their decorators, below the global prefix."""
    prefix = _global_prefix(reg, modules)
    for module in modules.values():
        if "@nestjs/" not in module.text:
            continue
        for node in walk(module.body):
            if node.get("type") in CLASSES:
                _controller(reg, module, node, prefix)


def _global_prefix(reg: JsRegistrar, modules: dict[str, JsModule]) -> str:
    for module in modules.values():
        if "setGlobalPrefix" in module.text:
            for node in walk(module.body):
                called = dotted(node.get("callee")) if node.get("type") == "CallExpression" else ""
                if called.endswith("setGlobalPrefix"):
                    text = reg.project.text((node.get("arguments") or [None])[0], module.scope)
                    if text is None:
                        reg.miss(module.scope, node, "the global prefix is made at run time")
                    return text or ""
    return ""


def _decorators(node: Node) -> dict[str, Node]:
    """Decorator name -> its expression."""
    found = {}
    for decorator in node.get("decorators") or ():
        expression = decorator.get("expression") or {}
        name = dotted(expression.get("callee")) or dotted(expression)
        found[name.rpartition(".")[2]] = expression
    return found


def _paths(reg: JsRegistrar, module: JsModule, expression: Node) -> list[str] | None:
    """Paths given to a decorator: a string, an array, `{ path }`, or nothing."""
    arguments = expression.get("arguments") or []
    if not arguments:
        return [""]
    node: Any = arguments[0]
    if node.get("type") == "ObjectExpression":
        node = next(
            (
                field.get("value")
                for field in node["properties"]
                if name_of(field.get("key")) == "path"
            ),
            None,
        )
        if node is None:
            return [""]
    items = reg.project.items(node, module.scope)
    texts = (
        [reg.project.text(*item) for item in items]
        if items
        else [reg.project.text(node, module.scope)]
    )
    return None if None in texts else [str(text) for text in texts]


def _controller(reg: JsRegistrar, module: JsModule, node: Node, prefix: str) -> None:
    decorators = _decorators(node)
    router = reg.default("nest", module.scope)
    if "Resolver" in decorators:
        key = reg.default("graphql", module.scope)
        reg.graphql_at(key, "/graphql", node, module.scope)
        return
    if "Controller" not in decorators:
        return
    bases = _paths(reg, module, decorators["Controller"])
    if bases is None:
        reg.miss(module.scope, node, "a controller's path is made at run time")
        return
    guarded = "UseGuards" in decorators
    for member in (node.get("body") or {}).get("body", ()):
        named = _decorators(member)
        for name, expression in named.items():
            methods = (_NEST[name],) if name in _NEST else _NEST_ANY.get(name, ())
            below = _paths(reg, module, expression) if methods else []
            if below is None:
                reg.miss(module.scope, member, "a route's path is made at run time")
            for base in bases:
                for child in below or ():
                    path = joined(prefix, base, child)
                    for method in methods:
                        inside = JsDefined(node, module.scope).inside
                        read = _nest_read(reg, JsDefined(member, inside), path, method)
                        read.auth = True if guarded or "UseGuards" in named else None
                        reg.add(
                            router,
                            method,
                            path,
                            read,
                            member,
                            module.scope,
                            name_of(member.get("key")),
                        )


def _nest_read(reg: JsRegistrar, function: JsDefined, path: str, method: str) -> JsRead:
    module, member = function.scope.module, function.node
    read = read_handler(function.text, [], braces(path), method)
    read.code = reg.code(function, {})
    for param in member.get("params") or ():
        for name, expression in _decorators(param).items():
            place = {"Query": "query", "Body": "json", "UploadedFile": "file"}.get(name)
            if place is None or (place != "query" and method in {"GET", "DELETE"}):
                continue
            named = reg.project.text((expression.get("arguments") or [None])[0], module.scope)
            fields = [named] if named else _dto_fields(reg, module, param)
            if not fields and place == "file":
                fields = ["file"]
            read.inputs |= {field: place for field in fields if field not in read.inputs}
            if not fields:
                read.opaque = "it takes a body whose fields are not named"
    return read


def _dto_fields(reg: JsRegistrar, module: JsModule, param: Node) -> list[str]:
    """Fields of the class that types a parameter."""
    target = param.get("parameter") or param
    annotation = (target.get("typeAnnotation") or {}).get("typeAnnotation") or {}
    name = name_of(annotation.get("typeName"))
    value = reg.project.named(module.scope, name) if name else None
    if not isinstance(value, JsDefined):
        return []
    fields: list[str] = []
    node: Node = value.node
    members = (node.get("body") or {}).get("body", ())
    fields += [
        name_of(member.get("key"))
        for member in members
        if str(member.get("type")).endswith("Property")
    ]
    return [field for field in fields if field]
