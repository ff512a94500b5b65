"""Where one app stands, in the words of a page: what the server and the store say, together."""

from typing import NamedTuple

from contract.analysis import MeasurementState
from contract.progress import AppProgress, PipelinePhase
from control.cells import MatrixRow
from control.live_documents import LivePipeline
from control.waiting import is_running

_BEFORE_IT_RUNS = (PipelinePhase.REGISTERING, PipelinePhase.PREFLIGHT)
_GOING = (*_BEFORE_IT_RUNS, PipelinePhase.RUNNING, PipelinePhase.PAUSED, PipelinePhase.WAITING)


class Standing(NamedTuple):
    """One app.

    Attributes:
        state: how it ended; None: it has not.
        runs: whether a workflow works on it now, as far as is known.
        word: of what it does if it has not ended.
        told: what it does, or why it ended so.
    """

    state: MeasurementState | None
    runs: bool
    word: str
    told: str


def standing_of(row: MatrixRow, line: AppProgress | None, seen: LivePipeline) -> Standing:
    """How the row of an app begins.

    An app that ended and runs again runs. One that nobody tells of waits only while its pipeline
    goes on, and its server says so.
    """
    if line and is_running(line):
        word = "was running" if seen.away else "running"
        return Standing(None, runs=True, word=word, told=line.step)
    state = row.state or (line.state if line else None)
    if state is not None:
        return Standing(
            state, runs=False, word="", told=row.reason or (line.reason if line else "")
        )
    if seen.told_by == "server" and not seen.away and seen.phase in _GOING:
        return Standing(None, runs=False, word="waiting", told="")
    return Standing(None, runs=False, word="not finished", told="")
