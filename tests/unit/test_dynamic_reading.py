"""What an app serves and what its source declares, read without a socket."""

import base64
import gzip
import hashlib
import hmac
from typing import Literal

import httpx
import pytest

from analyzers.appsource.openapi import parse_document
from analyzers.appsource.route_map import Route, RouteMap
from analyzers.dynamic import jwt
from analyzers.dynamic.answer import BODY_CAP_BYTES, Answer, inflate
from analyzers.dynamic.crawl import (
    Page,
    form_operation,
    link_operation_of,
    local_paths,
    script_paths,
)
from analyzers.dynamic.explore import belongs, handlers_of
from analyzers.dynamic.findings import fingerprint_http, make_finding, stable_path, worth_of
from analyzers.dynamic.insertion_points import build
from analyzers.dynamic.openapi import operations_of
from analyzers.dynamic.payloads import reflected, without_echo
from analyzers.dynamic.probe import raise_unusable
from analyzers.dynamic.rules import rule
from analyzers.dynamic.sessions import account_fields, cookie_header, token_of
from analyzers.dynamic.surface import Operation, Parameter, fits, merge
from analyzers.dynamic.tools.accounts import granted_privileges
from analyzers.dynamic.tools.errors import classify
from analyzers.dynamic.tools.headers import cookie_faults, cors_fault, missing_headers, weak_csp
from analyzers.runtime.tool import AppFault, NotApplicable, ToolFault
from contract.analysis import Target


def answer(text: str = "", status: int = 200, **headers: str) -> Answer:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Answer("GET", "/", status, httpx.Headers(named), text.encode(), 0.0)


def test_openapi_references_bodies_and_security():
    document = parse_document(
        b'{"openapi": "3.1.0", "paths": {"/a/{id}": {"post": {"security": [{"b": []}],'
        b'"parameters": [{"in": "path", "name": "id", "schema": {"type": "integer"}}],'
        b'"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/c/N"}}}}}}},'
        b'"c": {"N": {"properties": {"title": {"type": "string"}}}}}'
    )
    assert document is not None

    (operation,) = operations_of(document)

    assert (operation.key, operation.auth) == ("POST /a/{}", True)
    assert {(one.name, one.place) for one in operation.parameters} == {
        ("id", "path"),
        ("title", "json"),
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"<html>", b'{"paths": {}}', b'{"openapi": "3", "paths": []}', b"[" * 100_000],
)
def test_what_is_no_openapi_document_is_none(body: bytes):
    assert parse_document(body) is None


def test_malformed_openapi_parts_are_passed_over():
    document = {
        "openapi": "3.0.0",
        "paths": {
            "/a": {"get": {"parameters": "x", "requestBody": {"$ref": "#/loop"}}, "put": 3},
            "b": {"get": {}},
            "/c": None,
        },
        "loop": {"$ref": "#/loop"},
    }

    assert [one.key for one in operations_of(document)] == ["GET /a"]


def test_pages_links_and_forms_stay_on_the_origin():
    page = Page(
        '<a href="/a?x=1#f">a</a><a href="//evil.invalid/">e</a><a href="javascript:1">j</a>'
        '<form action="/save" method="post"><input name="t" value="v"><input type=file name=f>'
        "</form><form action='https://evil.invalid/'>"
    )

    assert local_paths("http://h:1", "/p", page.links) == ["/a?x=1"]
    operations = [form_operation("http://h:1", "/p", form) for form in page.forms]
    assert operations[1] is None
    assert operations[0] is not None
    assert {(one.name, one.place) for one in operations[0].parameters} == {
        ("t", "form"),
        ("f", "file"),
    }


def test_api_paths_in_scripts_become_templates():
    script = 'fetch("/api/notes"); fetch(`/api/notes/${note.id}/tags`); fetch("/img/a.png")'

    assert script_paths(script) == ["/api/notes", "/api/notes/{id}/tags"]


def test_operations_of_several_origins_are_one():
    told = Operation(method="GET", path="/n/{note_id}", origins=("source",), file="a.py", line=3)
    seen = Operation(
        method="GET",
        path="/n/{id}",
        origins=("crawl",),
        parameters=(Parameter(name="q", place="query", example="x"),),
    )

    (one,) = merge([told, seen])

    assert (one.path, one.origins, one.source) == ("/n/{note_id}", ("source", "crawl"), ("a.py", 3))
    assert [item.name for item in one.parameters] == ["q"]
    assert fits("/n/{id}", "/n/4")
    assert not fits("/n/{id}", "/n/4/x")


def test_declared_endpoints_in_any_notation():
    paths = [link_operation_of("get", path, True).path for path in ("/a/:id", "/a/<int:id>")]

    assert paths == ["/a/{id}", "/a/{id}"]


