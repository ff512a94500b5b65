"""What the run of the 2 x 2 pipeline says of an installation."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.record import AppRecord, CellRecord, PipelineRecord
from control.rollout import RolloutCheck, failed, passed, unmeasured
from control.rollout_figures import Figures

LEAST_RATES = {kind: least for kind in AnalyzerKind if (least := kind.row.least_rate)}
"""What share of an analyzer's cells must be measured, of those that nobody but us could lose."""
MOST_TIMEOUTS = 0.10
"""What share of the requests to analyzers may time out."""
_SHOWN = 3


def judge_state(record: PipelineRecord) -> RolloutCheck:
    """Whether the pipeline completed."""
    if record.state == "completed":
        return passed("pipeline", f"{record.pipeline_id} completed")
    detail = f"{record.pipeline_id} is {record.state}"
    return failed("pipeline", detail, "see its status, and the log of the worker")


def judge_tasks(
    record: PipelineRecord, started: Sequence[str], before: Figures | None, after: Figures | None
) -> RolloutCheck:
    """Whether each app was one task: one row, one workflow, and no work that ran twice.

    Args:
        record: as the store has the pipeline.
        started: IDs of all its workflows, as the server lists them; guards are none of them.
        before: the worker's figures before it; None: it cannot be asked.
        after: the same afterwards.
    """
    name, wanted = "tasks", sorted(_expected(record))
    twice = [id_ for id_, count in Counter(started).items() if count > 1]
    if twice or sorted(started) != wanted:
        odd = twice or sorted(set(started) ^ set(wanted))
        detail = f"{len(started)} workflows instead of {len(wanted)}: {_some(odd)}"
        return failed(name, detail, "look at them in the Temporal Web UI, and report it")
    missing = [app.ref.label for app in record.apps if app.state is None]
    if missing:
        return failed(name, f"not ended: {_some(missing)}", "read the worker's log")
    if before is None or after is None:
        return passed(name, f"exactly {len(record.apps)}; work done twice was not counted")
    again = after.since(before, "assay_tasks_duplicate_total")
    if again:
        detail = f"{again:.0f} times work was done twice"
        return failed(name, detail, "read the worker's log, and report it")
    return passed(name, f"exactly {len(record.apps)}, none of them twice")


def judge_rates(record: PipelineRecord) -> Iterable[RolloutCheck]:
    """Success rate of each analyzer with a threshold: measured of measured and infra_failed."""
    for kind, least in LEAST_RATES.items():
        cells = [cell for cell in record.cells if cell.analyzer is kind]
        yield _rate(kind, cells, record.apps, least)


def _rate(
    kind: AnalyzerKind, cells: Collection[CellRecord], apps: Collection[AppRecord], least: float
) -> RolloutCheck:
    name = f"{kind} success"
    # What a source outside did not answer is no fault of this installation.
    counted = [cell for cell in cells if not cell.report.lacks_source]
    measured = sum(cell.state is MeasurementState.MEASURED for cell in counted)
    lost = [cell for cell in counted if cell.state is MeasurementState.INFRA_FAILED]
    if not measured and not lost:
        said = _some(app.reason for app in apps if app.reason) or "no cell of it is known"
        return failed(
            name, f"nothing could be measured: {said}", f"read the log of analyzer {kind}"
        )
    rate = measured / (measured + len(lost))
    outside = len(cells) - len(counted)
    beside = f"; {outside} more lack an advisory source outside" if outside else ""
    detail = f"{rate:.0%} of {measured + len(lost)} cells, at least {least:.0%} are asked{beside}"
    if rate >= least:
        return passed(name, detail)
    reasons = _some({f"{cell.tool}: {cell.report.reason}": None for cell in lost})
    return failed(
        name, f"{detail}: {reasons}", f"see what its tools lack, and the log of analyzer {kind}"
    )


def judge_timeouts(before: Figures | None, after: Figures | None) -> RolloutCheck:
    """Which share of the requests to analyzers timed out."""
    name = "WebSocket timeouts"
    if before is None or after is None:
        return unmeasured(name, "the worker's metrics cannot be read", "give its address")
    requests = after.since(before, "assay_websocket_requests_total")
    timeouts = after.since(before, "assay_websocket_timeouts_total")
    if not requests:
        return unmeasured(name, "the worker counted no request: another worker did the work")
    share = timeouts / requests
    detail = f"{share:.0%} of {requests:.0f} requests, at most {MOST_TIMEOUTS:.0%} are allowed"
    if share <= MOST_TIMEOUTS:
        return passed(name, detail)
    return failed(name, detail, "see the network between worker and analyzers, and their load")


def judge_versions(
    versions: Mapping[str, str], expected: str, builds: tuple[str, str] = ("", "")
) -> RolloutCheck:
    """Whether all parts that told theirs are of one version.

    Args:
        versions: by part.
        expected: of this program.
        builds: build ID that is asked for, and the one that the worker has.
    """
    name = "versions"
    other = [f"{part} {version}" for part, version in versions.items() if version != expected]
    if other:
        detail = f"{', '.join(other)}; this program is {expected}"
        return failed(name, detail, "update these parts, or run this check of their version")
    wanted, has = builds
    if wanted and has != wanted:
        detail = f"the worker has build {has or 'without an ID'} instead of {wanted}"
        return failed(name, detail, "update the worker, or correct ASSAY_BUILD_ID")
    if not versions:
        return unmeasured(name, "no part told its version")
    return passed(name, f"{len(versions)} parts are {expected}")


def judge_leftovers(left: Sequence[str] | None, why: str = "") -> RolloutCheck:
    """Whether containers, networks or volumes of the pipeline are still there; None: see `why`."""
    if left is None:
        return unmeasured("leftovers", why)
    if left:
        step = "the janitor removes them within 10 minutes; if not, read the worker's log"
        return failed("leftovers", f"{len(left)} are left: {_some(left)}", step)
    return passed("leftovers", "no container, network or volume is left")


def _expected(record: PipelineRecord) -> Iterable[str]:
    yield pipeline_workflow_id(record.pipeline_id)
    for app in record.apps:
        yield app_workflow_id(record.pipeline_id, app.ref.model, app.ref.app_number)


def _some(texts: Iterable[str]) -> str:
    listed = list(texts)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return "; ".join(listed[:_SHOWN]) + more
