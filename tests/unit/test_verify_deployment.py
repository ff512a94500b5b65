"""The check after a deployment: what passes, what fails by name, what nobody could measure."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.commands import verify_deployment
from cli.commands.verify_deployment import Wanted, run_verify_deployment
from cli.exits import Exit
from cli.rollout import NOWHERE, Given, addresses_of, given_analyzers, given_others
from contract.analysis import Coverage, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from control.rollout import CheckOutcome, RolloutCheck
from control.rollout_figures import Figures
from control.rollout_judging import (
    judge_leftovers,
    judge_rates,
    judge_tasks,
    judge_timeouts,
    judge_versions,
)
from control.rollout_parts import PartAddresses, ask_parts
from settings import Settings

MEASURED, INFRA = MeasurementState.MEASURED, MeasurementState.INFRA_FAILED
PASSED, FAILED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.NOT_MEASURED
REFS = [AppRef(model=model, app_number=number) for model in ("a", "b") for number in (1, 2)]
IDS = [pipeline_workflow_id("p"), *(app_workflow_id("p", r.model, r.app_number) for r in REFS)]


def cell(ref: AppRef, kind: AnalyzerKind, state: MeasurementState, **more: Any) -> CellRecord:
    coverage = Coverage(unit="files", reached=1, total=1) if state is MEASURED else None
    reason = "" if state is MEASURED else "it crashed"
    report = ToolReport(tool="bandit", state=state, reason=reason, coverage=coverage, **more)
    return CellRecord(ref=ref, analyzer=kind, report=report)


def record(lost: int = 0, sourceless: int = 0) -> PipelineRecord:
    """A pipeline with 20 static cells, so many of which are lost, and 4 dynamic ones."""
    states = [INFRA] * lost + [MEASURED] * (20 - lost - sourceless)
    static = [cell(REFS[0], AnalyzerKind.STATIC, state) for state in states]
    static += [cell(REFS[0], AnalyzerKind.STATIC, INFRA, lacks_source=True)] * sourceless
    dynamic = [cell(ref, AnalyzerKind.DYNAMIC, MEASURED) for ref in REFS]
    apps = tuple(AppRecord(ref=ref, state=MEASURED) for ref in REFS)
    return PipelineRecord(pipeline_id="p", state="completed", apps=apps, cells=(*static, *dynamic))


def figures(**values: float) -> Figures:
    return Figures.of("".join(f"assay_{name}_total {value}\n" for name, value in values.items()))


@pytest.mark.parametrize(
    ("ids", "twice", "outcome", "said"),
    [
        (IDS, 0, PASSED, "exactly 4, none of them twice"),
        (IDS[:-1], 0, FAILED, "4 workflows instead of 5: pipeline/p/b/app2"),
        ([*IDS, IDS[1]], 0, FAILED, "6 workflows instead of 5: pipeline/p/a/app1"),
        ([*IDS, "pipeline/p/b/app3"], 0, FAILED, "pipeline/p/b/app3"),
        (IDS, 2, FAILED, "2 times work was done twice"),
    ],
)
def test_there_are_as_many_tasks_as_apps(
    ids: list[str], twice: int, outcome: CheckOutcome, said: str
):
    check = judge_tasks(
        record(), ids, figures(tasks_duplicate=1), figures(tasks_duplicate=1 + twice)
    )

    assert (check.outcome, said in check.detail) == (outcome, True), check.detail


def test_a_worker_that_cannot_be_asked_is_said():
    assert "not counted" in judge_tasks(record(), IDS, None, None).detail
    assert judge_timeouts(None, None).outcome is UNKNOWN


@pytest.mark.parametrize(
    ("lost", "sourceless", "outcome"),
    [(4, 0, PASSED), (5, 0, FAILED), (0, 8, PASSED), (3, 8, FAILED)],
)
def test_the_share_of_measured_cells_decides_and_a_silent_source_outside_does_not(
    lost: int, sourceless: int, outcome: CheckOutcome
):
    static, dynamic = judge_rates(record(lost, sourceless))

    assert static.outcome is outcome
    assert dynamic.outcome is PASSED
    if static.failed:
        assert "bandit: it crashed" in static.detail


def test_an_analyzer_that_measured_nothing_did_not_pass():
    nothing = record().model_copy(update={"cells": ()})

    assert [check.outcome for check in judge_rates(nothing)] == [FAILED, FAILED]


def test_time_outs_are_counted_over_the_run_alone_also_after_a_restart():
    before = figures(websocket_requests=1000, websocket_timeouts=900)
    quiet = figures(websocket_requests=1010, websocket_timeouts=901)
    restarted = figures(websocket_requests=10, websocket_timeouts=2)

    assert judge_timeouts(before, quiet).outcome is PASSED
    check = judge_timeouts(before, restarted)
    assert (check.outcome, check.detail[:17]) == (FAILED, "20% of 10 request")


def test_another_version_or_build_is_named():
    assert judge_versions({"worker": "1.0"}, "1.0").outcome is PASSED
    assert "worker 0.9" in judge_versions({"worker": "0.9"}, "1.0").detail
    assert "build old instead of new" in judge_versions({"w": "1"}, "1", ("new", "old")).detail
    assert judge_versions({}, "1.0").outcome is UNKNOWN


def test_what_is_left_is_named():
    assert judge_leftovers([]).outcome is PASSED
    assert "container x" in judge_leftovers(["container x"]).detail
    assert judge_leftovers(None, "no engine").outcome is UNKNOWN


class Part(BaseHTTPRequestHandler):
    """A part that answers what it was told to."""

    def do_GET(self):
        status, document = getattr(self.server, "answers").get(self.path, (404, {}))  # noqa: B009
        body = json.dumps(document).encode() if isinstance(document, dict) else document.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object):
        pass


@contextmanager
def part(answers: dict[str, Any]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Part) as server:
        setattr(server, "answers", answers)  # noqa: B010
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def analyzer(kind: str, reason: str = "") -> dict[str, Any]:
    tools = [{"name": "bandit", "ok": not reason, "reason": reason}]
    health = {"analyzer": kind, "ok": True, "version": "0.1.0", "tools": tools}
    return {"/health": (200, health), "/ready": (200, {"ok": True})}


@pytest.fixture
def site() -> Iterator[dict[str, str]]:
    """The addresses of parts that are all well; AI has no endpoint."""
    worker = {"/health": (200, {}), "/ready": (200, {}), "/metrics": (200, "assay_x 1\n")}
    told = {kind: analyzer(kind) for kind in ("static", "dynamic", "performance")}
    told["ai"] = analyzer("ai", "no endpoint configured: set ASSAY_AI_BASE_URL")
    with ExitStack() as stack:
        parts = {"worker": worker, "dashboard": worker, **told}
        yield {name: stack.enter_context(part(answers)) for name, answers in parts.items()}


def addresses(site: dict[str, str]) -> PartAddresses:
    analyzers = {kind: site[kind] for kind in AnalyzerKind}
    others = {
        "prometheus": f"{site['worker']}/metrics",
        "alertmanager": f"{site['worker']}/-/ready",
    }
    return PartAddresses(analyzers, site["worker"], site["dashboard"], others)


async def test_parts_that_are_well_pass_and_ai_without_an_endpoint_is_not_measured(
    site: dict[str, str],
):
    told = await ask_parts(addresses(site))
    outcomes = {check.name: check.outcome for check in told.checks}

    assert outcomes.pop("analyzer ai") is UNKNOWN
    assert outcomes.pop("alertmanager") is FAILED  # 404: nothing of that name is there
    assert set(outcomes.values()) == {PASSED}
    assert set(outcomes) >= {"worker", "dashboard", "analyzer performance", "prometheus"}
    assert (told.asks_ai, told.versions["analyzer static"]) == (False, "0.1.0")


async def test_what_is_wrong_with_a_part_is_told(site: dict[str, str]):
    unready = {"/health": (200, {}), "/ready": (503, {"reasons": {"store": "the disk is full"}})}
    with part(unready) as other:
        moved = {"worker": other, "dynamic": site["static"], "dashboard": "http://127.0.0.1:1"}
        told = await ask_parts(addresses({**site, **moved}))
    wrong = {check.name: check.detail for check in told.checks if check.failed}

    others = {"prometheus", "alertmanager"}  # they stand on the worker's server here
    assert wrong.keys() - others == {"worker", "analyzer dynamic", "dashboard"}
    assert wrong["worker"].endswith("/ready: 503: store: the disk is full")
    assert "is the analyzer static" in wrong["analyzer dynamic"]
    assert "nothing answers there" in wrong["dashboard"]


async def test_with_a_dead_analyzer_nothing_is_run_and_it_is_named(
    site: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    async def well(_: Any) -> tuple[RolloutCheck, ...]:
        return ()

    monkeypatch.setattr(verify_deployment, "check_shared", well)
    given = Given(
        {kind: site[kind] for kind in AnalyzerKind} | {AnalyzerKind.STATIC: "http://127.0.0.1:1"},
        site["worker"],
        site["dashboard"],
    )
    settings = Settings(_env_file=None, data=tmp_path)

    code = await run_verify_deployment(settings, Wanted(given, patience_s=0), as_json=True)

    verdict = json.loads(capsys.readouterr().out)
    wrong = [check["name"] for check in verdict["checks"] if check["outcome"] == "failed"]
    assert (code, verdict["passed"], wrong) == (Exit.UNVERIFIED, False, ["analyzer static"])
    last = verdict["checks"][-1]
    assert (last["name"], last["outcome"]) == ("pipeline", "not_measured")


def test_addresses_are_those_of_the_settings_unless_others_are_given(tmp_path: Path):
    settings = Settings(_env_file=None, data=tmp_path, metrics_address="127.0.0.1:9464")
    given = Given({AnalyzerKind.AI: NOWHERE}, worker=None, dashboard="http://there:1/")
    found = addresses_of(settings, given)

    assert found.analyzers[AnalyzerKind.AI] == ""
    assert found.analyzers[AnalyzerKind.STATIC] == "http://127.0.0.1:2001"
    assert (found.worker, found.dashboard) == ("http://127.0.0.1:9464", "http://there:1")
    assert given_analyzers(["static=http://x:1"]) == {AnalyzerKind.STATIC: "http://x:1"}
    with pytest.raises(PlatformError, match="--also grafana"):
        given_others(["grafana"])
    with pytest.raises(PlatformError, match="statik=x"):
        given_analyzers(["statik=x"])
