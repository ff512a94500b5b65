"""LaTeX table of what control apps say of the tools."""

from collections.abc import Iterator

from reports.control_results import ControlsReport, ToolScore
from reports.forms.figures import UNKNOWN
from reports.forms.texcode import TexTable, tex


def control_tables(report: ControlsReport) -> Iterator[TexTable]:
    """Recall and false alarms of each tool, and after fusion; none without control apps."""
    if not report.controls:
        return
    clean = sum(control.is_clean for control in report.controls)
    yield TexTable(
        name="controls",
        caption=(
            f"What the tools see on {len(report.controls)} control apps, {clean} of them without "
            "weaknesses. Known: labelled weaknesses that the tool's analyzer could see, on the "
            "apps that it looked at; not looked for: the others. Recall with its 95\\,\\% Wilson "
            "interval. False alarms: security findings on apps without weaknesses. Void: the tool "
            "missed what it must see, so that none of its measurements counts. "
            f"{UNKNOWN}: not known, or no labelled weakness is of its kind."
        ),
        columns="lrrrrrl",
        head=("Tool", "Known", "Found", "Recall (\\%)", "Not looked for", "False alarms", "Void"),
        rows=tuple(_row(score) for score in (*report.fused, *report.tools)),
        rules=(len(report.fused),) if report.tools else (),
    )


def _row(score: ToolScore) -> tuple[str, ...]:
    return (
        tex(score.label),
        str(score.labels) if score.labels else UNKNOWN,
        str(score.found) if score.labels else UNKNOWN,
        _recall(score),
        str(score.unknown),
        UNKNOWN if score.false_alarms is None else str(score.false_alarms),
        "void" if score.void else "",
    )


def _recall(score: ToolScore) -> str:
    if score.recall is None or score.interval is None:
        return UNKNOWN
    low, high = (f"{100 * bound:.0f}" for bound in score.interval)
    return f"{100 * score.recall:.0f} [{low}, {high}]"
