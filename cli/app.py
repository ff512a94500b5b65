"""Registers the commands of `assay` (and of `starter.py`) with their arguments and options."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import (
    access,
    alerting,
    backups,
    deploying,
    exchange,
    reading,
    results,
    running,
    steering,
)
from cli.arguments import (
    FailOnOption,
    FormatOption,
    IdOption,
    JsonFlag,
    OutOption,
    PipelineArg,
    SpecArg,
    StrictFlag,
    pipeline_argument,
)
from cli.command import Commands, Program, run
from cli.planning import register as register_planning
from cli.program import INSTALLED, version
from cli.scheduling import register as register_scheduling
from cli.trends import register as register_trends
from cli.upkeep import register as register_upkeep
from contract.priority import PipelinePriority
from control.naming import new_id

app = Program(
    cls=Commands,
    no_args_is_help=False,
    add_completion=INSTALLED,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)


@app.callback()
def assay(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.")
    ] = False,
) -> None:
    """Put a fleet of web apps through four analyzers; report what was really measured."""
    if show_version:
        typer.echo(version())
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything up at the end.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Analyse the four bundled apps, show progress and print where the report is."""
    from cli.commands.demo import run_demo

    run(lambda settings: run_demo(settings, keep=keep, as_json=as_json))


@app.command()
def wizard(as_json: JsonFlag = False) -> None:
    """Ask for a fleet, write a spec file and submit it if you like."""
    from cli.commands.wizard import ask, run_answers

    # Questions come before the event loop, which would keep Ctrl-C from a waiting prompt.
    answers = ask()
    run(lambda settings: run_answers(settings, answers, as_json=as_json))


@app.command()
def validate(spec: SpecArg, id: IdOption = None, as_json: JsonFlag = False) -> None:
    """Read a spec and its fleet and tell what would run; nothing is started."""
    from cli.commands.validate import run_validate

    name = new_id(spec.stem) if id is None else id
    run(lambda settings: run_validate(settings, spec, name, as_json=as_json))


@app.command()
def submit(
    spec: SpecArg,
    id: IdOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the pipeline to its end.")] = False,
    priority: Annotated[
        PipelinePriority | None, typer.Option(help="How urgent it is; default: as the spec says.")
    ] = None,
    strict: StrictFlag = False,
    fail_on: FailOnOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Submit a pipeline. The same ID and spec twice is one pipeline."""
    from cli.commands.submit import run_submit

    name = new_id(spec.stem) if id is None else id
    gates = fail_on or ()
    run(
        lambda settings: run_submit(
            settings,
            spec,
            name,
            wait=wait,
            as_json=as_json,
            strict=strict,
            gates=gates,
            priority=priority,
        )
    )


@app.command()
def status(
    id: Annotated[
        str | None,
        pipeline_argument("Pipeline ID; left out: list pipelines.", "[ID]"),
    ] = None,
    follow: Annotated[bool, typer.Option("--watch", help="Follow it, as 'watch' does.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Where a pipeline is, or which pipelines there are; also without a running stack."""
    from cli.commands.status import run_list, run_status

    if id is None and follow:
        raise typer.BadParameter("--watch needs the ID of a pipeline")
    if id is None:
        run(lambda settings: run_list(settings, as_json=as_json))
    elif follow:
        watch(id, as_json=as_json)
    else:
        run(lambda settings: run_status(settings, id, as_json=as_json))


@app.command()
def watch(
    id: PipelineArg,
    strict: StrictFlag = False,
    fail_on: FailOnOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Follow a pipeline to its end; the exit code says how it ended."""
    from cli.commands.watch import run_watch

    gates = fail_on or ()
    run(lambda settings: run_watch(settings, id, as_json=as_json, strict=strict, gates=gates))


steering.register(app)


@app.command()
def retry(
    id: PipelineArg,
    apps: Annotated[
        list[str] | None,
        typer.Argument(help="Left out: every infra_failed app.", metavar="[MODEL/appN]..."),
    ] = None,
    strict: StrictFlag = False,
    fail_on: FailOnOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run again what the platform failed, or the named apps as a whole."""
    from cli.commands.retry import run_retry

    gates, chosen = fail_on or (), apps or []
    run(
        lambda settings: run_retry(
            settings, id, chosen, as_json=as_json, strict=strict, gates=gates
        )
    )


@app.command()
def add(
    id: PipelineArg,
    apps: Annotated[
        list[str] | None,
        typer.Argument(help="Left out: says which there are.", metavar="MODEL/appN..."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of the fleet; default: the pipeline's own.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add apps to a running pipeline."""
    from cli.commands.add import run_add

    run(lambda settings: run_add(settings, id, apps or [], root, as_json=as_json))


reading.register(app)


@app.command()
def report(
    id: PipelineArg,
    strict: StrictFlag = False,
    fail_on: FailOnOption = None,
    form: FormatOption = None,
    out: OutOption = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Write it first from what is recorded until now.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the summary of a pipeline's report and where its files are, or write it elsewhere.

    A report that is missing, damaged or of another version is written anew.
    """
    from cli.commands.forms import run_forms
    from cli.commands.report import run_report

    if form is not None:
        run(lambda settings: run_forms(settings, id, form, out, anew=anew, as_json=as_json))
        return
    if out is not None:
        raise typer.BadParameter("--out needs --format")
    gates = fail_on or ()
    run(
        lambda settings: run_report(
            settings, id, as_json=as_json, strict=strict, gates=gates, anew=anew
        )
    )


@app.command()
def schema(
    what: Annotated[
        Literal["spec", "report", "app", "tables"],
        typer.Argument(help="A spec, report.json, apps/NAME.json, or tables in CSV and Parquet."),
    ],
) -> None:
    """Print a JSON Schema: of a spec with all tools and options, or of documents of a report."""
    from cli.output import print_json
    from control.schemas import SCHEMAS

    print_json(SCHEMAS[what]())


running.register(app)
results.register(app)
register_trends(app)
register_upkeep(app)
backups.register(app)
register_planning(app)
register_scheduling(app)
exchange.register(app)
access.register(app)
alerting.register(app)
deploying.register(app)
