"""The pages and the API of one app: from the store, while it runs and when files are gone."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from contract.analysis import AnalyzerReport, ToolReport
from contract.analyzers import AnalyzerKind
from contract.outcome import SubtaskOutcome, ToolSummary
from contract.spec import AppRef, AppsSpec, PipelineSpec
from contract.weakness import Weakness
from control import app_files
from control.deciding import decision, suppress
from dashboard import urls
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.hostile_installation import MARKUP, PIPELINE, hostile_installation
from tests.support.hostile_installation import REF as EVIL_REF
from tests.support.page_checks import wrong_in
from tests.support.recorded_app import REF, SQL, many_weaknesses, recorded_app, source_of
from tests.support.store_folder import store_in
from tests.support.two_pipelines import (
    AFTER,
    CONTROL,
    MODEL,
    SCAFFOLD,
    finding,
    looked,
    record,
    two_pipelines,
    write_report,
)

API = "/api/v1"
PARTS = ("", "findings", "load", "files", "history", "logs/0", "finding?id=v2-sql")


def api(part: str = "", pipeline: str = "whole", ref: AppRef = REF) -> str:
    return API + urls.app_url(pipeline, ref, part)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    await recorded_app(folder)
    await recorded_app(folder, "runs", ended=False)
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def page(kept: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(kept)) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hostile(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path_factory.mktemp("hostile")
    await hostile_installation(folder)
    async with browsing(site_of(folder)) as client:
        yield client


@pytest.mark.parametrize("part", PARTS)
async def test_nothing_of_an_app_is_markup(page: httpx.AsyncClient, part: str):
    url, _, query = part.partition("?")
    answer = await page.get(urls.app_url("whole", REF, url) + (f"?{query}" if query else ""))

    assert answer.status_code == 200, answer.text
    for hostile in ("<script>", "<img src=x", "limit <b>", "\x1b"):
        assert hostile not in answer.text
    assert answer.text.count("<h1") == 1


async def test_a_tool_that_was_lost_is_told_with_its_reason_and_has_no_number(
    page: httpx.AsyncClient,
):
    answer = (await page.get(api())).json()
    cells = {cell["record"]["report"]["tool"]: cell for cell in answer["report"]["cells"]}

    assert cells["bandit"]["finding_count"] is None
    assert cells["browser"]["finding_count"] == 0
    assert cells["openloop"]["finding_count"] is None, "a load test looks for no findings"
    text = (await page.get(urls.app_url("whole", REF))).text
    assert "killed at its limit" in text
    assert "nobody knows what it would have shown" in text
    assert "static/bandit" in text


async def test_a_weakness_shows_its_line_and_the_way_of_the_data(page: httpx.AsyncClient):
    told = (await page.get(api("finding"), params={"fingerprint": "v2-sql"})).json()

    assert told["excerpt"]["state"] == "same"
    marked = [line["number"] for line in told["excerpt"]["lines"] if line["marked"]]
    assert marked == [7]
    assert [(step["role"], step["line"]) for step in told["path"]] == [
        ("source", 5),
        ("step", 6),
        ("sink", 7),
    ]
    assert told["path_note"] == ""
    assert [one["tool"] for one in told["sightings"]] == ["opengrep"]


async def test_a_weakness_of_a_request_shows_it_with_its_answer(page: httpx.AsyncClient):
    told = (await page.get(api("finding"), params={"fingerprint": "v2-read"})).json()

    assert told["exchanges"][0]["request"].startswith("GET /notes/1")
    assert told["excerpt"] is None
    text = (await page.get(urls.finding_url("whole", REF, "v2-read"))).text
    assert "&lt;script&gt;steal()" in text


async def test_a_folder_that_changed_is_not_shown_as_what_was_measured(tmp_path: Path):
    await recorded_app(tmp_path)
    file = source_of(tmp_path) / "app.py"
    file.write_text("other = 1\n" * 9)

    async with browsing(site_of(tmp_path)) as client:
        other = (await client.get(api("finding"), params={"fingerprint": "v2-sql"})).json()
        shutil.rmtree(file.parent)
        gone = (await client.get(api("finding"), params={"fingerprint": "v2-sql"})).json()

    assert other["excerpt"]["state"] == "other"
    assert other["excerpt"]["lines"] == []
    assert "not what was measured" in other["excerpt"]["note"]
    assert "db.execute(sql)" in other["excerpt"]["quote"]
    assert gone["excerpt"]["state"] == "gone"
    assert "not on this machine" in gone["excerpt"]["note"]


async def test_a_line_that_still_reads_the_same_is_shown_with_a_caveat(tmp_path: Path):
    await recorded_app(tmp_path)
    (source_of(tmp_path) / "other.py").write_text("added = True\n")

    async with browsing(site_of(tmp_path)) as client:
        told = (await client.get(api("finding"), params={"fingerprint": "v2-sql"})).json()

    assert told["excerpt"]["state"] == "changed"
    assert any(line["marked"] for line in told["excerpt"]["lines"])


async def test_no_link_leads_out_of_an_apps_folder(tmp_path: Path):
    await recorded_app(tmp_path)
    secret = tmp_path / "secret.txt"
    secret.write_text("db.execute(sql)\n" * 9)
    file = source_of(tmp_path) / "app.py"
    file.unlink()
    file.symlink_to(secret)

    async with browsing(site_of(tmp_path)) as client:
        told = (await client.get(api("finding"), params={"fingerprint": "v2-sql"})).json()

    assert told["excerpt"]["lines"] == []
    assert told["excerpt"]["state"] == "gone"


async def test_archives_that_are_gone_or_damaged_cost_only_what_they_held(tmp_path: Path):
    await recorded_app(tmp_path)
    for at, file in enumerate(sorted((tmp_path / "artifacts" / "sha256").glob("*/*"))):
        file.unlink() if at % 2 else file.write_bytes(b"damaged")

    async with browsing(site_of(tmp_path)) as client:
        for part in ("", "findings", "load", "files", "history"):
            assert (await client.get(urls.app_url("whole", REF, part))).status_code == 200
        sql = (await client.get(api("finding"), params={"fingerprint": "v2-sql"})).json()
        log = await client.get(urls.app_url("whole", REF, "logs/0"))

    assert [step["line"] for step in sql["path"]] == [5, 6, 7]
    assert "their order" in sql["path_note"]
    assert log.status_code in (404, 500)
    assert "Traceback" not in log.text


async def test_an_app_that_has_not_ended_is_shown_as_far_as_it_is(page: httpx.AsyncClient):
    text = (await page.get(urls.app_url("runs", REF))).text
    told = (await page.get(api(pipeline="runs"))).json()

    assert "It has not ended" in text
    assert "never ran in a container" not in text
    assert told["report"]["state"] is None
    assert told["weaknesses"] == 1
    cells = {cell["record"]["analyzer"]: cell for cell in told["report"]["cells"]}
    assert cells["performance"]["record"]["report"]["state"] == "infra_failed"
    assert "still running" in cells["performance"]["record"]["report"]["reason"]


async def test_a_log_opens_at_its_end_and_turns_by_pages(page: httpx.AsyncClient):
    last = (await page.get(api("logs/0"))).json()
    first = (await page.get(api("logs/0"), params={"line": 1})).json()

    assert (last["first"], last["lines"][-1], last["after"]) == (401, "line 450 <b>", None)
    assert (first["total"], len(first["lines"]), first["after"]) == (450, 200, 201)
    assert (await page.get(api("logs/7"))).status_code == 404


async def test_a_log_that_is_too_long_begins_with_a_whole_line(
    page: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app_files, "_MOST_LOG_BYTES", 1_000)
    told = (await page.get(api("logs/0"), params={"line": 1})).json()
    text = (await page.get(urls.app_url("whole", REF, "logs/0"))).text

    number = int(told["lines"][0].removeprefix("line ").removesuffix(" <b>"))
    assert number + told["total"] == 451
    assert told["cut_bytes"] > 0
    assert "lines are counted from there" in text


async def test_the_load_curve_has_the_steps_that_were_measured(page: httpx.AsyncClient):
    told = (await page.get(api("load"))).json()
    text = (await page.get(urls.app_url("whole", REF, "load"))).text

    (curve,) = told["curves"]
    assert [(step["rate"], step["p99"]) for step in curve["steps"]] == [(10, None), (80, 1900)]
    assert [(step["error_ratio"], step["broke"]) for step in curve["steps"]] == [
        (None, None),
        (0.2, "p95 of 812 ms"),
    ], "what a step does not tell is not 0, and held nothing"
    assert "<td>held</td>" not in text
    assert told["usage"][0]["cpu_percent"] == [None, 12.5, 90]
    assert text.count("<svg") == 4, "the logo, a curve, processor time, memory"


async def test_verdicts_have_the_evidence_that_holds(page: httpx.AsyncClient):
    ((judge,),) = [row["judges"] for row in (await page.get(api("requirements"))).json()]

    assert judge["evidence"] == [{"path": "app.py", "line": 5, "quote": "request.args"}]
    assert judge["rejected"] == ["app.py:99: the file has 7 lines"]


async def test_pictures_logs_and_results_can_be_fetched(page: httpx.AsyncClient):
    told = (await page.get(api("files"))).json()
    (shot,) = told["screenshots"]
    picture = await page.get(urls.files_url("whole", REF, shot["archive"]["key"], shot["member"]))

    assert shot["shows"] == "web /"
    assert picture.headers["content-type"] == "image/png"
    assert told["gone"] == []
    text = (await page.get(urls.app_url("whole", REF, "files"))).text
    for ref in (*(one[1] for one in told["archives"]), *told["logs"]):
        url = urls.files_url("whole", REF, ref["key"])
        assert f'href="{url}"' in text
        assert (await page.get(url)).status_code == 200


async def test_history_says_what_changed_against_the_run_before(web: httpx.AsyncClient):
    ref = AppRef(model=MODEL, app_number=1)
    told = (await web.get(api("history", "after", ref))).json()

    assert [run["pipeline_id"] for run in told["runs"]] == ["after", "before"]
    states = {(row["state"], row["severity"]): row["count"] for row in told["before"]["counts"]}
    assert states == {("new", "critical"): 1, ("fixed", "medium"): 1, ("unchanged", "high"): 1}
    assert told["after"] is None
    assert told["before"]["same_source"] is False


async def test_what_was_lost_since_is_unknown_and_not_fixed(web: httpx.AsyncClient):
    ref = AppRef(model=MODEL, app_number=2)
    told = (await web.get(api("history", "after", ref))).json()

    assert [row["state"] for row in told["before"]["counts"]] == ["unknown"]


async def test_a_weakness_names_the_other_pipelines_that_have_it(web: httpx.AsyncClient):
    ref = AppRef(model=MODEL, app_number=1)
    kept = await web.get(api("finding", "after", ref), params={"fingerprint": "v2-kept"})
    fresh = await web.get(api("finding", "after", ref), params={"fingerprint": "v2-fresh"})

    assert [one["pipeline_id"] for one in kept.json()["elsewhere"]] == ["before"]
    assert (fresh.json()["elsewhere"], fresh.json()["looked_in"]) == ([], 1)


async def test_a_weakness_is_found_in_other_pipelines_by_all_its_names(tmp_path: Path):
    await recorded_app(tmp_path)
    await recorded_app(tmp_path, "later")
    site = site_of(tmp_path)
    renamed = SQL.model_copy(update={"fingerprint": "v3-sql", "aliases": ("v2-sql",)})

    async def list_anew(results: SqlResultStore) -> None:
        await results.replace_weaknesses("later", REF, [Weakness(finding=renamed, occurrence=1)])

    await site.stored.answered("later", list_anew)
    async with browsing(site) as client:
        for here, name, there in (("whole", "v2-sql", "later"), ("later", "v3-sql", "whole")):
            occurrence = int(here == "later")
            url = urls.finding_url(here, REF, name, occurrence)
            page = await client.get(url)
            (link,) = re.findall(f'href="([^"]*/{there}/[^"]*finding[?][^"]*)"', page.text)
            assert (await client.get(link.replace("&amp;", "&"))).status_code == 200


async def told_and_written(
    client: httpx.AsyncClient, folder: Path, pipeline: str, number: int
) -> tuple[dict, dict]:
    """An app as its pages tell it, and as its written report does."""
    ref = AppRef(model=MODEL, app_number=number)
    told = (await client.get(api("", pipeline, ref))).json()["report"]
    found = (await client.get(api("findings", pipeline, ref))).json()["weaknesses"]
    gone = (await client.get(api("findings", pipeline, ref), params={"gone": True})).json()
    (path,) = (folder / "reports" / pipeline / "apps").glob(f"openai*-app{number}.json")
    written = json.loads(path.read_text())
    pages = {"weaknesses": found, "gone": gone["weaknesses"]}
    return {**told, **pages}, {**written, "generated_at": told["generated_at"]}


@pytest.mark.parametrize("number", [1, 2, 4])
async def test_an_app_has_the_figures_of_its_report(
    web: httpx.AsyncClient, recorded: Path, number: int
):
    told, written = await told_and_written(web, recorded, "after", number)

    assert told == written


async def test_what_is_gone_follows_the_baseline(tmp_path: Path):
    await two_pipelines(tmp_path)
    site, ref = site_of(tmp_path), AppRef(model=MODEL, app_number=1)
    kept = Weakness(finding=finding("kept"))

    async def mend(results: SqlResultStore) -> None:
        await results.replace_weaknesses("before", ref, [kept])

    async with browsing(site) as client:
        before = (await client.get(api("", "after", ref))).json()["gone"]
        await site.stored.answered("before", mend)
        after = (await client.get(api("", "after", ref))).json()["gone"]

    assert (before, after) == (1, 0)


async def test_blind_tools_and_the_scaffold_count_as_in_the_report(tmp_path: Path):
    store = await store_in(tmp_path)
    twice = {number: (*tools, looked(tool="ruff")) for number, tools in AFTER.items()}
    await record(store, "blind", twice, blind="bandit")
    spec = PipelineSpec(
        apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,), scaffold="begin"
    )
    await record(store, "begun", AFTER, spec, scaffold=(looked(finding("kept")),))
    for name in ("blind", "begun"):
        await write_report(store, tmp_path, name)
    await store.close()

    async with browsing(site_of(tmp_path)) as client:
        for name in ("blind", "begun"):
            for number in AFTER:
                told, written = await told_and_written(client, tmp_path, name, number)
                assert told == written
        blind = (await client.get(api("", "blind", AppRef(model=MODEL, app_number=1)))).json()
        begun = await client.get(api("findings", "begun", AppRef(model=MODEL, app_number=1)))
        for name, beside in (("blind", CONTROL.ref), ("begun", SCAFFOLD.ref)):
            text = (await client.get(urls.app_url(name, beside))).text
            assert "it counts in no figure of a model" in text
            assert (await client.get(urls.app_url(name, beside, "history"))).status_code == 200

    (cell,) = [c for c in blind["report"]["cells"] if c["record"]["report"]["tool"] == "bandit"]
    assert cell["record"]["report"]["state"] == "infra_failed"
    assert cell["finding_count"] is None
    assert {each["origin"] for each in begun.json()["weaknesses"]} == {"scaffold", "model"}


async def test_a_control_that_is_measured_again_is_believed_on_all_pages(tmp_path: Path):
    store = await store_in(tmp_path)
    await record(store, "m", {1: (looked(finding("a")),)}, blind="opengrep")

    async with browsing(site_of(tmp_path)) as client:
        before = await state_of(client, "m", "bandit")
        await measured_again(store, "m", looked(tool="bandit"))
        after = await state_of(client, "m", "bandit")
    await store.close()

    assert (before, after) == ("measured", "infra_failed")


async def state_of(client: httpx.AsyncClient, pipeline: str, tool: str) -> str:
    """Of the cell of a tool, as the page of the first app has it."""
    told = (await client.get(api("", pipeline, AppRef(model=MODEL, app_number=1)))).json()
    cells = [cell["record"]["report"] for cell in told["report"]["cells"]]
    return next(cell["state"] for cell in cells if cell["tool"] == tool)


async def measured_again(store: SqlResultStore, pipeline: str, *tools: ToolReport) -> None:
    """Record another run of the static analyzer on the control app."""
    header = await store.load_header(pipeline)
    app = header.app_spec(CONTROL)
    id_ = app.subtask_id(AnalyzerKind.STATIC)
    told = tuple(ToolSummary(tool=each.tool, state=each.state) for each in tools)
    outcome = SubtaskOutcome(subtask_id=id_, analyzer=AnalyzerKind.STATIC, tools=told)
    report = AnalyzerReport(subtask_id=id_, analyzer=AnalyzerKind.STATIC, tools=tools)
    await store.record_subtask(pipeline, app, outcome, report)


async def test_only_who_may_operate_is_offered_to_run_an_app_again(kept: Path, tmp_path: Path):
    copy = shutil.copytree(kept, tmp_path / "copy")
    words = "Run this app again"
    async with browsing(site_of(copy)) as reader, operating(site_of(copy)) as operator:
        assert words not in (await reader.get(urls.app_url("whole", REF))).text
        assert words in (await operator.get(urls.app_url("whole", REF))).text
        assert words not in (await operator.get(urls.app_url("runs", REF))).text


async def test_an_app_is_there_without_the_baseline_of_its_pipeline(tmp_path: Path):
    await two_pipelines(tmp_path)
    site, ref = site_of(tmp_path), AppRef(model=MODEL, app_number=1)

    async def forget(results: SqlResultStore) -> None:
        await results.prune(["before"])

    await site.stored.answered("after", forget)
    async with browsing(site) as client:
        told = (await client.get(api("", "after", ref))).json()

    assert (told["baseline"], told["gone"], told["weaknesses"]) == ("before", 0, 2)


@pytest.mark.parametrize("part", ["", "findings", "load", "files", "history", "finding"])
async def test_a_hostile_app_stays_text_on_every_page(hostile: httpx.AsyncClient, part: str):
    url = urls.app_url(PIPELINE, EVIL_REF, part)
    if part == "finding":
        url = urls.finding_url(PIPELINE, EVIL_REF, f"v2-{MARKUP}0")
    answer = await hostile.get(url)

    assert answer.status_code == 200, answer.text
    assert wrong_in(answer.text, answer.headers["content-security-policy"]) == []


async def test_a_decision_shows_at_once(tmp_path: Path):
    await recorded_app(tmp_path)
    site = site_of(tmp_path)
    async with browsing(site) as client:
        before = (await client.get(api("findings"))).json()["weaknesses"]
        made = decision(fingerprint="v2-sql", who="mia", why="a test <b>")
        await suppress(site.stored, "whole", made)
        after = (await client.get(api("findings"))).json()["weaknesses"]
        text = (await client.get(urls.finding_url("whole", REF, "v2-sql"))).text

    assert [each["suppression"] for each in before] == [None, None]
    assert [bool(each["suppression"]) for each in after] == [False, True]
    assert "a test &lt;b&gt;" in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (urls.app_url("nothing", REF), 404),
        (urls.app_url("whole", AppRef(model="nobody", app_number=9)), 404),
        ("/pipelines/whole/apps/m/wrong", 400),
        (urls.finding_url("whole", REF, "v2-none"), 404),
        (urls.app_url("whole", REF, "finding"), 400),
        (urls.app_url("whole", REF, "finding?id=v2-sql&n=7"), 404),
        (urls.app_url("whole", REF, "findings?after=zzz"), 400),
        (urls.app_url("whole", REF, "logs/99999999999999999999"), 404),
        (urls.app_url("whole", REF, "logs/x"), 400),
        (urls.app_url("whole", REF, "logs/0?line=-7"), 200),
        (urls.app_url("whole", REF, "logs/0?line=99999999999999999999"), 200),
    ],
)
async def test_wrong_questions_are_answered_with_a_cause(
    page: httpx.AsyncClient, path: str, status: int
):
    for prefix in ("", API):
        named = path.replace("?id=", "?fingerprint=").replace("&n=", "&occurrence=")
        answer = await page.get(API + named if prefix else path)
        wanted = {status, 400} if prefix else {status}
        assert answer.status_code in wanted, (prefix, answer.text)
        assert "Traceback" not in answer.text


async def test_thousands_of_weaknesses_come_in_pages(tmp_path: Path):
    await many_weaknesses(tmp_path, 4_000)
    async with browsing(site_of(tmp_path)) as client:
        seen: list[str] = []
        after = ""
        for _ in range(3):
            told = (await client.get(api("findings"), params={"after": after, "limit": 200})).json()
            seen += [each["finding"]["fingerprint"] for each in told["weaknesses"]]
            after = told["after"]
        text = (await client.get(urls.app_url("whole", REF, "findings"))).text

    assert told["total"] == 4_000
    assert len(set(seen)) == 600
    assert text.count("<tr") < 210
    assert "1 to 100 of 4,000" in text
