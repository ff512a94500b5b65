"""The tables of a fleet for a paper, in LaTeX."""

from collections.abc import Iterator

from reports.forms.latex_controls import control_tables
from reports.forms.latex_families import family_tables
from reports.forms.latex_models import model_tables
from reports.forms.latex_tests import test_tables
from reports.forms.latex_tools import tool_tables
from reports.forms.texcode import TexTable, comment
from reports.model import FleetReport

ALL_NAME = "all.tex"
_PREVIEW = r"""\documentclass{article}
\usepackage[a4paper,margin=18mm,landscape]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


def latex_files(report: FleetReport) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file: a table each, and a document that shows them all."""
    names: list[str] = []
    origin = f"pipeline {report.pipeline.id}, report of {report.generated_at:%Y-%m-%d %H:%M} UTC"
    for table in tables(report):
        names.append(table.name)
        yield f"{table.name}.tex", table.source(origin).encode("ascii")
    body = "\n\\clearpage\n".join(f"\\input{{{name}.tex}}" for name in names)
    yield ALL_NAME, f"{comment(origin)}\n{_PREVIEW % body}".encode("ascii")


def tables(report: FleetReport) -> Iterator[TexTable]:
    """All tables that the report has figures for."""
    if report.study:
        yield from model_tables(report.study)
        yield from test_tables(report.study)
    yield from family_tables(report.families)
    yield from tool_tables(report)
    yield from control_tables(report.controls)
