"""The routes in an app's source, the parts that could not be read, and whether that is all."""

import json
from typing import Literal

from pydantic import Field

from contract.analysis import Skipped
from contract.base import Frozen

Place = Literal["query", "path", "form", "json", "file"]
_SHOWN = 5


class RouteInput(Frozen):
    """One input of a handler."""

    name: str = Field(min_length=1, max_length=200)
    place: Place


class Route(Frozen):
    """One operation that the source declares.

    Attributes:
        path: with its parameters as `{name}`, all prefixes applied; begins with a slash.
        file: where its handler is, relative to the app's root, with `line`.
        auth: whether it is declared to need a login; None when nothing says.
        inputs: the named ones.
        opaque: why it may take more than `inputs`; empty where those are all.
        handler: its name in the source; empty where there is none.
        spans: file, first and last line of the code that runs for it: the handler's own, then those
            of functions that it calls; empty where they are unknown.
        writes: what its handler's body visibly changes; empty where nothing (see `changes`).
        framework: its framework (`flask`).
        kind: `graphql` where it takes any query.
    """

    method: str = Field(max_length=20)
    path: str = Field(pattern="^/", max_length=500)
    file: str
    line: int | None = None
    auth: bool | None = None
    inputs: tuple[RouteInput, ...] = Field(default=(), alias="parameters")
    opaque: str = ""
    handler: str = ""
    writes: str = ""
    framework: str = ""
    kind: Literal["http", "graphql"] = "http"
    spans: tuple[tuple[str, int, int], ...] = ()


class Unread(Frozen):
    """A file, or a part of one, that no reader understood.

    Attributes:
        may_route: whether routes may be lost with it: a broken script that mentions no web
            framework loses none.
    """

    file: str
    reason: str
    line: int | None = None
    may_route: bool = True

    @property
    def skipped(self) -> Skipped:
        """In the form of a report's coverage."""
        where = f"line {self.line}: " if self.line else ""
        return Skipped(what=self.file[:500], reason=f"{where}{self.reason}"[:500])


class RouteMap(Frozen):
    """All facts in the source.

    Attributes:
        frameworks: web frameworks that the app uses, whether or not their routes could be read.
    """

    routes: tuple[Route, ...] = ()
    unread: tuple[Unread, ...] = ()
    frameworks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every part that may hold routes was read."""
        return not any(unread.may_route for unread in self.unread)

    @property
    def reason(self) -> str:
        """`routes could not be read: FILE: line N: why; ...`; empty where the list is complete."""
        lost = [unread.skipped for unread in self.unread if unread.may_route]
        if not lost:
            return ""
        shown = "; ".join(f"{skipped.what}: {skipped.reason}" for skipped in lost[:_SHOWN])
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        return f"routes could not be read: {shown}{more}"[:1_500]

    @property
    def absence_unproven(self) -> str:
        """Why "no operation takes an input", "no login" may not be claimed; empty where it may."""
        opaque = next((route for route in self.routes if route.opaque), None)
        if self.reason or opaque is None:
            return self.reason
        return f"inputs could not be read: {opaque.method} {opaque.path}: {opaque.opaque}"[:1_500]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The unread parts, for coverage."""
        return tuple(unread.skipped for unread in self.unread)

    def find(self, method: str, path: str) -> Route | None:
        """The route of a path or a template, literal segments before parameters."""
        bare = path.split("?")[0].rstrip("/") or "/"
        fitting = [
            route
            for route in self.routes
            if route.method == method.upper() and _fits(route.path.rstrip("/") or "/", bare)
        ]
        return min(fitting, key=lambda route: route.path.count("{"), default=None)


def parse_route_map(raw: bytes) -> RouteMap:
    """Parse the output of the reader's program. Raises: ValueError when it is none."""
    try:
        document = json.loads(raw)
        routes = [Route.model_validate(row) for row in document["operations"]]
        unread = [
            Unread(file=file, reason=reason, line=line, may_route=may_route)
            for (file, reason), (line, may_route) in zip(
                document["unread"], document["lost"], strict=True
            )
        ]
        frameworks = tuple(str(name) for name in document["frameworks"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no map of routes: {error}"[:300]) from error
    return RouteMap(routes=tuple(routes), unread=tuple(unread), frameworks=frameworks)


def _fits(template: str, path: str) -> bool:
    template_parts, path_parts = template.split("/"), path.split("/")
    return len(template_parts) == len(path_parts) and all(
        wanted == other or (wanted.startswith("{") and wanted.endswith("}") and other != "")
        for wanted, other in zip(template_parts, path_parts, strict=True)
    )
