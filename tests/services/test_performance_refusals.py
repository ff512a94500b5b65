"""Apps that refuse: limits, logins, errors, large bodies; whose fault each is, and what is told.

Every app runs as a process of its own on 127.0.0.1; the load is a few requests.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from analyzers.runtime.tool import AppFault, ToolFault
from contract.template import TemplateSpec
from tests.support.load_run import figures, quiet_host
from tests.support.load_run import measure_near as measure
from tests.support.written_apps import Start, run_with, skipped, starter


@pytest.fixture(autouse=True)
def _quiet_host(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_host(monkeypatch)


@pytest.fixture
def started(tmp_path: Path) -> Start:
    return starter(tmp_path)


async def test_a_rate_limit_is_a_result_and_no_failure(started: Start) -> None:
    async with started("50") as run:
        parsed = await measure(run_with(run, rates="20,40", step_s=5))

    seen = figures(parsed)
    assert seen["error_ratio"] == 0
    assert seen["requests_limited"] > 0
    assert seen["rate_limit_wait"] == 30
    assert 0 < seen["rate_limit"] < 10
    assert seen["censored"] == 1
    assert any("rate limit about" in note and "after 30 s" in note for note in parsed.notes)


LIMITS = {
    "told beforehand": """
Page.left = getattr(Page, "left", 60) - 1
extra = {"RateLimit_Policy": "60;w=60", "RateLimit_Remaining": str(max(Page.left, 0))}
extra |= {"RateLimit_Limit": "60", "RateLimit_Reset": "50"}
if Page.left < 0:
    self.reply(429, "text/plain", b"slow down", Retry_After="50", **extra)
else:
    self.reply(200, "text/plain", self.path.encode(), **extra)
""",
    "a date": """
Page.left = getattr(Page, "left", 60) - 1
if Page.left < 0:
    from email.utils import formatdate
    self.reply(429, "text/plain", b"slow", Retry_After=formatdate(time.time() + 50, usegmt=True))
else:
    self.reply(200, "text/plain", self.path.encode())
""",
    "epoch reset": """
Page.left = getattr(Page, "left", 60) - 1
if Page.left < 0:
    self.reply(429, "application/json", b"{}", X_RateLimit_Reset=str(int(time.time()) + 50),
               X_RateLimit_Limit="60", X_RateLimit_Remaining="0")
else:
    self.reply(200, "text/plain", self.path.encode())
""",
}


@pytest.mark.parametrize("kind", LIMITS)
async def test_limits_that_are_told_in_other_ways(started: Start, kind: str) -> None:
    async with started(LIMITS[kind]) as run:
        parsed = await measure(run_with(run, rates="40,80", step_s=2))

    seen = figures(parsed)
    assert seen["error_ratio"] == 0
    assert 45 <= seen["rate_limit_wait"] <= 50
    assert 0.5 <= seen["rate_limit"] <= 1.5
    assert seen["requests_all_steps"] < 70  # it ended, and did not spend more than there was


async def test_a_quota_that_is_told_is_left_to_what_follows(started: Start) -> None:
    async with started(LIMITS["told beforehand"]) as run:
        parsed = await measure(run_with(run, rates="40,80", step_s=2))

    assert figures(parsed)["requests_limited"] == 0
    assert any("rate limit about 1/s per client" in note for note in parsed.notes)


async def test_an_app_that_limits_everything_at_once_is_not_at_fault(started: Start) -> None:
    body = 'self.reply(429, "text/plain", b"later", Retry_After="3600")'
    async with started(body) as run:
        with pytest.raises(ToolFault, match=r"429 \(rate limit, again in 3600 s\)") as fault:
            await measure(run)

    assert fault.value.row == "load-rate-limited"


async def test_a_short_limit_is_waited_for(started: Start) -> None:
    body = """
Page.since = getattr(Page, "since", time.monotonic())
if time.monotonic() < Page.since + 1:
    self.reply(429, "text/plain", b"later", Retry_After="1")
else:
    self.reply(200, "text/plain", b"ok")
