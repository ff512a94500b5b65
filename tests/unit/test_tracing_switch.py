"""What switches tracing on, what is said of what cannot be; nobody waits for a collector."""

import logging
import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from clients import temporal
from telemetry import spans, variables
from telemetry.delivery import Delivery
from telemetry.tracing import Tracing, start_tracing
from tests.support.collector import collector

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables.names():
        monkeypatch.delenv(name)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The logger of OpenTelemetry as it was."""
    own = logging.getLogger("opentelemetry")
    handlers, propagate = list(own.handlers), own.propagate
    yield
    own.handlers, own.propagate = handlers, propagate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (ENDPOINT, "localhost:4318"),
        (ENDPOINT, "http://[::1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,oops"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such.pem"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5s"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ],
)
def test_a_wrong_variable_is_named_once_and_tracing_is_off(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setenv(name, value)

    start_tracing("worker").stop()

    (said,) = caplog.messages
    assert name in said
    assert "s3cr3t" not in said
    assert not spans.is_on()
    assert variables.names() == []  # nothing that is started inherits them


@pytest.mark.parametrize(
    "given",
    [
        {},
        {ENDPOINT: " "},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "sometimes"},
    ],
)
async def test_nobody_asked(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    start_tracing("worker")

    with spans.span("nothing") as recorder, spans.waiting("nothing"):
        recorder.set(state="measured")
        assert (spans.carrier(), spans.exemplar(), spans.trace_ids()) == ({}, None, {})
    assert caplog.messages == []
    asked: dict[str, object] = {}

    async def connect(**config: object) -> None:
        asked.update(config)

    monkeypatch.setattr(temporal.Client, "connect", connect)
    await temporal.connect("127.0.0.1:1")
    assert not asked.get("plugins")


def some_spans() -> list[ReadableSpan]:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s")
    span.end()
    assert isinstance(span, ReadableSpan)
    return [span]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("mode", ["500", "hang", "away"])
def test_an_outage_is_said_once(
    mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with collector("hang" if mode == "hang" else "500") as got:
        url = "http://user:s3cr3t@127.0.0.1:1" if mode == "away" else got.url
        monkeypatch.setenv(ENDPOINT, url)
        delivery = Delivery(variables.endpoint(), 0.2)
        for _ in range(3):
            delivery.export(some_spans())
        delivery.shutdown()

    (said,) = (message for message in caplog.messages if "s3cr3t" in message or "reach" in message)
    assert f"traces do not reach {variables.endpoint()}" in said
    assert "s3cr3t" not in said


@pytest.mark.usefixtures("quiet")
def test_a_batch_takes_as_long_as_the_variable_says_in_milliseconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with collector("hang") as got:
        monkeypatch.setenv(ENDPOINT, got.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        tracing = start_tracing("worker")
        began_s = time.monotonic()
        with spans.span("one"):
            pass
        while not caplog.messages and time.monotonic() - began_s < 8:
            time.sleep(0.02)
        took_s = time.monotonic() - began_s
        tracing.stop()

    assert "traces do not reach" in caplog.messages[0]
    assert 0.25 < took_s < 5, "300 are neither seconds nor the 10 s of the default"


@pytest.mark.parametrize(
    ("given", "limit_s"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "2500"}, 2.5),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "0"}, None),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "9", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7"}, 0.007),
    ],
)
def test_the_time_of_traces_comes_before_that_of_everything(
    given: dict[str, str], limit_s: float | None, monkeypatch: pytest.MonkeyPatch
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert variables.timeout_s() == limit_s


@pytest.mark.usefixtures("quiet")
def test_traces_arrive_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    with collector("500") as got:
        monkeypatch.setenv(ENDPOINT, got.url)
        delivery = Delivery(variables.endpoint(), 1.0)
        delivery.export(some_spans())
        got.mode = "ok"
        delivery.export(some_spans())
        delivery.shutdown()
    assert [span.name for span in got.spans] == ["s"]
    assert len(caplog.messages) == 1


def test_the_end_waits_two_seconds_at_most():
    began_s = time.monotonic()
    Tracing(lambda: time.sleep(30)).stop()
    assert time.monotonic() - began_s < 3


def test_what_others_measure_leads_to_its_trace():
    provider = TracerProvider(shutdown_on_exit=False)
    spans.switch(provider.get_tracer("t"))
    try:
        with spans.span("outer"):
            sent = spans.carrier()
            assert spans.exemplar() == {"trace_id": spans.trace_ids()["trace_id"]}
        with spans.span("elsewhere", parent=sent):
            assert sent["traceparent"].split("-")[1] == spans.trace_ids()["trace_id"]
        with spans.span("alone", parent={"traceparent": "no trace", "x": "\0"}):
            assert spans.trace_ids()
        assert spans.exemplar() is None
    finally:
        spans.switch(None)
