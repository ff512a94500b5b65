"""Under which origin a page is opened, and where the requests of the page lead.

A front end is written for the ports of its compose file: it calls `http://localhost:5000`, and its
back end allows `http://localhost:3000`. Here the app has other ports. So the proxy answers under
the names that the app knows, and a page is opened under the origin that its author uses.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from analyzers.runtime.tool import SourceTree
from contract.analysis import Target

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104 - names in a page's URLs
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_BROWSER_CODE = (
    *(".js", ".jsx", ".mjs", ".ts", ".tsx", ".vue", ".svelte", ".astro", ".html", ".htm"),
    *(".env", ".env.local", ".env.development", ".env.production", ".env.example"),
)
# `http://localhost:5000`, `${location.hostname}:5000`, `hostname + ":5000"`.
_NAMED = re.compile(
    r"(?:(?:https?|wss?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])"
    r"|\bhostname\b[\s}+\"'`]{0,8}):(\d{2,5})\b"
)
# Settings of a build or a container for code in the browser: `VITE_API_URL=http://localhost:5000`.
_BUILD_FILES = ("Dockerfile", ".dockerfile", "compose.yml", "compose.yaml")
_FOR_BROWSERS = re.compile(
    r"^.*\b(?:VITE|REACT_APP|NEXT_PUBLIC|NUXT_PUBLIC|VUE_APP|NG_APP|PUBLIC|GATSBY)_\w+.*$", re.M
)
_MAX_FILE_BYTES = 2_000_000
_MAX_ALL_BYTES = 30_000_000


@dataclass(frozen=True, slots=True)
class Origins:
    """The app's own origins.

    Attributes:
        routes: `host:port` as a page asks for it -> the real `host:port`; nothing else is let
            through.
        opened: service -> origin its pages are opened under (`http://localhost:3000`).
        notes: ports that only the app's code names, and that were given to its back end.
    """

    routes: Mapping[str, str]
    opened: Mapping[str, str]
    notes: tuple[str, ...] = ()
    _bases: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every own origin as a page may write it, without default ports."""
        schemes = {urlsplit(base).scheme for base in self._bases.values()}
        return tuple(
            f"{scheme}://{_short(name, _PORTS[scheme])}"
            for name in self.routes
            for scheme in sorted(schemes)
        )

    @property
    def cookie_urls(self) -> tuple[str, ...]:
        """One URL for each host that a browser keeps a session's cookies for."""
        hosts = {name.rpartition(":")[0] for name in self.routes} - set(LOOPBACK[2:])
        scheme = urlsplit(next(iter(self._bases.values()))).scheme
        return tuple(f"{scheme}://{host}" for host in sorted(hosts))

    def page_url(self, service: str, url: str) -> str:
        """`url` of a service under the origin at which its pages are opened."""
        base = self._bases[service]
        return self.opened[service] + url.removeprefix(base)

    def behind(self, url: str, targets: Sequence[Target]) -> Target | None:
        """The service behind `url` as a page writes it; None: it is not the app's."""
        try:
            there = self.routes.get(_netloc(url))
        except (ValueError, KeyError):
            return None
        for target in targets:
            for base in (target.base_url, *(further.base_url for further in target.further)):
                if _netloc(base) == there:
                    return target.model_copy(update={"base_url": base})
        return None

    def opened_notes(self) -> tuple[str, ...]:
        """For the report: pages that were opened under another origin than they have here."""
        return tuple(
            f"{service} opened as {origin}"
            for service, origin in self.opened.items()
            if origin != self._bases[service]
        )


