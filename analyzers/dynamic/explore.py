"""Finds out what there is to look at: crawl, OpenAPI document, routes in the source, template."""

import json
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analyzers.dynamic.crawl import (
    Page,
    form_operation,
    is_safe_to_follow,
    link_operation,
    local_paths,
    script_paths,
)
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.http import Answer, BoundedClient, Budget
from analyzers.dynamic.openapi import operations_of
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import (
    Operation,
    Parameter,
    ServiceSurface,
    Surface,
    fits,
    merge,
)
from analyzers.runtime.openapi import DOCUMENT_PATHS, parse_document
from analyzers.runtime.route_reader import routes_command
from analyzers.runtime.tool import Execute, ToolFault, ToolRun
from contract.analysis import Skipped, Target

MAX_PAGES = 120
MAX_ALIKE = 6  # pages that differ in ids or parameter values only


@dataclass(slots=True)
class Crawl:
    """What one crawl gathered."""

    pages: dict[str, str] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    missing_status: int = 404
    missing_body: bytes = b""


async def surface_of(run: ToolRun, execute: Execute) -> Surface:
    """What discovery left for this run; explored now where discovery was not part of it."""
    known = run.shared.get("discovery")
    if known is not None:
        return Surface.model_validate(known)
    clients: list[BoundedClient] = []
    return await explore(run, execute, clients)


async def explore(run: ToolRun, execute: Execute, clients: list[BoundedClient]) -> Surface:
    """The surface of every target; each client used is added to `clients` for coverage."""
    declared, unread = await source_routes(run, execute)
    targets = run.request.targets
    services = []
    for target in targets:
        own = [one for one in declared if belongs(one.file or "", target, targets)]
        own += template_operations(run) if target.role == "backend" else []
        async with BoundedClient(target, Budget(max_requests=400, limit_s=60)) as client:
            known = await explore_service(client, target, own)
            sessions = await sessions_of(run, target, known)
            if sessions:  # what only a logged-in person sees
                inside = await explore_service(client, target, own, sessions[0].headers)
                known = joined(known, inside)
            services.append(known)
            clients.append(client)
    return Surface(services=without_proxied(services), unread_sources=tuple(unread[:50]))


def without_proxied(services: list[ServiceSurface]) -> tuple[ServiceSurface, ...]:
    """A front end that forwards to the back end does not count the back end's operations again."""
    backends = [one for one in services if one.role == "backend"]

    def own(method: str, path: str) -> bool:
        return path == "/" or not any(one.find(method, path) for one in backends)

    return tuple(
        one
        if one.role == "backend"
        else one.model_copy(
            update={
                "operations": tuple(op for op in one.operations if own(op.method, op.path)),
                "pages": {path: media for path, media in one.pages.items() if own("GET", path)},
            }
        )
        for one in services
    )


def joined(outside: ServiceSurface, inside: ServiceSurface) -> ServiceSurface:
    """What anyone and what a logged-in person sees, as one surface."""
    return outside.model_copy(
        update={
            "operations": merge([*outside.operations, *inside.operations]),
            "pages": {**inside.pages, **outside.pages},
        }
    )


async def explore_service(
    client: BoundedClient,
    target: Target,
    declared: list[Operation],
    headers: dict[str, str] | None = None,
) -> ServiceSurface:
    """The surface of one service, by crawl and document, joined with what is `declared`."""
    crawl = await _crawl(client, target, declared, headers or {})
    document_path, documented = await _document(client)
    known = [*documented, *declared]
    crawled = [one for one in crawl.operations if not _is_asset(one, crawl)]
    return ServiceSurface(
        service=target.service,
        role=target.role,
        operations=merge([*known, *[_as_template(one, known) for one in crawled]]),
        pages=crawl.pages,
        openapi=document_path,
        missing_status=crawl.missing_status,
    )


async def _crawl(
    client: BoundedClient, target: Target, declared: list[Operation], headers: dict[str, str]
) -> Crawl:
    state = Crawl()
    missing = await client.get(f"/{secrets.token_hex(12)}")
    if missing:
        state.missing_status, state.missing_body = missing.status, missing.body
    plain = [one.path for one in declared if one.method == "GET" and "{" not in one.path]
    queue = list(dict.fromkeys(["/", "/robots.txt", "/sitemap.xml", *plain]))
    seen: set[str] = set()
    alike: Counter[tuple[str, ...]] = Counter()
    while queue and len(seen) < MAX_PAGES:
        path = queue.pop(0)
        likeness = (stable_path(path), *sorted(re.findall(r"[?&]([^=&]+)", path)))
        alike[likeness] += 1
        if path in seen or not is_safe_to_follow(path) or alike[likeness] > MAX_ALIKE:
            continue
        seen.add(path)
        answer = await client.follow(path, headers=headers)
        if answer and answer.status < 400:
            queue += [one for one in _read(state, target, answer, path) if one not in seen]
    return state


