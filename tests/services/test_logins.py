"""The value of a login: in the live call, and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from analyzers.runtime.tool import Execute, Parsed, ToolFault, ToolRun
from contract.analysis import MeasurementState, Severity
from contract.errors import ErrorCode, PlatformError
from contract.secret import SecretRef
from tests.support.demo_analyzer import DemoTool
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import html, measure, run_over
from tests.support.gateway_bench import Bench, fault_of, ignore

REFERENCE = {"auth_password": {"env": "ASSAY_LOGIN_ANN"}}


class Talkative(DemoTool):
    """Brings what it is told into all that a tool can say."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        parsed = await super().run(run, execute)
        secret = run.request.secrets.get("auth_password")
        if secret is None:  # its canary
            return parsed
        self.told.append(secret)
        run.attach("raw.txt", secret.encode())
        run.shared[self.name] = {"seen": "nothing"}
        (found,) = parsed.findings
        changes = {"message": f"it is {secret}", "evidence": secret, "severity": Severity.LOW}
        return Parsed(
            coverage=parsed.coverage,
            findings=(found.model_copy(update=changes),),
            notes=(f"logged in with {secret}",),
            data={"login": [secret]},
        )


class Faulty(Talkative):
    """Says it in its failure."""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        await super().run(run, execute)
        if secret := run.request.secrets.get("auth_password"):
            raise ToolFault(f"cannot log in with {secret}")
        return await super().run(run, execute)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        bench = Bench(tmp_path, stack)
        bench.tool = Talkative()
        yield bench


def gateway_of(bench: Bench, port: int, logins: dict[str, str]) -> Any:
    def secret(ref: SecretRef) -> str:
        if ref.env not in logins:
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, f"the login {ref} is not set")
        return logins[str(ref.env)]

    gateway = bench.gateway(port)
    gateway._secret = secret
    return gateway


def holding(folder: Path, *words: str) -> list[Path]:
    """Files that hold one of the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [p for p in files if any(word.encode() in p.read_bytes() for word in words)]


async def test_the_value_reaches_the_tool_and_no_file(bench: Bench, tmp_path: Path):
    service = await bench.service()
    logins = {"ASSAY_LOGIN_ANN": "hunter22"}
    gateway = gateway_of(bench, service.port, logins)

    result = await gateway.analyze(bench.request(options=REFERENCE), ignore)

    (cell,) = result.report.tools
    assert bench.tool.told == ["hunter22"]
    assert cell.findings[0].message == "it is ***"
    assert cell.state is MeasurementState.MEASURED
    assert result.archive.is_file()
    assert holding(tmp_path, "hunter22") == []


async def test_another_password_is_another_measurement_whatever_it_is_called(bench: Bench):
    service = await bench.service()
    logins = {"ASSAY_LOGIN_ANN": "hunter22", "ASSAY_LOGIN_BOB": "hunter22"}
    gateway = gateway_of(bench, service.port, logins)
    other = {"auth_password": {"env": "ASSAY_LOGIN_BOB"}}

    async def told(options: dict[str, Any]) -> int:
        request = bench.request(options=options)
        await gateway.analyze(request, ignore)
        await gateway.acknowledge(request.subtask_id, request.analyzer)
        return len(bench.tool.told)

    assert [await told(REFERENCE), await told(REFERENCE), await told(other)] == [1, 1, 1]
    logins["ASSAY_LOGIN_ANN"] = "hunter23"
    assert await told(REFERENCE) == 2


async def test_a_result_of_the_old_password_is_not_handed_out_for_the_new_one(bench: Bench):
    service = await bench.service()
    logins = {"ASSAY_LOGIN_ANN": "hunter22"}
    gateway = gateway_of(bench, service.port, logins)
    request = bench.request(options=REFERENCE)
    await gateway.analyze(request, ignore)  # not acknowledged: the worker died here
    await bench.stop(service)
    logins["ASSAY_LOGIN_ANN"] = "hunter23"
    again = await bench.service()
    await gateway_of(bench, again.port, logins).analyze(request, ignore)

    assert bench.tool.told == ["hunter22", "hunter23"]


async def test_a_login_that_is_not_set_is_said_before_the_analyzer_is_asked(bench: Bench):
    service = await bench.service()
    fault = await fault_of(
        gateway_of(bench, service.port, {}).analyze(bench.request(options=REFERENCE), ignore)
    )
    assert fault.code is ErrorCode.FAILED_PRECONDITION
    assert "ASSAY_LOGIN_ANN" in fault.message
    assert (bench.tool.told, service.jobs.started) == ([], 0)


async def test_a_failure_does_not_say_it_either(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    bench.tool = Faulty()
    service = await bench.service()
    gateway = gateway_of(bench, service.port, {"ASSAY_LOGIN_ANN": "hunter22"})

    result = await gateway.analyze(bench.request(options=REFERENCE), ignore)

    assert result.report.tools[0].reason == "cannot log in with ***"
    assert "hunter22" not in caplog.text
    assert holding(tmp_path, "hunter22") == []


# ---- the scanners themselves


def login_app(password: str = "hunter22") -> web.Application:
    """A site whose inside is behind a form, and that shows the password it was given."""

    async def start(request: web.Request) -> web.Response:
        inside = request.cookies.get("sid") == "session-of-ann"
        text = "<a href='/inside'>in</a>" if inside else "<a href='/login'>login</a>"
        return html(text)

    async def form(_request: web.Request) -> web.Response:
        fields = "<input name=username><input name=password type=password>"
        return html(f"<form method=post action=/login>{fields}</form>")

    async def login(request: web.Request) -> web.Response:
        given = await request.post()
        if given.get("password") != password:
            return html(f"wrong password {given.get('password')}", 401)
        answer = html("welcome")
        answer.set_cookie("sid", "session-of-ann")
        return answer

    async def inside(request: web.Request) -> web.Response:
        if request.cookies.get("sid") != "session-of-ann":
            return html("no", 403)
        return html("<h1>inside</h1>")

    app = web.Application()
    app.router.add_get("/", start)
    app.router.add_get("/login", form)
    app.router.add_post("/login", login)
    app.router.add_get("/inside", inside)
    return app


def logged_in(run: ToolRun, **secrets: str) -> ToolRun:
    return replace(run, request=run.request.with_secrets(secrets, "digest"))


async def test_the_inside_is_seen_with_the_login_of_the_spec(tmp_path: Path):
    async with serving(login_app()) as url:
        run = run_over(url, tmp_path, auth_username="ann", auth_password="set below")
        reports = await measure(logged_in(run, auth_password="hunter22"), "discovery")
    assert "app GET /inside" in reports["discovery"].coverage.items


@pytest.mark.parametrize("path", ["", "/login", "/nowhere"])
async def test_a_login_the_app_does_not_take_is_no_scan_without_one(tmp_path: Path, path: str):
    async with serving(login_app()) as url:
        more = {"auth_login_path": path} if path else {}
        password = "hunter22" if path == "/nowhere" else "wrong-one"
        run = run_over(url, tmp_path, auth_username="ann", auth_password="x", **more)
        run = logged_in(run, auth_password=password)
        reports = await measure(run, "discovery", "exposed-files")
        for tool in ("http-headers", "injection", "access-control", "wapiti"):
            with pytest.raises(ToolFault, match="was not taken by the app"):
                await measure(run, tool)
    assert "app GET /inside" not in reports["discovery"].coverage.items
