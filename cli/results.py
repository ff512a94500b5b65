"""Registers the commands that ask for results: findings, compare, suppress."""

from typing import Annotated

import typer

from cli.arguments import JsonFlag, PipelineArg, pipeline_argument
from cli.command import run
from contract.analysis import Confidence, Severity
from contract.analyzers import Category
from contract.role import AppRole
from contract.standing import Standing

Many = list[str] | None


def _categories() -> list[str]:
    return [*Category, "all"]


CategoryOption = Annotated[
    Many,
    typer.Option(
        help="Of security (default), quality, accessibility, requirement, or of all.",
        autocompletion=_categories,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(findings)
    app.command()(compare)
    app.command()(suppress)


def findings(
    id: PipelineArg,
    model: Annotated[Many, typer.Option(help="Of this model; repeatable, as all filters.")] = None,
    app: Annotated[Many, typer.Option(help="Of this app, MODEL/appN.")] = None,
    tool: Annotated[Many, typer.Option(help="Seen by this tool, alone or among others.")] = None,
    severity: Annotated[list[Severity] | None, typer.Option(help="Of this severity.")] = None,
    cwe: Annotated[Many, typer.Option(help="Of this weakness: CWE-89.")] = None,
    owasp: Annotated[Many, typer.Option(help="Of the OWASP Top 10 2021: A03.")] = None,
    category: CategoryOption = None,
    confidence: Annotated[
        list[Confidence] | None, typer.Option(help="How sure the tools are.")
    ] = None,
    state: Annotated[
        list[Standing] | None,
        typer.Option(help="What the baseline (open: there is none) or a decision says of it."),
    ] = None,
    family: Annotated[Many, typer.Option(help="Of this family: sql-injection.")] = None,
    rule: Annotated[Many, typer.Option(help="Of this rule.")] = None,
    fingerprint: Annotated[Many, typer.Option(help="With this fingerprint.")] = None,
    text: Annotated[str, typer.Option(help="With this text in it, in any case.")] = "",
    role: Annotated[
        list[AppRole] | None, typer.Option(help="Of apps in this role; default: subject.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="At most so many; default: 100, with --csv all.", min=1, max=1_000_000),
    ] = None,
    after: Annotated[str, typer.Option(help="Go on where a page ended.")] = "",
    as_json: JsonFlag = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print a SARIF log.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List a pipeline's weaknesses, the gravest first; needs no running stack."""
    from cli.commands.findings import run_findings
    from control.findings_asked import asked

    if as_json + as_sarif + as_csv > 1:
        raise typer.BadParameter("choose one of --json, --sarif and --csv")
    typed = {
        "model": model,
        "app": app,
        "tool": tool,
        "severity": severity,
        "cwe": cwe,
        "owasp": owasp,
        "category": category,
        "confidence": confidence,
        "state": state,
        "family": family,
        "rule": rule,
        "fingerprint": fingerprint,
        "role": role,
        "text": [text],
    }
    form = "json" if as_json else "sarif" if as_sarif else "csv" if as_csv else "table"
    run(lambda settings: run_findings(settings, id, asked(typed), after, form, limit))


def compare(
    earlier: Annotated[
        str,
        pipeline_argument("Earlier pipeline.", "EARLIER"),
    ],
    later: Annotated[
        str,
        pipeline_argument("Later pipeline.", "LATER"),
    ],
    app: Annotated[Many, typer.Option(help="Only this app, MODEL/appN; repeatable.")] = None,
    category: CategoryOption = None,
    limit: Annotated[
        int, typer.Option(help="List at most so many changes; all are counted.", min=0, max=10_000)
    ] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Tell what is new, unchanged, fixed or unknown in a later pipeline; needs no running stack."""
    from cli.commands.compare import run_compare

    typed = {"app": app, "category": category}
    run(lambda settings: run_compare(settings, earlier, later, typed, limit, as_json=as_json))


def suppress(
    id: PipelineArg,
    fingerprint: Annotated[
        str,
        typer.Argument(help="Of the weakness; or give --rule and --path.", metavar="[FINGERPRINT]"),
    ] = "",
    rule: Annotated[str, typer.Option(help="Rule, or most specific CWE.")] = "",
    path: Annotated[str, typer.Option(help="Glob of files below an app: 'tests/**'.")] = "",
    app: Annotated[str, typer.Option(help="MODEL/appN or a glob; default: every app.")] = "",
    who: Annotated[str, typer.Option(help="Who decided.")] = "",
    why: Annotated[str, typer.Option(help="The reason.")] = "",
    until: Annotated[str, typer.Option(help="Last day on which it holds: 2027-01-31.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the decision back.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List the decisions.")] = False,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="List them as a file suppressions.yaml.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Decide that a weakness needs no action; it stays listed, and is counted apart."""
    from cli.commands.suppress import run_list, run_suppress, run_withdraw

    fields = {"fingerprint": fingerprint, "rule": rule, "path": path, "app": app}
    if show or as_yaml:
        run(lambda settings: run_list(settings, id, as_json=as_json, as_yaml=as_yaml))
    elif withdraw:
        run(lambda settings: run_withdraw(settings, id, fields, as_json=as_json))
    else:
        texts = {**fields, "who": who, "why": why, "until": until}
        run(lambda settings: run_suppress(settings, id, texts, as_json=as_json))
