"""Traces through Temporal: attempts, replays, and what a history has of them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from clients.temporal_tracing import TracingPlugin
from contract.analyzers import AnalyzerKind
from telemetry.delivery import without_texts
from tests.conftest import DYNAMIC_CONFIG, TEMPORAL
from tests.replay.test_replay import HISTORIES
from tests.support.kept_spans import KeptSpans, kept_spans
from tests.workflows.fake_platform import FakePlatform, fails, has_measured, one_by_one, workers
from workflows import WORKFLOWS, search_attributes


def replayer() -> Replayer:
    return Replayer(
        workflows=WORKFLOWS, data_converter=pydantic_data_converter, plugins=[TracingPlugin()]
    )


@pytest.fixture
def kept() -> KeptSpans:
    spans = kept_spans()
    spans.begun.clear()
    spans.ended.clear()
    return spans


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced() -> AsyncIterator[Client]:
    """A client of a server of its own: workers that record no spans would take some tasks."""
    kept_spans()
    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        search_attributes=search_attributes.ALL,
        dev_server_extra_args=flags,
    ) as env:
        client = await Client.connect(
            env.client.service_client.config.target_host,
            namespace=env.client.namespace,
            data_converter=pydantic_data_converter,
            plugins=[TracingPlugin()],
        )
        async with workers(client):
            yield client


def _sent(span: ReadableSpan) -> Any:
    """The span as it leaves the process."""
    return encode_spans([without_texts(span)])


def _of(platform: FakePlatform, span: Any) -> bool:
    return platform.id in str(span.attributes.get("temporalWorkflowID", ""))


async def history_of(client: Client, workflow_id: str) -> WorkflowHistory:
    return await client.get_workflow_handle(workflow_id).fetch_history()


async def test_old_histories_replay_with_tracing(kept: KeptSpans):
    for path in HISTORIES:
        history = WorkflowHistory.from_json(path.stem, path.read_text())
        assert (await replayer().replay_workflow(history)).replay_failure is None, path.stem
    assert kept.ended == []  # what was sent once is not sent again


async def test_attempts_are_spans_below_one_parent(traced: Client, kept: KeptSpans):
    platform = FakePlatform(apps=1, analyzers="s")
    failing = fails("UNAVAILABLE", "no secret s3cr3t in a span", retry=True)
    platform.runs[AnalyzerKind.STATIC] = one_by_one(failing, has_measured)
    await platform.run(traced)

    runs = kept.named("RunActivity:run_analysis")
    assert [run.attributes["assay.attempt"] for run in runs if run.attributes] == [1, 2]
    assert len({run.parent.span_id for run in runs if run.parent}) == 1
    assert all("s3cr3t" not in str(_sent(span)) for span in kept.ended)
    assert len({span.context.trace_id for span in kept.ended if _of(platform, span)}) == 1


async def test_a_replay_makes_the_same_spans_and_an_old_worker_takes_the_history(
    traced: Client, kept: KeptSpans
):
    platform = FakePlatform(apps=1, analyzers="s")
    await platform.run(traced)
    history = await history_of(traced, platform.app_id(1))
    (lived,) = (span for span in kept.named("RunWorkflow:AnalyzeApp") if _of(platform, span))

    begun: list[list[tuple[str, int]]] = []
    for _ in range(2):
        kept.begun.clear()
        await replayer().replay_workflow(history)
        begun.append(list(kept.begun))

    assert begun[0] == begun[1]
    assert ("RunWorkflow:AnalyzeApp", lived.context.span_id) in begun[0]
    plain = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    assert (await plain.replay_workflow(history)).replay_failure is None
