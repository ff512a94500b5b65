"""Adapter for schemathesis: requests generated from the app's own OpenAPI document."""

import json
import re
from collections.abc import Iterable
from typing import Any

from analyzers.dynamic.alive import prepared_facts, require_answer
from analyzers.dynamic.bounds import limit_of
from analyzers.dynamic.exchanges import Exchanges, document_of
from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import make_finding, unique, worth_of
from analyzers.dynamic.probe import behind, require_usable, targets_of
from analyzers.dynamic.rules import Rule, grades_of, rule
from analyzers.dynamic.scanners import (
    LAUNCHER,
    Confined,
    confined,
    launched_program,
    secret_headers,
    venv_program,
)
from analyzers.dynamic.schemathesis_answers import (
    LINE_CAP_BYTES,
    answers_of,
    content_of,
    exchanges_of,
    shown_of,
    unseen_by,
    within,
    without_unseen,
)
from analyzers.dynamic.sessions import require_login, sessions_of
from analyzers.dynamic.surface import ServiceSurface
from analyzers.runtime.live.chromium import PROXY_URL
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Coverage, Finding, Metric, Skipped, Target
from contract.attached import EXCHANGES

VENV = "venv"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,ignored_auth"
)
FAILURES: dict[str, Rule] = {
    "ServerError": rule("low", "high", 755, category="quality"),
    "ContentTypeServerError": rule("low", "high", 755, category="quality"),
    "UndefinedStatusCode": rule("info", "high", category="quality"),
    "MissingContentType": rule("info", "high", category="quality"),
    "UndefinedContentType": rule("info", "high", category="quality"),
    "MalformedMediaType": rule("info", "high", category="quality"),
    "MalformedJson": rule("low", "high", category="quality"),
    "ContentDeserializationError": rule("low", "high", category="quality"),
    "DiscriminatorMismatch": rule("low", "high", category="quality"),
    "JsonSchemaError": rule("low", "high", category="quality"),
    "MissingHeaders": rule("info", "high", category="quality"),
    "IgnoredAuth": rule("high", "high", 306),
}
CANARY_DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "canary", "version": "1"},
    "paths": {"/items": {"get": {"responses": {"200": {"description": "ok"}}}}},
}


class Schemathesis:
    """Property-based tests of an API against its own description."""

    name = "schemathesis"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    grades = grades_of("failure", FAILURES)
    canary = Canary(
        serve={
            "GET /": (200, {"Content-Type": "text/plain"}, "canary"),
            "GET /openapi.json": (
                200,
                {"Content-Type": "application/json"},
                json.dumps(CANARY_DOCUMENT),
            ),
            "GET /items": (500, {"Content-Type": "text/plain"}, "broken"),
        },
        expect=frozenset({"ServerError"}),
    )
    cost = 1.0
    exclusive = False
    after: tuple[str, ...] = behind("schemathesis")

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Schemathesis' own version."""
        done = await execute(Command(argv=(*_program(run), "--version"), limit_s=60))
        found = re.search(rb"(\d+\.\d+\.\d+)", done.stdout)
        if found is None:
            raise ToolFault("schemathesis --version names no version")
        return found[1].decode()

    def rules_digest(self) -> str:
        """The checks come with the version."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Test every target that serves an OpenAPI document."""
        surface = await surface_of(run, execute)
        require_usable(targets_of(run), surface)
        await require_login(run, surface)
        limit_s = limit_of(run, "schemathesis")
        parts, sent = list[Parsed](), list[Exchanges]()
        means = confined(run, execute, VENV, LAUNCHER)
        for target in targets_of(run):
            await require_answer(target, "before")
            known = surface.of(target.service)
            if known.openapi is not None:
                part, shown = await _test(means, target, known, limit_s)
                parts.append(part)
                sent.append(shown)
                await require_answer(target, "after")
        if not parts:
            raise NotApplicable("no service serves an OpenAPI document")
        if kept := document_of(sent):
            run.attach(EXCHANGES, kept)
        return fold(parts, means.box.notes)


async def _test(
    means: Confined, target: Target, surface: ServiceSurface, limit_s: float
) -> tuple[Parsed, Exchanges]:
    run, box = means.run, means.box
    sessions = await sessions_of(run, target, surface)
    facts = await prepared_facts(run, target)
    headers = {**facts.headers, **(sessions[0].headers if sessions else {})}
    name = re.sub(r"\W+", "-", target.service)
    report, events = (box.folder / f"{name}.{ending}" for ending in ("json", "ndjson"))
    seconds = min(limit_s, 4.0 + 1.0 * len(surface.operations))
    run.progress(f"{target.service}, {seconds:.0f} s")
    document = f"{surface.openapi}"
    program = launched_program(run.tools_dir, VENV, "schemathesis")
    line = argv(program, target.base_url, document, name, seconds)
    done = await means.execute(
        box.command(
            (*line, *within(facts.quota)),
            ok_exit_codes=frozenset({0, 1}),  # 1: a check failed
            output=report,
            limit_s=seconds + 60,
            stdin=secret_headers(headers),
            called="schemathesis",
        )
    )
    with box.opened(events) as lines:
        proofs = evidence_of(lines)
    with box.opened(events) as lines:
        answers = answers_of(lines)
    with box.opened(events) as lines:
        shown = shown_of(lines)
    parsed = parse(done.output, proofs, target, surface)
    unseen = await unseen_by(run, target, surface, answers, headers)
    parsed = without_unseen(parsed, target, answers, unseen)
    return parsed, exchanges_of(parsed.findings, shown, headers)


