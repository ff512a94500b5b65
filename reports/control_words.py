"""What control apps say of the tools, in a few lines of text."""

from collections.abc import Iterator

from reports.control_results import ControlsReport, ToolScore


def control_lines(report: ControlsReport) -> Iterator[str]:
    """Lines for people: what was seen after fusion, then each tool that is not trusted."""
    together = next((score for score in report.fused if score.analyzer is None), None)
    if together is not None:
        yield f"on {len(report.controls)} control apps, {told(together)}"
    for column in report.void:
        yield f"{column.analyzer}/{column.tool} counts as not measured, {column.reason}"


def told(score: ToolScore) -> str:
    """The figures of a score; what is not known is said to be unknown.

    >>> told(ToolScore(analyzer=None, tool="*", labels=10, found=9, clean=2, false_alarms=0))
    '9 of 10 known weaknesses seen, no false alarm on 2 clean ones'
    """
    parts = [f"{score.found} of {score.labels} known weaknesses seen"] if score.labels else []
    if score.unknown:
        parts.append(f"{score.unknown} not looked for")
    if score.false_alarms is None:
        parts.append("false alarms unknown, as no clean one was looked at")
    else:
        alarms = {0: "no false alarm", 1: "1 false alarm"}
        count = alarms.get(score.false_alarms, f"{score.false_alarms} false alarms")
        parts.append(f"{count} on {score.clean} clean one{'s' if score.clean != 1 else ''}")
    return ", ".join(parts)
