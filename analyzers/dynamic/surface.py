"""The results of discovery: the app's operations, pages and documents, per running service."""

import re
from typing import Annotated, Literal

from pydantic import Field

from contract.analysis import Skipped
from contract.base import Frozen

Origin = Literal["openapi", "source", "template", "crawl", "form"]
MAX_HANDLERS = 1_000
MAX_SPANS = 100
PARAMETER = re.compile(r"\{([^/}]+)\}")


class Parameter(Frozen):
    """One input of an operation; `example` is a value that the app itself showed."""

    name: str
    place: Literal["query", "path", "form", "json", "file"]
    example: str = ""
    kind: Literal["string", "integer", "number", "boolean", "object", "array"] = "string"


class Operation(Frozen):
    """One HTTP operation.

    Attributes:
        path: template, parameters as `{name}`.
        origins: the sources that named it.
        file: the place of its handler, relative to the app's root, with `line`.
        auth: whether it is declared to need a login; None when nothing says.
        page: the page that showed its form.
        effect: why a request would change the app, though it is a GET; empty where it would not.
    """

    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    origins: tuple[Origin, ...] = ()
    file: str | None = None
    line: int | None = None
    auth: bool | None = None
    page: str = ""
    effect: str = ""

    @property
    def key(self) -> str:
        """`GET /notes/{}`: equal for operations that differ only in parameter names."""
        return f"{self.method} {PARAMETER.sub('{}', self.path.rstrip('/') or '/')}"

    @property
    def source(self) -> tuple[str, int] | None:
        """File and line of the handler."""
        return (self.file, self.line) if self.file and self.line else None

    def named(self, place: str) -> tuple[Parameter, ...]:
        """Parameters at `place`."""
        return tuple(parameter for parameter in self.parameters if parameter.place == place)

    def url(self, values: dict[str, str] | None = None) -> str:
        """The path with each parameter replaced by its value, its example or `1`."""
        known = {
            parameter.name: parameter.example
            for parameter in self.named("path")
            if parameter.example
        }
        chosen = {**known, **(values or {})}
        return PARAMETER.sub(lambda hit: chosen.get(hit.group(1), "1"), self.path)


class HandlerCode(Frozen):
    """The lines that run for operations with their handler at one place of the source.

    Attributes:
        file, line: the handler's place, as findings name it.
        spans: file, first and last line of its own, then those of the functions that it calls.
    """

    file: str
    line: int
    spans: tuple[tuple[str, int, int], ...]


class ServiceSurface(Frozen):
    """One running service.

    Attributes:
        folder: the app's folder that it is built from; empty: unknown, or the whole app.
        pages: paths with a GET answer below 400, with the media type.
        openapi: path of its OpenAPI document.
        entry: where the app begins: `/`, or its base path.
        lowest_status: its best status for any request; None: nothing was asked.
        doubts: why there may be operations and pages that we did not see.
    """

    service: str
    role: Literal["backend", "frontend"]
    folder: str = ""
    operations: tuple[Operation, ...] = ()
    pages: dict[str, str] = {}
    openapi: str | None = None
    entry: str = "/"
    lowest_status: int | None = None
    doubts: tuple[str, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Whether the app's source or document names its operations, and not only a crawl."""
        return any({"source", "openapi"} & set(operation.origins) for operation in self.operations)

    def find(self, method: str, path: str) -> Operation | None:
        """The operation that a concrete path belongs to, literal segments before parameters."""
        bare = path.split("?")[0].rstrip("/") or "/"
        fitting = [
            operation
            for operation in self.operations
            if operation.method == method and fits(operation.path.rstrip("/") or "/", bare)
        ]
        return min(fitting, key=lambda operation: operation.path.count("{"), default=None)

    def place_of(self, method: str, path: str) -> str:
        """The path whose neighbours an answer is compared with: the first parameter's parent.

        Where a path has a parameter, a random value is as good as any other.
        """
        operation = self.find(method, path)
        if operation is None or "{" not in operation.path:
            return path
        return operation.path.partition("{")[0].rstrip("/") or "/"


class Surface(Frozen):
    """The data for other tools in `shared["discovery"]`, in JSON form.

    Attributes:
        routes_unread: why nothing may be called absent that only the source would name; empty where
            all routes and their inputs were read.
    """

    services: tuple[ServiceSurface, ...] = ()
    handlers: Annotated[tuple[HandlerCode, ...], Field(max_length=MAX_HANDLERS)] = ()
    unread_sources: tuple[Skipped, ...] = Field(default=(), max_length=50)
    unread_total: int = 0
    routes_unread: str = ""

    def unread_by(self, service: str) -> str:
        """Why a service may have operations that nobody knows; empty where it has none."""
        known = self.of(service)
        if self.routes_unread and not known.openapi:
            return self.routes_unread
        return f"routes could not be read: {known.doubts[0]}" if known.doubts else ""

    def of(self, service: str) -> ServiceSurface:
        """The part of one service; an empty one when discovery does not know it."""
        empty = ServiceSurface(service=service, role="backend")
        return next((known for known in self.services if known.service == service), empty)


def fits(template: str, path: str) -> bool:
    """Whether `path` is an instance of `template`, segment by segment.

    >>> fits("/notes/{id}", "/notes/7"), fits("/notes/{id}", "/notes")
    (True, False)
    """
    template_parts, path_parts = template.split("/"), path.split("/")
    return len(template_parts) == len(path_parts) and all(
        wanted == other or (PARAMETER.fullmatch(wanted) is not None and other != "")
        for wanted, other in zip(template_parts, path_parts, strict=True)
    )


def merge(operations: list[Operation]) -> tuple[Operation, ...]:
    """One operation per key; the first source wins, the others add parameters and origins."""
    merged: dict[str, Operation] = {}
    for operation in operations:
        known = merged.get(operation.key)
        merged[operation.key] = _joined(known, operation) if known else operation
    return tuple(merged.values())


def _joined(known: Operation, new: Operation) -> Operation:
    names = {parameter.name for parameter in known.parameters}
    extra = tuple(
        parameter
        for parameter in new.parameters
        if parameter.name not in names and parameter.place != "path"
    )
    examples = {
        parameter.name: parameter.example for parameter in new.parameters if parameter.example
    }
    parameters = tuple(
        parameter
        if parameter.example or parameter.name not in examples
        else parameter.model_copy(update={"example": examples[parameter.name]})
        for parameter in known.parameters
    )
    return known.model_copy(
        update={
            "parameters": parameters + extra,
            "origins": tuple(dict.fromkeys(known.origins + new.origins)),
            "file": known.file or new.file,
            "line": known.line or new.line,
            "auth": known.auth if known.auth is not None else new.auth,
            "page": known.page or new.page,
            "effect": known.effect or new.effect,
        }
    )
