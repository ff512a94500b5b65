"""The summary of a written report, and the exit code it deserves."""

from collections.abc import Collection

from cli.exits import Exit
from cli.output import print_result, say, say_why
from cli.verdict import broken_gates, verdict
from cli.view import not_measured, render_summary
from contract.gate import Gate
from control.reports import read_report, report_path
from reports.control_words import control_lines
from reports.model import FleetReport
from reports.triage_words import baseline_line, decision_lines
from settings import Settings


def show_report(
    settings: Settings,
    pipeline_id: str,
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
) -> Exit:
    """Print the written report of a pipeline; the exit code of the pipeline.

    Raises:
        PlatformError: there is no report, or it is damaged.
        UserError: a gate needs a baseline, and there is none.
    """
    report = read_report(settings.data_dir, pipeline_id)
    return show(settings, report, as_json=as_json, strict=strict, gates=gates)


def show(
    settings: Settings,
    report: FleetReport,
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
) -> Exit:
    """Print the matrix, what was not measured, and the files; the exit code of the pipeline.

    Raises:
        UserError: a gate needs a baseline, and there is none.
    """
    pipeline_id = report.pipeline.id
    files = [report_path(settings.data_dir, pipeline_id, suffix) for suffix in ("html", "json")]
    print_result(
        report,
        render_summary(report),
        *filter(None, [report.verdict]),
        *(f"controls: {line}" for line in control_lines(report.controls)),
        *(f"against {line}" for line in filter(None, [baseline_line(report.baseline)])),
        *(f"decisions: {line}" for line in decision_lines(report.suppressions)),
        *(f"not measured: {line}" for line in not_measured(report)),
        *(f"report: {path}" for path in files),
        as_json=as_json,
    )
    return say_verdict(report, strict=strict, gates=gates)


def say_verdict(report: FleetReport, *, strict: bool, gates: Collection[Gate]) -> Exit:
    """The exit code of the pipeline; says on standard error what is behind it.

    Raises:
        UserError: a gate needs a baseline, and there is none.
    """
    code = verdict(report, strict=strict, gates=gates)
    for each in broken_gates(report, gates):
        say(f"--fail-on {each.gate}: {each.sentence}")
    say_why(code)
    return code
