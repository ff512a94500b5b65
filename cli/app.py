"""The commands of `starter.py`."""

import asyncio
import json
import re
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from cli.errors import EXPECTED, explained, report_and_exit
from settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Put a fleet of web apps through four analyzers; report what was really measured.",
)
AI_IS_OFF = (
    "AI is left out: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS (an OpenAI-compatible endpoint)"
)
# A pipe has no width: tables are then as wide as they need to be.
_PIPE_WIDTH = None if sys.stdout.isatty() else 160
stdout = Console(highlight=False, width=_PIPE_WIDTH, soft_wrap=True)
progress_out = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
PipelineArg = Annotated[str, typer.Argument(help="Pipeline ID.")]


def run(command: Callable[[Settings], Coroutine[Any, Any, int]]) -> None:
    """Run an async command: settings in, exit code out, errors explained, Ctrl-C survived."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        code = asyncio.run(command(load_settings()))
    except BrokenPipeError:  # `| head`: Click ends quietly
        raise
    except EXPECTED as error:
        report_and_exit(explained(error))
    except KeyboardInterrupt:
        progress_out.print("interrupted")
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def _as_interrupt(_number: int, _frame: object) -> None:
    """SIGTERM ends a command as Ctrl-C does: what it started is stopped first."""
    signal.raise_signal(signal.SIGINT)


def say(message: str) -> None:
    """A line of progress on standard error."""
    progress_out.print(f"[dim]{message}[/]")


def new_id(stem: str) -> str:
    """A pipeline ID that sorts by time, is no other's and is usable whatever the `stem`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem)[:40].strip("-._") or "pipeline"
    return f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything up at the end.")] = False,
) -> None:
    """Analyse the four bundled apps, show progress and print where the report is."""
    from cli.demo import run_demo

    run(lambda settings: run_demo(settings, keep=keep))


@app.command()
def wizard() -> None:
    """Ask for a fleet, write a spec file and submit it if you like."""
    from cli.wizard import run_wizard

    run(run_wizard)


@app.command()
def submit(
    spec: Annotated[Path, typer.Argument(help="Spec file, YAML or JSON.")],
    id: Annotated[
        str | None, typer.Option("--id", help="Pipeline ID; default: file name and time.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the pipeline to its end.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Submit a pipeline. The same ID and spec twice is one pipeline."""
    from cli.run import run_submit

    run(
        lambda settings: run_submit(
            settings,
            spec,
            new_id(spec.stem) if id is None else id,
            wait=wait,
            as_json=as_json,
        )
    )


@app.command()
def status(
    id: Annotated[str | None, typer.Argument(help="Pipeline ID; left out: list pipelines.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Where a pipeline is, or which pipelines there are."""
    from cli.run import run_status

    run(lambda settings: run_status(settings, id, as_json=as_json))


@app.command()
def watch(id: PipelineArg) -> None:
    """Follow a pipeline to its end."""
    from cli.run import run_watch

    run(lambda settings: run_watch(settings, id))


@app.command()
def pause(id: PipelineArg) -> None:
    """Start no new work; running tools finish."""
    _control(id, "pause")


@app.command()
def resume(id: PipelineArg) -> None:
    """Go on after a pause."""
    _control(id, "resume")


@app.command()
def cancel(id: PipelineArg) -> None:
    """End running tools, tear down, write the report of what there is."""
    _control(id, "cancel")


@app.command()
def parallelism(
    id: PipelineArg, apps: Annotated[int, typer.Argument(help="Apps in flight, 1 to 50.")]
) -> None:
    """Change how many apps are in flight at once."""
    _control(id, "set_parallelism", apps)


@app.command(name="reset-breaker")
def reset_breaker(
    id: PipelineArg, name: Annotated[str, typer.Argument(help="Breaker name.")]
) -> None:
    """Close a circuit breaker by hand."""
    _control(id, "reset_breaker", name)


@app.command()
def retry(
    id: PipelineArg,
    apps: Annotated[
        list[str] | None, typer.Argument(help="model/appN; left out: every infra_failed app.")
    ] = None,
) -> None:
    """Run again what the platform failed, or the named apps as a whole."""
    from cli.run import run_retry

    run(lambda settings: run_retry(settings, id, apps or []))


@app.command()
def report(
    id: PipelineArg,
    as_json: JsonFlag = False,
) -> None:
    """Print the summary of a pipeline's report and where its files are."""
    from cli.run import run_report

    run(lambda settings: run_report(settings, id, as_json=as_json))


@app.command()
def schema(
    what: Annotated[Literal["spec", "report"], typer.Argument(help="Of a spec, or report.json.")],
) -> None:
    """Print a JSON Schema: of a spec with all tools and options, or of report.json."""
    from cli.schemas import SCHEMAS

    print_json(SCHEMAS[what]())


@app.command()
def codec(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.", min=0, max=65_535)] = 8088,
    ui: Annotated[str, typer.Option(help="Web UI that may ask; default: the local one.")] = "",
) -> None:
    """Serve a codec endpoint: the Temporal Web UI and CLI then show what is encrypted."""
    from cli.codec_server import run_codec

    run(lambda settings: run_codec(settings, port, ui))


@app.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check what this machine can measure, and say how to mend what it cannot."""
    from cli.doctor import run_doctor

    run(lambda settings: run_doctor(settings, as_json=as_json))


@app.command()
def up() -> None:
    """Start the local stack (Temporal, four analyzers, a worker) and leave it up."""
    from cli.run import run_up

    run(run_up)


@app.command()
def down() -> None:
    """Stop the local stack and everything it started."""
    from cli.run import run_down

    run(run_down)


def _control(id: str, name: str, *arguments: Any) -> None:
    from cli.run import run_control

    run(lambda settings: run_control(settings, id, name, *arguments))


def main() -> None:
    """Entry point of `starter.py`."""
    app(prog_name="starter.py")
