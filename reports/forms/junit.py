"""JUnit XML for CI servers: a suite per app, a test case per tool.

A measured tool passes unless it saw a grave weakness that counts; what the app failed is a failure,
what the platform failed an error (missing data is no pass), what does not apply is skipped. It is
written as Jenkins' schema (jenkinsci/xunit-plugin, junit-10.xsd) has it.
"""

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from contract.analysis import MeasurementState
from contract.spec import AppRole
from contract.weakness import Weakness
from reports.formats import place
from reports.model import AppReport, CellReport, FleetReport
from reports.rates import is_grave
from reports.sarif_github import tool_of

# What XML 1.0 has no way to write, and what a terminal obeys.
_NO_XML = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_CHARS = 500
_SHOWN = 20
_OTHERS = "weaknesses/others"


def junit(report: FleetReport, apps: Iterable[AppReport]) -> Iterator[bytes]:
    """The file in pieces, one app after another."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites name={_attribute(f'Assay {report.pipeline.id}')}>\n".encode()
    for app in apps:
        if app.role is AppRole.SUBJECT:
            yield "\n".join((*_suite(app), "")).encode()
    yield b"</testsuites>\n"


def _suite(app: AppReport) -> Iterator[str]:
    grave = _by_cell(app)
    label = app.ref.label
    cases = [_of_cell(label, cell, grave.get(cell.name, ())) for cell in app.cells]
    if strays := grave.get(_OTHERS):
        cases.append(_case(label, _OTHERS, 0.0, _failed(strays)))
    counts = {kind: sum(f"<{kind}" in case for case in cases) for kind in _KINDS}
    told = " ".join(f'{name}="{counts[kind]}"' for kind, name in _KINDS.items())
    yield (
        f'  <testsuite name={_attribute(label)} tests="{len(cases)}" {told} '
        f'time="{sum(cell.record.tool_seconds for cell in app.cells):.3f}">'
    )
    yield from cases
    yield "  </testsuite>"


_KINDS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def _by_cell(app: AppReport) -> dict[str, list[Weakness]]:
    """Grave weaknesses that count, by the cell of a tool that saw them."""
    measured = {cell.tool: cell for cell in app.cells if cell.state is MeasurementState.MEASURED}
    groups: dict[str, list[Weakness]] = {}
    for weakness in app.weaknesses:
        if weakness.counts and is_grave(weakness.finding):
            tool = tool_of(weakness.finding, measured)
            groups.setdefault(measured[tool].name if tool else _OTHERS, []).append(weakness)
    return groups


def _of_cell(label: str, cell: CellReport, grave: Iterable[Weakness]) -> str:
    mine = list(grave)
    match cell.state:
        case MeasurementState.MEASURED:
            inside = _failed(mine) if mine else ""
        case MeasurementState.APP_FAILED:
            inside = _outcome("failure", "app_failed", cell.report.reason)
        case MeasurementState.INFRA_FAILED:
            inside = _outcome("error", "infra_failed", f"not measured: {cell.report.reason}")
        case MeasurementState.NOT_APPLICABLE:
            inside = f"<skipped message={_attribute(cell.report.reason)}/>"
    return _case(label, cell.name, cell.record.tool_seconds, inside)


def _case(label: str, name: str, seconds: float, inside: str) -> str:
    named = f"name={_attribute(name)} classname={_attribute(label)}"
    head = f'    <testcase {named} time="{seconds:.3f}"'
    return f"{head}>{inside}</testcase>" if inside else f"{head}/>"


def _failed(grave: list[Weakness]) -> str:
    lines = [_line(weakness) for weakness in grave[:_SHOWN]]
    if len(grave) > _SHOWN:
        lines.append(f"and {len(grave) - _SHOWN:,} more")
    text = "\n".join(lines)
    head = f"{len(grave):,} grave weaknesses" if len(grave) > 1 else "a grave weakness"
    return _outcome("failure", "weakness", head, text)


def _line(weakness: Weakness) -> str:
    found = weakness.finding
    cwe = f" CWE-{found.cwe[0]}" if found.cwe else ""
    state = f" ({weakness.baseline})" if weakness.baseline else ""
    return _short(f"{found.severity}{cwe}{state}: {place(found)}: {found.message}")


def _outcome(kind: str, what: str, message: str, text: str = "") -> str:
    inside = escape(_printable(text))
    return f"<{kind} type={_attribute(what)} message={_attribute(message)}>{inside}</{kind}>"


def _attribute(text: str) -> str:
    return quoteattr(_short(_printable(text)))


def _printable(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 1]}…"
