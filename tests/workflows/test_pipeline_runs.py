"""A pipeline that goes well, and what it measures when apps or analyzers do not."""

from temporalio.client import Client

from contract.analysis import MeasurementState
from contract.progress import PipelinePhase
from tests.workflows.fake_platform import FakePlatform

MEASURED = MeasurementState.MEASURED


async def test_every_app_is_measured_by_every_analyzer(client: Client) -> None:
    platform = FakePlatform(apps=4, analyzers="sdpa")

    result = await platform.run(client)

    assert result.phase is PipelinePhase.COMPLETED
    assert result.counts == {MEASURED: 4}
    assert result.report_html == "/r/report.html"
    for number in (1, 2, 3, 4):
        assert platform.cells(number) == dict.fromkeys(
            ("static", "dynamic", "performance", "ai"), MEASURED
        )
    assert platform.count("start") == platform.count("teardown") == 4
    assert platform.log[-1] == "report"