def origins_of(targets: Sequence[Target], source: SourceTree | None = None) -> Origins:
    """Own origins of an app: where its services are, and the ports they were written for.

    A port belongs to the service that publishes it in the compose file, else to the one that
    listens on it inside. A port that the front end names and no service has belongs to the back
    end, if there is only one. Blocking: reads the front end's files.
    """
    places: dict[int, tuple[str, str]] = {}
    for ports in (_published, _written):
        for target in targets:
            for port, place in ports(target):
                places.setdefault(port, (target.service, place))
    notes = list[str]()
    published = {port for target in targets for port, _ in _published(target)}
    backends = [target for target in targets if target.role == "backend"]
    for port, file in (_named_ports(source) if source is not None else {}).items():
        is_contradicted = bool(published) and port not in published
        if port not in places and len(backends) == 1 and not _is_base(port, targets):
            places[port] = (backends[0].service, _netloc(backends[0].base_url))
            is_contradicted = True
        if port in places and is_contradicted:
            who, place = places[port]
            mapped = [
                str(mapped_port)
                for target in targets
                for mapped_port, at in _published(target)
                if at == place
            ]
            note = f"localhost:{port}, which {file} names, was answered by {who}"
            notes.append(note + (f" (the compose file maps {', '.join(mapped)})" if mapped else ""))
    routes = {f"{name}:{port}": place for port, (_, place) in places.items() for name in LOOPBACK}
    for target in targets:  # last: the real address of a service belongs to nobody else
        for url in (target.base_url, *(further.base_url for further in target.further)):
            routes[_netloc(url)] = _netloc(url)
    opened = {target.service: _opened(target, routes) for target in targets}
    bases = {target.service: target.base_url for target in targets}
    return Origins(routes, opened, tuple(notes), bases)


def expected_origins(target: Target, source: SourceTree) -> tuple[str, ...]:
    """Origins under which the author may open a service's pages.

    Ports that the compose file publishes are certain. Without a compose file, every local origin
    that the app's code names counts.
    """
    ports: Iterable[int] = target.published
    if not target.published:
        ports = dict.fromkeys([*target.written_for, *_named_ports(source, _ALL_CODE)])
    scheme = urlsplit(target.base_url).scheme
    return tuple(
        f"{scheme}://{_short(f'{name}:{port}', _PORTS[scheme])}"
        for port in ports
        for name in LOOPBACK[:2]
    )


_ALL_CODE = (*_BROWSER_CODE, ".py", ".yml", ".yaml", ".json", ".toml", ".cfg", ".ini", ".conf")


def _opened(target: Target, routes: Mapping[str, str]) -> str:
    """`http://localhost:PORT` for the first port of the target's own, else its real address."""
    parts = urlsplit(target.base_url)
    for port, _ in (*_published(target), *_written(target)):
        if routes[f"localhost:{port}"] == _netloc(target.base_url):
            return f"{parts.scheme}://{_short(f'localhost:{port}', _PORTS[parts.scheme])}"
    return target.base_url


def _published(target: Target) -> list[tuple[int, str]]:
    """Ports on its author's machine, each with the address here."""
    places = (target, *target.further)
    return [(port, _netloc(place.base_url)) for place in places for port in place.published]


def _written(target: Target) -> list[tuple[int, str]]:
    """Ports that it listens on inside, each with the address here."""
    places = (target, *target.further)
    return [(port, _netloc(place.base_url)) for place in places for port in place.written_for]


def _is_base(port: int, targets: Sequence[Target]) -> bool:
    return any(_netloc(target.base_url).endswith(f":{port}") for target in targets)


def _named_ports(
    source: SourceTree, suffixes: tuple[str, ...] = (*_BROWSER_CODE, *_BUILD_FILES)
) -> dict[int, str]:
    """Local ports that the app's code names in URLs -> the first file that does."""
    found: dict[int, str] = {}
    left_bytes = _MAX_ALL_BYTES
    for name in source.matching(*suffixes):
        try:
            with (source.root / name).open("rb") as file:
                text = file.read(min(_MAX_FILE_BYTES, left_bytes)).decode("utf-8", "replace")
        except OSError:
            continue
        left_bytes -= len(text)
        if name.endswith(_BUILD_FILES) and suffixes is not _ALL_CODE:
            text = "\n".join(_FOR_BROWSERS.findall(text))
        for port in map(int, _NAMED.findall(text)):
            if 0 < port < 65_536:
                found.setdefault(port, name)
        if left_bytes <= 0:
            break
    return found


def _netloc(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _PORTS[parts.scheme]}"


def _short(netloc: str, default: int) -> str:
    """The origin as browsers write it: without the default port of the scheme."""
    return netloc.removesuffix(f":{default}")
