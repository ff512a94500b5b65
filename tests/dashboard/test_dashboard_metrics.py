"""The dashboard's own figures: by the template of a route, and for whoever may read."""

from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace

import httpx
from prometheus_client.parser import text_string_to_metric_families

from dashboard.site import Doors
from tests.support.dashboard_site import browsing, site_of
from tests.support.expositions import faults


def requests_of(text: str) -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "assay_http_requests_total"
    }


async def test_requests_count_under_their_routes_and_what_strangers_ask_for_is_no_label(
    recorded: Path,
):
    async with browsing(site_of(recorded)) as web:
        await web.get("/pipelines/after")
        await web.get("/pipelines/before")
        await web.get("/api/v1/pipelines")
        await web.get("/static/app.css")
        await web.get("/wp-admin/a-path-of-somebody")
        await web.request("BREW", "/another-path")
        await web.get("/pipelines", headers={"Host": "foreign.example"})
        answer = await web.get("/metrics")

    found = requests_of(answer.text)
    assert found["GET", "/pipelines/{pipeline_id}", "200"] == 2
    assert found["GET", "/api/v1/pipelines", "200"] == 1
    assert found["GET", "/static", "200"] == 1
    assert found["GET", "other", "404"] == 1
    assert found["GET", "other", "403"] == 1
    assert {method for method, *_ in found} == {"GET", "other"}
    assert "somebody" not in answer.text
    assert faults(answer.text, "dashboard") == []
    assert 'assay_store_seconds_count{operation="list_pipelines"}' in answer.text


async def test_a_stranger_sees_no_figures_but_may_ask_whether_it_is_ready(recorded: Path):
    async with browsing(site_of(recorded), "192.0.2.1") as stranger:
        refused = await stranger.get("/metrics")
        assert refused.status_code == HTTPStatus.UNAUTHORIZED
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["next_step"]
        answer = await stranger.get("/ready")

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["reasons"].keys() == {"temporal"}
    assert str(recorded) not in answer.text


async def test_a_prometheus_reads_figures_with_the_analyzers_token_and_nothing_else(
    recorded: Path, tmp_path: Path
):
    (tmp_path / "token").write_text("s3cret\n")
    site = site_of(recorded, token_file=tmp_path / "token", doors=Doors(local=False))
    for address in ("127.0.0.1", "192.0.2.1"):
        async with browsing(site, address, Authorization="Bearer s3cret") as prometheus:
            answers = [await prometheus.get("/metrics") for _ in range(12)]
            assert {one.status_code for one in answers} == {HTTPStatus.OK}
            elsewhere = await prometheus.get("/api/v1/pipelines")
            assert elsewhere.status_code == HTTPStatus.UNAUTHORIZED
        async with browsing(site, address, Authorization="Bearer other") as stranger:
            assert (await stranger.get("/metrics")).status_code == HTTPStatus.UNAUTHORIZED
        async with browsing(site, address) as nobody:
            assert (await nobody.get("/metrics")).status_code == HTTPStatus.UNAUTHORIZED
    (tmp_path / "token").write_text("\n")
    async with browsing(site, "127.0.0.1", Authorization="Bearer ") as emptied:
        assert (await emptied.get("/metrics")).status_code == HTTPStatus.UNAUTHORIZED


async def test_it_is_ready_while_store_and_server_answer(recorded: Path):
    async def serves() -> bool:
        return True

    async def connect() -> SimpleNamespace:
        return SimpleNamespace(service_client=SimpleNamespace(check_health=serves))

    async with browsing(site_of(recorded, connect=connect)) as web:
        answer = await web.get("/ready")

    assert (answer.status_code, answer.json()) == (HTTPStatus.OK, {"ok": True, "reasons": {}})


async def test_openmetrics_is_served_to_who_asks_for_it(web: httpx.AsyncClient):
    answer = await web.get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
