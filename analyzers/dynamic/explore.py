"""Finds the things to look at: by crawl, OpenAPI document, routes in the source, template."""

import re
from collections.abc import Sequence
from pathlib import Path

from analyzers.appsource.changes import changes_state
from analyzers.appsource.openapi import DOCUMENT_PATHS, parse_document
from analyzers.appsource.route_map import Route, RouteMap
from analyzers.appsource.route_reader import read_routes
from analyzers.dynamic.bounds import Budget, sampled
from analyzers.dynamic.crawl import link_operation_of
from analyzers.dynamic.crawler import crawl_service
from analyzers.dynamic.entries import named_entries
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.openapi import operations_of
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import (
    MAX_HANDLERS,
    MAX_SPANS,
    HandlerCode,
    Operation,
    Parameter,
    ServiceSurface,
    Surface,
    fits,
    merge,
)
from analyzers.dynamic.target_facts import facts_of
from analyzers.runtime.live.answers import Unseen
from analyzers.runtime.tool import Execute, ToolRun
from contract.analysis import Target

COUNTS = re.compile(
    r"UPDATE\s|\.commit\(|\.save\(|\.(incr|increment|hset)\(|update_?one\(|And_?Update\(",
    re.IGNORECASE,
)


async def surface_of(run: ToolRun, execute: Execute) -> Surface:
    """The surface that discovery left for this run; explored now if there was no discovery."""
    known = run.shared.get("discovery")
    if known is not None:
        return Surface.model_validate(known)
    clients: list[BoundedClient] = []
    return await explore(run, execute, clients)


async def explore(run: ToolRun, execute: Execute, clients: list[BoundedClient]) -> Surface:
    """The surface of every target; each client used is added to `clients` for coverage."""
    declared, known_routes = await source_routes(run, execute)
    targets, entries = run.request.targets, named_entries(run)
    services = []
    for target in targets:
        own = [route for route in declared if belongs(route.file or "", target, targets)]
        own += template_operations(run) if target.role == "backend" else []
        budget = Budget(max_requests=400, limit_s=discovery_limit_s(run))
        async with BoundedClient(target, budget, facts=facts_of(run, target)) as client:
            known = await explore_service(client, target, own, entries=entries)
            sessions = await sessions_of(run, target, known)
            if sessions:  # pages that only a logged-in person sees
                inside = await explore_service(client, target, own, sessions[0].headers)
                known = joined(known, inside)
            lowest = lowest_status(client)
            doubts = () if known.is_declared else doubts_of(client, is_inside=bool(sessions))
            facts = {"lowest_status": lowest, "doubts": doubts, "folder": target.folder}
            services.append(known.model_copy(update=facts))
            clients.append(client)
    return Surface(
        services=without_proxied(services),
        handlers=handlers_of(known_routes),
        unread_sources=sampled(list(known_routes.skipped)),
        unread_total=len(known_routes.skipped),
        routes_unread=known_routes.absence_unproven,
    )


def handlers_of(known: RouteMap) -> tuple[HandlerCode, ...]:
    """The code that runs where a finding names a handler's place; several may begin on one line."""
    spans: dict[tuple[str, int], dict[tuple[str, int, int], None]] = {}
    for route in known.routes:
        if route.line and route.spans:
            spans.setdefault((route.file, route.line), {}).update(dict.fromkeys(route.spans))
    found = [
        HandlerCode(file=file, line=line, spans=tuple(lines)[:MAX_SPANS])
        for (file, line), lines in spans.items()
    ]
    return tuple(found[:MAX_HANDLERS])


def without_proxied(services: list[ServiceSurface]) -> tuple[ServiceSurface, ...]:
    """A front end that forwards to the back end does not count the back end's operations again."""
    backends = [service for service in services if service.role == "backend"]

    def own(method: str, path: str) -> bool:
        return path == "/" or not any(backend.find(method, path) for backend in backends)

    return tuple(
        service
        if service.role == "backend"
        else service.model_copy(
            update={
                "operations": tuple(op for op in service.operations if own(op.method, op.path)),
                "pages": {path: media for path, media in service.pages.items() if own("GET", path)},
            }
        )
        for service in services
    )


def joined(outside: ServiceSurface, inside: ServiceSurface) -> ServiceSurface:
    """The pages of anyone and of a logged-in person, as one surface."""
    return outside.model_copy(
        update={
            "operations": merge([*outside.operations, *inside.operations]),
            "pages": {**inside.pages, **outside.pages},
            "entry": "/" if "/" in inside.pages else outside.entry,
        }
    )


async def explore_service(
    client: BoundedClient,
    target: Target,
    declared: list[Operation],
    headers: dict[str, str] | None = None,
    entries: Sequence[str] = (),
) -> ServiceSurface:
    """The surface of one service, by crawl and document, joined with the `declared` operations."""
    client.place = ServiceSurface(
        service=target.service, role=target.role, operations=merge(declared)
    ).place_of
    crawl = await crawl_service(client, declared, headers or {}, entries)
    document_path, documented = await _document(client)
    known = [*documented, *declared]
    crawled = [operation for operation in crawl.operations if not crawl.is_asset(operation)]
    return ServiceSurface(
        service=target.service,
        role=target.role,
        operations=merge([*known, *[_as_template(operation, known) for operation in crawled]]),
        pages=crawl.pages,
        openapi=document_path,
        entry=crawl.entry,
    )


