"""What is told of the models of a pipeline, side by side."""

from datetime import datetime
from typing import Any, Literal

from contract.analysis import Severity
from contract.base import Frozen
from reports.counts import StateCounts
from reports.parts import ModelReport, Totals
from reports.study.model import Study


class ModelSoFar(Frozen):
    """One model, of what is recorded until now: counts, and nothing that a study would say.

    Attributes:
        apps: ended subjects by state.
        unfinished: subjects that have not ended.
        cells: recorded cells by state; those of void tools count as not measured.
        security_cells: looks of the tools that look for weaknesses, each at one app, by state: also
            where nothing was recorded and nothing will be, as in the matrix.
        security: weaknesses of its ended apps; null: not known, and `security_unknown` says why.
        by_severity: the same by severity; null: not known.
        at_least: there may be more: apps have not ended, or tools did not have their look.
    """

    model: str
    apps: StateCounts = StateCounts()
    unfinished: int = 0
    cells: StateCounts = StateCounts()
    security_cells: StateCounts = StateCounts()
    security: int | None = None
    by_severity: dict[Severity, int] | None = None
    at_least: bool = False
    security_unknown: str = ""


class PipelineModels(Frozen):
    """The models of one pipeline.

    Attributes:
        told_by: `report`: `totals`, `models` and `study` are those of its written report; `store`:
            `so_far` says what is recorded until now.
        as_of: moment of the report, or of what is recorded.
        stale: why a report that there is was not used; empty: there is none, or it was used.
        problem: why there is no report that can be read; empty: there is one.
        problem_next_step: what to do about that.
        ended: whether the pipeline has ended.
        verdict: of the report, in a sentence or two.
        study: without its pairs, templates and single cells, of which there may be thousands: they
            are asked for apart.
        apart: how many rows there are of each of these.
    """

    pipeline_id: str
    told_by: Literal["report", "store"]
    as_of: datetime | None = None
    stale: str = ""
    problem: str = ""
    problem_next_step: str = ""
    ended: bool = False
    verdict: str = ""
    totals: Totals | None = None
    models: tuple[ModelReport, ...] = ()
    study: Study | None = None
    apart: dict[str, int] = {}
    so_far: tuple[ModelSoFar, ...] = ()


class StudyRows(Frozen):
    """Some rows of a study.

    Attributes:
        of: moment of the report that they are of.
        rows: as the study has them.
        total: how many there are.
        after: place of the last one, to be asked for the next ones; null: there are no more.
    """

    of: datetime
    rows: tuple[dict[str, Any], ...]
    total: int
    after: int | None = None
