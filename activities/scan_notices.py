"""What people are told of a run of a schedule: news in sentences."""

from collections.abc import Iterator

from contract.alert import Notice, Severity
from contract.scans import ScanComparison, ScanOrder, ScanRun, ScanState
from contract.schedule import ScheduleSpec

_NAMED = 3
_BAD = (ScanState.FAILED, ScanState.NOT_STARTED)


def notices_of(order: ScanOrder, run: ScanRun) -> list[Notice]:
    """The notices of a run that ended, as far as its spec wants them."""
    wanted = (order.spec.schedule or ScheduleSpec(every="1d")).notify
    found = [*_failed(run)]
    if run.comparison is not None and run.comparison.then:
        found += [*_new(run, run.comparison, wanted.min_severity), *_lost(run, run.comparison)]
    return [notice for kind, notice in found if kind in wanted.on]


def _failed(run: ScanRun) -> Iterator[tuple[str, Notice]]:
    if run.state in _BAD:
        what = "did not start" if run.state is ScanState.NOT_STARTED else "failed"
        yield (
            "failed",
            _notice(
                run,
                "ScanFailed",
                Severity.CRITICAL,
                f"the scheduled scan {run.schedule} {what}: {run.reason or 'no reason is known'}",
                next_step="correct what the reason names, then run it now",
            ),
        )


def _new(run: ScanRun, told: ScanComparison, least: str) -> Iterator[tuple[str, Notice]]:
    if told.new:
        grave = f" ({told.new_critical} critical)" if told.new_critical else ""
        unknown = f"; of {told.unknown} more nobody knows whether they are new"
        yield (
            "new_high",
            _notice(
                run,
                "NewHighFindings",
                Severity.CRITICAL if told.new_critical else Severity.WARNING,
                f"{_many(told.new, 'new weakness', 'new weaknesses')} of severity {least} or worse"
                f"{grave} in {run.pipeline_id}, against {told.then}",
                "; ".join(told.examples) + (unknown if told.unknown else ""),
                f"compare {told.then} with {run.pipeline_id}",
            ),
        )


def _lost(run: ScanRun, told: ScanComparison) -> Iterator[tuple[str, Notice]]:
    if not told.lost and not told.apps_gone:
        return
    parts = list[str]()
    if told.lost:
        parts.append(_many(told.lost_looks, "measurement is", "measurements are") + " missing")
    if told.apps_gone:
        parts.append(_many(told.apps_gone, "app is", "apps are") + " gone")
    yield (
        "no_longer_measured",
        _notice(
            run,
            "NoLongerMeasured",
            Severity.WARNING,
            f"{run.pipeline_id} does not measure what {told.then} did: {' and '.join(parts)}",
            "; ".join(_losses(told)),
            f"see why in the report of {run.pipeline_id}, then retry what the platform failed",
        ),
    )


def _losses(told: ScanComparison) -> Iterator[str]:
    for tool in told.lost[:_NAMED]:
        why = f": {tool.reason}" if tool.reason else ""
        yield f"{tool.tool} on {_some(tool.examples, tool.apps)}{why}"
    if len(told.lost) > _NAMED:
        yield f"{len(told.lost) - _NAMED} more tools"
    if told.apps_gone:
        yield f"gone: {_some(told.gone_examples, told.apps_gone)}"


def _some(names: tuple[str, ...], total: int) -> str:
    more = f" and {total - len(names)} more" if total > len(names) else ""
    return ", ".join(names) + more


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _notice(
    run: ScanRun, name: str, severity: Severity, summary: str, detail: str = "", next_step: str = ""
) -> Notice:
    return Notice(
        key=f"scan/{run.pipeline_id}/{name}",
        name=name,
        severity=severity,
        summary=summary,
        detail=detail,
        labels={"schedule": run.schedule, "pipeline": run.pipeline_id},
        next_step=next_step,
        began_at=run.began_at,
    )
