"""Reads the browser program's answer: pages reached, severities, findings. Pure functions."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.bounds import sampled
from analyzers.dynamic.covered import raise_unusable
from analyzers.dynamic.findings import make_finding, stable_path, unique, worth_of
from analyzers.dynamic.marks import shows_payload
from analyzers.dynamic.rules import Rule, rule
from analyzers.dynamic.sessions import LOGIN
from analyzers.dynamic.surface import ServiceSurface
from analyzers.runtime.tool import Parsed, ToolFault
from contract.analysis import Coverage, Finding, Metric, Skipped, Target

IMPACTS: dict[str, Rule] = {
    "minor": rule("low", "high", category="accessibility"),
    "moderate": rule("low", "high", category="accessibility"),
    "serious": rule("medium", "high", category="accessibility"),
    "critical": rule("high", "high", category="accessibility"),
}
MESSAGES = {
    "console-error": "The page writes errors to the browser's console",
    "page-error": "A script of the page ends with an exception",
    "failed-request": "The page asks for something that fails",
    "mixed-content": "A page served over HTTPS loads something over plain HTTP",
}


@dataclass(frozen=True, slots=True)
class Visited:
    """One target's pages: a row for each that was opened or tried, and those left out."""

    target: Target
    surface: ServiceSurface
    rows: list[dict[str, Any]]
    left_out: list[Skipped]


def parse(raw: bytes) -> list[dict[str, Any]]:
    """Rows of the browser program, one per page.

    Raises:
        ToolFault: it printed something else, or no page could be opened.
    """
    try:
        rows = json.loads(raw)["pages"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"the browser's output is unreadable: {error!r}") from error
    if not any(row.get("violations") is not None for row in rows):
        reasons = "; ".join(f"{row['path']}: {row['error']}" for row in rows[:3])
        raise ToolFault(f"no page could be opened: {reasons}")
    return rows


def findings_of(target: Target, surface: ServiceSurface, row: dict[str, Any]) -> list[Finding]:
    """The faults of one page."""
    found = []
    # A script that our probes stored may throw, ask and log: not the app's fault.
    for event in [] if row.get("marked") else row.get("events") or []:
        kind, url = event["kind"], urlsplit(event["url"]).path
        found.append(
            make_finding(
                "browser",
                kind,
                f"{MESSAGES[kind]}: {event['text'][:200]}",
                service=target.service,
                path=row["path"],
                parameter=stable_path(url) if url else event["text"][:60],
                evidence=f"{event['text']}\n{url}".strip(),
            )
        )
    rules = [violation for violation in row.get("violations") or [] if not is_ours(violation)]
    return found + [_violation(target, surface, row["path"], violation) for violation in rules]


def is_ours(violation: dict[str, Any]) -> bool:
    """Whether our probes stored every element that is shown for a violation."""
    nodes = violation["nodes"]
    return bool(nodes) and all(shows_payload(str(node)) for node in nodes)


def _violation(target: Target, surface: ServiceSurface, path: str, row: dict[str, Any]) -> Finding:
    operation = surface.find("GET", path)
    return make_finding(
        "browser",
        f"axe-{row['id']}",
        f"{row['help']} ({row['count']} places)",
        service=target.service,
        path=operation.path if operation else path,
        evidence="\n".join(row["nodes"]),
        worth=worth_of(IMPACTS, str(row["impact"]), f"axe: {row['id']}: impact"),
        witness=f"axe:{row['id']}",
    )


def examined(visited: Visited) -> tuple[list[dict[str, Any]], list[Skipped]]:
    """Rows of the pages that were really seen, by their own path; and the others with the reason.

    A page that redirected to the login was not seen: we saw the login.
    """
    good: dict[str, dict[str, Any]] = {}
    missed = list(visited.left_out)
    asked = {row["path"] for row in visited.rows}
    for row in visited.rows:
        path, final = row["path"], urlsplit(row.get("final") or row["path"]).path or "/"
        reason = row["error"] or (f"answered {row['status']}" if row["status"] >= 400 else "")
        if not reason and LOGIN.search(final) and not LOGIN.search(urlsplit(path).path):
            reason = f"led to {final}"
            if final not in asked:
                good.setdefault(final, {**row, "path": final})
        elif not reason:
            good[path] = row
        if reason:
            missed.append(Skipped(what=f"{visited.target.service} {path}", reason=reason))
    return list(good.values()), missed


def marked_notes(pairs: list[tuple[Visited, list[dict[str, Any]], list[Skipped]]]) -> list[str]:
    """Notes on pages that show content that our probes stored."""
    found = [row["path"] for _, rows, _ in pairs for row in rows if row.get("marked")]
    shown = ", ".join(found[:5])
    text = "what our own probes stored is shown, so errors and failed requests are left out"
    return [f"{text}: {shown}"] if found else []


def fold(visits: list[Visited], notes: tuple[str, ...] = ()) -> Parsed:
    """One report; coverage counts pages that were opened and examined."""
    pairs = [(visited, *examined(visited)) for visited in visits]
    seen = [f"{visit.target.service} {row['path']}" for visit, rows, _ in pairs for row in rows]
    missed = [row for _, _, left_out in pairs for row in left_out]
    if not seen:
        raise_unusable(
            [(visit.target, r["path"], r["status"]) for visit in visits for r in visit.rows]
        )
    findings = [
        finding
        for visit, rows, _ in pairs
        for row in rows
        for finding in findings_of(visit.target, visit.surface, row)
    ]
    return Parsed(
        coverage=Coverage(
            unit="urls",
            given=len(seen) + len(missed),
            reached=len(seen),
            skipped=sampled(missed),
            skipped_total=len(missed),
            items=tuple(seen[:200]),
        ),
        findings=unique(findings),
        metrics=(Metric(name="pages_opened", value=len(seen), unit="count"),),
        notes=(*notes, *marked_notes(pairs)),
    )
