"""Whether an app does what its template declares, as far as somebody looked. Pure.

An endpoint holds if the app has it and no plain request to it was answered with a server error. An
app has an endpoint if its routes, its OpenAPI document or a form of its pages name it, or if it
answered there. It does not have it if all of its routes could be read and none is this one. A
requirement holds if the judges say so. What nobody could see is missing, never a failure: where
not all server errors are named, an endpoint that was not seen to answer may be among them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind, Category
from contract.template import Endpoint, TemplateSpec
from reports.model import CellReport, RequirementVerdict
from reports.operations import fits as _fits
from reports.operations import key_of as _key
from reports.operations import named
from reports.statistics.shares import Judged, Verdict

_PROOF = frozenset({"source", "openapi", "form", "crawl"})
_OF_JUDGES: Mapping[str, Verdict] = {"met": "pass", "not_met": "fail", "cannot_tell": "missing"}
_DISCOVERY, _SURFACE, _ERRORS = "discovery", "surface", "server_errors"
_MISSING: Verdict = "missing"


def functional(
    template: TemplateSpec | None,
    runs: Judged,
    cells: Sequence[CellReport],
    requirements: Sequence[RequirementVerdict],
    asked: frozenset[AnalyzerKind],
) -> Judged:
    """Whether an app runs, and what is declared of it holds.

    Requirements count where judges are part of the pipeline, endpoints where a live scan is. As
    with all rates, an app whose looks are incomplete is missing whatever the others have shown.

    Args:
        template: what the app was asked to be; None: nobody says.
        runs: whether it runs.
        cells: its cells.
        requirements: what the judges say of it.
        asked: analyzers that looked at the fleet.
    """
    declared = template is not None and bool(template.requirements or template.endpoints)
    if template is None or not declared or runs.verdict == "not applicable":
        return Judged("not applicable", False, runs.started)
    if runs.verdict == "fail":
        return runs
    verdicts = list(_verdicts(template, cells, requirements, asked)) or [_MISSING]
    fails = runs.fails or "fail" in verdicts
    if _MISSING in (runs.verdict, *verdicts):
        return Judged(_MISSING, fails, runs.started)
    return Judged("fail" if fails else "pass", fails, runs.started)


def _verdicts(
    template: TemplateSpec,
    cells: Sequence[CellReport],
    requirements: Sequence[RequirementVerdict],
    asked: frozenset[AnalyzerKind],
) -> Iterator[Verdict]:
    if any(kind.row.figures == "scores" for kind in asked):
        said = {item.id: item.verdict for item in requirements}
        for item in template.requirements:
            yield _OF_JUDGES.get(said.get(item.id, ""), _MISSING)
    if any(kind.is_live and Category.SECURITY in kind.row.looks_for for kind in asked):
        seen = _seen(cells)
        for item in template.endpoints:
            yield seen.verdict(item) if seen else _MISSING


@dataclass(frozen=True, slots=True)
class _Seen:
    """What discovery saw of an app.

    Attributes:
        there: operations that the app has.
        answered: method and path of plain requests that were answered.
        broken: the same of those that were answered with a server error.
        hidden: more were, and are not named.
        whole: all of its routes could be read.
    """

    there: frozenset[str]
    answered: tuple[str, ...]
    broken: tuple[str, ...]
    hidden: bool
    whole: bool

    def verdict(self, declared: Endpoint) -> Verdict:
        """Whether the app has this endpoint in order."""
        wanted = _key(declared.method, declared.path)
        if any(_fits(wanted, request) for request in self.broken):
            return "fail"
        if any(_fits(wanted, request) for request in self.answered):
            return "pass"
        if self.hidden:
            return _MISSING
        if wanted in self.there:
            return "pass"
        return "fail" if self.whole else _MISSING


def _seen(cells: Iterable[CellReport]) -> _Seen | None:
    for cell in cells:
        surface = cell.report.data.get(_SURFACE)
        found = cell.tool == _DISCOVERY and cell.state is MeasurementState.MEASURED
        if found and isinstance(surface, dict):
            return _read(surface, cell)
    return None


def _read(surface: Mapping[str, Any], cell: CellReport) -> _Seen:
    services = [one for one in _list(surface.get("services")) if isinstance(one, dict)]
    operations = [
        operation
        for service in services
        for operation in _list(service.get("operations"))
        if isinstance(operation, dict)
    ]
    coverage = cell.report.coverage
    broken, hidden = _server_errors(cell)
    # What was answered may be among the server errors that are not named.
    items = coverage.items if coverage and not (hidden and _ERRORS in cell.report.data) else ()
    return _Seen(
        there=frozenset(
            _key(str(operation.get("method")), str(operation.get("path")))
            for operation in operations
            if _PROOF & set(map(str, _list(operation.get("origins"))))
        ),
        answered=tuple(map(_request, items)),
        broken=tuple(map(_request, broken)),
        hidden=hidden,
        whole=bool(services) and all(_is_whole(surface, service) for service in services),
    )


def _server_errors(cell: CellReport) -> tuple[list[str], bool]:
    """Requests that were answered with a server error, and whether there are more.

    Older reports name them among some of what was skipped, without those that also got a page.
    """
    told = cell.report.data.get(_ERRORS)
    if isinstance(told, dict):
        named = list(map(str, _list(told.get("requests"))))
        return named, told.get("total") != len(named)
    coverage = cell.report.coverage
    if coverage is None:
        return [], True
    named = [one.what for one in coverage.skipped if one.reason.startswith("answered 5")]
    return named, coverage.skipped_total > len(coverage.skipped)


def _is_whole(surface: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
    """Whether a service cannot have an operation that nobody knows of."""
    read = not surface.get("routes_unread") or bool(service.get("openapi"))
    return read and not service.get("doubts") and isinstance(service.get("operations"), list)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _request(told: str) -> str:
    """`GET /notes/7` of `app GET /notes/7?page=1`; empty: no request is named."""
    operation = named(told)
    return operation.request if operation else ""