def lowest_status(client: BoundedClient) -> int | None:
    """The best status of an app; a refusal for its quota says nothing about it."""
    rows = [row for known in client.answered.values() for row in known.items()]
    return min(
        (code for code, verdict in rows if verdict.reason is not Unseen.RATE_LIMITED), default=None
    )


def doubts_of(client: BoundedClient, *, is_inside: bool) -> tuple[str, ...]:
    """Why the crawl may have missed pages and operations.

    Args:
        client: its answers, and its requests without one.
        is_inside: whether a logged-in person was also tried.
    """
    missed = {Unseen.RATE_LIMITED, Unseen.UNREADABLE} | (set() if is_inside else {Unseen.TO_LOGIN})
    notes = list[str]()
    for key in client.answered:
        method, _, path = key.partition(" ")
        why = client.why_unseen(method, path)
        notes += [f"{key} {why}"] if any(why.startswith(reason) for reason in missed) else []
    notes += [
        f"{request} {why}"
        for request, why in client.unanswered.items()
        if why.startswith(Unseen.RATE_LIMITED) or "budget" in why or "answer" in why
    ]
    return tuple(note[:300] for note in notes[:5])


def discovery_limit_s(run: ToolRun) -> float:
    """Seconds for one target: we wait for a quota once or twice, not for the whole deadline."""
    return max(60.0, min(150.0, run.request.deadline_s * 0.2))


async def _document(client: BoundedClient) -> tuple[str | None, list[Operation]]:
    client.guessed.update(f"GET {path}" for path in DOCUMENT_PATHS)
    for path in DOCUMENT_PATHS:
        answer = await client.get(path)
        document = parse_document(answer.body) if answer and answer.ok else None
        if document is not None:
            return path, operations_of(document)
    return None, []


async def source_routes(run: ToolRun, execute: Execute) -> tuple[list[Operation], RouteMap]:
    """Operations that the source declares, and the map that they come from."""
    known = await read_routes(run, execute)
    forms = {row.path for row in known.routes if row.method in {"POST", "PUT", "PATCH"}}
    return [operation for row in known.routes if (operation := _routed(row, forms))], known


def _routed(row: Route, forms: set[str]) -> Operation | None:
    """A route as an operation; where a path also takes changes, its GET shows the form."""
    body_allowed = row.method not in {"GET", "HEAD", "OPTIONS", "DELETE"}
    inputs = [Parameter(name=field.name, place=field.place) for field in row.inputs]
    inputs = [known for known in inputs if body_allowed or known.place in {"query", "path"}]
    if "*" in row.path or row.method in {"HEAD", "OPTIONS"}:  # every GET has a HEAD
        return None
    return Operation(
        method=row.method,
        path=row.path,
        parameters=tuple(inputs),
        origins=("source",),
        file=row.file,
        line=row.line,
        auth=row.auth,
        effect="" if row.path in forms else effect_of(row),
    )


def effect_of(route: Route) -> str:
    """Why a GET is not asked; a page that only counts views, or renews its data, is asked."""
    reason = changes_state(route)[:200]
    return "" if reason.startswith("its handler writes") and COUNTS.search(reason) else reason


def template_operations(run: ToolRun) -> list[Operation]:
    """Operations that the app's template declares."""
    declared = run.request.template.endpoints if run.request.template else ()
    return [
        link_operation_of(operation.method, operation.path, operation.auth)
        for operation in declared
    ]


def belongs(file: str, target: Target, targets: tuple[Target, ...]) -> bool:
    """Whether a source file is part of a target: the one built from the innermost folder.

    Where no target says what it is built from, a folder with its name is enough; files of no target
    count for the back ends.
    """
    path = Path(file)
    builders = {
        candidate.folder
        for candidate in targets
        if candidate.folder and path.is_relative_to(candidate.folder)
    }
    if builders:
        return target.folder == max(builders, key=len)
    names = {
        candidate.service for candidate in targets if not any(other.folder for other in targets)
    }
    folder = next((part for part in path.parts[:-1] if part in names), None)
    if folder is not None:
        return folder == target.service
    return len(targets) == 1 or target.role == "backend"


def _as_template(operation: Operation, known: list[Operation]) -> Operation:
    """A crawled path under the template that it matches; its values become examples."""
    path = operation.path.rstrip("/") or "/"
    fitting = [
        k for k in known if k.method == operation.method and fits(k.path.rstrip("/") or "/", path)
    ]
    template = min(fitting, key=lambda k: k.path.count("{"), default=None)
    if template is None or template.path == operation.path or "{" in operation.path:
        return operation
    pairs = zip(template.path.split("/"), path.split("/"), strict=False)
    inputs = [
        Parameter(name=template_part[1:-1], place="path", example=path_part)
        for template_part, path_part in pairs
        if template_part.startswith("{")
    ]
    return operation.model_copy(
        update={"path": template.path, "parameters": (*inputs, *operation.parameters)}
    )
