"""Merges one weakness that several dynamic tools met into one finding with its witnesses. Pure.

Two findings are one weakness when they name the same kind of flaw in the same input of the same
operation; for example, a login bypassed by an injected query is that injection. A missing header, a
cookie flag or a debugger is one setting, on whichever page it was seen. Where there is no input,
two rules of one tool are two weaknesses, because the tool distinguishes them.
"""

from collections.abc import Sequence

from analyzers.dynamic.findings import fingerprint_http, is_setting, kind_of
from contract.analysis import Category, Confidence, Finding, MeasurementState, Severity, ToolReport
from contract.identity import joined_aliases

Key = tuple[str, ...]

_SEVERITY_ORDER = tuple(Severity)
_CONFIDENCE_ORDER = tuple(Confidence)


def fuse(reports: Sequence[ToolReport]) -> tuple[Finding, ...]:
    """Every finding of the measured tools, each weakness once, worst first."""
    measured = [report for report in reports if report.state is MeasurementState.MEASURED]
    services = _services(measured)
    found = [finding for report in measured for finding in report.findings]
    weaknesses: dict[Key, list[list[Finding]]] = {}
    for each in sorted(found, key=_strongest_first):
        known = weaknesses.setdefault(_key(each, services), [])
        same = next((group for group in known if _joins(each, group)), None)
        if same is None:
            known.append([each])
        else:
            same.append(each)
    fused = [_fused(group) for groups in weaknesses.values() for group in groups]
    return tuple(sorted(fused, key=_worst_first))


def _services(reports: Sequence[ToolReport]) -> list[str]:
    """Names of the app's services: items of coverage begin with them."""
    items = [item for report in reports if report.coverage for item in report.coverage.items]
    return list(dict.fromkeys(item.split(" ")[0] for item in items))


def _key(found: Finding, services: list[str]) -> Key:
    place = found.location
    method, url, parameter = place.method or "", place.url or "", place.parameter or ""
    kind = kind_of(found.rule_id, found.cwe, found.category, parameter)
    service = next(
        (
            name
            for name in services
            if fingerprint_http(name, kind, method, url, parameter) == found.fingerprint
        ),
        "",
    )
    by_number = str(found.cwe[0]) if found.cwe else found.rule_id
    family = kind if is_setting(kind) or kind == "stored-xss" else by_number
    where = (parameter,) if is_setting(kind) else (method, url, parameter)
    return (service, found.category, family, *where)


def _joins(found: Finding, group: list[Finding]) -> bool:
    if found.location.parameter and found.category is Category.SECURITY:
        return True
    return all(member.tool != found.tool or member.rule_id == found.rule_id for member in group)


def _fused(group: list[Finding]) -> Finding:
    """The strongest finding, with additions of the others; medium becomes high if tools agree."""
    first, tools = group[0], {member.tool for member in group}
    agreed = len(tools) > 1 and first.confidence is Confidence.MEDIUM
    return first.model_copy(
        update={
            "tool": "fused",
            "confidence": Confidence.HIGH if agreed else first.confidence,
            "witnesses": tuple(
                dict.fromkeys(name for finding in group for name in finding.witnesses)
            ),
            "cwe": tuple(dict.fromkeys(number for finding in group for number in finding.cwe)),
            "aliases": joined_aliases(first, group[1:]),
        }
    )


def _strongest_first(found: Finding) -> tuple[int, int, bool]:
    """Among equals, a finding with a known handler says more."""
    strength = _CONFIDENCE_ORDER.index(found.confidence), _SEVERITY_ORDER.index(found.severity)
    return (*strength, found.location.path is None)


def _worst_first(found: Finding) -> tuple[int, int, str, str]:
    strength = _SEVERITY_ORDER.index(found.severity), _CONFIDENCE_ORDER.index(found.confidence)
    return (*strength, found.location.url or "", found.rule_id)
