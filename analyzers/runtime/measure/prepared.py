"""What a run prepares before its first tool starts, so that then a tool waits for its turn only."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from analyzers.runtime.measure.cache import CacheEntry, ReportCache
from analyzers.runtime.measure.cache_key import Reads, SourceDigests, cache_key
from analyzers.runtime.measure.weights import Weights, urgencies
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import SourceTree, Tool
from contract.analysis import SubtaskRequest


@dataclass(slots=True)
class Prepared:
    """One app's source, and what is known about each tool that will read it.

    Attributes:
        code: digest of the service's own code.
        size_bytes: of the files that each tool reads, by its name.
        urgency: seconds that each tool, and the tools that wait for it, may take.
        keys: of reports, by tool and its version.
        kept: reports that came from the cache, by key.
    """

    request: SubtaskRequest
    source: SourceTree
    digests: SourceDigests
    code: str
    size_bytes: dict[str, int] = field(default_factory=dict)
    urgency: dict[str, float] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    kept: dict[str, CacheEntry | None] = field(default_factory=dict)

    def look_up(self, tool: Tool, version: str, cache: ReportCache, attachments: Path) -> None:
        """Compute the key of a tool's report, and load the kept one if it may be used. Blocking."""
        key = cache_key(tool, version, self.request, self.digests, self.code)
        if self.request.cache:
            self.kept[key] = cache.load(key, attachments / tool.name)
        self.keys[tool.name, version] = key


def prepare(
    request: SubtaskRequest,
    root: Path,
    tools: Sequence[Tool],
    code: str,
    weights: Weights,
) -> Prepared:
    """List the source and say how long each tool may take over it. Blocking."""
    source = list_source(root)
    prepared = Prepared(request, source, SourceDigests(source, request.source.digest), code)
    sizes = _sizes(source)
    for tool in tools:
        prepared.size_bytes[tool.name] = sum(sizes.get(name, 0) for name in _read(tool, source))
    seconds = {name: weights.seconds(name, size) for name, size in prepared.size_bytes.items()}
    prepared.urgency = urgencies(tools, seconds)
    return prepared


def look_up_all(
    prepared: Prepared,
    tools: Sequence[Tool],
    versions: Mapping[str, str],
    cache: ReportCache,
    attachments: Path,
) -> None:
    """Keys and kept reports of the tools whose version is known. Blocking."""
    for tool in tools:
        if tool.name in versions:
            with suppress(Exception, SystemExit):  # the tool's cell says why, in its turn
                prepared.look_up(tool, versions[tool.name], cache, attachments)


def _read(tool: Tool, source: SourceTree) -> Iterable[str]:
    names: Iterable[str] | None = None
    if isinstance(tool, Reads):
        with suppress(Exception, SystemExit):
            names = tool.reads(source)
    return source.files if names is None else names


def _sizes(source: SourceTree) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name in source.files:
        with suppress(OSError):
            sizes[name] = (source.root / name).stat().st_size
    return sizes
