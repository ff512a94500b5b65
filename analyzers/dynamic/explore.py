"""Finds out what there is to look at: crawl, OpenAPI document, routes in the source, template."""

from pathlib import Path

from analyzers.appsource.openapi import DOCUMENT_PATHS, parse_document
from analyzers.appsource.route_map import Route, RouteMap
from analyzers.appsource.route_reader import read_routes
from analyzers.dynamic.crawl import link_operation_of
from analyzers.dynamic.crawler import crawl_service
from analyzers.dynamic.http import BoundedClient, Budget, sampled
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
from analyzers.runtime.tool import Execute, ToolRun
from contract.analysis import Target


async def surface_of(run: ToolRun, execute: Execute) -> Surface:
    """What discovery left for this run; explored now where discovery was not part of it."""
    known = run.shared.get("discovery")
    if known is not None:
        return Surface.model_validate(known)
    clients: list[BoundedClient] = []
    return await explore(run, execute, clients)


async def explore(run: ToolRun, execute: Execute, clients: list[BoundedClient]) -> Surface:
    """The surface of every target; each client used is added to `clients` for coverage."""
    declared, known_routes = await source_routes(run, execute)
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
            lowest = min((one for seen in client.answered.values() for one in seen), default=None)
            services.append(known.model_copy(update={"lowest_status": lowest}))
            clients.append(client)
    return Surface(
        services=without_proxied(services),
        unread_sources=sampled(list(known_routes.skipped)),
        unread_total=len(known_routes.skipped),
        routes_unread=known_routes.absence_unproven,
    )


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
    crawl = await crawl_service(client, declared, headers or {})
    document_path, documented = await _document(client)
    known = [*documented, *declared]
    crawled = [one for one in crawl.operations if not crawl.is_asset(one)]
    return ServiceSurface(
        service=target.service,
        role=target.role,
        operations=merge([*known, *[_as_template(one, known) for one in crawled]]),
        pages=crawl.pages,
        openapi=document_path,
        missing_status=crawl.missing_status,
    )


async def _document(client: BoundedClient) -> tuple[str | None, list[Operation]]:
    for path in DOCUMENT_PATHS:
        answer = await client.get(path)
        document = parse_document(answer.body) if answer and answer.ok else None
        if document is not None:
            return path, operations_of(document)
    return None, []


async def source_routes(run: ToolRun, execute: Execute) -> tuple[list[Operation], RouteMap]:
    """Operations the source declares, and the map they come from."""
    known = await read_routes(run, execute)
    return [one for row in known.routes if (one := _routed(row))], known


def _routed(row: Route) -> Operation | None:
    body_allowed = row.method not in {"GET", "HEAD", "OPTIONS", "DELETE"}
    inputs = [Parameter(name=one.name, place=one.place) for one in row.inputs]
    inputs = [one for one in inputs if body_allowed or one.place in {"query", "path"}]
    if "*" in row.path:
        return None
    return Operation(
        method=row.method,
        path=row.path,
        parameters=tuple(inputs),
        origins=("source",),
        file=row.file,
        line=row.line,
        auth=row.auth,
    )


def template_operations(run: ToolRun) -> list[Operation]:
    """Operations the app's template declares."""
    declared = run.request.template.endpoints if run.request.template else ()
    return [link_operation_of(one.method, one.path, one.auth) for one in declared]


def belongs(file: str, target: Target, targets: tuple[Target, ...]) -> bool:
    """Whether a source file is part of a target: by folder name, else it is the backend's."""
    names = {one.service for one in targets}
    folder = next((part for part in Path(file).parts[:-1] if part in names), None)
    if folder is not None:
        return folder == target.service
    return len(targets) == 1 or target.role == "backend"


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
