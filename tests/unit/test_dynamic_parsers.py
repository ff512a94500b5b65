"""Recorded output of the dynamic tools means what we say it means."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyzers.dynamic import browser_report
from analyzers.dynamic.browser_report import Visited
from analyzers.dynamic.schemathesis_answers import exchanges_of, shown_of
from analyzers.dynamic.surface import Operation, ServiceSurface
from analyzers.dynamic.tools import browser, nmap, schemathesis, wapiti
from analyzers.dynamic.wapiti_report import CATEGORIES, parse_report
from analyzers.runtime.tool import AppFault, ToolFault
from contract.analysis import Category, Severity, Skipped, Target
from contract.attached import exchange_key

FIXTURES = Path(__file__).parents[1] / "fixtures"
PUBLISHED = Target(service="app", base_url="http://127.0.0.1:18101")
CONTAINER = Target(service="backend", base_url="http://backend:5000")
SURFACE = ServiceSurface(
    service="app",
    role="backend",
    operations=(
        Operation(method="POST", path="/login", file="app.py", line=106),
        Operation(method="GET", path="/search", file="app.py", line=146),
    ),
)


def read(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_wapiti_names_injection_operation_parameter_and_source():
    findings, crawled = parse_report(read("wapiti/sql.json"), PUBLISHED, SURFACE)

    injections = {
        (one.location.method, one.location.url, one.location.parameter, one.location.line)
        for one in findings
        if one.rule_id == "sql-injection"
    }
    assert injections == {("GET", "/search", "q", 146), ("POST", "/login", "username", 106)}
    assert {one.cwe for one in findings if one.rule_id == "sql-injection"} == {(89,)}
    assert len(crawled) == 21


def test_wapiti_evidence_carries_no_cookie_and_errors_are_quality():
    findings, _ = parse_report(read("wapiti/sql.json"), PUBLISHED, SURFACE)

    assert not any("session=" in one.evidence for one in findings)
    failing = [one for one in findings if one.rule_id == "internal-server-error"]
    assert failing
    assert {one.category for one in failing} == {Category.QUALITY}


def test_wapiti_fingerprints_do_not_know_the_port():
    moved = PUBLISHED.model_copy(update={"base_url": "http://127.0.0.1:9"})

    here, _ = parse_report(read("wapiti/sql.json"), PUBLISHED, SURFACE)
    there, _ = parse_report(read("wapiti/sql.json"), moved, SURFACE)

    assert [one.fingerprint for one in here] == [one.fingerprint for one in there]
    assert not any("18101" in one.message for one in here)


def test_wapiti_category_without_severity_is_a_fault():
    document = json.loads(read("wapiti/sql.json"))
    row = document["vulnerabilities"].pop("SQL Injection")
    document["vulnerabilities"]["Quantum Injection"] = row

    with pytest.raises(ToolFault, match="Quantum Injection"):
        parse_report(json.dumps(document).encode(), PUBLISHED, SURFACE)


def test_wapiti_maps_each_category_of_its_report():
    known = json.loads(read("wapiti/sql.json"))
    listed = {*known["vulnerabilities"], *known["anomalies"]}

    unknown = {name for name in listed - CATEGORIES.keys() if not name.startswith("Fingerprint")}
    assert unknown == set()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"<html>", b'{"infos": 1}'])
def test_unreadable_reports_are_faults(raw: bytes):
    with pytest.raises(ToolFault):
        parse_report(raw, PUBLISHED, SURFACE)
    with pytest.raises(ToolFault):
        schemathesis.parse(raw, {}, PUBLISHED, SURFACE)
    with pytest.raises(ToolFault):
        browser_report.parse(raw)
    with pytest.raises(ToolFault):
        nmap.parse(raw, PUBLISHED)


def test_schemathesis_counts_operations_and_shows_the_exchange():
    events = read("schemathesis/events.ndjson").splitlines()
    proofs = schemathesis.evidence_of(events)

    parsed = schemathesis.parse(read("schemathesis/report.json"), proofs, PUBLISHED, SURFACE)

    assert (parsed.coverage.given, parsed.coverage.reached) == (14, 14)
    assert len(parsed.findings) == 5
    shown = next(one for one in parsed.findings if one.location.url == "/api/register")
    assert shown.rule_id == "UndefinedStatusCode"
    assert "POST /api/register" in shown.evidence
    assert "127.0.0.1" not in shown.evidence


def test_schemathesis_keeps_the_exchange_that_showed_a_finding():
    events = read("schemathesis/events.ndjson").splitlines()
    parsed = schemathesis.parse(read("schemathesis/report.json"), {}, PUBLISHED, SURFACE)

    kept = exchanges_of(parsed.findings, shown_of(events), {}).rows()

    shown = next(one for one in parsed.findings if one.location.url == "/api/register")
    (row,) = kept[exchange_key(shown)]
    assert row["request"].startswith("POST /api/register HTTP/1.1\n")
    assert f"HTTP {row['status']}" in row["answer"]


def test_schemathesis_failure_without_severity_is_a_fault():
    document = json.loads(read("schemathesis/report.json"))
    document["failures"][0]["type"] = "NewKind"

    with pytest.raises(ToolFault, match="NewKind"):
        schemathesis.parse(json.dumps(document).encode(), {}, PUBLISHED, SURFACE)


def test_nmap_counts_closed_ports_and_reports_no_port_the_app_answers_on():
    ports, scanned = nmap.parse(read("nmap/container.gnmap"), CONTAINER)

    assert scanned == 1000
    assert [(one.number, one.state) for one in ports] == [(5000, "open")]
    assert nmap.findings_of(nmap.Scan(CONTAINER, ports, scanned, meant=5000)) == []


def test_nmap_reports_a_database_beside_the_app():
    raw = read("nmap/container.gnmap").replace(
        b"5000/open/tcp//upnp///", b"5000/open/tcp//upnp///, 5432/open/tcp//postgresql///"
    )

    scan = nmap.Scan(CONTAINER, *nmap.parse(raw, CONTAINER), meant=5000)

    found = nmap.findings_of(scan)
    assert [(one.rule_id, one.severity) for one in found] == [
        ("open-database-port", Severity.MEDIUM)
    ]


def test_browser_reports_accessibility_apart_from_security():
    rows = browser_report.parse(read("browser/output.json"))

    parsed = browser_report.fold([Visited(PUBLISHED, SURFACE, rows, [])])

    assert parsed.coverage.reached == 2
    assert {one.category for one in parsed.findings} == {Category.ACCESSIBILITY}
    title = next(one for one in parsed.findings if one.rule_id == "axe-document-title")
    assert (title.location.url, title.severity) == ("/search", Severity.MEDIUM)


def test_browser_impact_without_severity_is_a_fault():
    rows = browser_report.parse(read("browser/output.json").replace(b'"serious"', b'"dire"'))

    with pytest.raises(ToolFault, match="dire"):
        browser_report.fold([Visited(PUBLISHED, SURFACE, rows, [])])


def test_browser_that_opened_no_page_is_a_fault():
    raw = b'{"pages": [{"path": "/", "error": "net::ERR", "violations": null}]}'

    with pytest.raises(ToolFault, match="no page could be opened"):
        browser_report.parse(raw)


def opened(path: str, status: int = 200, **more: str) -> dict[str, Any]:
    return {"path": path, "status": status, "error": "", "violations": [], **more}


def test_browser_pages_that_led_to_the_login_were_not_seen():
    rows = [
        opened("/", final="http://h:1/"),
        opened("/notes", final="http://h:1/login"),
        opened("/admin", 403, final="http://h:1/admin"),
    ]

    coverage = browser_report.fold([Visited(PUBLISHED, SURFACE, rows, [])]).coverage

    assert coverage.items == ("app /", "app /login")
    assert [(one.what, one.reason) for one in coverage.skipped] == [
        ("app /notes", "led to /login"),
        ("app /admin", "answered 403"),
    ]
    assert coverage.given == 4


def test_browser_that_saw_only_server_errors_is_the_apps_fault():
    rows = [opened("/", 500), opened("/a", 503)]

    with pytest.raises(AppFault, match="app / -> 500"):
        browser_report.fold([Visited(PUBLISHED, SURFACE, rows, [])])


def test_browser_names_the_pages_it_does_not_open():
    pages = {f"/page-{'x' * number}": "text/html" for number in range(10)}
    known = SURFACE.model_copy(update={"pages": {"/": "text/html", "/n/1": "text/html", **pages}})
    more = known.model_copy(update={"pages": {**known.pages, "/n/2": "text/html"}})

    paths, left_out = browser.pages_of(more)

    assert len(paths) == browser.MAX_PAGES
    assert len(left_out) == 13 - browser.MAX_PAGES
    assert Skipped(what="app /n/2", reason="like another page") in left_out
    assert left_out[0].reason == "beyond the first 8 pages"


def test_browser_output_carries_no_session():
    raw = b'{"text": "user abcdef123456, token eyJhbGciOi.x.y"}'
    headers = {"Cookie": "sid=abcdef123456; a=1", "Authorization": "Bearer eyJhbGciOi.x.y"}

    assert browser.masked(raw, headers) == b'{"text": "user ***, token ***"}'


def crawl_of(*rows: tuple[str, int | None]) -> wapiti.Scan:
    base = PUBLISHED.base_url
    crawled = [
        {"url": base + path, "method": "GET", "post_params": [], "status_code": status}
        for path, status in rows
    ]
    return wapiti.Scan(PUBLISHED, crawled=crawled)


def test_wapiti_says_what_its_crawl_did_not_reach():
    many = [Operation(method="GET", path=f"/p{number}") for number in range(wapiti.MAX_STARTS + 5)]
    many.append(Operation(method="POST", path="/api/notes"))
    scan = crawl_of(("/", 200), ("/p1", 200), ("/p2", 500), ("/p3", None))

    wapiti.note_missed(scan, SURFACE.model_copy(update={"operations": tuple(many)}), was_cut=True)
    coverage = wapiti.fold([scan]).coverage

    assert coverage.items == ("app GET /", "app GET /p1")
    assert coverage.given == 2 + coverage.skipped_total
    assert coverage.skipped_total == len(many) - 1 + 1
    assert {one.reason for one in coverage.skipped} == {
        "the crawl did not get there",
        "beyond the first 60 start pages",
        "the crawl was stopped at its time limit: it may not have met every page",
        "answered 500",
        "no answer",
        "no form leads to it",
    }


def test_wapiti_that_met_only_server_errors_is_the_apps_fault():
    with pytest.raises(AppFault, match="GET / -> 500"):
        wapiti.fold([crawl_of(("/", 500), ("/a", 502))])
