"""What a retry may replace: run on SQLite and on PostgreSQL, see `behaviour.py`."""

from contract.analysis import AnalyzerReport, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.missing import unmeasured
from contract.outcome import AppFacts, ToolSummary
from contract.record import CellRecord
from store.results import SqlResultStore
from tests.store import samples

M = MeasurementState
LATER = samples.ARTIFACT.model_copy(update={"name": "later.tar"})


async def record(store: SqlResultStore, whole: AnalyzerReport, **update: object) -> None:
    """Record a subtask that brought a report."""
    outcome = samples.outcome(whole).model_copy(update=update)
    await store.record_subtask("p1", samples.app(), outcome, whole)


async def record_loss(
    store: SqlResultStore, state: MeasurementState, *tools: str
) -> tuple[ToolSummary, ...]:
    """Record a subtask that brought none."""
    app = samples.app()
    named = app.model_copy(update={"tools": {AnalyzerKind.STATIC: tools}})
    lost = unmeasured(named, AnalyzerKind.STATIC, state, "it did not come back")
    return await store.record_subtask("p1", app, lost, None)


async def static_cells(store: SqlResultStore) -> dict[str, CellRecord]:
    return {cell.tool: cell for cell in (await store.load_pipeline("p1")).cells}


class RetryBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_a_retry_that_fails_keeps_what_was_measured(self, store):
        await samples.register(store, samples.plan())
        fused = samples.finding(7).model_copy(update={"witnesses": ("bandit:B7",)})
        await record(store, samples.report(fused=(fused,)))
        before = (await store.load_pipeline("p1")).fused

        await record_loss(store, M.INFRA_FAILED)
        now = await record_loss(store, M.INFRA_FAILED, "semgrep", "bandit")

        assert {cell.tool: cell.state for cell in now} == {
            "bandit": M.MEASURED,
            "semgrep": M.INFRA_FAILED,
        }
        cells = await static_cells(store)
        assert {tool: cell.state for tool, cell in cells.items()} == {
            "bandit": M.MEASURED,
            "semgrep": M.INFRA_FAILED,
        }
        assert len(cells["bandit"].report.findings) == 2
        assert cells["semgrep"].report.reason == "it did not come back"
        assert (await store.load_pipeline("p1")).fused == before

    async def test_a_retry_of_one_tool_leaves_its_siblings_alone(self, store):
        await samples.register(store, samples.plan())
        seen = samples.finding(1).model_copy(update={"witnesses": ("bandit:B1",)})
        also = samples.finding(1).model_copy(update={"witnesses": ("semgrep:sql",)})
        other = samples.finding(2).model_copy(update={"witnesses": ("semgrep:xss",)})
        await record(store, samples.report(fused=(seen,)))

        retried = samples.report(samples.measured("semgrep", 1), fused=(also, other))
        for _ in range(2):
            await record(store, retried, report=LATER)

        cells = await static_cells(store)
        assert {tool: cell.state for tool, cell in cells.items()} == {
            "bandit": M.MEASURED,
            "semgrep": M.MEASURED,
        }
        assert [cells[t].artifact for t in ("bandit", "semgrep")] == [samples.ARTIFACT, LATER]
        (group,) = (await store.load_pipeline("p1")).fused
        assert [finding.witnesses for finding in group.findings] == [
            ("bandit:B1", "semgrep:sql"),
            ("semgrep:xss",),
        ]

    async def test_a_tool_that_fails_this_time_keeps_its_earlier_numbers(self, store):
        await samples.register(store, samples.plan())
        await record(store, samples.report(samples.measured()))

        await record(store, samples.report(samples.failed("bandit")), report=LATER)

        assert (await static_cells(store))["bandit"].state is M.MEASURED

    async def test_named_tools_take_the_place_of_the_wildcard(self, store):
        await samples.register(store, samples.plan())
        await record_loss(store, M.INFRA_FAILED)
        assert list(await static_cells(store)) == ["*"]

        await record(store, samples.report())

        assert list(await static_cells(store)) == ["bandit", "semgrep"]

    async def test_an_app_that_no_longer_builds_fails_the_cells_that_had_no_number(self, store):
        await samples.register(store, samples.plan())
        await record(store, samples.report())

        await record_loss(store, M.APP_FAILED)

        states = {tool: cell.state for tool, cell in (await static_cells(store)).items()}
        assert states == {"bandit": M.MEASURED, "semgrep": M.APP_FAILED}

    async def test_notes_and_images_of_an_app_stay_until_it_runs_again(self, store):
        await samples.register(store, samples.plan())
        await store.record_app(samples.app(), samples.app_outcome(facts=samples.RAN))

        await store.record_app(samples.app(), samples.app_outcome())

        app = (await store.load_pipeline("p1")).apps[0]
        assert app.facts.without_logs() == samples.RAN

    async def test_a_start_that_fails_leaves_its_own_notes_and_no_images_of_an_earlier_life(
        self, store
    ):
        await samples.register(store, samples.plan())
        await store.record_app(samples.app(), samples.app_outcome(facts=samples.RAN))

        failed = samples.app_outcome(M.APP_FAILED, facts=AppFacts(notes=("a stand-in",)))
        await store.record_app(samples.app(), failed)

        app = (await store.load_pipeline("p1")).apps[0]
        assert app.facts.without_logs() == AppFacts(notes=("a stand-in",))

    async def test_a_log_of_another_scanner_hides_no_loss_and_is_owed_nothing(self, store):
        await samples.register(store, samples.plan(apps=1))
        await record_loss(store, M.INFRA_FAILED)
        log = samples.measured("sarif-x").model_copy(update={"imported": True})
        report = samples.report(log)
        await store.record_imported(samples.app(), samples.outcome(report), report)

        await record_loss(store, M.INFRA_FAILED)

        states = {tool: cell.state for tool, cell in (await static_cells(store)).items()}
        assert states == {"*": M.INFRA_FAILED, "sarif-x": M.MEASURED}
        (lacking,) = await store.apps_to_retry("p1", [])
        (entry,) = await store.read_apps("p1", [lacking.position])
        assert entry.result is None or entry.result.missing == {AnalyzerKind.STATIC: ("*",)}

    async def test_a_further_tool_is_a_witness_of_what_was_there(self, store):
        await samples.register(store, samples.plan(apps=1))
        seen = samples.finding(0).model_copy(update={"witnesses": ("bandit:B0",)})
        await record(store, samples.report(fused=(seen,)))
        same = seen.model_copy(
            update={"tool": "sarif-x", "message": "other words", "witnesses": ("sarif-x:r",)}
        )
        log = samples.measured("sarif-x", findings=1).model_copy(update={"imported": True})
        report = samples.report(log, fused=(same,))

        await store.record_imported(samples.app(), samples.outcome(report), report)
        await store.record_imported(samples.app(), samples.outcome(report), report)

        (group,) = (await store.load_pipeline("p1")).fused
        (found,) = group.findings
        assert found.message == seen.message
        assert sorted(found.witnesses) == ["bandit:B0", "sarif-x:r"]
        assert list(await static_cells(store)) == ["bandit", "sarif-x", "semgrep"]
