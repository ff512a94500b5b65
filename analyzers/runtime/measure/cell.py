"""One cell: runs one tool on one app and turns whatever happens into exactly one state."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analyzers.runtime.measure.trim import with_findings
from analyzers.runtime.measure.verdicts import CanaryVerdict
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.identified import identified
from analyzers.runtime.source.places import rooted
from analyzers.runtime.source.projects import note_for
from analyzers.runtime.tool import (
    AppFault,
    NoSource,
    NotApplicable,
    Parsed,
    Tool,
    ToolFault,
    ToolRun,
)
from contract.analysis import Coverage, Finding, MeasurementState, Provenance, ToolReport
from telemetry.spans import Recorder

MAX_ATTACHED_BYTES = 256 * 1024 * 1024
MAX_BARE_BYTES = 4 * 1024 * 1024
_REASON_CHARS = 2_000
_NOTE_CHARS = 500
_MESSAGE_CHARS = 4_000

logger = logging.getLogger("assay.analyzer")


@dataclass(slots=True)
class Attachments:
    """Files one tool adds to the result archive.

    Attributes:
        folder: where they are kept until the archive is written.
        names: what was kept.
        notes: what was not, and why.
    """

    folder: Path
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _size_bytes: int = 0

    def attach(self, name: str, data: bytes) -> None:
        """Keep `data` under a safe form of `name`; the same name again replaces it."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:100] or "attachment"
        if self._size_bytes + len(data) > MAX_ATTACHED_BYTES:
            self.notes.append(f"attachment {safe} of {len(data)} bytes dropped: above the cap")
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / safe).write_bytes(data)
        self._size_bytes += len(data)
        if safe not in self.names:
            self.names.append(safe)


@dataclass(frozen=True, slots=True)
class Cell:
    """One tool's report, and how long it may be served again (`Parsed.fresh_for`)."""

    report: ToolReport
    fresh_for: timedelta | None = None


