"""What a store tells of where tools looked while apps end one after another; see `behaviour.py`."""

from collections import Counter
from collections.abc import Iterable

import pytest

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.overview import CellsLooked
from store.results import SqlResultStore
from tests.store import samples

_APPS = 4


class LooksBehaviour:
    """Subclasses give a fixture `store`."""

    @pytest.mark.parametrize("ended", range(_APPS + 1))
    async def test_cells_of_apps_that_have_not_ended_are_those_of_each_app(
        self, store: SqlResultStore, ended: int
    ):
        await _some_end(store, ended)

        whole = _counted((await store.looks_overview("p1")).cells)
        each = Counter[tuple[str, str, str]]()
        for number in range(1, _APPS + 1):
            one = await store.looks_overview("p1", samples.app(number).ref)
            each += _counted(one.cells)

        assert whole == each
        assert whole["zap", "measured", "app_failed"] == min(ended, 1)
        assert whole["zap", "measured", "unfinished"] == _APPS - ended


def _counted(cells: Iterable[CellsLooked]) -> Counter[tuple[str, str, str]]:
    counted = Counter[tuple[str, str, str]]()
    for cell in cells:
        for name in ("cells", "unfinished", "app_failed"):
            if number := getattr(cell, name):
                counted[cell.tool, cell.state.value, name] += number
    return counted


async def _some_end(store: SqlResultStore, ended: int) -> None:
    """Of four apps with cells of both kinds the first ones end; the very first failed."""
    await samples.register(store, samples.plan(apps=_APPS))
    for number in range(1, _APPS + 1):
        app = samples.app(number)
        live = samples.report(samples.measured("zap")).model_copy(
            update={"analyzer": AnalyzerKind.DYNAMIC}
        )
        for report in (samples.report(), live):
            await store.record_subtask("p1", app, samples.outcome(report, app), report)
        if number <= ended:
            state = MeasurementState.APP_FAILED if number == 1 else MeasurementState.MEASURED
            outcome = samples.app_outcome().model_copy(update={"ref": app.ref, "state": state})
            await store.record_app(app, outcome)