def _read(state: Crawl, target: Target, answer: Answer, asked: str) -> list[str]:
    """Note what a page holds; returns the links to follow."""
    is_fallback = answer.body == state.missing_body and state.missing_status < 400
    if is_fallback and asked != "/":
        return []
    state.pages[asked] = answer.media_type
    if asked not in {"/robots.txt", "/sitemap.xml"}:
        state.operations.append(link_operation(asked))
    if "javascript" in answer.media_type:
        paths = script_paths(answer.text)
        state.operations += [_from_script(one) for one in paths]
        return [one for one in paths if "{" not in one]
    if not answer.is_html:
        return []
    page = Page(answer.text)
    forms = [form_operation(target.base_url, answer.path, one) for one in page.forms]
    state.operations += [one for one in forms if one]
    return local_paths(target.base_url, answer.path, page.links)


async def _document(client: BoundedClient) -> tuple[str | None, list[Operation]]:
    for path in DOCUMENT_PATHS:
        answer = await client.get(path)
        document = parse_document(answer.body) if answer and answer.ok else None
        if document is not None:
            return path, operations_of(document)
    return None, []


async def source_routes(run: ToolRun, execute: Execute) -> tuple[list[Operation], list[Skipped]]:
    """Operations the source declares, and the files that could not be read."""
    command = routes_command(run)
    if command is None:
        return [], []
    try:
        done = await execute(command)
        return parse_routes(done.stdout)
    except ToolFault as fault:  # no route is lost for the crawl: say so and go on without
        return [], [Skipped(what="source tree", reason=str(fault)[:500])]


def parse_routes(raw: bytes) -> tuple[list[Operation], list[Skipped]]:
    """Operations and unread files of the route reader's output.

    Raises:
        ToolFault: it is not what `routes.py` writes.
    """
    try:
        document: dict[str, Any] = json.loads(raw)
        rows = [_routed(row) for row in document["operations"]]
        unread = [Skipped(what=name, reason=reason) for name, reason in document["unread"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"the route reader's output is unreadable: {error}") from error
    return [row for row in rows if row], unread


def _routed(row: dict[str, Any]) -> Operation | None:
    method, path = row["method"], "/" + str(row["path"]).lstrip("/")
    body_allowed = method not in {"GET", "HEAD", "OPTIONS", "DELETE"}
    inputs = [Parameter.model_validate(one) for one in row["parameters"]]
    inputs = [one for one in inputs if body_allowed or one.place in {"query", "path"}]
    if "*" in path or len(path) > 500:
        return None
    fields = {key: row[key] for key in ("file", "line", "auth")}
    return Operation(
        method=method, path=path, parameters=tuple(inputs), origins=("source",), **fields
    )


def template_operations(run: ToolRun) -> list[Operation]:
    """Operations the app's template declares."""
    declared = run.request.template.endpoints if run.request.template else ()
    return [link_operation_of(one.method, one.path, one.auth) for one in declared]


def link_operation_of(method: str, path: str, auth: bool) -> Operation:
    """A declared endpoint as an operation; `:id` and `<id>` become `{id}`."""
    steps = [_brace(step) for step in path.split("?")[0].split("/")]
    inputs = tuple(
        Parameter(name=step[1:-1], place="path") for step in steps if step.startswith("{")
    )
    return Operation(
        method=method.upper(),
        path="/".join(steps) or "/",
        parameters=inputs,
        origins=("template",),
        auth=auth,
    )


def _brace(step: str) -> str:
    name = step.strip("<>{}:").split(":")[-1]
    return f"{{{name}}}" if step[:1] in {":", "<", "{"} else step


def belongs(file: str, target: Target, targets: tuple[Target, ...]) -> bool:
    """Whether a source file is part of a target: by folder name, else it is the backend's."""
    names = {one.service for one in targets}
    folder = next((part for part in Path(file).parts[:-1] if part in names), None)
    if folder is not None:
        return folder == target.service
    return len(targets) == 1 or target.role == "backend"


def _from_script(path: str) -> Operation:
    return link_operation_of("GET", path, False).model_copy(
        update={"origins": ("crawl",), "auth": None}
    )


def _as_template(one: Operation, known: list[Operation]) -> Operation:
    """A crawled path under the template it is an instance of; its values become examples."""
    path = one.path.rstrip("/") or "/"
    fitting = [k for k in known if k.method == one.method and fits(k.path.rstrip("/") or "/", path)]
    template = min(fitting, key=lambda k: k.path.count("{"), default=None)
    if template is None or template.path == one.path or "{" in one.path:
        return one
    pairs = zip(template.path.split("/"), path.split("/"), strict=False)
    inputs = [
        Parameter(name=ours[1:-1], place="path", example=theirs)
        for ours, theirs in pairs
        if ours.startswith("{")
    ]
    return one.model_copy(update={"path": template.path, "parameters": (*inputs, *one.parameters)})


def _is_asset(one: Operation, crawl: Crawl) -> bool:
    media = crawl.pages.get(one.path, "")
    return media.startswith(("image/", "font/", "text/css")) or "javascript" in media
