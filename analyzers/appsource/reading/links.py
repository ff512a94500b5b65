"""Joins routers, their routes and their mounts to the paths that an app answers.

Both languages are brought to this form, so that prefixes are joined in one place.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_PREFIXES = 20
MAX_ROUTES = 5_000
MAX_PATH_CHARS = 500
MAX_TEXT_CHARS = 4_000
"""A longer text is no path or prefix; texts that double must not fill the memory."""
_MAX_DEPTH = 20
Span = tuple[str, int, int]
"""A file, and the first and last of some of its lines."""
VERSION = "\x01"
"""Before a segment that always comes first, wherever its router is mounted (Sanic's versions)."""


@dataclass(frozen=True, slots=True)
class Router:
    """An object that routes are put on.

    Attributes:
        key: identifies it among all routers of the app.
        root: whether it answers at its own prefix without being mounted (an application).
        prefix: its own one.
        family: the framework (`flask`).
        label: for people (`bp in users.py`).
    """

    key: str
    family: str
    file: str
    line: int
    label: str
    root: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """`child` is reached below `prefix` of `parent`; `replaces` its own prefix (Flask)."""

    parent: str
    child: str
    prefix: str = ""
    replaces: bool = False


@dataclass(slots=True)
class Found:
    """One registration, before its prefixes are known.

    Attributes:
        code: the function that answers, see `reach`; None where it is unknown.
        within: the lines of it that belong to this route, where it answers several.
    """

    router: str
    methods: tuple[str, ...]
    path: str
    file: str
    line: int
    family: str
    handler: str = ""
    auth: bool | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    opaque: str = ""
    writes: str = ""
    kind: str = "http"
    code: Any = None
    within: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that could not be read, and whether routes may be lost with it."""

    file: str
    reason: str
    line: int | None = None
    may_route: bool = True


_STEPS_BETWEEN_LOOKS = 1_000


class TooMuch(Exception):
    """Following an app's names takes more steps or time than allowed."""


@dataclass(slots=True)
class Budget:
    """Steps and time for one app, whatever loops and names its source has."""

    steps: int = 20_000_000
    end: float = field(default_factory=lambda: time.monotonic() + 40.0)
    unlooked: int = 0

    def spend(self, steps: int = 1) -> None:
        """Count steps. Raises: TooMuch."""
        self.steps -= steps
        self.unlooked += steps
        if self.unlooked >= _STEPS_BETWEEN_LOOKS:
            self.unlooked = 0
            if self.steps < 0 or time.monotonic() > self.end:
                raise TooMuch("there is too much to follow")

    def narrow(self, steps: int, time_s: float) -> None:
        """Leave no more than this for the remaining work."""
        self.steps = min(self.steps, steps)
        self.end = min(self.end, time.monotonic() + time_s)


@dataclass(slots=True)
class Collected:
    """The results of the readers of all languages."""

    routers: dict[str, Router] = field(default_factory=dict)
    mounts: list[Mount] = field(default_factory=list)
    routes: list[Found] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    frameworks: dict[str, str] = field(default_factory=dict)
    """Framework -> the file that uses it."""
    budget: Budget = field(default_factory=Budget)

    def miss(self, file: str, reason: str, line: int | None = None, may_route: bool = True) -> None:
        """Note once a part that could not be read."""
        unread = Unread(file, reason[:300], line, may_route)
        if unread not in self.unread:
            self.unread.append(unread)


def joined(*parts: str) -> str:
    """Joined paths, with exactly one slash between them; a last slash stays."""
    path = ""
    for part in parts:
        if part:
            path = f"{path.rstrip('/')}/{part.lstrip('/')}" if path else "/" + part.lstrip("/")
    return path or "/"


def _versions_first(path: str) -> str:
    if VERSION not in path:
        return path
    parts = path.strip("/").split("/")
    first = [part.removeprefix(VERSION) for part in parts if part.startswith(VERSION)]
    return joined(*first[:1], "/".join(part for part in parts if not part.startswith(VERSION)))


def braces(path: str) -> str:
    r"""`<int:id>`, `{id:path}`, `:id`, `(?P<id>\\d+)` and `[id]` as `{id}`."""
    path = re.sub(r"<(?:[^<>:]+(?:\([^)]*\))?:)?(\w+)(?::[^<>]*)?>", r"{\1}", path)
    path = re.sub(r"\{(\w+)[:?][^}]*\}", r"{\1}", path)
    return re.sub(r"(?<=/):(\w+)(\([^)]*\))?[?*+]?", r"{\1}", path)


def placeholders(path: str) -> list[str]:
    """Names of the parameters of a path in braces."""
    return re.findall(r"\{([^/{}]+)\}", path)


def attempt(step: Callable[[], None], file: str, found: Collected) -> None:
    """Run one step for one file; an error costs only that file."""
    try:
        step()
    except (RecursionError, MemoryError):
        found.miss(file, "nested too deep")
    except TooMuch as error:
        found.miss(file, f"{error}")
    except Exception as error:  # a stranger's source found a fault in the reader
        found.miss(file, f"the reader failed: {type(error).__name__}: {error}")


class Linker:
    """Follows mounts from the routes up to the applications."""

    def __init__(self, found: Collected, spans: Callable[[Any], list[Span]] = lambda _: []):
        self._found = found
        self._spans = spans
        self._above: dict[str, list[Mount]] = {}
        for mount in dict.fromkeys(found.mounts):
            self._above.setdefault(mount.child, []).append(mount)
        self._known: dict[str, tuple[str, ...]] = {}

    def rows(self) -> list[dict]:
        """Every operation once, at every path where it is reached."""
        rows: dict[tuple[str, str], dict] = {}
        for route in self._found.routes:
            for prefix in self.prefixes(route.router):
                for method in route.methods:
                    self._add(rows, route, method, prefix)
            if len(rows) >= MAX_ROUTES:
                self._found.miss(route.file, f"more than {MAX_ROUTES} routes")
                break
        return list(rows.values())

    def _add(self, rows: dict[tuple[str, str], dict], route: Found, method: str, prefix: str):
        path = braces(_versions_first(joined(prefix, route.path)))
        if len(path) > MAX_PATH_CHARS:
            self._found.miss(route.file, "a path of too many characters", route.line)
            return
        places = dict.fromkeys(placeholders(path), "path")
        places |= {name: place for name, place in route.inputs.items() if name not in places}
        rows.setdefault(
            (method, path),
            {
                "method": method,
                "path": path,
                "file": route.file,
                "line": route.line,
                "auth": route.auth,
                "handler": route.handler,
                "framework": self._family(route),
                "kind": route.kind,
                "opaque": route.opaque,
                "writes": route.writes,
                "spans": self._lines(route),
                "parameters": [{"name": name, "place": at} for name, at in places.items()],
            },
        )

    def _lines(self, route: Found) -> list[Span]:
        """The lines that run for it, its handler first."""
        if route.within:
            return [(route.file, *route.within)]
        return self._spans(route.code) if route.code else []

    def _family(self, route: Found) -> str:
        """Its framework; for a function that gets an application, that application's."""
        key, seen = route.router, set[str]()
        while key not in seen:
            seen.add(key)
            router = self._found.routers.get(key)
            if router and router.family:
                return router.family
            key = self._above[key][0].parent if key in self._above else key
        return route.family

    def families(self) -> set[str]:
        """Frameworks with routes."""
        return {self._family(route) for route in self._found.routes}

    def prefixes(self, key: str, depth: int = 0) -> tuple[str, ...]:
        """Every prefix at which a router is reached; its own where nobody mounts it."""
        if key in self._known:
            return self._known[key]
        router = self._found.routers.get(key)
        own = router.prefix if router else ""
        if depth > _MAX_DEPTH:
            return (own,)
        self._known[key] = ()  # a router within itself adds nothing
        found: list[str] = []
        for mount in self._above.get(key, ()):
            last = mount.prefix if mount.replaces else joined(mount.prefix, own).rstrip("/")
            found += [joined(above, last) for above in self.prefixes(mount.parent, depth + 1)]
        if not found:
            found = [own]
            if router and not router.root and not self._above.get(key):
                self._found.miss(
                    router.file,
                    f"{router.label} is mounted nowhere that could be read",
                    router.line,
                )
        self._known[key] = tuple(dict.fromkeys(prefix.rstrip("/") for prefix in found))[
            :MAX_PREFIXES
        ]
        return self._known[key]
