"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from contract.gate import Gate
from control.naming import pipeline_id


def pipeline_ids() -> list[str]:
    """IDs of stored pipelines, which the shell offers as completions."""
    from cli.completion import pipeline_ids as stored

    return stored()


def usable(name: str | None) -> str | None:
    """The name of a pipeline, checked."""
    return name if name is None else pipeline_id(name)


def pipeline_option(text: str) -> Any:
    """An option whose value is the ID of a pipeline. `text`: its help."""
    return typer.Option(help=text, metavar="ID", callback=usable, autocompletion=pipeline_ids)


def pipeline_argument(text: str, metavar: str = "ID") -> Any:
    """An argument that is the ID of a pipeline. `text`: its help."""
    return typer.Argument(help=text, metavar=metavar, callback=usable, autocompletion=pipeline_ids)


JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output.")
]
StrictFlag = Annotated[
    bool, typer.Option("--strict", help="End with 7 when the platform failed any cell.")
]
FailOnOption = Annotated[
    list[Gate] | None,
    typer.Option(
        "--fail-on", help="End with 8 (high), 9 (new-high) or 10 (not-measured); repeatable."
    ),
]
PipelineArg = Annotated[str, pipeline_argument("Pipeline ID.")]
SpecArg = Annotated[Path, typer.Argument(help="Spec file, YAML or JSON.", metavar="SPEC")]
IdOption = Annotated[
    str | None,
    typer.Option("--id", help="Pipeline ID; default: file name and time.", callback=usable),
]
FormName = Literal[
    "html",
    "json",
    "csv",
    "parquet",
    "latex",
    "sarif",
    "junit",
    "markdown",
    "defectdojo",
    "sbom",
    "pictures",
    "all",
]
FormatOption = Annotated[
    FormName | None,
    typer.Option("--format", help="Write the report in this form instead of printing its summary."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for --format; '-' prints a form that is one file. Default: below the data.",
    ),
]
