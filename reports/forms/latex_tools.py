"""LaTeX tables of the instrument: its tools, what they measured, and what is missing."""

from collections.abc import Iterator

from reports.forms.figures import UNKNOWN, number
from reports.forms.texcode import TexTable, tex
from reports.model import FleetReport
from reports.study.model import Study

_DIGEST_CHARS = 12


def tool_tables(report: FleetReport) -> Iterator[TexTable]:
    """Tools with versions and states; what is missing, by reason; how judges agree."""
    yield TexTable(
        name="tools",
        caption=(
            "Tools with their versions and the states of their cells (one cell per app and tool). "
            "App failed: the app did not build, start or stay up. Not measured: the platform is at "
            "fault, so these are missing data. Rules: first digits of the SHA-256 of the rules."
        ),
        columns="lllrrrr",
        head=("Tool", "Version", "Rules", "Measured", "App failed", "Not measured", "Not appl."),
        rows=tuple(
            (
                tex(f"{use.analyzer}/{use.tool}"),
                tex(use.version or "unknown"),
                tex(use.rules_digest[:_DIGEST_CHARS] or "none"),
                str(use.cells.measured),
                str(use.cells.app_failed),
                str(use.cells.infra_failed),
                str(use.cells.not_applicable),
            )
            for use in report.tools
        ),
    )
    if report.missing:
        yield TexTable(
            name="missing",
            caption="What was not measured, and why: cells by state and reason.",
            columns="lp{0.6\\linewidth}r",
            head=("State", "Reason", "Cells"),
            rows=tuple(
                (tex(group.state), tex(group.reason or "no reason is known"), str(group.count))
                for group in report.missing
            ),
        )
    if report.study:
        yield from _judges(report.study)


def _judges(study: Study) -> Iterator[TexTable]:
    groups = [(group, one) for group in (study.fleet, *study.models) for one in group.agreement]
    if groups:
        yield TexTable(
            name="agreement",
            caption=(
                "Agreement of the judges: Krippendorff's $\\alpha$ (1: full agreement, 0: chance). "
                f"{UNKNOWN}: not defined."
            ),
            columns="llrrr",
            head=("Model", "Figure", r"$\alpha$", "Questions", "Judges"),
            rows=tuple(
                (
                    tex(group.model or "all"),
                    tex(one.name),
                    UNKNOWN if one.alpha is None else tex(number(one.alpha)),
                    str(one.units),
                    str(one.judges),
                )
                for group, one in groups
            ),
        )
