"""`dashboard`, and what the local stack knows of it."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from starlette.responses import StreamingResponse
from temporalio.service import RPCError, RPCStatusCode

from cli.address import announced, dashboard_address
from cli.commands.dashboard import run_dashboard
from cli.commands.stack import run_up
from cli.errors import UserError
from cli.exits import Exit
from cli.installation import require_token, store_of
from cli.serving import JsonLines, Serving, listen
from cli.site import doors_of, site_of
from cli.stack.lifecycle import _dashboard_port
from cli.stack.model import Stack
from cli.stack.readiness import dashboard_answers
from contract.access import Scope
from contract.analyzers import AnalyzerKind
from contract.doors import base_url, is_loopback
from contract.errors import PlatformError
from control.access import Access
from control.access_kept import KeptAccess
from control.errors import ServerAwayError
from dashboard.app import create_app
from settings import Settings, load_settings
from tests.support.dashboard_site import site_of as recorded_site

PORTS = {kind: kind.row.port for kind in AnalyzerKind}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("ADDRESS", "NAMESPACE", "PROFILE", "CONFIG_FILE"):
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)
    return Settings(_env_file=None, data=tmp_path / "data")


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[tuple[Serving, str]]:
    listening, address = listen("127.0.0.1", 0)
    server = Serving(create_app(recorded_site(data_dir)), log_requests=False)
    server.capture_signals = nullcontext  # pytest has handlers of its own
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield server, address
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.example.org", False),
    ],
)
async def test_nobody_else_gets_to_a_dashboard_without_a_token(
    settings: Settings, host: str, alone: bool
):
    assert is_loopback(host) is alone
    if alone:
        await require_token(settings, host)
        return
    with pytest.raises(UserError, match="there is no token") as caught:
        await require_token(settings, host)
    assert "token create" in caught.value.next_step


async def test_a_token_that_ends_stops_nothing_and_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    settings.data_dir.mkdir()
    kept = KeptAccess(store_of(settings))
    await Access(kept).create_token("ana", Scope.READ, None, "a test")
    await require_token(settings, "0.0.0.0")
    good = capsys.readouterr().err
    await Access(kept).revoke("ana")
    await kept.close()

    await require_token(settings, "0.0.0.0")

    assert good == ""
    assert "no token is good any more" in " ".join(capsys.readouterr().err.split())


async def test_a_stack_that_runs_is_used_without_a_token(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    stack = Stack(str(settings.data_dir), 1, 2, PORTS)
    for place in ("cli.session", "cli.commands.stack"):
        monkeypatch.setattr(f"{place}.running_stack", lambda _: stack)
    monkeypatch.setattr("cli.session.start_stack", _nothing_starts)
    open_to_all = settings.model_copy(update={"dashboard_host": "0.0.0.0"})

    with pytest.raises(UserError, match="not today"):
        await run_up(open_to_all, as_json=True)


def _nothing_starts(*_: object) -> None:
    raise UserError("not today")


async def test_up_refuses_it_before_anything_starts(settings: Settings):
    open_to_all = settings.model_copy(update={"dashboard_host": "0.0.0.0"})

    with pytest.raises(UserError, match=r"0\.0\.0\.0"):
        await run_up(open_to_all, as_json=True)
    assert not settings.data_dir.exists()


def test_a_port_in_use_is_an_error_with_a_next_step():
    with socket.create_server(("127.0.0.1", 0)) as owner:
        taken = owner.getsockname()[1]

        with pytest.raises(UserError, match=f"127.0.0.1:{taken}") as caught:
            listen("127.0.0.1", taken)
    assert "--port" in caught.value.next_step


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8240"),
        ("0.0.0.0", "http://127.0.0.1:8240"),
        ("::1", "http://[::1]:8240"),
        ("::", "http://[::1]:8240"),
        ("LocalHost", "http://127.0.0.1:8240"),
        ("192.168.1.4", "http://192.168.1.4:8240"),
        ("vm", "http://vm:8240"),
    ],
)
def test_the_address_is_one_to_type(host: str, url: str):
    assert base_url(host, 8240) == url


@pytest.mark.parametrize(
    ("host", "names"),
    [("Vm.lan.", ("a", "vm.lan")), ("0.0.0.0", ("a",)), ("::", ("a",))],
)
def test_a_name_that_is_listened_on_is_one_to_call_it_by(host: str, names: tuple[str, ...]):
    settings = Settings(_env_file=None, dashboard_host=host, dashboard_hosts="A, ")

    assert doors_of(settings).hosts == names


async def test_a_dashboard_on_a_name_answers_under_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: resolve(
            "127.0.0.1" if host == "vm.test" else host, *rest, **more
        ),
    )
    listened: list[str] = []
    told: dict[str, int] = {}

    async def ask(server: Serving, sockets: list[socket.socket]) -> None:
        listened.append(str(sockets[0].getsockname()[0]))
        transport = httpx.ASGITransport(server.config.app)
        async with httpx.AsyncClient(transport=transport) as client:
            for name in ("vm.test", "evil.test"):
                host = {"Host": f"{name}:8240"}
                answer = await client.get("http://127.0.0.1:8240/health", headers=host)
                told[name] = answer.status_code

    monkeypatch.setattr(Serving, "serve", ask)
    monkeypatch.setattr("cli.commands.dashboard.take_secrets", dict)
    proxied = settings.model_copy(update={"dashboard_proxy": "127.0.0.9"})

    assert await run_dashboard(proxied, "vm.test", 0) is Exit.OK
    assert told == {"vm.test": 200, "evil.test": 403}
    assert await run_dashboard(settings, "localhost", 0) is Exit.OK
    assert listened == ["127.0.0.1", "127.0.0.1"]


def test_a_request_is_a_line_without_what_may_be_secret():
    args = ("127.0.0.1:5", "GET", "/enter?link=secret", "1.1", 303)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 1, "%s %s %s %s %s", args, None)

    line = JsonLines().format(record)

    assert "secret" not in line
    assert json.loads(line) | {"at": ""} == {
        "at": "",
        "address": "127.0.0.1:5",
        "method": "GET",
        "path": "/enter",
        "http": "1.1",
        "status": 303,
    }


async def test_only_the_stacks_own_dashboard_counts_as_up(tmp_path: Path):
    async with serving(tmp_path) as (_, address):
        port = int(address.rpartition(":")[2])
        own = Stack(str(tmp_path), 1, 2, PORTS, dashboard_port=port)
        other = Stack(str(tmp_path / "other"), 1, 2, PORTS, dashboard_port=port)

        answers = [await asyncio.to_thread(dashboard_answers, stack) for stack in (own, other)]

    assert answers == [True, False]
    assert not await asyncio.to_thread(dashboard_answers, own)


async def test_a_dashboard_on_any_port_is_found_while_it_serves(settings: Settings, tmp_path: Path):
    expected = f"http://127.0.0.1:{settings.dashboard_port}"
    async with serving(settings.data_dir) as (_, address), serving(tmp_path) as (_, foreign):
        with announced(settings, foreign):  # of another installation, which took the port
            other = await asyncio.to_thread(dashboard_address, settings)
        with announced(settings, address):
            found = await asyncio.to_thread(dashboard_address, settings)
        ended = await asyncio.to_thread(dashboard_address, settings)

    assert (found, other, ended) == ((address, True), (expected, False), (expected, False))


async def test_a_dashboard_that_ends_leaves_the_address_of_another(settings: Settings):
    with announced(settings, "http://127.0.0.1:1"), announced(settings, "http://127.0.0.1:2"):
        written = settings.data_dir / "run" / "dashboard.address"
    with announced(settings, "http://127.0.0.1:1"):
        written.write_text("http://127.0.0.1:3")

    assert written.read_text() == "http://127.0.0.1:3"


async def test_a_folder_that_cannot_be_written_ends_no_dashboard(settings: Settings):
    settings.data_dir.write_text("a file")

    with announced(settings, "http://127.0.0.1:1"):
        served = True

    assert (served, settings.data_dir.read_text()) == (True, "a file")


async def test_a_stream_is_told_of_the_end_and_is_not_cut(tmp_path: Path):
    async with serving(tmp_path) as (server, address), httpx.AsyncClient(trust_env=False) as client:

        async def lines() -> AsyncIterator[bytes]:
            yield b"first\n"
            await server.config.app.state.ending.wait()
            yield b"last\n"

        server.config.app.add_route("/lines", lambda _: StreamingResponse(lines()))
        async with client.stream("GET", f"{address}/lines") as answer:
            received = answer.aiter_lines()
            assert await anext(received) == "first"
            server.should_exit = True
            assert [line async for line in received] == ["last"]


async def test_a_search_text_of_five_megabytes_is_refused_with_what_to_do(tmp_path: Path):
    async with serving(tmp_path) as (_, address), httpx.AsyncClient(trust_env=False) as client:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        line = f"GET /pipelines?text={'a' * 5_000_000} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        writer.write(f"{line}Connection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert (await client.get(f"{address}/health")).status_code == HTTPStatus.OK

    assert answer.startswith("HTTP/1.1 414 ")
    assert "Next:" in answer or "next" in answer
    assert "Traceback" not in answer


def test_a_stack_of_an_earlier_version_has_no_dashboard(settings: Settings):
    before = Stack(str(settings.data_dir), 1, 2, PORTS)
    written = {k: v for k, v in asdict(before).items() if not k.startswith("dashboard")}

    read = Stack(**json.loads(json.dumps(written)))

    assert read.dashboard_url == ""
    assert _dashboard_port(settings, read) == 8240


def test_the_port_is_kept_unless_another_one_is_set(settings: Settings):
    before = Stack(str(settings.data_dir), 1, 2, PORTS, dashboard_port=40_000)
    other = Settings(_env_file=None, data=settings.data, dashboard_port=9000)

    assert _dashboard_port(settings, before) == 40_000
    assert _dashboard_port(other, before) == 9000


async def test_without_a_server_the_pages_are_there_and_say_what_to_start(settings: Settings):
    site = site_of(settings)

    with pytest.raises(PlatformError, match="local stack does not run") as caught:
        await site.connect()
    assert "up" in caught.value.next_step


async def test_a_server_that_fails_when_keys_are_compared_is_one_error_of_the_platform(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def passes(*_: object, **__: object) -> None:
        pass

    async def fails(_: object) -> None:
        raise RPCError("slow", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    monkeypatch.setattr("cli.site.temporal_is_configured", lambda: True)
    monkeypatch.setattr("cli.site.connect", passes)
    monkeypatch.setattr("cli.site.require_namespace", passes)
    monkeypatch.setattr("cli.site.require_shared_keys", fails)

    with pytest.raises(ServerAwayError, match="slow"):
        await site_of(settings).connect()


def test_links_and_analyzers_are_those_of_the_stack_that_ran_last(settings: Settings):
    stack = Stack(str(settings.data_dir), 7000, 7001, dict.fromkeys(AnalyzerKind, 7002))
    stack.run_dir.mkdir(parents=True)
    (stack.run_dir / "stack.json").write_text(json.dumps(asdict(stack)))

    site = site_of(settings)

    assert site.ui_url == "http://127.0.0.1:7001"
    assert set(site.analyzer_urls.values()) == {"ws://127.0.0.1:7002"}
    assert site.token_file == stack.token_file


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_DASHBOARD_PORT", "70000"),
        ("ASSAY_DASHBOARD_HOST", ""),
        ("ASSAY_DASHBOARD_PROXY", "proxy.example.org"),
        ("ASSAY_DASHBOARD_PROXY_USER", "a: b"),
        ("ASSAY_DASHBOARD_PROXY_USER", ""),
        ("ASSAY_DASHBOARD_PROXY_USER", "X-Nutzerin-Zoë"),
        ("ASSAY_DASHBOARD_PROXY_SCOPES", "-"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)

    with pytest.raises(PlatformError, match=name):
        load_settings()
