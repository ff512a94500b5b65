"""What a store tells a planner of recent pipelines; see `behaviour.py`."""

from contract.analysis import Metric
from contract.analyzers import AnalyzerKind
from contract.history import History
from tests.store import samples


class HistoryBehaviour:
    """Subclasses give a fixture `store`."""

    async def test_an_empty_store_has_no_history(self, store):
        assert await store.history() == History()

    async def test_history_holds_what_measured_and_nothing_that_was_reused(self, store):
        await samples.register(store, samples.plan(apps=2))
        cost = Metric(name="cost", value=0.25, unit="usd", target="judge")
        other = cost.model_copy(update={"target": "another"})
        asked = samples.measured().model_copy(update={"metrics": (cost, other)})
        for number, saved in ((1, 0.0), (2, 2.5)):
            report = samples.report(samples.cached() if saved else asked).model_copy(
                update={"analyzer": AnalyzerKind.AI}
            )
            app = samples.app(number)
            outcome = samples.outcome(report, app).model_copy(
                update={"duration_s": 7.0 * number, "saved_seconds": saved}
            )
            await store.record_subtask("p1", app, outcome, report)

        assert await store.history() == History(
            pipelines=1, subtask_s={AnalyzerKind.AI: (7.0,)}, cost_usd=(0.5,)
        )