async def measure_cell(
    tool: Tool, run: ToolRun, runner: Runner, version: str, kept: Attachments, code: str = ""
) -> Cell:
    """Run `tool`; whatever it raises becomes the cell's state, except cancellation.

    `code` is the result of `code_digest`, for the report's provenance.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()

    def provenance(*notes: str) -> Provenance:
        executed = runner.executed
        return Provenance(
            argv=tuple(command.argv for command in executed),
            exit_codes=tuple(command.exit_code for command in executed),
            rules_digest=tool.rules_digest(),
            code_digest=code,
            duration_s=round(time.monotonic() - clock - runner.waited_s, 3),
            cpu_s=round(sum(command.cpu_s for command in executed), 3) if executed else None,
            started_at=started_at,
            notes=(*notes, *kept.notes),
        )

    covered: Coverage | None = None
    lacks_source = False
    try:
        parsed = await tool.run(run, runner)
        bare = _measured(tool, version, parsed, provenance(*parsed.notes), kept.names)
        here = await asyncio.to_thread(rooted, parsed.findings, run.source.root)
        here = await asyncio.to_thread(identified, here, run.source.root)
        findings = [_placed(finding, run.source.idle) for finding in here]
        report = await asyncio.to_thread(with_findings, bare, findings, kept.folder)
        return Cell(report, parsed.fresh_for)
    except NotApplicable as fault:
        state, reason = MeasurementState.NOT_APPLICABLE, str(fault) or "nothing to look at"
        covered = fault.coverage
    except AppFault as fault:
        state, reason = MeasurementState.APP_FAILED, str(fault) or "the app failed"
    except ToolFault as fault:
        state, reason = MeasurementState.INFRA_FAILED, str(fault) or "the tool failed"
        lacks_source = isinstance(fault, NoSource)
    except (Exception, SystemExit) as error:
        logger.exception("tool %s failed on %s", tool.name, run.request.subtask_id)
        state = MeasurementState.INFRA_FAILED
        reason = f"{type(error).__name__}: {error}"
    report = unmeasured(
        tool.name,
        state,
        reason,
        version=version,
        provenance=provenance(),
        lacks_source=lacks_source,
    )
    return Cell(report.model_copy(update={"coverage": covered}))


def _placed(found: Finding, idle: Sequence[str]) -> Finding:
    """The finding, with a note if it is in a project that nothing starts."""
    note = note_for(found.location.path, idle)
    if not note:
        return found
    message = f"{found.message[: _MESSAGE_CHARS - len(note) - 1]} {note}"
    return found.model_copy(update={"message": message[:_MESSAGE_CHARS]})


def unmeasured(
    name: str,
    state: MeasurementState,
    reason: str,
    *,
    version: str = "",
    provenance: Provenance | None = None,
    lacks_source: bool = False,
) -> ToolReport:
    """A cell that carries no numbers, only why."""
    clean = reason.encode("utf-8", "backslashreplace").decode()[:_REASON_CHARS]
    return ToolReport(
        tool=name,
        version=version,
        state=state,
        reason=clean,
        lacks_source=lacks_source,
        provenance=provenance or Provenance(),
    )


def _first_reason(parsed: Parsed) -> str:
    """Why a tool skipped the first thing it was given, for a reason that has no other detail."""
    first = next(iter(parsed.coverage.skipped), None)
    return f" ({first.what}: {first.reason})"[:500] if first else ""


def _measured(
    tool: Tool, version: str, parsed: Parsed, provenance: Provenance, attached: Iterable[str]
) -> ToolReport:
    if parsed.coverage.reached == 0:
        raise ToolFault(
            f"no coverage: {tool.name} ended well but looked at none of "
            f"{parsed.coverage.given if parsed.coverage.given is not None else 'the'} "
            f"{parsed.coverage.unit}{_first_reason(parsed)}"
        )
    for metric in parsed.metrics:
        if not math.isfinite(metric.value):
            raise ToolFault(f"metric {metric.name} of {metric.target or 'the app'} is no number")
    report = ToolReport(
        tool=tool.name,
        version=version,
        state=MeasurementState.MEASURED,
        coverage=parsed.coverage,
        metrics=parsed.metrics,
        provenance=provenance,
        data=parsed.data,
        attachments=tuple(attached),
    )
    # Text that cannot be written (lone surrogates) must fail this cell, not the whole report.
    size = len(report.model_dump_json().encode())
    if size > MAX_BARE_BYTES:
        raise ToolFault(f"report of {size} bytes beside its findings, limit {MAX_BARE_BYTES}")
    return report


def blind(tool: Tool, verdict: CanaryVerdict, nothing: NotApplicable | None) -> ToolReport:
    """The cell of a tool that did not see its canary.

    Args:
        tool: the tool.
        verdict: on it.
        nothing: why the app has nothing for it, where that is known without it.
    """
    if nothing is not None:
        report = unmeasured(
            tool.name,
            MeasurementState.NOT_APPLICABLE,
            str(nothing) or "nothing to look at",
            version=verdict.version,
            provenance=Provenance(
                rules_digest=verdict.rules_digest,
                notes=(f"known without the tool, which is blind: {verdict.reason}"[:_NOTE_CHARS],),
            ),
        )
        return report.model_copy(update={"coverage": nothing.coverage})
    return unmeasured(
        tool.name,
        MeasurementState.INFRA_FAILED,
        verdict.reason,
        version=verdict.version,
        provenance=Provenance(rules_digest=verdict.rules_digest),
        lacks_source=verdict.lacks_source,
    )


def cell_of(tool: Tool, report: ToolReport | None) -> ToolReport:
    """The tool's cell, which says what it looks for, whether or not it could."""
    failed = MeasurementState.INFRA_FAILED
    report = report or unmeasured(tool.name, failed, "ended without a report")
    return report.model_copy(update={"looks_for": tuple(sorted(tool.looks_for))})


def describe(recorder: Recorder, report: ToolReport) -> None:
    """Say on a tool's span how it ended."""
    made = report.provenance
    recorder.set(state=report.state.value, seconds=made.duration_s, cached=bool(made.cached_from))
    if made.exit_codes:
        recorder.set(exit_code=made.exit_codes[-1])
    if report.state is MeasurementState.INFRA_FAILED:
        recorder.fail(report.state.value)


def spent_s(cell: ToolReport) -> float:
    """Seconds the tool took in this run; a report from the cache took none."""
    return 0.0 if cell.provenance.cached_from else cell.provenance.duration_s
