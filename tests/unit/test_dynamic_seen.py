"""What scanners met, and what of it our own tools had put there."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from analyzers.dynamic import browser_report, marks, wapiti_report
from analyzers.dynamic.browser_report import Visited
from analyzers.dynamic.covered import Unusable, raise_unusable
from analyzers.dynamic.crawl import is_safe_to_follow
from analyzers.dynamic.entries import entries_in
from analyzers.dynamic.payloads import ATTACKS, BOOLEAN_PAIRS, LOGIN_BYPASS
from analyzers.dynamic.quota import EVERYTHING, Quota
from analyzers.dynamic.schemathesis_answers import answers_of, unseen_by
from analyzers.dynamic.surface import Operation, ServiceSurface
from analyzers.dynamic.wapiti_paths import is_attackable
from analyzers.runtime.live.answers import Reply, Unseen
from analyzers.runtime.tool import AppFault, NotApplicable, ToolFault
from contract.analysis import Target
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import html, run_over

TARGET = Target(service="app", base_url="http://127.0.0.1:1")
SURFACE = ServiceSurface(service="app", role="backend")


@pytest.mark.parametrize(
    "text",
    [
        *(one.payload for one in ATTACKS if len(one.payload) > 2),
        *(one for pair in BOOLEAN_PAIRS for one in pair),
        *LOGIN_BYPASS,
        pytest.param(f"<{marks.new_mark()}>", id="a fresh mark"),
        "<li>a&#39; OR &#39;1&#39;=&#39;1</li>",
        "/go/..%2F..%2Fetc%2Fpasswd",
        "<ScRiPt>alert('w1a2b3c4d5')</sCrIpT>",
        "<ImG src=z oNeRror=alert(/wabcdefghi/)>",
        "<Script src=https://wapiti3.ovh/wabcdefghiz.js></Script>",
        "<script>(alert)(/wabcdefghi/)</script>",
    ],
)
def test_payloads_of_our_tools_are_known(text: str):
    assert marks.shows_payload(text)


@pytest.mark.parametrize(
    "text",
    [
        "alert('welcome')",
        "Zqueue 12345678",
        "SELECT * FROM t WHERE a='b'",
        "assay0123456789",
        "<script src=/w.js></script>",
        "choose 1 or 2",
    ],
)
def test_an_apps_own_words_are_not(text: str):
    assert not marks.shows_payload(text)


def visited(**row: Any) -> Visited:
    known = {"path": "/", "status": 200, "error": "", "violations": [], "events": []}
    return Visited(TARGET, SURFACE, [{**known, **row}], [])


def violation(*nodes: str) -> dict[str, Any]:
    return {"id": "image-alt", "impact": "critical", "help": "h", "nodes": nodes, "count": 1}


def test_a_page_that_shows_our_payloads_raises_no_findings_by_them():
    event = {"kind": "page-error", "text": "ReferenceError: x", "url": ""}
    ours, own = violation("<img src=zq12345678>"), violation("<img src=/logo.png>")

    clean = browser_report.fold([visited(events=[event], violations=[own])])
    marked = browser_report.fold([visited(events=[event], violations=[ours, own], marked=True)])
    only = browser_report.fold([visited(violations=[ours], marked=True)])

    assert {one.rule_id for one in clean.findings} == {"page-error", "axe-image-alt"}
    assert {one.rule_id for one in marked.findings} == {"axe-image-alt"}
    assert only.findings == ()
    assert "our own probes" in " ".join(marked.notes)
    assert marked.coverage.reached == 1


def wapiti(category: str, path: str, status: int, body: str) -> bytes:
    row = {
        "method": "GET",
        "path": path,
        "info": "i",
        "parameter": "q",
        "module": "xss",
        "http_request": "GET / HTTP/1.1",
        "detail": {"response": {"status_code": status, "body": body, "headers": []}},
    }
    document = {"infos": {"crawled_pages": []}, "vulnerabilities": {category: [row]}}
    return json.dumps({**document, "anomalies": {}}).encode()


@pytest.mark.parametrize(
    ("path", "status", "body", "count"),
    [
        ("/search", 200, "<script>alert('w1a2b3c4d5')</script>", 1),
        ("/search", 500, "<h1>oops</h1><script>alert('w1a2b3c4d5')</script>", 1),
        ("/search", 500, "<title>E // Werkzeug Debugger</title><!-- <script> -->", 0),
        ("/search", 500, "<pre>Error: &lt;<br> &nbsp; &nbsp;at f (/app/a.js:1:1)</pre>", 0),
        ("/go/zq12345678", 200, "<script>alert('w1a2b3c4d5')</script>", 0),
    ],
)
def test_an_echo_of_a_debugger_is_no_finding_of_wapiti(
    path: str, status: int, body: str, count: int
):
    raw = wapiti("Reflected Cross Site Scripting", path, status, body)
    findings, _ = wapiti_report.parse_report(raw, TARGET, SURFACE)

    assert len(findings) == count


def crawled(method: str, url: str, status: int, body: str, **headers: str) -> dict[str, Any]:
    response = {"status_code": status, "body": body, "headers": list(headers.items())}
    return {"request": {"url": url, "method": method}, "response": response}


async def test_answers_that_wapiti_met_are_judged(tmp_path: Path):
    async def shell(_request: web.Request) -> web.Response:
        return html("<div id=root></div>")

    app = web.Application()
    app.router.add_get("/{path:.*}", shell)
    async with serving(app) as url:
        run = run_over(url, tmp_path)
        (target,) = run.request.targets
        pages = [
            crawled("GET", f"{url}/boards", 200, "<div id=root></div>"),
            crawled("GET", f"{url}/list?page=2", 200, "<ul><li>one</li></ul>"),
            crawled("GET", f"{url}/private", 302, "", location="/login"),
            crawled("GET", f"{url}/busy", 429, "slow down"),
            crawled("POST", f"{url}/notes", 405, "405: Method Not Allowed"),
            {"request": {"url": f"{url}/x", "method": "GET", "status_code": 200}},
        ]
        raw = json.dumps(
            {"infos": {"crawled_pages": pages}, "vulnerabilities": {}, "anomalies": {}}
        ).encode()
        _, known = wapiti_report.parse_report(raw, target, SURFACE)
        whys = await wapiti_report.unseen_by(run, target, SURFACE, known, {})

    assert {key for key, why in whys.items() if not why} == {"GET /list"}
    assert whys["GET /boards"].startswith("like the answer to a random path")
    assert whys["GET /private"].startswith("led to a login")
    assert whys["GET /busy"].startswith("rate limited")
    assert whys["POST /notes"].startswith("refused like everything else")


@pytest.mark.parametrize(
    ("body", "starts", "takes"),
    [
        ("<a href=/search?q=a>s</a>", [], True),
        ("<form action=/search><input name=q></form>", [], True),
        ("<a href=/about>a</a>", [], False),
        ("<a href=/about>a</a>", ["/search?q=a"], True),
        ("", ["/about"], False),
    ],
)
def test_whether_a_crawl_met_inputs(body: str, starts: list[str], takes: bool):
    page = crawled("GET", "http://127.0.0.1:1/", 200, body)
    raw = {"infos": {"crawled_pages": [page]}, "vulnerabilities": {}, "anomalies": {}}
    _, known = wapiti_report.parse_report(json.dumps(raw).encode(), TARGET, SURFACE)

    assert is_attackable(known, starts) is takes


def scenario(label: str, *statuses: int) -> bytes:
    method, _, path = label.partition(" ")
    exchanges = {
        str(number): {
            "request": {"method": method, "uri": f"http://127.0.0.1:1{path}"},
            "response": {"status_code": status, "headers": {"content-type": ["text/plain"]}},
        }
        for number, status in enumerate(statuses)
    }
    recorder = {"label": label, "interactions": exchanges}
    return json.dumps({"ScenarioFinished": {"recorder": recorder}}).encode() + b"\n"


async def test_operations_that_schemathesis_was_kept_from_do_not_count(tmp_path: Path):
    events = [
        scenario("GET /items", 200, 429),
        scenario("GET /closed", 401, 401),
        scenario("POST /login", 401),
        scenario("GET /busy", 429),
        scenario("GET /broken", 500),
        b'{"ScenarioFinished": {"recorder": {"label": "GET /none", "interactions": {}}}}\n',
        b"{}\n",
    ]
    async with serving(web.Application()) as url:
        run = run_over(url, tmp_path)
        answers = answers_of(events)
        whys = await unseen_by(run, run.request.targets[0], SURFACE, answers, {})

    assert set(answers) == {
        "GET /items", "GET /closed", "POST /login", "GET /busy", "GET /broken"
    }  # fmt: skip
    assert whys["GET /closed"] == "refused at the door: 401"
    assert whys["GET /busy"].startswith("rate limited")
    assert set(whys) == {"GET /closed", "GET /busy"}


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/presets", True),
        ("/dropdown", True),
        ("/items?sort=deleted", True),
        ("/reset", False),
        ("/notes/7/delete", False),
        ("/?action=purge", False),
        ("/logout", False),
        ("/admin/init-db", False),
    ],
)
def test_links_that_look_as_if_they_change_something(path: str, safe: bool):
    assert is_safe_to_follow(path) is safe


def test_a_handler_that_was_read_is_believed_but_for_logout():
    assert is_safe_to_follow("/create", {"/create"})
    assert not is_safe_to_follow("/logout", {"/logout"})


def test_where_a_path_has_a_parameter_its_parent_has_the_neighbours():
    operations = (Operation(method="GET", path="/greet/{name}"), Operation(method="GET", path="/a"))
    surface = ServiceSurface(service="app", role="backend", operations=operations)

    assert surface.place_of("GET", "/greet/bob") == "/greet"
    assert surface.place_of("GET", "/a") == "/a"
    assert surface.place_of("GET", "/unknown/b") == "/unknown/b"


def test_a_quota_of_one_path_is_not_that_of_all():
    known = Quota()
    known.granted("/")
    known.spent("/login", Reply(429, {"Retry-After": "60"}))
    assert known.pause_s("/login") > 50
    assert known.pause_s("/") == 0
    known.spent("/notes", Reply(429, {"Retry-After": "30"}))
    assert known.pause_s("/") > 20
    assert EVERYTHING in known.until
    (note,) = known.notes("app")
    assert note.startswith("app: rate limited (429, Retry-After 30 s) after 1 answers; 2 refused")


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("README.md", "see http://localhost:3000/a/, then https://example.com/b/", ["/a/"]),
        ("Dockerfile", "HEALTHCHECK CMD curl http://127.0.0.1:8000/x/up", ["/x/up"]),
        ("README.md", "http://localhost:3000 and http://0.0.0.0:80/", []),
        ("index.html", "<base href='/deep/'>", ["/deep/"]),
        ("package.json", "{broken", []),
        ("package.json", '{"homepage": "/sub"}', ["/sub"]),
        (".env", "BASE_PATH=/inner", ["/inner"]),
        ("README.md", "http://localhost/../../etc", []),
    ],
)  # fmt: skip
def test_paths_that_an_apps_files_name(name: str, text: str, found: list[str]):
    assert entries_in(name, text) == found


LIKE, LOGIN = str(Unseen.LIKE_RANDOM), f"{Unseen.TO_LOGIN}: /login"
HTTPS, AWAY = "https://127.0.0.1/", "http://elsewhere.example.com/"


@pytest.mark.parametrize(
    ("role", "statuses", "reasons", "knows_routes", "row"),
    [
        ("backend", [503, 404], [], True, "scan-server-errors"),
        ("backend", [429], [], True, "scan-rate-limited"),
        ("backend", [503], [f"{Unseen.RATE_LIMITED}: 503"], True, "scan-rate-limited"),
        ("backend", [], ["no complete answer within 10 s"], True, "scan-unanswered"),
        ("backend", [301], [f"{Unseen.TO_OTHER_ORIGIN}: {HTTPS}"], True, "scan-https-only"),
        ("backend", [302], [f"{Unseen.TO_OTHER_ORIGIN}: {AWAY}"], True, "scan-elsewhere"),
        ("backend", [401, 404], [], True, "scan-login"),
        ("backend", [302], [LOGIN], True, "scan-login"),
        ("frontend", [200], [f"{Unseen.UNREADABLE}: br"], True, "scan-unreadable"),
        ("frontend", [404], [], True, "scan-only-404"),
        ("backend", [404], [], False, "scan-only-404"),
        ("frontend", [405], [], True, "scan-no-page"),
        ("backend", [200, 200], [LIKE, LIKE], True, "scan-alike"),
        ("backend", [404, 405], [], True, "scan-nothing"),
        ("backend", [404], [], True, "scan-nothing"),
    ],
)
def test_what_a_scan_that_saw_nothing_says(
    role: str, statuses: list[int], reasons: list[str], knows_routes: bool, row: str
):
    target = TARGET.model_copy(update={"role": role})
    seen = [(target, "GET /", status) for status in statuses]

    with pytest.raises((AppFault, ToolFault, NotApplicable)) as told:
        raise_unusable(seen, reasons, knows_routes=knows_routes)

    assert told.value.row == row


def test_an_app_that_is_up_is_not_failed_by_one_operation():
    unseen = Unusable(is_up=True)
    unseen.add(TARGET, "GET /report", 500, "answered 500")

    with pytest.raises(ToolFault) as told:
        unseen.raise_it()

    assert told.value.row == "scan-operation-fails"