def test_source_files_belong_to_the_service_of_their_folder():
    backend = Target(service="backend", base_url="http://h:1")
    frontend = Target(service="frontend", base_url="http://h:2", role="frontend")
    both = (backend, frontend)

    assert belongs("backend/app.py", backend, both)
    assert not belongs("backend/app.py", frontend, both)
    assert belongs("frontend/server.js", frontend, both)
    assert belongs("app.py", backend, both)


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("server/app.py", "web"),
        ("server/ui/index.js", "api"),
        ("manage.py", "web"),
        ("api/x.js", "web"),
    ],
)
def test_source_files_belong_to_what_is_built_from_them_whatever_it_is_called(file, whose):
    web = Target(service="web", base_url="http://h:1", folder="server")
    api = Target(service="api", base_url="http://h:2", role="frontend", folder="server/ui")

    assert [one.service for one in (web, api) if belongs(file, one, (web, api))] == [whose]


def test_fingerprints_ignore_ids_values_and_parameter_names():
    one = fingerprint_http("app", "r", "GET", "/notes/17?x=1", "q")

    assert one == fingerprint_http("app", "r", "get", "/notes/{note_id}", "q")
    assert one != fingerprint_http("other", "r", "GET", "/notes/17", "q")
    assert stable_path("/u/0b5c9c1e-3f5a-4a5e-9b9e-0123456789ab/x") == "/u/{id}/x"


def test_a_rule_without_severity_is_a_fault():
    with pytest.raises(ToolFault, match="no severity"):
        make_finding("t", "unheard-of", "m", service="app")


def test_a_foreign_tools_finding_has_its_own_worth_and_witness_and_our_place():
    with pytest.raises(ToolFault, match="wapiti: category 'New' has no severity"):
        worth_of({}, "New", "wapiti: category")
    ours = make_finding("injection", "reflected-xss", "m", service="app", path="/notes/7")
    worth = rule("low", "medium", 116)
    theirs = make_finding(
        "wapiti",
        "reflected-xss",
        "m" * 5_000,
        service="app",
        path="/notes/8?q=1",
        evidence="GET /\x00" + "e" * 3_000,
        worth=worth,
        witness="wapiti:xss",
    )
    assert (theirs.severity, theirs.confidence, theirs.cwe) == ("low", "medium", (116,))
    assert theirs.witnesses == ("wapiti:xss",)
    assert (theirs.fingerprint, theirs.location) == (ours.fingerprint, ours.location)
    assert (len(theirs.message), len(theirs.evidence)) == (4_000, 2_000)
    assert theirs.evidence.startswith("GET /\\x00e")


def test_bombs_are_inflated_to_the_cap_only():
    assert len(inflate(gzip.compress(bytes(50_000_000)))) == BODY_CAP_BYTES
    assert inflate(b"plain") == b"plain"


def test_headers_of_a_bare_page_and_of_a_careful_one():
    bare = answer("<p>", content_type="text/html", server="Werkzeug/3.0")
    careful = answer(
        "<p>",
        content_type="text/html",
        content_security_policy="default-src 'self'; frame-ancestors 'none'",
        x_content_type_options="nosniff",
        referrer_policy="no-referrer",
    )

    assert {rule for rule, _ in missing_headers(bare)} == {
        "missing-csp",
        "missing-frame-protection",
        "missing-referrer-policy",
        "missing-nosniff",
        "server-version-disclosed",
    }
    assert missing_headers(careful) == []


@pytest.mark.parametrize(
    ("policy", "is_weak"),
    [
        ("default-src 'self'", False),
        ("script-src 'unsafe-inline'", True),
        ("script-src 'unsafe-inline' 'nonce-x'", False),
        ("img-src *", True),
        ("default-src *", True),
    ],
)
def test_policies_that_stop_nothing(policy: str, is_weak: bool):
    assert bool(weak_csp(policy)) is is_weak


def test_only_cookies_that_carry_a_session_are_judged():
    assert {rule for rule, _, _ in cookie_faults("session=x; Path=/")} == {
        "cookie-without-httponly",
        "cookie-without-samesite",
        "cookie-without-secure",
    }
    assert cookie_faults("session=x; HttpOnly; Secure; SameSite=Lax") == []
    assert cookie_faults("theme=dark") == []


def test_cors_reflection_counts_only_with_credentials():
    origin = "https://assay-origin.invalid"
    open_ = answer(access_control_allow_origin=origin, access_control_allow_credentials="true")

    assert cors_fault(open_, origin) == "cors-any-origin-with-credentials"
    assert cors_fault(answer(access_control_allow_origin="*"), origin) == "cors-any-origin"
    assert cors_fault(answer(access_control_allow_origin="https://own.invalid"), origin) == ""


