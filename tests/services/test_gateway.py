"""Gateway and analyzer over real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from analyzers.runtime.service import Service, ServiceOptions
from clients.analyzers.gateway import WebSocketGateway
from contract.analysis import AnalyzerKind, MeasurementState
from contract.protocol import Progress
from tests.support.demo_analyzer import DemoTool, request_for

STATIC = AnalyzerKind.STATIC


@pytest.fixture
async def tool() -> DemoTool:
    return DemoTool()


@pytest.fixture
async def service(tmp_path: Path, tool: DemoTool) -> AsyncIterator[Service]:
    service = Service(STATIC, (tool,), ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path))
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def gateway(tmp_path: Path, service: Service) -> AsyncIterator[WebSocketGateway]:
    urls = {STATIC: f"ws://127.0.0.1:{service.port}"}
    gateway = WebSocketGateway(urls, workdir=tmp_path / "incoming")
    yield gateway
    await gateway.close()


async def test_round_trip(tmp_path: Path, gateway: WebSocketGateway):
    seen: list[Progress] = []
    result = await gateway.analyze(request_for(tmp_path / "app"), seen.append)
    (cell,) = result.report.tools
    assert (cell.tool, cell.version, cell.state) == ("demo", "1.0", MeasurementState.MEASURED)
    assert [finding.rule_id for finding in cell.findings] == ["eval"]
    assert cell.provenance.argv[0][0] == "wc"
    assert seen
    assert result.archive.exists()
    await gateway.acknowledge("pipe/model%2Fx/app1/static", STATIC)
    assert not result.archive.exists()