"""
    async with started(body) as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items


async def test_an_app_that_refuses_head_is_measured(started: Start) -> None:
    async with started("53") as run:
        parsed = await measure(run)

    assert parsed.coverage.items == ("GET /",)
    assert figures(parsed)["error_ratio"] == 0


async def test_a_warm_up_is_waited_for(started: Start) -> None:
    body = """
Page.since = getattr(Page, "since", time.monotonic())
if time.monotonic() < Page.since + 1:
    self.reply(503, "text/plain", b"migrations are running", Retry_After="1")
else:
    self.reply(200, "text/plain", b"ok")
"""
    async with started(body) as run:
        parsed = await measure(run)

    assert "GET /" in parsed.coverage.items


LOGINS = {
    "everything 401": 'self.reply(401, "application/json", b"{}", WWW_Authenticate="Bearer")',
    "everything 403": 'self.reply(403, "text/plain", b"no")',
    "to a login page": """
if self.path.startswith("/login"):
    self.reply(200, "text/html", b"<form><input type=password name=p></form>")
else:
    self.reply(302, "text/plain", b"", Location="/login?next=" + self.path)
""",
}


@pytest.mark.parametrize("kind", LOGINS)
async def test_what_lies_behind_a_login_is_missing_data(started: Start, kind: str) -> None:
    async with started(LOGINS[kind]) as run:
        try:
            parsed = await measure(run)
        except ToolFault as fault:
            assert fault.row == "load-login"
        else:  # the login page itself can be asked for: then it alone is what was loaded
            assert parsed.coverage.items == ("GET /login",)
            assert "login" in skipped(parsed)["GET /"]


ERRORS = ["500", "502", "503"]


@pytest.mark.parametrize("status", ERRORS)
async def test_server_errors_to_everything_are_the_apps(started: Start, status: str) -> None:
    async with started(f"self.reply({status}, 'text/plain', b'oops')") as run:
        with pytest.raises(AppFault, match=rf"GET / {status}") as fault:
            await measure(run)

    assert fault.value.row == "load-server-errors"


async def test_errors_beside_a_login_prove_nothing(started: Start) -> None:
    body = """
status = 401 if self.path == "/" else 500
self.reply(status, "text/plain", b"no")
"""
    template = TemplateSpec.model_validate(
        {"slug": "t", "endpoints": [{"method": "GET", "path": "/notes"}]}
    )
    async with started(body) as run:
        request = run.request.model_copy(update={"template": template})
        with pytest.raises(ToolFault) as fault:
            await measure(replace(run, request=request))

    assert fault.value.row == "load-nothing"


BODIES = {
    "3 MB": ("x" * 3_000_000, True),
    "11 MB": ("x" * 11_000_000, False),
}


@pytest.mark.parametrize("size", BODIES)
async def test_large_bodies_are_bounded_and_named(started: Start, size: str) -> None:
    text, is_loaded = BODIES[size]
    body = f"""
if self.path == "/download":
    self.reply(200, "application/octet-stream", b"x" * {len(text)})
elif self.path == "/":
    self.reply(200, "text/html", b"<a href=/download>d</a>")
else:
    self.reply(404, "text/plain", b"no")
"""
    async with started(body) as run:
        parsed = await measure(run_with(run, rates="5", step_s=0.4))

    assert ("GET /download" in parsed.coverage.items) is is_loaded
    if is_loaded:
        assert figures(parsed, "GET /download")["bytes_received"] >= len(text)
    else:
        assert skipped(parsed)["GET /download"] == "body above 10 MB"


async def test_the_next_operation_is_not_begun_while_the_quota_is_gone(started: Start) -> None:
    body = """
Page.left = getattr(Page, "left", 60) - (self.path in ("/", "/notes"))
if Page.left < 0:
    self.reply(429, "text/plain", b"slow down", Retry_After="50")
elif self.path == "/":
    self.reply(200, "text/html", b"<a href=/notes>notes</a>")
elif self.path == "/notes":
    self.reply(200, "text/plain", b"notes")
else:
    self.reply(404, "text/plain", b"no")
"""
    async with started(body) as run:
        parsed = await measure(run_with(run, rates="40,80", step_s=2))

    assert parsed.coverage.items == ("GET /notes",)
    assert skipped(parsed)["GET /"] == "not begun: rate limited (429, again in 50 s)"
