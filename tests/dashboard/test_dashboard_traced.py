"""Requests as spans: those that change something, behind the gate; looks only if they bring one."""

from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace

from telemetry import spans
from tests.support.kept_spans import KeptSpans, kept_spans

PARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture
def kept() -> Iterator[KeptSpans]:
    own = kept_spans()
    own.ended.clear()
    spans.switch(trace.get_tracer("t"))
    yield own
    spans.switch(None)


async def test_what_changes_something_is_a_span_with_its_route(
    operator: httpx.AsyncClient, kept: KeptSpans
):
    await operator.get("/api/v1/pipelines")
    assert kept.ended == []
    await operator.post("/api/v1/pipelines/p1/pause?token=s3cr3t", headers={"traceparent": PARENT})
    (one,) = kept.ended
    assert one.name == "request POST"
    assert one.parent is not None
    assert f"{one.parent.trace_id:032x}" == "ab" * 16
    assert "p1" not in str(dict(one.attributes or {}))
    assert "s3cr3t" not in str(dict(one.attributes or {}))
    await operator.get("/api/v1/pipelines", headers={"traceparent": PARENT})
    assert len(kept.ended) == 2


async def test_who_is_refused_begins_no_trace(web: httpx.AsyncClient, kept: KeptSpans):
    refused = {"host": "evil.example", "traceparent": PARENT}
    assert (await web.post("/api/v1/pipelines/p1/pause", headers=refused)).status_code == 403
    assert kept.ended == []
