"""What tools left beside their findings: lines that run, paths of data. Pure.

Reports of stored pipelines may be older than this module, and data is free-form: a value that is
not understood is ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from contract.analysis import Finding
from contract.families import names_in, old_path_key, path_key
from reports.model import CellReport

T = TypeVar("T")
Span = tuple[str, int, int]
_SPANS = TypeAdapter(tuple[Span, ...])
_STEPS = TypeAdapter(dict[str, tuple[int, ...]])
_NAMES = TypeAdapter(dict[str, tuple[str, ...]])


@dataclass(slots=True)
class Reach:
    """What is known of one app.

    Attributes:
        spans: lines that run for the handler at a file and line; its own lines come first.
        folders: of the app's services; empty names are not among them.
        steps: lines of the path of a finding, by `path_key` (of older reports, `old_path_key`).
        names: words on these lines.
    """

    spans: dict[tuple[str, int], tuple[Span, ...]] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    steps: dict[str, tuple[int, ...]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, found: Finding) -> tuple[Span, ...]:
        """Lines that run for a request's finding; none if its handler is not known."""
        place = found.location
        return self.spans.get((place.path or "", place.line or 0), ())

    def steps_of(self, found: Finding) -> tuple[int, ...]:
        """Lines of the path that leads to a source finding."""
        return self.steps.get(path_key(found)) or self.steps.get(old_path_key(found), ())

    def words(self, found: Finding) -> frozenset[str]:
        """Words on the line of a source finding and on its path."""
        on_path = self.names.get(path_key(found)) or self.names.get(old_path_key(found), ())
        return names_in(found.evidence) | frozenset(on_path)

    def is_handled(self, found: Finding) -> bool:
        """Whether a source finding is in some handler."""
        path, line = found.location.path, found.location.line or 0
        return any(
            spans[0][0] == path and spans[0][1] <= line <= spans[0][2]
            for spans in self.spans.values()
        )

    def same_service(self, one: Finding, other: Finding) -> bool:
        """Whether two places belong to one service; in an app with one service, all do."""
        return self._folder(one) == self._folder(other)

    def _folder(self, found: Finding) -> str:
        path = found.location.path or ""
        mine = [folder for folder in self.folders if path.startswith(f"{folder.rstrip('/')}/")]
        return max(mine, key=len, default="")


def reach_of(cells: Iterable[CellReport]) -> Reach:
    """What the data of one app's cells says."""
    known = Reach()
    for cell in cells:
        surface = cell.report.data.get("surface")
        if isinstance(surface, Mapping):
            known.spans |= dict(_handlers(surface.get("handlers")))
            known.folders |= frozenset(_folders(surface.get("services")))
        known.steps |= _read(_STEPS, cell.report.data.get("paths"), {})
        known.names |= _read(_NAMES, cell.report.data.get("path_names"), {})
    return known


def _handlers(rows: Any) -> Iterable[tuple[tuple[str, int], tuple[Span, ...]]]:
    for row in _mappings(rows):
        file, line, spans = row.get("file"), row.get("line"), _read(_SPANS, row.get("spans"), ())
        if isinstance(file, str) and isinstance(line, int) and spans:
            yield (file, line), spans


def _folders(rows: Any) -> Iterable[str]:
    return (str(row["folder"]) for row in _mappings(rows) if row.get("folder"))


def _mappings(rows: Any) -> Sequence[Mapping[str, Any]]:
    given = rows if isinstance(rows, list | tuple) else ()
    return [row for row in given if isinstance(row, Mapping)]


def _read(kind: TypeAdapter[T], value: Any, default: T) -> T:
    try:
        return default if value is None else kind.validate_python(value)
    except ValidationError:
        return default