@pytest.mark.parametrize(
    ("text", "status", "rule"),
    [
        ("EVALEX = true", 500, "interactive-debugger"),
        ('Traceback (most recent call last):\n File "x"', 500, "stack-trace"),
        ("Error: x\n    at Layer.handle (/app/node_modules/express/a.js:1:2)", 400, "stack-trace"),
        ("Internal Server Error", 500, "server-error"),
        ("Traceback (most recent call last)", 200, ""),
        ("not found", 404, ""),
    ],
)
def test_error_pages(text: str, status: int, rule: str):
    assert classify(answer(text, status)) == rule


def test_markup_in_json_or_in_a_comment_is_no_reflection():
    assert reflected(answer("<p><zq9x8></p>", content_type="text/html"))
    assert not reflected(answer("<p><zq9x8></p>", content_type="application/json"))
    assert not reflected(answer("<!-- <zq9x8> -->", content_type="text/html"))


def test_an_echoed_payload_does_not_make_answers_differ():
    one, two = "a' OR '1'='1", "a' OR '1'='2"

    assert without_echo(answer(f"no {one}"), one) == without_echo(answer(f"no {two}"), two)
    assert without_echo(answer("rows: x"), one) != without_echo(answer("rows:"), two)


def test_requests_fill_path_query_and_body():
    operation = Operation(
        method="POST",
        path="/n/{id}",
        parameters=(
            Parameter(name="id", place="path"),
            Parameter(name="q", place="query"),
            Parameter(name="count", place="json", kind="integer"),
        ),
    )

    assert build(operation, {"q": "a&b", "id": "x/y"}) == (
        "POST",
        "/n/x%2Fy?q=a%26b",
        {"json": {"count": 1}},
    )


def test_session_material_of_a_login_answer():
    assert cookie_header(("a=1; Path=/", "b=2; HttpOnly")) == "a=1; b=2"
    assert token_of(b'{"data": {"access_token": "t"}}') == "t"
    assert token_of(b"[" * 100_000) == ""
    fields = (
        Parameter(name="email", place="json"),
        Parameter(name="confirm_password", place="json"),
    )
    operation = Operation(method="POST", path="/register", parameters=fields)
    account = {"username": "u", "email": "u@example.com", "password": "p"}
    assert account_fields(operation, account) == {
        "email": "u@example.com",
        "confirm_password": "p",
    }


def test_tokens_forged_and_guessed():
    signed = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0"
    digest = hmac.new(b"changeme", signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    assert jwt.guessed_secret(token) == "changeme"
    assert jwt.guessed_secret(jwt.with_wrong_signature(token)) is None
    header = jwt.header_of(jwt.without_signature(token) + "x")
    assert header is not None
    assert header["alg"] == "none"
    assert jwt.header_of("a.b.c") is None


def test_a_privilege_counts_only_where_the_app_had_another_value():
    assert granted_privileges({"role": "user"}, {"role": "admin"}) == ["role"]
    assert granted_privileges({}, {"role": "admin"}) == []
    assert granted_privileges({"role": "admin"}, {"role": "admin"}) == []


@pytest.mark.parametrize(
    ("role", "statuses", "fault"),
    [
        ("backend", (404, 500), AppFault),
        ("frontend", (404,), ToolFault),
        ("backend", (404, 429), ToolFault),
        ("backend", (404, 401), ToolFault),
        ("backend", (404, 405), NotApplicable),
    ],
)
def test_what_an_app_without_a_page_to_judge_comes_to(
    role: Literal["backend", "frontend"], statuses: tuple[int, ...], fault: type[Exception]
):
    target = Target(service="app", base_url="http://h:1", role=role)

    with pytest.raises(fault, match="app GET / -> 404"):
        raise_unusable([(target, "GET /", status) for status in statuses])


def test_what_runs_for_a_handler_is_left_once_however_many_routes_lead_to_it():
    def route(method: str, line: int, *spans: tuple[str, int, int]) -> Route:
        return Route(method=method, path="/", file="a.py", line=line, spans=spans)

    own, helper, other = ("a.py", 1, 4), ("b.py", 1, 2), ("b.py", 5, 6)
    routes = (
        route("GET", 2, own, helper),
        route("POST", 2, own, other),
        route("GET", 9),
        *(route("GET", 20, ("a.py", 20, 20 + number)) for number in range(150)),
    )

    first, crowded = handlers_of(RouteMap(routes=routes))

    assert (first.file, first.line, first.spans) == ("a.py", 2, (own, helper, other))
    assert len(crowded.spans) == 100
