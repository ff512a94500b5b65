"""Apps against their own history: commands, API and pages say the same."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from cli.app import app
from cli.exits import Exit
from contract.errors import PlatformError
from control.regressions import app_trends, regressions
from dashboard import urls
from tests.support.dashboard_site import browsing, site_of
from tests.support.many_pipelines import CALM, REF, many_pipelines, scanned
from tests.support.page_checks import wrong_in
from tests.support.store_folder import stored_in

LAST = "run-8"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slower(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("slower")
    await many_pipelines(folder)
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def client(slower: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(slower)) as found:
        yield found


def typed(folder: Path, *words: str, **environment: str):
    found = {"ASSAY_DATA": str(folder), "COLUMNS": "200", **environment}
    return CliRunner().invoke(app, words, env=found)


async def test_a_slower_app_is_found_in_its_pipeline_and_not_in_an_earlier_one(slower):
    stored = stored_in(slower)

    now = await regressions(stored, LAST)
    then = await regressions(stored, "run-6")

    assert {(one.figure, one.since, one.direction) for one in now.changes} == {
        ("latency_p50", "run-7", "worse"),
        ("latency_p95", "run-7", "worse"),
    }
    assert (now.worse, now.figures["unchanged"]) == ((REF.label,), 3)
    assert len(now.pipelines) == 9
    assert (then.changes, then.worse_total, then.figures["unchanged"]) == ((), 0, 5)
    old = await regressions(stored, LAST, recent=1)
    assert (len(old.changes), old.worse) == (2, ())


async def test_few_pipelines_are_told_as_too_few(tmp_path):
    await many_pipelines(tmp_path, CALM[:3])

    document = await regressions(stored_in(tmp_path), "run-2")

    assert document.figures == {
        "changed": 0,
        "drifting": 0,
        "unchanged": 0,
        "too_few": 5,
        "not_comparable": 0,
    }
    assert document.reasons[0].reason.startswith("not enough measurements: the app has too")


@pytest.mark.parametrize(
    ("scan", "state"),
    [
        (scanned(5), "changed"),
        (scanned(5, version="2.0"), "not_comparable"),
        (scanned(5, rules="b" * 64), "not_comparable"),
    ],
    ids=["same-tool", "another-version", "other-rules"],
)
async def test_an_app_is_not_blamed_for_what_a_tool_learned(tmp_path, scan, state):
    await many_pipelines(tmp_path, CALM, scan)
    stored = stored_in(tmp_path)

    fleet = await regressions(stored, "run-6")
    (of_scan,) = [one for one in (await app_trends(stored, REF)).trends if one.figure == "findings"]

    assert (of_scan.state, fleet.worse) == (state, ())
    assert state != "changed" or "only reads the source" in of_scan.elsewhere


async def test_unknown_names_are_refused(slower):
    stored = stored_in(slower)
    with pytest.raises(PlatformError, match="no pipeline 'nobody'"):
        await regressions(stored, "nobody")
    with pytest.raises(PlatformError, match="no pipeline has an app"):
        await app_trends(stored, REF.model_copy(update={"app_number": 9}))


async def test_the_api_and_the_pages_say_it(client):
    prefix = f"/api/v1{urls.pipeline_url(LAST)}"
    found = (await client.get(f"{prefix}/regressions")).json()
    trends = (await client.get(f"/api/v1{urls.app_url(LAST, REF, 'trends')}")).json()
    page = await client.get(urls.pipeline_url(LAST, "regressions"))
    history = await client.get(urls.app_url(LAST, REF, "history"))

    assert [one["figure"] for one in found["changes"]] == ["latency_p50", "latency_p95"]
    assert len(trends["trends"]) == 5
    assert [point["value"] for point in trends["trends"][0]["series"]][-1] == pytest.approx(15.2)
    for answer, text in ((page, "worse: x1.5"), (history, "another level since run-7")):
        assert answer.status_code == 200
        assert text in answer.text
        assert re.search(r"[0-9] ms</td>", answer.text), "levels have their unit"
        assert wrong_in(answer.text, answer.headers["content-security-policy"]) == []
    assert (await client.get(urls.pipeline_url("nobody", "regressions"))).status_code == 404


def test_the_commands_say_it_and_fail_only_behind_the_gate(slower):
    plain = typed(slower, "regressions")
    gate = typed(slower, "regressions", LAST, "--fail-on", "worse", "--json")
    calm = typed(slower, "regressions", "run-6", "--fail-on", "worse")
    history = typed(slower, "history", REF.label)

    assert (plain.exit_code, calm.exit_code) == (Exit.OK, Exit.OK)
    assert gate.exit_code == Exit.REGRESSED
    assert json.loads(gate.stdout)["worse"] == [REF.label]
    assert "since run-7, with the same source" in plain.stdout
    assert "always the same" in history.stdout
    for told in (plain.stdout, history.stdout):
        assert "latency p95" in told
        assert " ms " in told
        assert "_" not in told.replace("pip_audit", ""), "words, not codes"
    assert typed(slower, "history", "nobody/app1").exit_code == Exit.USAGE