def argv(
    program: tuple[str, ...], base_url: str, document: str, name: str, seconds: float
) -> tuple[str, ...]:
    """A run that repeats with the same seed and ends by itself; reports are called `name`."""
    # By its variable: `--proxy` does not cover the download of the document and its references.
    proxy = PROXY_URL.replace("socks5:", "socks5h:")
    line = ["env", *(f"{scheme}_PROXY={proxy}" for scheme in ("ALL", "HTTP", "HTTPS"))]
    line += [*program, "run", base_url + document, "--url", base_url, "--checks", CHECKS]
    line += ["--max-time", f"{seconds:.0f}", "--max-examples", "20", "--seed", "1"]
    line += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"]
    line += ["--generation-database", "none", "--request-timeout", "5", "--workers", "1"]
    line += ["--report", "json,ndjson", "--report-json-path", f"{name}.json"]
    line += ["--report-ndjson-path", f"{name}.ndjson"]
    return tuple(line)


def evidence_of(events: Iterable[bytes]) -> dict[tuple[str, str], str]:
    """(failure type, operation) -> message, request and answer of its first case."""
    found: dict[tuple[str, str], str] = {}
    for line in events:
        if b'"failure_info"' not in line or len(line) > LINE_CAP_BYTES:
            continue
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case, checks in recorder.get("checks", {}).items():
            for check in checks:
                failure = (check.get("failure_info") or {}).get("failure")
                if failure:
                    exchange = recorder.get("interactions", {}).get(case, {})
                    key = (str(failure["type"]), str(failure["operation"]))
                    found.setdefault(key, f"{failure['message']}\n{describe(exchange)}")
    return found


def describe(exchange: dict[str, Any]) -> str:
    """Request and answer of one case in a few lines."""
    request, response = exchange.get("request") or {}, exchange.get("response") or {}
    path = re.sub(r"^https?://[^/]+", "", str(request.get("uri", "")))
    sent, got = _text(request.get("body")), _text(response.get("content"))
    return (
        f"{request.get('method')} {path[:500]}\n{sent[:300]}\n{response.get('status_code')} {got}"
    )


def parse(
    raw: bytes, proofs: dict[tuple[str, str], str], target: Target, surface: ServiceSurface
) -> Parsed:
    """Findings and coverage of a JSON report.

    Raises:
        ToolFault: not schemathesis' report, or a failure type without a severity.
    """
    try:
        document = json.loads(raw)
        operations, cases = document["operations"], document["test_cases"]
        rows = [
            (failure["type"], failure["title"], failure["operations"])
            for failure in document["failures"]
        ]
        errors = [str(error)[:300] for error in document["errors"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"schemathesis' report is unreadable: {error!r}") from error
    findings = [
        _finding(kind, title, operation, proofs.get((kind, operation), ""), target, surface)
        for kind, title, names in rows
        for operation in names
    ]
    skipped = [Skipped(what=f"{target.service} {error[:80]}", reason=error) for error in errors]
    total, tested = int(operations["total"]), int(operations["tested"])
    coverage = Coverage(
        unit="operations",
        given=total,
        reached=tested,
        skipped=tuple(skipped[:50]),
        skipped_total=max(len(skipped), total - tested),
    )
    sent = Metric(name="cases_generated", value=cases["generated"], unit="count")
    stopped = f"{target.service}: stopped by {document.get('stop_reason') or 'the end'}"
    return Parsed(coverage=coverage, findings=unique(findings), metrics=(sent,), notes=(stopped,))


def _finding(
    kind: str, title: str, name: str, proof: str, target: Target, surface: ServiceSurface
) -> Finding:
    method, _, path = name.partition(" ")
    operation = surface.find(method, path)
    return make_finding(
        "schemathesis",
        kind,
        f"{title}: {name}",
        service=target.service,
        method=method,
        path=path,
        evidence=proof,
        source=operation.source if operation else None,
        worth=worth_of(FAILURES, kind, "schemathesis: failure"),
    )


def fold(parts: list[Parsed], notes: tuple[str, ...] = ()) -> Parsed:
    """One report of all targets."""
    covered = [part.coverage for part in parts]
    coverage = Coverage(
        unit="operations",
        given=sum(part_coverage.given or 0 for part_coverage in covered),
        reached=sum(part_coverage.reached for part_coverage in covered),
        skipped=tuple(row for part_coverage in covered for row in part_coverage.skipped)[:50],
        skipped_total=sum(part_coverage.skipped_total for part_coverage in covered),
        items=tuple(row for part_coverage in covered for row in part_coverage.items)[:200],
    )
    cases = sum(part.metrics[0].value for part in parts)
    return Parsed(
        coverage=coverage,
        findings=tuple(row for part in parts for row in part.findings),
        metrics=(Metric(name="cases_generated", value=cases, unit="count"),),
        notes=(*(note for part in parts for note in part.notes), *notes),
    )


def _text(body: Any) -> str:
    return content_of(body).decode("utf-8", "replace")


def _program(run: ToolRun) -> tuple[str, str]:
    return venv_program(run.tools_dir, VENV, "schemathesis")
