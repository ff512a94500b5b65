"""Where tools looked: the figures of all pages are those of the matrix, whatever is missing."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from contract.analysis import AnalyzerReport, Coverage, MeasurementState, Skipped, ToolReport
from contract.analyzers import AnalyzerKind
from contract.cells import CellsQuery
from contract.outcome import ALL_TOOLS, AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader, pages_of
from contract.role import AppRole
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from control.cells import matrix
from control.looks import looks_of
from control.void_tools import void_tools
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, site_of
from tests.support.store_folder import store_in, stored_in
from tests.support.two_pipelines import CONTROL, MODEL, finding, looked, looking, lost

STATIC = AnalyzerKind.STATIC
MEASURED, INFRA_FAILED, APP_FAILED = (
    MeasurementState.MEASURED,
    MeasurementState.INFRA_FAILED,
    MeasurementState.APP_FAILED,
)
OTHER = "other/model"
NAMES = ("running", "cancelled", "completed")
SPEC = PipelineSpec(
    apps=AppsSpec(root="fleet"), analyzers=(STATIC, AnalyzerKind.DYNAMIC, AnalyzerKind.PERFORMANCE)
)


PART = Coverage(unit="files", reached=2, given=3, skipped=(Skipped(what="a.js", reason="cut"),))
BOTH = (
    looking(looked(finding("a"))),
    looking(looked(tool="opengrep")).model_copy(update={"coverage": PART}),
)
# What static tools left of each app, and how it ended; None: it has not.
SUBJECTS: dict[tuple[str, int], tuple[tuple[ToolReport, ...], MeasurementState | None]] = {
    (MODEL, 1): (BOTH, MEASURED),
    (MODEL, 2): (BOTH, APP_FAILED),
    (MODEL, 3): (BOTH[:1], MEASURED),
    (MODEL, 4): ((looking(lost(ALL_TOOLS)),), INFRA_FAILED),
    (OTHER, 1): ((), INFRA_FAILED),
    (OTHER, 2): (BOTH, None),
    (OTHER, 3): (BOTH[1:], None),
    (OTHER, 4): ((), None),
}


async def recorded(store: SqlResultStore, name: str) -> None:
    """A pipeline with holes, of this state."""
    apps = [
        PlannedApp(
            ref=AppRef(model=model, app_number=number),
            source=SourceRef(path="/fleet", digest=f"{model}{number}"),
        )
        for model, number in SUBJECTS
    ]
    control = CONTROL.model_copy(update={"analyzers": (STATIC,)})
    plan = PipelinePlan(pipeline_id=name, spec=SPEC, apps=(*apps, control))
    for page in pages_of(plan):
        await store.register_page(PlanHeader.of(plan), page)
    for planned in plan.apps:
        key = (planned.ref.model, planned.ref.app_number)
        tools, ended = SUBJECTS.get(key, ((looking(lost("opengrep")),), MEASURED))
        app = plan.app_spec(planned)
        if tools:
            summaries = tuple(
                ToolSummary(tool=tool.tool, state=tool.state, reason=tool.reason) for tool in tools
            )
            id_ = app.subtask_id(STATIC)
            done = SubtaskOutcome(subtask_id=id_, analyzer=STATIC, tools=summaries)
            report = AnalyzerReport(subtask_id=id_, analyzer=STATIC, tools=tools)
            await store.record_subtask(name, app, done, report)
        if ended:
            await store.record_app(app, AppOutcome(ref=app.ref, state=ended))
            await store.replace_weaknesses(name, app.ref, [])
    if name != "running":
        await store.record_pipeline_state(name, name, {}, datetime.now(UTC))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("looks")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(folder: Path) -> AsyncIterator[SqlResultStore]:
    store = await store_in(folder)
    for name in NAMES:
        await recorded(store, name)
    yield store
    await store.close()


@pytest.fixture
async def client(folder: Path, store: SqlResultStore) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(folder)) as client:
        yield client


Told = dict[str, Counter[MeasurementState | None]]


async def of_matrix(folder: Path, query: CellsQuery) -> Told:
    """The cells of each column; one that stands for all tools of its analyzer stands for each."""
    found = await matrix(stored_in(folder), query)
    told: defaultdict[str, Counter[MeasurementState | None]]
    told = defaultdict(Counter[MeasurementState | None])
    for row in found.rows:
        columns = iter(found.tools)
        for cell in row.cells:
            for _ in range(cell.span):
                column = next(columns)
                told[f"{column.analyzer}/{column.tool}"][cell.state] += 1
    return dict(told)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("models", [(), (MODEL,), (OTHER,)])
async def test_looks_are_the_cells_of_the_matrix(
    folder: Path, store: SqlResultStore, name: str, models: tuple[str, ...]
):
    void = await void_tools(store, name, await store.overview(name))
    found = looks_of(await store.looks_overview(name), void, models=models)
    told = {
        f"{kind}/{tool}": Counter({**looks.states, None: looks.not_begun})
        for (kind, tool), looks in found.items()
    }
    query = CellsQuery(pipeline_id=name, models=models, roles=(AppRole.SUBJECT,))

    assert {tool: +states for tool, states in told.items()} == await of_matrix(folder, query)
    assert all(looks.apps == (4 if models else 8) for looks in found.values())


@pytest.mark.parametrize("name", NAMES)
async def test_the_findings_of_each_app_say_what_its_row_says(
    client: httpx.AsyncClient, folder: Path, name: str
):
    url = f"/api/v1/pipelines/{name}/findings"
    for model, number in SUBJECTS:
        query = CellsQuery(pipeline_id=name, models=(model,), roles=(AppRole.SUBJECT,))
        query = query.model_copy(update={"text": f"{model}/app{number}"})
        answer = await client.get(url, params={"app": f"{model}/app{number}"})
        told = {
            look["tool"]: (
                look["measured"],
                look["not_measured"] - look["app_failed"],
                look["app_failed"],
                look["not_begun"],
            )
            for look in answer.json()["looks"]
        }
        rows = await of_matrix(folder, query)
        states = (MEASURED, INFRA_FAILED, APP_FAILED, None)

        assert told == {tool: tuple(row[s] for s in states) for tool, row in rows.items()}


async def test_a_running_pipeline_says_what_is_not_there_yet(client: httpx.AsyncClient):
    document = (await client.get("/api/v1/pipelines/running/findings")).json()
    page = (await client.get("/pipelines/running/findings")).text

    looks = {look["tool"]: look for look in document["looks"]}
    assert looks["dynamic/*"]["not_begun"] == 3
    assert looks["performance/*"]["asked"] is False
    assert (document["unfinished_apps"], document["found_apps"]) == (3, 1)
    assert "3 apps have not ended, and weaknesses of an app are listed when it ends" in page
    assert "of 1 of them tools have found something already" in page
    assert "dynamic/* at 3 apps" in page
    measured = sum(look["measured"] for look in looks.values())
    assert f"measured: {measured} of 24, of which 6 have not begun" in page


async def test_a_look_at_a_part_is_no_whole_one(client: httpx.AsyncClient):
    document = (await client.get("/api/v1/pipelines/cancelled/findings")).json()
    page = (await client.get("/pipelines/cancelled/findings")).text

    partial = {look["tool"]: look["partial"] for look in document["looks"] if look["measured"]}
    assert partial == {"static/bandit": 0, "static/opengrep": 4}
    assert "; 4 of these looks saw only a part of what there was" in page
    assert "only a part was looked at: static/opengrep at 4 apps; the page of an app says" in page


async def test_of_a_pipeline_that_has_ended_nothing_more_comes(client: httpx.AsyncClient):
    page = (await client.get("/pipelines/cancelled/findings")).text

    assert "3 apps did not end before the pipeline did (cancelled): nothing more comes" in page
    assert "not looked at yet" not in page
    assert "have not begun" not in page


async def test_an_app_that_has_ended_is_not_told_that_others_have_not(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/pipelines/running/findings", params={"app": f"{MODEL}/app1"})
    assert answer.json()["unfinished_apps"] == 0


async def test_what_was_never_recorded_makes_a_lower_bound(client: httpx.AsyncClient, folder: Path):
    answer = (await client.get("/api/v1/pipelines/completed/models")).json()
    for one in answer["so_far"]:
        query = CellsQuery(
            pipeline_id="completed", models=(one["model"],), roles=(AppRole.SUBJECT,)
        )
        rows = await of_matrix(folder, query)
        total = Counter[MeasurementState | None]()
        for tool, states in rows.items():
            if not tool.startswith("performance/"):
                total.update(states)
        assert Counter(one["security_cells"]) == Counter(
            {s.value: n for s, n in total.items() if s}
        )
    (mine,) = (one for one in answer["so_far"] if one["model"] == MODEL)
    assert mine["at_least"] is True


async def test_lost_looks_at_a_control_are_not_told_of_the_subjects(client: httpx.AsyncClient):
    whole = (await client.get("/api/v1/pipelines/completed/findings")).json()
    every = (
        await client.get("/api/v1/pipelines/completed/findings", params={"role": "control"})
    ).json()

    opengrep = [look for look in whole["looks"] if look["tool"] == "static/opengrep"]
    beside = [look for look in every["looks"] if look["tool"] == "static/opengrep"]
    assert (opengrep[0]["measured"], opengrep[0]["apps"]) == (4, 8)
    assert (beside[0]["not_measured"], beside[0]["apps"]) == (1, 1)
    assert not any(look["apps"] for look in every["looks"] if look["tool"] == "dynamic/*")
